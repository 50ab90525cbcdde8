"""Behaviour specific to LiveKit; the conformance suite has the common behaviour."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import jwt
import pytest
from livekit.protocol.sip import SIPOutboundTrunkInfo

import telephony
from telephony import SipTrunk
from telephony.raw import fields_of
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550124"
CARRIER = SipTrunk("acme.pstn.example.com", username="acme", password="p4ss-of-acme")


# --- Finding -------------------------------------------------------------------------------------


def test_several_numbers_of_one_trunk_have_ids_of_their_own(provider, plant_trunk):
    plant_trunk("ST_shared", NUMBER, OTHER)

    first, second = provider.list_numbers()

    assert (first.id, second.id) == (f"ST_shared/{NUMBER}", f"ST_shared/{OTHER}")
    assert provider.get_number(second.id) == provider.get_number(OTHER) == second
    with pytest.raises(telephony.ConflictError, match="2 numbers"):
        provider.get_number("ST_shared")


def test_a_number_object_stays_good_when_its_trunk_gets_another_number(provider, sandbox):
    number = provider.import_number(NUMBER)
    sandbox.account.inbound[number.id].numbers.append(OTHER)

    assert provider.get_number(number).number == NUMBER


def test_a_number_on_two_trunks_is_addressed_by_id(provider, sandbox, plant_trunk):
    plant_trunk("ST_1", NUMBER, allowed_numbers=["+14155550101"])
    plant_trunk("ST_2", NUMBER, allowed_numbers=["+14155550102"])
    sandbox.account.outbound["ST_3"] = SIPOutboundTrunkInfo(
        sip_trunk_id="ST_3", numbers=[NUMBER], address="sip.example.com"
    )

    with pytest.raises(telephony.ConflictError, match="2 inbound trunks"):
        provider.get_number(NUMBER)
    provider.release_number("ST_1")

    assert provider.get_number(NUMBER).id == "ST_2"
    assert "ST_3" in sandbox.account.outbound


def test_numbers_that_only_place_calls_are_numbers_too(provider, sandbox):
    made = provider.import_number(NUMBER, source=CARRIER, inbound=False)

    assert [number.id for number in provider.list_numbers()] == [made.id]
    assert provider.get_number(made.id) == provider.get_number(NUMBER) == made
    assert provider.update_number(made, label="Out").label == "Out"
    with pytest.raises(telephony.InvalidRequestError, match="only places calls"):
        provider.assign_number(made, "reception")
    provider.release_number(made)
    assert not sandbox.account.outbound


def test_a_server_that_limits_its_pages_is_read_to_the_end(provider, sandbox):
    made = {provider.import_number(f"+1415555{n:04d}", source=CARRIER).number for n in range(7)}
    sandbox.account.page_cap = 2

    assert {number.number for number in provider.list_numbers()} == made


def test_unknown_fields_and_values_are_ignored(provider, sandbox):
    trunk = {"sip_trunk_id": "ST_1", "numbers": [NUMBER], "include_headers": "SIP_NEW", "new": 1}
    planted = {"items": [trunk, None, {"sip_trunk_id": ""}]}
    sandbox.state.respond(planted, to="ListSIPInboundTrunk")

    number = provider.get_number(NUMBER)

    assert number.raw["inbound_trunk"]["include_headers"] == "SIP_NEW"


# --- Labels --------------------------------------------------------------------------------------


def test_a_label_leaves_the_rest_of_the_trunk_alone(provider, sandbox):
    source = SipTrunk(inbound_username="in", inbound_password="p4ss-inbound")
    number = provider.import_number(NUMBER, source=source, label="Desk")

    assert provider.update_number(number, label="Front desk").label == "Front desk"
    assert sandbox.account.inbound[number.id].auth_password == "p4ss-inbound"


def test_a_shared_trunk_has_no_label_for_one_number(provider, plant_trunk):
    plant_trunk("ST_shared", NUMBER, OTHER)

    with pytest.raises(telephony.ConflictError, match="labels all of its 2 numbers"):
        provider.update_number(NUMBER, label="Desk")


# --- Errors and secrets --------------------------------------------------------------------------


def test_each_token_allows_one_thing_and_does_not_last(provider, telephony_sandbox):
    provider.import_number(NUMBER, source=CARRIER, assign_to="reception")
    provider.place_call(NUMBER, "+14155550199")

    claims = {
        request.path.rpartition("/")[2]: jwt.decode(
            request.headers["authorization"].removeprefix("Bearer "),
            options={"verify_signature": False},
        )
        for request in telephony_sandbox.requests("livekit")
    }
    assert claims["CreateSIPInboundTrunk"]["sip"] == {"admin": True, "call": False}
    assert claims["CreateSIPParticipant"]["sip"] == {"admin": False, "call": True}
    assert "sip" not in claims["CreateDispatch"]
    assert claims["CreateDispatch"]["video"]["roomAdmin"]
    assert not claims["CreateDispatch"]["video"]["canPublish"]
    assert all(claim["exp"] - claim["nbf"] == 600 for claim in claims.values())


def test_passwords_and_pins_that_the_server_repeats_stay_out_of_sight(provider, caplog):
    secrets = ("p4ss-of-acme", "p4ss-inbound", "2580")
    source = SipTrunk(
        "acme.pstn.example.com",
        username="acme",
        password="p4ss-of-acme",
        inbound_username="in",
        inbound_password="p4ss-inbound",
        pin="2580",
    )
    with caplog.at_level(logging.DEBUG):
        made = provider.import_number(NUMBER, source=source, assign_to="reception")
        seen = [made, provider.get_number(NUMBER), *provider.list_numbers()]
        seen += [provider.assign_number(NUMBER, "sales"), provider.release_number(NUMBER)]

    for shown in (*(f"{one!r} {one.raw}" for one in seen), caplog.text):
        assert not any(secret in shown for secret in secrets)


def test_a_refused_signature_does_not_show_the_token(telephony_connect):
    provider = telephony_connect("livekit", api_secret="another-secret-of-at-least-32-bytes")

    with pytest.raises(telephony.AuthenticationError, match="invalid token") as caught:
        list(provider.list_numbers())

    assert "eyJ" not in f"{caught.value} {caught.value.raw}"


def test_both_ways_to_refuse_credentials_are_read(telephony_connect, telephony_sandbox):
    with pytest.raises(telephony.AuthenticationError, match="invalid API key"):
        list(telephony_connect("livekit", api_key="APIother").list_numbers())

    body = '{"code": "unauthenticated", "msg": "permissions denied"}'
    telephony_sandbox.fail(Fault(kind="status", status=401, body=body))
    with pytest.raises(telephony.AuthenticationError, match="permissions denied") as caught:
        list(telephony_connect("livekit").list_numbers())
    assert caught.value.code == "unauthenticated"


def test_the_short_secret_of_a_development_server_causes_no_warning(telephony_connect):
    provider = telephony_connect("livekit", api_key="devkey", api_secret="secret")

    with pytest.raises(telephony.AuthenticationError, match="invalid API key: devkey"):
        list(provider.list_numbers())


def test_the_error_of_a_server_without_redis_says_so(provider, sandbox):
    sandbox.has_redis = False

    with pytest.raises(telephony.UnavailableError, match=r"redis\.address"):
        provider.import_number(NUMBER)


def test_the_error_of_an_old_server_says_so(provider, telephony_sandbox):
    provider.import_number(NUMBER)
    body = '{"code": "bad_route", "msg": "no handler for path"}'
    telephony_sandbox.fail(Fault(kind="status", path="UpdateSIP", status=404, body=body))

    with pytest.raises(telephony.InvalidResponseError, match="too old"):
        provider.update_number(NUMBER, label="Desk")


def test_a_web_page_is_not_a_missing_number(telephony_connect, telephony_sandbox):
    elsewhere = telephony_sandbox.base_url("livekit") + "/elsewhere"

    with pytest.raises(telephony.InvalidResponseError, match="base_url"):
        telephony_connect("livekit", base_url=elsewhere).get_number(NUMBER)


def test_wrapped_messages_are_unwrapped(provider, telephony_sandbox):
    body = '{"code": "not_found", "msg": "twirp error unknown: requested sip trunk is gone"}'
    telephony_sandbox.fail(Fault(kind="status", status=404, body=body))

    with pytest.raises(telephony.NotFoundError) as caught:
        list(provider.list_numbers())

    assert caught.value.message == "requested sip trunk is gone"


# --- Settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "sells", "read"),
    [
        ("wss://acme.livekit.cloud", None, "https://acme.livekit.cloud"),
        ("https://acme.livekit.cloud/", None, "https://acme.livekit.cloud"),
        ("ws://localhost:7880", None, "http://localhost:7880"),
        ("wss://livekit.example.com/base", True, "https://livekit.example.com/base"),
    ],
)
def test_urls_may_be_written_as_for_livekits_own_tools(monkeypatch, url, sells, read):
    monkeypatch.setenv("LIVEKIT_URL", url)
    monkeypatch.setenv("LIVEKIT_API_KEY", "APIkey")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "s" * 32)

    with telephony.connect("livekit", phone_numbers=sells) as provider:
        assert provider.adapter.base_url == read
        bought = provider.supports(telephony.Capability.PROVISION_NUMBER)
        assert bought is ("example.com" in url or "livekit.cloud" in url)


def test_credentials_do_not_go_over_plain_websockets():
    with pytest.raises(telephony.ConfigurationError, match="plain http"):
        telephony.connect(
            "livekit", base_url="ws://livekit.example.com", api_key="k", api_secret="s"
        )


def test_numbers_are_for_sale_only_where_that_is_switched_on(provider, sent):
    for buy in (provider.search_numbers, provider.provision_number):
        with pytest.raises(telephony.UnsupportedOperationError, match="`phone_numbers`"):
            buy()

    assert sent() == []


# --- What is kept of the vendor's own body -------------------------------------------------------


def test_a_listed_number_keeps_what_was_said_without_secrets(provider, sandbox):
    source = SipTrunk(
        "acme.example.com",
        password="canary-out",
        username="acme",
        inbound_username="in",
        inbound_password="canary-in",
        pin="8675309",
    )
    provider.import_number(NUMBER, source=source, assign_to="reception")
    (listed,) = provider.list_numbers()
    untouched = fields_of(listed)
    assert "raw" not in untouched
    assert "acme.example.com" in repr(untouched)
    assert not [secret for secret in ("canary", "8675309") if secret in repr(untouched)]

    same = pickle.loads(pickle.dumps(listed))  # noqa: S301 - our own
    assert same == listed == copy.deepcopy(listed) == provider.get_number(NUMBER)
    raw = listed.raw
    assert raw["inbound_trunk"]["auth_username"] == "in"
    assert [trunk["address"] for trunk in raw["outbound_trunks"]] == ["acme.example.com"]
    assert [rule["trunk_ids"] for rule in raw["dispatch_rules"]] == [[listed.id]]
    for secret in ("canary", "8675309", "auth_password", "pin"):
        assert secret not in json.dumps(raw)
