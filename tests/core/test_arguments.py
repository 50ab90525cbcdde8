"""An argument of a wrong type is refused by its name, before any request, at every vendor."""

from __future__ import annotations

import inspect
from datetime import date
from enum import Enum

import pytest

import telephony
from telephony import Capability, registry

NUMBER, OTHER = "+14155550123", "+14155550199"
TWILIO = telephony.TwilioAccount("AC1", api_key_sid="SK1", api_key_secret="s3cret")

RIGHT = {
    Capability.GET_NUMBER: {"number": NUMBER},
    Capability.IMPORT_NUMBER: {"number": NUMBER, "source": telephony.LinkedCarrier("c_1")},
    Capability.UPDATE_NUMBER: {"number": NUMBER, "label": "Desk"},
    Capability.ASSIGN_NUMBER: {"number": NUMBER, "to": "agent_1"},
    Capability.UNASSIGN_NUMBER: {"number": NUMBER},
    Capability.RELEASE_NUMBER: {"number": NUMBER},
    Capability.LIST_MESSAGES: {"number": NUMBER},
    Capability.SEND_MESSAGE: {"number": NUMBER, "to": OTHER, "body": "Hi"},
    Capability.PLACE_CALL: {"number": NUMBER, "to": OTHER},
    Capability.GET_MESSAGE: {"message": "m_1"},
    **{
        key: {"call": "c_1"}
        for key in (
            Capability.GET_CALL,
            Capability.END_CALL,
            Capability.GET_TRANSCRIPT,
            Capability.GET_RECORDING,
        )
    },
    Capability.LINK_CARRIER: {"account": TWILIO},
    Capability.ROTATE_CARRIER: {"carrier": "c_1", "credentials": TWILIO},
    Capability.UNLINK_CARRIER: {"carrier": "c_1"},
    Capability.SET_WEBHOOK: {"url": "https://example.com/"},
}
WRONG = {
    "flag": [1, "yes", None],
    "whole": ["5", 5.5, True],
    "seconds": ["5", True, b"5"],
    "moment": ["yesterday", 5, date(2026, 1, 1)],
    "words": ["voice", 5, ["loud"], None],
    "sequence": ["https://example.com/a.png", 5, None, [None], [5]],
    "texts": [5, "x", [("a", "b")], {"a": 1}, {1: "a"}],
    "mapping": [5, "x", [("a", 1)]],
    "thing": [5, b"x", 4.5, {}, [], date(2026, 1, 1), Enum],
}
KINDS = {
    **dict.fromkeys(("unassign", "replace", "inbound", "outbound"), "flag"),
    "limit": "whole",
    "after": "moment",
    "before": "moment",
    "channels": "words",
    "media": "sequence",
    "metadata": "texts",
    "options": "mapping",
    "timeout": "seconds",
}


def cases():
    for capability in Capability:
        if capability in {Capability.PARSE_WEBHOOK, Capability.LIST_ALL_MESSAGES}:
            continue  # no methods of their own
        parameters = inspect.signature(getattr(telephony.Provider, capability)).parameters
        for name, parameter in parameters.items():
            if name == "self":
                continue
            wrong = WRONG[KINDS.get(name, "thing")]
            required = parameter.default is inspect.Parameter.empty
            for value in [*wrong, None] if required and None not in wrong else wrong:
                yield pytest.param(capability, name, value, id=f"{capability}-{name}-{value!r}")


def done(method, arguments):
    found = method(**arguments)
    return list(found) if inspect.isgenerator(found) else found


@pytest.mark.parametrize(("capability", "name", "value"), list(cases()))
def test_an_argument_of_a_wrong_type_is_refused_by_name(capability, name, value):
    for adapter, settings in CONNECTED.items():
        arguments = {**RIGHT.get(capability, {}), name: value}
        if capability is Capability.ASSIGN_NUMBER and name != "to":
            arguments["to"] = registry.load(adapter).targets[0]("https://example.com/")
        # Port 9 discards: what is not refused here would come back as unavailable.
        with telephony.connect(
            adapter, base_url="http://127.0.0.1:9", retries=0, **settings
        ) as provider:
            if not provider.supports(capability):
                continue
            with pytest.raises(
                (telephony.InvalidRequestError, telephony.UnsupportedOperationError)
            ) as caught:
                done(getattr(provider, capability), arguments)
            if isinstance(caught.value, telephony.InvalidRequestError):
                assert caught.value.argument == name
                assert f"`{name}`" in str(caught.value)


CONNECTED = {
    "agentphone": {"api_key": "k"},
    "butter": {"api_key": "k", "organization_id": "org_1"},
    "cartesia": {"api_key": "k"},
    "livekit": {"api_key": "APIk", "api_secret": "s" * 32},
    "retell": {"api_key": "k"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "t"},
}
