"""Calls, the inbox and targets: what the library itself checks, refuses, adds and hides."""

from __future__ import annotations

import asyncio
import logging

import pytest

import telephony
from telephony import Capability
from telephony.provider import AsyncProvider, Provider

OTHER = "+14155550199"


@pytest.fixture
def settings(acme):
    from acme_telephony.settings import AcmeSettings

    return AcmeSettings(**acme.settings(acme.base_url), retries=0)


@pytest.fixture
def provider(settings):
    from acme_telephony import Acme

    with Provider(Acme(settings, name="acme"), settings) as provider:
        yield provider


@pytest.fixture
def number(provider):
    return provider.provision_number(assign_to="line_1").number


def test_what_a_call_is_is_read_again_by_the_call_itself(provider, number, acme):
    call = provider.place_call(number, OTHER)
    acme.advance(3600)
    assert provider.get_call(call).status is telephony.CallStatus.COMPLETED
    assert provider.get_call(call) == provider.get_call(call.id)
    assert len(provider.get_transcript(call).turns) == 3


def test_a_recording_that_is_not_there_yet_says_when_it_will_be(provider, number):
    call = provider.place_call(number, OTHER)
    with pytest.raises(telephony.NotFoundError, match="only after the end of the call"):
        provider.get_recording(call)
    with pytest.raises(telephony.NotFoundError, match="the listings return those that exist"):
        provider.get_call("c_1")


def test_a_call_of_another_provider_is_refused_by_its_name(provider, acme):
    call = telephony.Call(id="c_1", provider="texts", number="+14155550123")
    for operation in (
        provider.get_call, provider.end_call, provider.get_transcript, provider.get_recording,
    ):  # fmt: skip
        with pytest.raises(telephony.InvalidRequestError, match="provider 'texts'") as caught:
            operation(call)
        assert caught.value.argument == "call"


@pytest.mark.parametrize("mode", ["blocking", "asyncio"])
def test_an_unknown_outcome_says_where_to_look(mode, settings, provider, number, vendor_server):
    from acme_telephony import Acme

    held = provider.get_number(number)
    vendor_server.responses |= {
        f"GET /numbers/{held.id}": (200, held.raw),
        "POST /calls": (500, {}),
        "GET /calls": (500, {}),
    }
    there = settings.model_copy(update={"base_url": vendor_server.url})
    adapter = Acme(there, name="acme")

    def call():
        with Provider(adapter, there) as lost:
            lost.place_call(held.id, OTHER)

    async def acall():
        async with AsyncProvider(adapter, there) as lost:
            await lost.place_call(held.id, OTHER)

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        call() if mode == "blocking" else asyncio.run(acall())
    assert caught.value.hint == (
        "It may have been done: look in list_calls(number) before you repeat it."
    )


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        (telephony.Agent("line_3"), "The nearest that exists is line_"),
        (telephony.Agent("Front  desk"), "The nearest that exists is line_1 (Front desk)."),
        (telephony.Agent("elsewhere"), "list_targets() returns those that exist."),
    ],
)
def test_a_target_that_does_not_exist_is_named_with_the_nearest(provider, number, wanted, hint):
    with pytest.raises(telephony.NotFoundError) as caught:
        provider.assign_number(number, wanted)
    assert caught.value.hint.startswith(hint)
    assert caught.value.argument == "to"


def test_what_is_not_offered_says_what_to_do_instead(telephony_connect, telephony_sandbox):
    for vendor in telephony_sandbox.vendors:
        provider = telephony_connect(vendor)
        declared = provider.capabilities
        for operation in Capability:
            if not provider.supports(operation):
                assert declared[operation].note.endswith((".", "}"))
        if not provider.supports(Capability.LIST_MESSAGES):
            assert declared[Capability.GET_MESSAGE] == declared[Capability.LIST_MESSAGES]


def test_what_was_said_is_in_no_error_and_no_log(provider, number, acme, caplog):
    caplog.set_level(logging.DEBUG)
    call = provider.place_call(number, OTHER)
    secret = "my pin is 4711"
    acme.state.respond({"turns": [{"who": secret}]}, {"turns": secret}, to="transcript")
    assert provider.get_transcript(call).turns == ()
    with pytest.raises(telephony.InvalidResponseError) as caught:
        provider.get_transcript(call)
    acme.advance(3600)
    transcript = provider.get_transcript(call)
    shown = f"{caught.value!r}{vars(caught.value)}{caplog.text}{transcript!r}{transcript}"
    assert secret not in shown
    assert "five" not in shown
