"""Cartesia's webhooks: the shared secret, their events, and how they are set up."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from telephony.adapters.cartesia.webhooks import verify

import telephony
from telephony import CallStatus, Direction, webhooks

SECRET = "a-shared-secret"
PERSON, OURS = "+14155550199", "+16505550142"

connected = telephony.connect("cartesia", api_key="k", webhook_secret=SECRET)


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


def parse(body=b"{}", **headers):
    return webhooks.parse(
        connected, method="POST", url="https://example.com/", headers=headers, body=body
    )


def event(body):
    (only,) = parse(json.dumps(body).encode(), **{"X-Webhook-Secret": SECRET})
    return only


def delivery(kind, **call):
    line = {"to": PERSON, "from": OURS, "direction": "inbound"}
    call = {"id": "ac_1", "agent_id": "agent_1", "telephony_params": line, **call}
    return {
        "type": kind, "request_id": "req_1", "timestamp": "2026-05-01T09:00:00Z", "call": call,
    }  # fmt: skip


def test_a_secret_that_is_missing_or_another_is_refused():
    with pytest.raises(telephony.SignatureError, match="X-Webhook-Secret is missing"):
        parse()
    with pytest.raises(telephony.SignatureError, match="not the configured") as caught:
        parse(**{"X-Webhook-Secret": "guessed"})
    assert SECRET not in str(caught.value)
    assert "guessed" not in str(caught.value)


@given(st.integers(0, len(SECRET) * 8 - 1))
def test_any_single_bit_of_the_secret_that_is_changed_is_refused(bit):
    changed = bytearray(SECRET.encode())
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(telephony.SignatureError):
        parse(**{"X-Webhook-Secret": changed.decode("latin-1")})


def test_without_a_secret_the_error_names_the_setting():
    with (
        telephony.connect("cartesia", api_key="k") as unset,
        pytest.raises(telephony.ConfigurationError, match="CARTESIA_WEBHOOK_SECRET"),
    ):
        webhooks.parse(unset, method="POST", url="https://example.com/", headers={}, body=b"{}")


def test_the_secret_is_read_from_the_vendors_own_variable(monkeypatch):
    monkeypatch.setenv("CARTESIA_API_KEY", "k")
    monkeypatch.setenv("CARTESIA_WEBHOOK_SECRET", SECRET)
    with telephony.connect("cartesia") as provider:
        headers = {"x-webhook-secret": SECRET}
        assert webhooks.parse(
            provider, method="POST", url="https://example.com/", headers=headers, body=b"{}"
        )


def test_a_call_that_starts():
    found = event(delivery("call_started", status="started", start_time="2026-05-01T08:59:58Z"))

    assert isinstance(found, webhooks.CallStarted)
    assert found.occurred_at == datetime(2026, 5, 1, 8, 59, 58, tzinfo=UTC)
    assert (found.call.number, found.call.sender, found.call.recipient) == (OURS, PERSON, OURS)
    assert (found.call.status, found.call.agent) == (CallStatus.IN_PROGRESS, "agent_1")


def test_from_is_the_agents_number_whoever_called_whom():
    line = {"to": PERSON, "from": OURS, "direction": "outbound"}
    found = event(delivery("call_completed", telephony_params=line)).call

    assert (found.number, found.sender, found.recipient) == (OURS, OURS, PERSON)
    assert (found.direction, found.status) == (Direction.OUTBOUND, CallStatus.COMPLETED)


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [
        ("call_completed", "agent_hangup", CallStatus.COMPLETED),
        ("call_failed", "dial_busy", CallStatus.BUSY),
        ("call_failed", "dial_no_answer", CallStatus.NO_ANSWER),
        ("call_failed", "error", CallStatus.FAILED),
        ("call_completed", "api_cancelled", CallStatus.CANCELED),
    ],
)
def test_how_a_call_went(kind, reason, status):
    found = event(delivery(kind, end_reason=reason, end_time="2026-05-01T09:01:00Z"))
    assert isinstance(found, webhooks.CallEnded)
    assert found.call.status is status


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "call_turn", "request_id": "req_1", "turn": {}},
        {"type": "call_started", "call": None},
        {"type": "call_started", "timestamp": [], "call": {"status": "started"}},
    ],
)
def test_what_is_not_known_is_handed_on_as_it_is(body):
    found = event(body)
    assert isinstance(found, webhooks.UnknownEvent)
    assert found.raw == body
    assert found.id == event(body).id


def test_a_call_over_the_web_has_no_number():
    found = event(delivery("call_started", telephony_params=None))
    assert isinstance(found, webhooks.CallStarted)
    assert (found.call.id, found.call.number, found.call.sender) == ("ac_1", None, None)


def test_turns_of_one_call_are_different_events_and_a_repetition_is_the_same():
    """Where one request id stands for the whole call, only the bodies differ."""
    turns = [
        {"type": "call_turn", "request_id": "req_1", "turn": {"text": text}}
        for text in ("Hi", "Yes")
    ]
    first, second = map(event, turns)

    assert first.id != second.id
    assert event(turns[0]).id == first.id


def test_an_odd_field_does_not_lose_the_end_of_a_call():
    for odd in ({"end_time": ""}, {"status": []}, {"agent_id": 7}, {"start_time": "soon"}):
        found = event(delivery("call_completed", **odd) | {"timestamp": None, "request_id": 5})
        assert isinstance(found, webhooks.CallEnded), odd
        assert found.call.status is CallStatus.COMPLETED


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_secret_verifies_nothing(blank):
    request = webhooks.WebhookRequest(
        "POST", "https://example.com/", {"x-webhook-secret": blank}, b"{}", datetime.now(UTC)
    )
    with pytest.raises(telephony.ConfigurationError, match="CARTESIA_WEBHOOK_SECRET"):
        verify(request, SecretStr(blank), "cartesia")


# --- Where webhooks go ---------------------------------------------------------------------------

URL, OTHER = "https://example.com/1", "https://example.com/2"


def test_a_new_webhook_gets_a_random_secret(telephony_connect):
    provider = telephony_connect("cartesia", webhook_secret=None)
    one, two = provider.set_webhook(URL), provider.set_webhook(URL)

    assert one.id != two.id
    assert len(one.secret.get_secret_value()) > 32
    assert one.secret != two.secret
    assert "secret" not in one.raw
    assert provider.get_webhook(one.id).url == URL


def test_a_secret_of_ones_own_is_used(provider, telephony_connect, telephony_sandbox):
    made = telephony_connect("cartesia", webhook_secret=SECRET).set_webhook(URL)
    named = provider.set_webhook(URL, options={"secret": "another", "display_name": "Calls"})

    assert made.secret.get_secret_value() == SECRET
    assert named.secret.get_secret_value() == "another"
    assert named.raw["display_name"] == "Calls"


def test_an_agents_webhook_gets_its_calls(provider, telephony_sandbox):
    made = provider.set_webhook(URL)
    vendor = telephony_sandbox.vendors["cartesia"]
    vendor.account.webhook_of_agent["agent_sales"] = made.id
    number = provider.provision_number(assign_to="agent_sales")

    provider.place_call(number, PERSON)
    vendor.advance(3600)

    completed, started = sorted(
        telephony_sandbox.delivered(), key=lambda sent: b'"started"' in sent.body
    )
    assert {started.url, completed.url} == {URL}
    assert json.loads(completed.body)["call"]["telephony_params"]["direction"] == "outbound"


def test_another_url_is_replaced_only_with_replace(provider):
    made = provider.set_webhook(URL)
    with pytest.raises(telephony.ConflictError):
        provider.set_webhook(OTHER, of=made.id)
    changed = provider.set_webhook(OTHER, of=made.id, replace=True)
    assert (changed.id, changed.url, changed.previous.url) == (made.id, OTHER, URL)


def test_the_webhook_to_show_must_be_named(provider, telephony_sandbox):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.get_webhook()
    assert caught.value.argument == "of"
    assert telephony_sandbox.requests("cartesia") == []


def test_an_unknown_webhook_is_not_found(provider):
    with pytest.raises(telephony.NotFoundError):
        provider.get_webhook("webhook_none")
