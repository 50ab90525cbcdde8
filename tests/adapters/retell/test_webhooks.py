"""Webhooks: signed by the API key over the body and the milliseconds, and what they report."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from retell.lib import webhook_auth

import telephony
from telephony import Agent, CallStatus, webhooks

KEY, AT = "key_example_3f9c", 1_770_000_000_000
NOW = datetime.fromtimestamp(AT / 1000, UTC)
# The vendor's own `sign` made it.
BODY = b'{"event":"call_ended","call":{"call_id":"call_example"}}'
DIGEST = "da2b3d7c169fb66f7d3ab9697d52d71707c83ecf10c9aeb1db14fbec72bdbdfa"
HOOK, OTHER_HOOK = "https://example.com/1", "https://example.com/2"
AGENT = Agent("agent_reception")


@pytest.fixture
def at_retell(telephony_connect):
    return telephony_connect("retell", api_key=KEY)


def parsed(provider, body=BODY, signature=f"v={AT},d={DIGEST}", at=NOW, **options):
    (event,) = webhooks.parse(
        provider,
        method="POST",
        url="https://example.com/webhooks/retell",
        headers={"X-Retell-Signature": signature, "Content-Type": "application/json"},
        body=body,
        received_at=at,
        **options,
    )
    return event


def test_the_vector_verifies(at_retell):
    event = parsed(at_retell)
    assert isinstance(event, webhooks.CallEnded)
    assert event.call.id == "call_example"


def test_one_flipped_bit_is_refused(at_retell):
    for place, bit in itertools.product(range(len(BODY)), (1, 128)):
        odd = bytearray(BODY)
        odd[place] ^= bit
        with pytest.raises(telephony.SignatureError):
            parsed(at_retell, bytes(odd))
    for place in range(len(DIGEST)):
        odd = f"{DIGEST[:place]}{'0' if DIGEST[place] != '0' else '1'}{DIGEST[place + 1 :]}"
        with pytest.raises(telephony.SignatureError):
            parsed(at_retell, signature=f"v={AT},d={odd}")


@pytest.mark.parametrize(
    "signature",
    [
        "", DIGEST, f"d={DIGEST}", f"v={AT}", f"v={AT},d={DIGEST.upper()}", f"v={AT},d={DIGEST} ",
        f" v={AT},d={DIGEST}", f"v={AT},d={DIGEST}0", f"v=-{AT},d={DIGEST}", f"v={AT}.0,d={DIGEST}",
        f"v={AT + 1},d={DIGEST}", f"v={'9' * 40},d={DIGEST}",
        f"d={DIGEST},v={AT}", f"v={AT},d={DIGEST},v={AT}", "v=é,d=é",
    ],
)  # fmt: skip
def test_another_form_of_signature_is_refused(at_retell, signature):
    with pytest.raises(telephony.SignatureError):
        parsed(at_retell, signature=signature)
    theirs = webhook_auth.symmetric["verify"](BODY.decode(), KEY, signature, {"timestamp": AT})
    assert not theirs


def test_a_time_of_thousands_of_digits_is_refused(at_retell):
    """The vendor's own verifier fails with it."""
    with pytest.raises(telephony.SignatureError):
        parsed(at_retell, signature=f"v={'9' * 5000},d={DIGEST}")


@pytest.mark.parametrize("written", [f"0{AT}", f"١{str(AT)[1:]}"])
def test_a_time_that_they_read_so_is_read_so_by_us(at_retell, written):
    signature = f"v={written},d={DIGEST}"
    assert webhook_auth.symmetric["verify"](BODY.decode(), KEY, signature, {"timestamp": AT})
    assert parsed(at_retell, signature=signature).call.id == "call_example"


@pytest.mark.parametrize(
    ("milliseconds", "accepted"),
    [(0, True), (300_000, True), (-300_000, True), (300_001, False), (-300_001, False)],
)
def test_ours_and_theirs_agree_on_the_age(at_retell, milliseconds, accepted):
    at = NOW + timedelta(milliseconds=milliseconds)
    theirs = webhook_auth.symmetric["verify"](
        BODY.decode(), KEY, f"v={AT},d={DIGEST}", {"timestamp": AT + milliseconds}
    )
    assert theirs is accepted
    if accepted:
        assert parsed(at_retell, at=at).call.id == "call_example"
    else:
        with pytest.raises(telephony.SignatureError, match="stale"):
            parsed(at_retell, at=at)


@pytest.mark.parametrize("body", ["{}", '{"event":"ünï"}', '{"a":" 5 "}', '{\n"event" : "x"}'])
def test_what_their_sign_makes_we_accept(telephony_connect, body):
    provider = telephony_connect("retell", webhook_secret="key_badge")
    signature = webhook_auth.symmetric["sign"](body, "key_badge", AT)
    assert isinstance(parsed(provider, body.encode(), signature), webhooks.UnknownEvent)
    with pytest.raises(telephony.SignatureError):
        parsed(provider, body.encode(), webhook_auth.symmetric["sign"](body, KEY, AT))


def test_an_empty_key_forges_nothing(monkeypatch, telephony_connect):
    monkeypatch.setenv("TELEPHONY_RETELL_WEBHOOK_SECRET", "  ")
    provider = telephony_connect("retell", api_key=KEY)
    for key in ("", "  "):
        with pytest.raises(telephony.SignatureError):
            parsed(provider, signature=webhook_auth.symmetric["sign"](BODY.decode(), key, AT))
    assert parsed(provider).call.id == "call_example"


# As the vendor sends it for an unanswered call: without any time of the call.
NO_ANSWER = {
    "event": "call_ended",
    "call": {
        "call_id": "call_4df0",
        "call_type": "phone_call",
        "agent_id": "agent_1",
        "agent_version": 8,
        "call_status": "not_connected",
        "duration_ms": 0,
        "transcript": "",
        "disconnection_reason": "dial_no_answer",
        "from_number": "+14155550142",
        "to_number": "+14155550188",
        "direction": "outbound",
        "access_token": "secret-of-a-call",
        "recording_url": "https://example.com/a.wav?X-Amz-Signature=secret-of-a-link",
    },
    "event_timestamp": AT,
}


def test_a_call_that_nobody_answered_is_reported(at_retell):
    event = parsed(at_retell, json.dumps(NO_ANSWER).encode(), verify=False)
    assert (event.id, event.occurred_at) == ("call_ended:call_4df0", NOW)
    call = event.call
    assert (call.status, call.reason) == (CallStatus.NO_ANSWER, "dial_no_answer")
    assert (call.number, call.recipient) == ("+14155550142", "+14155550188")
    assert (call.started_at, call.answered_at, call.ended_at) == (None, None, None)
    assert "secret-of" not in str(event.raw) + str(call.raw)
    assert call.raw["recording_url"] == "https://example.com/a.wav"


def test_an_event_is_read_whatever_its_other_fields_are(at_retell, mutations):
    for what, odd in mutations(NO_ANSWER, required={"event", "call", "call.call_id"}):
        event = parsed(at_retell, json.dumps(odd).encode(), verify=False)
        assert event.id == "call_ended:call_4df0", what
    for what, odd in mutations(NO_ANSWER):
        event = parsed(at_retell, json.dumps(odd).encode(), verify=False)
        assert isinstance(event, webhooks.CallEnded | webhooks.UnknownEvent), what


@pytest.mark.parametrize(
    "kind",
    ["call_analyzed", "transcript_updated", "transfer_started", "chat_ended", "call_inbound", ""],
)
def test_other_events_are_unknown_ones(at_retell, kind):
    body = json.dumps({**NO_ANSWER, "event": kind}).encode()
    event = parsed(at_retell, body, verify=False)
    assert isinstance(event, webhooks.UnknownEvent)
    assert (event.kind, event.occurred_at) == (kind, NOW)
    assert "secret-of" not in str(event.raw)
    assert parsed(at_retell, body, verify=False).id == event.id


def test_by_default_the_analysis_of_a_call_is_reported_too(provider, telephony_sandbox, account):
    bought = provider.provision_number(assign_to=AGENT)
    del account.agents[AGENT.id]["webhook_events"]
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/{provider}")
    telephony_sandbox.receive_call("retell", bought.number, sender="+14155550188")
    kinds = [json.loads(sent.body)["event"] for sent in telephony_sandbox.delivered()]
    assert list(dict.fromkeys(kinds)) == ["call_started", "call_ended", "call_analyzed"]


# --- Where it is sent ----------------------------------------------------------------------------


def test_only_an_agents_webhook_can_be_set(provider, number, telephony_sandbox):
    already = len(telephony_sandbox.requests("retell"))
    for of, said in ((None, "dashboard"), (number, "assign the number")):
        for act in (provider.get_webhook, lambda of: provider.set_webhook(HOOK, of=of)):
            with pytest.raises(telephony.InvalidRequestError, match=said):
                act(of)
    assert len(telephony_sandbox.requests("retell")) == already


def test_the_other_settings_of_a_webhook_stay(provider, account):
    first = provider.set_webhook(HOOK, of=AGENT, options={"webhook_timeout_ms": 5000})
    assert (first.id, first.of, first.url) == (AGENT.id, AGENT.id, HOOK)
    assert first.raw == {
        "webhook_url": HOOK,
        "webhook_events": ["call_started", "call_ended"],
        "webhook_timeout_ms": 5000,
    }
    replaced = provider.set_webhook(OTHER_HOOK, of=AGENT, replace=True)
    assert replaced.previous.url == HOOK
    assert account.agents[AGENT.id]["webhook_timeout_ms"] == 5000
    assert provider.get_webhook(Agent("agent_sales")) is None
    with pytest.raises(telephony.NotFoundError):
        provider.get_webhook(Agent("agent_nobody"))
