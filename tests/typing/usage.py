"""Not run, only type-checked against the installed package: what users write is well typed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path
from typing import assert_type

import telephony
from telephony import webhooks


def blocking(provider: telephony.PhoneNumberProvider) -> None:
    assert_type(provider.list_numbers(limit=5), Generator[telephony.PhoneNumber, None, None])
    assert_type(provider.get_number("+14155550123"), telephony.PhoneNumber)
    assert_type(provider.search_numbers(area_code="415"), list[telephony.AvailableNumber])
    assert_type(
        provider.assign_number("+14155550123", "agent_1").assignment, telephony.Target | None
    )
    assert_type(provider.release_number("+14155550123").at_carrier, telephony.CarrierOutcome)
    assert_type(provider.list_messages("+14155550123"), Generator[telephony.Message, None, None])
    assert_type(provider.list_messages(limit=5), Generator[telephony.Message, None, None])
    assert_type(provider.list_targets(), Generator[telephony.Target, None, None])
    call = provider.place_call("+14155550123", "+14155550199", metadata={"a": "b"}, timeout=20)
    assert_type(provider.end_call(call).duration, timedelta | None)
    assert_type(provider.get_transcript(call.id).turns, tuple[telephony.Turn, ...])
    assert_type(provider.get_recording(call).save("call.wav"), Path)
    with closing(provider.list_numbers()) as numbers:
        assert_type(next(numbers), telephony.PhoneNumber)
    provider.search_numbers(kind="mobile", channels=("sms", telephony.Channel.VOICE))
    provider.update_number("+14155550123", source=next(provider.list_carriers()))
    account = telephony.TwilioAccount("AC123", region="ie1", api_key_sid="SK1", api_key_secret="…")
    provider.import_number("+14155550123", source=account, assign_to=telephony.Agent("agent_1"))
    carrier = provider.link_carrier(telephony.SipTrunk("sip.example.com", "user", password="…"))
    provider.import_number("+14155550123", source=carrier)
    match provider.get_number("+14155550123").assignment:
        case telephony.Agent(id=agent):
            assert_type(agent, str)
        case telephony.Room(name=room):
            assert_type(room, str)


def blocking_handler(event: webhooks.Event) -> webhooks.HandlerResult:
    if isinstance(event, webhooks.MessageReceived):
        assert_type(event.message, telephony.Message)
    return None


async def async_handler(event: webhooks.Event) -> None:
    assert_type(event.id, str)


def hooks(
    provider: telephony.PhoneNumberProvider, other: telephony.AsyncPhoneNumberProvider
) -> None:
    assert_type(provider.get_webhook(), telephony.WebhookEndpoint | None)
    assert_type(
        provider.set_webhook("https://example.com/").previous, telephony.WebhookEndpoint | None
    )
    found = webhooks.parse(
        provider, method="POST", url="https://example.com/", headers={}, body=b""
    )
    assert_type(found, list[webhooks.Event])
    webhooks.asgi([provider, other], async_handler)
    webhooks.asgi([provider.adapter], blocking_handler, store=webhooks.SQLiteStore("x.sqlite"))
    webhooks.wsgi([provider], blocking_handler, path="/{provider}")


async def asyncio(provider: telephony.AsyncPhoneNumberProvider) -> None:
    assert_type(provider.list_numbers(), AsyncGenerator[telephony.PhoneNumber, None])
    async with aclosing(provider.list_numbers()) as numbers:
        assert_type(await anext(numbers), telephony.PhoneNumber)
    assert_type(await provider.get_number("+14155550123"), telephony.PhoneNumber)
    assert_type(await provider.place_call("+14155550123", "+14155550199"), telephony.Call)


with telephony.connect("cartesia", api_key="…") as connected:
    assert_type(connected, telephony.Provider)
    blocking(connected)


def configured(application: dict[str, object]) -> None:
    tenant = telephony.connect(
        "tenant-a", adapter="twilio", account_sid="AC…", auth_token="…", timeout=5, deadline=None
    )
    assert_type(tenant, telephony.Provider)
    assert_type(telephony.connect_async("support", retries=0), telephony.AsyncProvider)
    telephony.connect("acme", settings=application)
    telephony.connect("cartesia", api_kye="…")  # type: ignore[call-arg]
    telephony.connect("cartesia", timeout="soon")  # type: ignore[arg-type]
