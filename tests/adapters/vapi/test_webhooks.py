"""Vapi's webhooks: what proves them, what they become, and where they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from telephony.adapters.vapi.sandbox import vendor
from telephony.adapters.vapi.webhooks import TOLERANCE

import telephony
from telephony import CallStatus, webhooks
from telephony.events import WebhookRequest

NUMBER, OTHER = "+14155550123", "+14155550199"
SECRET = "vapi_example_3f9c"
TIMESTAMP = "1770000000"
SENT_AT = datetime.fromtimestamp(int(TIMESTAMP), UTC)
CALL = {"id": "00000000-0000-4000-8000-000000000001"}
BODY = json.dumps(
    {"message": {"type": "status-update", "status": "ended", "call": CALL}}, separators=(",", ":")
).encode()
WITH_TIME = "3e455654501ef67259596b73c512fe714d1cb0acd85954c033a8119f7d9aff2e"
BODY_ONLY = "519e5e1fad7354eecf26157e1e5c03c2bc7b5d62c0af3e807dca7c93b3aa1189"


@pytest.fixture
def ours():
    with telephony.connect("vapi", api_key="k", webhook_secret=SECRET) as provider:
        yield provider


def parse(provider, headers, body=BODY, received_at=SENT_AT):
    """Parse a delivery as it arrived at a certain time."""
    request = WebhookRequest("POST", "https://example.com/", headers, body, received_at)
    return provider.adapter.parse_webhook(request, verify=True)


def _signed(algorithm):
    return hmac.digest(SECRET.encode(), TIMESTAMP.encode() + b"." + BODY, algorithm)


PROOFS = {
    "hmac": {"x-signature": WITH_TIME, "x-timestamp": TIMESTAMP},
    "milliseconds": {
        "x-signature": hmac.new(
            SECRET.encode(), f"{TIMESTAMP}000.".encode() + BODY, hashlib.sha256
        ).hexdigest(),
        "x-timestamp": f"{TIMESTAMP}000",
    },
    "sha512": {"x-signature": _signed("sha512").hex(), "x-timestamp": TIMESTAMP},
    "sha1": {"x-signature": _signed("sha1").hex(), "x-timestamp": TIMESTAMP},
    "base64": {
        "x-signature": base64.b64encode(_signed("sha256")).decode(),
        "x-timestamp": TIMESTAMP,
    },
    "body only": {"x-vapi-signature": BODY_ONLY},
    "body only, by default": {"x-signature": BODY_ONLY},
    "secret": {"x-vapi-secret": SECRET},
    "bearer": {"authorization": f"Bearer {SECRET}"},
}


# --- Verified ------------------------------------------------------------------------------------


@pytest.mark.parametrize("proof", PROOFS)
def test_each_way_to_prove_a_webhook_is_accepted(ours, proof):
    (event,) = parse(ours, PROOFS[proof])

    assert isinstance(event, webhooks.CallEnded)
    assert event.call.id == CALL["id"]


@pytest.mark.parametrize("proof", PROOFS)
def test_one_flipped_bit_is_refused(ours, proof):
    for name, value in PROOFS[proof].items():
        for at in range(len(value)):
            flipped = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
            with pytest.raises(telephony.SignatureError):
                parse(ours, {**PROOFS[proof], name: flipped})


@pytest.mark.parametrize("proof", [proof for proof in PROOFS if proof not in {"secret", "bearer"}])
def test_a_signed_body_is_the_signed_body(ours, proof):
    for at in range(len(BODY)):
        flipped = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        with pytest.raises(telephony.SignatureError):
            parse(ours, PROOFS[proof], flipped)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-signature": "", "x-timestamp": TIMESTAMP},
        {"x-signature": WITH_TIME},
        {"x-signature": BODY_ONLY, "x-timestamp": TIMESTAMP},
        {"x-signature": "ö", "x-timestamp": "ö"},
        {"x-vapi-secret": ""},
        {"authorization": SECRET},
        {"authorization": f"Basic {SECRET}"},
        {"x-signature": "0" * 64, "x-timestamp": TIMESTAMP, "x-vapi-secret": SECRET},
    ],
)
def test_what_is_not_proven_is_refused(ours, headers):
    with pytest.raises(telephony.SignatureError):
        parse(ours, headers)


@pytest.mark.parametrize("seconds", [TOLERANCE + 1, -TOLERANCE - 1])
def test_a_webhook_of_another_time_is_refused(ours, seconds):
    late = SENT_AT + timedelta(seconds=seconds)

    with pytest.raises(telephony.SignatureError, match="stale"):
        parse(ours, PROOFS["hmac"], received_at=late)
    assert parse(ours, PROOFS["hmac"], received_at=SENT_AT + timedelta(seconds=TOLERANCE))


def test_without_a_secret_nothing_is_verified():
    with telephony.connect("vapi", api_key="k") as provider:
        for blank in ({}, {"x-vapi-secret": ""}):
            with pytest.raises(telephony.ConfigurationError, match="webhook_secret"):
                parse(provider, blank)


# --- Events --------------------------------------------------------------------------------------


def _read(provider, **message):
    body = json.dumps({"message": message}).encode()
    return webhooks.parse(
        provider, method="POST", url="https://example.com/", headers={}, body=body, verify=False
    )[0]


def test_the_beginnings_of_a_call_are_one_event_and_so_are_its_ends(ours):
    began = [
        _read(ours, type="status-update", status=status, call=CALL)
        for status in ("queued", "ringing", "in-progress")
    ]
    ended = [
        _read(ours, type="status-update", status="ended", call=CALL),
        _read(ours, type="end-of-call-report", endedReason="customer-busy", call=CALL),
    ]

    assert {type(event) for event in began} == {webhooks.CallStarted}
    assert {type(event) for event in ended} == {webhooks.CallEnded}
    assert (len({event.id for event in began}), len({event.id for event in ended})) == (1, 1)
    assert [event.call.status for event in ended] == [CallStatus.UNKNOWN, CallStatus.BUSY]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "assistant-request", "call": CALL},
        {"type": 'transcript[transcriptType="final"]', "call": CALL},
        {"type": "status-update", "status": "forwarding", "call": CALL},
        {"type": "status-update", "status": "ended"},
        {"type": "status-update", "status": "ended", "call": {}},
        {"type": "chat.created"},
        {},
    ],
)
def test_anything_else_is_an_event_of_its_own_kind(ours, message):
    event = _read(ours, **message, timestamp=1788339600000)

    assert isinstance(event, webhooks.UnknownEvent)
    assert event.kind == message.get("type", "")
    assert event.occurred_at.isoformat() == "2026-09-02T09:00:00+00:00"


def test_the_numbers_credentials_are_shown_nowhere(ours):
    number = {"number": NUMBER, "twilioAuthToken": "canary", "twilioApiSecret": "canary"}
    for message in (
        {"type": "end-of-call-report", "call": {**CALL, "phoneNumber": number}},
        {"type": "status-update", "status": "queued", "call": CALL, "phoneNumber": number},
        {"type": "hang", "phoneNumber": number},
    ):
        event = _read(ours, **message)
        assert "canary" not in f"{event!r} {event.model_dump_json()}"


def test_both_sides_of_a_call_and_how_it_ended_are_in_its_webhook(ours):
    call = {**CALL, "type": "inboundPhoneCall", "createdAt": "2026-09-02T09:00:00.000Z"}
    event = _read(
        ours, type="end-of-call-report", call=call, endedReason="customer-ended-call",
        phoneNumber={"number": NUMBER}, customer={"number": OTHER},
        startedAt="2026-09-02T09:00:05.000Z", endedAt="2026-09-02T09:00:35.000Z",
    )  # fmt: skip

    found = event.call
    assert (found.number, found.sender, found.recipient) == (NUMBER, OTHER, NUMBER)
    assert (found.status, found.reason) == (CallStatus.COMPLETED, "customer-ended-call")
    assert found.duration == timedelta(seconds=30)


def test_no_body_breaks_the_parser(ours, mutations):
    sample = {
        "message": {
            "type": "status-update", "status": "ended", "timestamp": 1788339600000,
            "endedReason": "voicemail", "call": {**CALL, "customer": {"number": OTHER}},
            "phoneNumber": {"number": NUMBER}, "customer": {"number": OTHER},
        }
    }  # fmt: skip
    for what, odd in mutations(sample):
        (event,) = webhooks.parse(
            ours, method="POST", url="https://example.com/", headers={},
            body=json.dumps(odd).encode(), verify=False,
        )  # fmt: skip
        assert isinstance(event, webhooks.CallEnded | webhooks.UnknownEvent | webhooks.CallStarted)
        assert event.id, what


# --- Where they are sent -------------------------------------------------------------------------


@pytest.fixture
def number(provider):
    source = telephony.TwilioAccount("AC1", auth_token="t")
    return provider.import_number(NUMBER, source=source, assign_to=vendor.RECEPTION)


def test_a_number_and_an_assistant_have_a_url_each(provider, telephony_sandbox, number):
    own, of = "https://example.com/number", telephony.Agent(vendor.RECEPTION)

    assert (provider.get_webhook(number), provider.get_webhook(of)) == (None, None)
    made = provider.set_webhook(own, of=number)
    other = provider.set_webhook("https://example.com/assistant", of=of)

    assert (made.url, made.of, made.id, made.secret) == (own, NUMBER, number.id, None)
    assert (other.of, other.id) == (vendor.RECEPTION, vendor.RECEPTION)
    assert provider.get_webhook(number).url == own
    assert provider.get_number(number).assignment == of
    telephony_sandbox.receive_call("vapi", NUMBER, sender=OTHER)
    assert {sent.url for sent in telephony_sandbox.delivered()} == {other.url}


def test_another_url_keeps_how_the_server_is_reached(provider, account, number):
    server = {"url": "https://old.example/", "credentialId": "c_1", "headers": {"X-Own": "canary"}}
    account.numbers[number.id]["server"] = server

    with pytest.raises(telephony.ConflictError, match="replace=True"):
        provider.set_webhook("https://new.example/", of=number)
    changed = provider.set_webhook("https://new.example/", of=number, replace=True)

    assert account.numbers[number.id]["server"] == {**server, "url": "https://new.example/"}
    assert changed.previous.url == "https://old.example/"
    assert "canary" not in f"{changed.raw} {changed.previous.raw}"


@pytest.mark.parametrize("of", [None, f"squad:{vendor.SQUAD}"])
def test_only_numbers_and_assistants_have_a_url(provider, telephony_sandbox, of):
    for operation in (
        provider.get_webhook,
        lambda of: provider.set_webhook("https://e.eu/", of=of),
    ):
        with pytest.raises(telephony.InvalidRequestError) as caught:
            operation(of)
        assert caught.value.argument == "of"
    assert telephony_sandbox.requests("vapi") == []


def test_a_url_of_nothing_is_not_found(provider):
    for of in (OTHER, "no-such-assistant"):
        with pytest.raises(telephony.NotFoundError):
            provider.set_webhook("https://example.com/", of=of)
