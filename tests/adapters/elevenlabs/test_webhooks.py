"""ElevenLabs's webhooks: their signature, their events, and how they are set up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from telephony.adapters.elevenlabs.webhooks import AHEAD, TOLERANCE, events, sign, verify

import telephony
from telephony import CallStatus, webhooks
from telephony.sandbox import Fault

# As the contract prints it.
SECRET = "wsec_example_3f9c"
AT = 1770000000
BODY = (
    b'{"type":"post_call_transcription","event_timestamp":1770000000,'
    b'"data":{"conversation_id":"conv_example"}}'
)
SIGNATURE = "a212406b740c01c7be4748a2e610355ee3b7959b683ec309e0f00f189f5a16ee"
HEADER = f"t={AT},v0={SIGNATURE}"
URL, OTHER = "https://example.com/1", "https://example.com/2"
OURS, THEIRS = "+14155550142", "+14155550188"


def delivery(header=HEADER, body=BODY, after=0.0):
    headers = {} if header is None else {"elevenlabs-signature": header}
    at = datetime.fromtimestamp(AT, UTC) + timedelta(seconds=after)
    return webhooks.WebhookRequest("POST", "https://example.com/", headers, body, at)


def verified(*given, secret=SECRET, **more):
    verify(delivery(*given, **more), SecretStr(secret), "elevenlabs")


# --- Signatures ----------------------------------------------------------------------------------


def test_the_printed_signature_verifies():
    verified()
    assert sign(BODY, str(AT), SecretStr(SECRET)) == SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        f" t={AT} , v0={SIGNATURE} ",
        f"v0={SIGNATURE},t={AT}",
        f"t={AT},v0={'0' * 64},v0={SIGNATURE}",
    ],
)
def test_spaces_order_and_further_signatures_do_not_matter(header):
    verified(header)


def test_every_flipped_bit_of_body_and_signature_is_refused():
    for nth in range(len(BODY) * 8):
        changed = bytearray(BODY)
        changed[nth // 8] ^= 1 << nth % 8
        with pytest.raises(telephony.SignatureError):
            verified(body=bytes(changed))
    for nth in range(len(SIGNATURE) * 8):
        changed = bytearray(SIGNATURE.encode())
        changed[nth // 8] ^= 1 << nth % 8
        with pytest.raises(telephony.SignatureError):
            verified(f"t={AT},v0={changed.decode('latin-1')}")


@pytest.mark.parametrize(
    "header",
    [
        None, "", "t=", f"t={AT}", f"v0={SIGNATURE}", f"t={AT},v1={SIGNATURE}",
        f"t={AT + 1},v0={SIGNATURE}", f"t={AT},t={AT},v0={SIGNATURE}", f"t={AT},v0=",
        f"t={AT},v0={SIGNATURE.upper()}", "t=soon,v0=x",
    ],
)  # fmt: skip
def test_what_is_not_signed_is_refused(header):
    with pytest.raises(telephony.SignatureError) as caught:
        verified(header)
    assert SECRET not in str(caught.value)
    assert SIGNATURE not in str(caught.value)


@pytest.mark.parametrize("time", ["9" * 5000, "-5", "1.5", "1_0", " 17", "١٧"])
def test_a_time_that_is_signed_and_not_in_seconds_is_refused(time):
    header = f"t={time.strip()},v0={sign(BODY, time.strip(), SecretStr(SECRET))}"
    with pytest.raises(telephony.SignatureError):
        verified(header)


def test_it_is_valid_for_half_an_hour_and_never_in_the_future():
    for after in (-AHEAD, 0, TOLERANCE):
        verified(after=after)
    for after, wrong in ((TOLERANCE + 1, "ago"), (-AHEAD - 1, "ahead"), (-86400, "ahead")):
        with pytest.raises(telephony.SignatureError, match=wrong):
            verified(after=after)


@pytest.mark.parametrize("secret", ["wsec_example_3f9d", "example_3f9c", SECRET + "0"])
def test_another_secret_is_refused(secret):
    with pytest.raises(telephony.SignatureError, match="does not match"):
        verified(secret=secret)


@pytest.mark.parametrize("secret", [None, SecretStr(""), SecretStr("  ")])
def test_without_a_secret_nothing_is_verified(secret):
    with pytest.raises(telephony.ConfigurationError, match="webhook_secret"):
        verify(delivery(), secret, "elevenlabs")


# --- Events --------------------------------------------------------------------------------------


def event(kind, data, **more):
    body = {"type": kind, "event_timestamp": AT, "data": data, **more}
    (only,) = events(delivery(body=json.dumps(body).encode()), "elevenlabs")
    return only


def failure(reason="busy"):
    return {
        "agent_id": "agent_1",
        "conversation_id": "conv_1",
        "failure_reason": reason,
        "metadata": {
            "type": "twilio",
            "body": {"CallSid": "CA0f", "From": OURS, "To": THEIRS, "CallStatus": "busy"},
        },
    }


def conversation(**metadata):
    line = {
        "direction": "outbound", "agent_number": OURS, "external_number": THEIRS,
        "call_result": "answered",
    }  # fmt: skip
    about = {"start_time_unix_secs": AT - 60, "call_duration_secs": 50, "phone_call": line}
    return {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": "done",
        "transcript": [{"role": "user", "message": "Is five okay?", "time_in_call_secs": 2}],
        "metadata": about | metadata,
    }


def test_the_end_of_a_call():
    found = event("post_call_transcription", conversation())

    assert isinstance(found, webhooks.CallEnded)
    assert found.occurred_at == datetime.fromtimestamp(AT, UTC)
    call = found.call
    assert (call.id, call.number, call.sender, call.recipient) == ("conv_1", OURS, OURS, THEIRS)
    assert (call.status, call.duration) == (CallStatus.COMPLETED, timedelta(seconds=50))
    assert "Is five okay?" not in repr(found)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("busy", CallStatus.BUSY),
        ("no-answer", CallStatus.NO_ANSWER),
        ("unknown", CallStatus.FAILED),
        (None, CallStatus.FAILED),
    ],
)
def test_a_call_that_was_not_answered(reason, status):
    found = event("call_initiation_failure", failure(reason))

    assert isinstance(found, webhooks.CallEnded)
    assert (found.call.status, found.call.reason) == (status, reason)
    assert (found.call.sender, found.call.recipient) == (OURS, THEIRS)
    # The same end, should it be reported in both ways.
    assert found.id == event("post_call_transcription", conversation()).id


def test_a_failure_is_read_whatever_its_other_fields_are(mutations):
    for what, odd in mutations(failure(), required={"conversation_id"}):
        found = event("call_initiation_failure", odd)
        assert isinstance(found, webhooks.CallEnded), what
        assert found.call.id == "conv_1", what


def test_the_end_of_a_call_is_read_whatever_its_other_fields_are(mutations):
    for what, odd in mutations(conversation(), required={"conversation_id"}):
        found = event("post_call_transcription", odd)
        assert isinstance(found, webhooks.CallEnded), what
        assert found.call.id == "conv_1", what


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("post_call_audio", {"conversation_id": "conv_1", "full_audio": "SUQz"}),
        ("answering_machine_detection", {"conversation_id": "conv_1"}),
        ("post_call_transcription", {}),
        ("post_call_transcription", None),
        ("post_call_transcription", conversation(phone_call=None, sms={"direction": "inbound"})),
        (
            "post_call_transcription",
            conversation(phone_call=None, conversation_initiation_source="whatsapp"),
        ),
        ("call_initiation_failure", {"conversation_id": ""}),
        ("", []),
    ],
)
def test_what_is_not_known_or_no_call_is_handed_on_as_it_is(kind, data):
    found = event(kind, data)
    assert isinstance(found, webhooks.UnknownEvent)
    assert found.kind == kind
    assert found.raw["data"] == data
    assert found.id == event(kind, data).id


def test_no_secret_of_a_conversation_comes_out():
    started = {"dynamic_variables": {"secret__key": "canary", "name": "Ann"}}
    found = event(
        "post_call_transcription",
        conversation() | {"conversation_initiation_client_data": started},
    )
    for raw in (found.raw, found.call.raw):
        assert "canary" not in json.dumps(raw)
        assert "Ann" in json.dumps(raw)


# --- Where they are sent -------------------------------------------------------------------------


def test_a_new_webhook_gets_the_calls_and_shows_its_secret_once(
    provider, telephony_connect, telephony_sandbox, account, sandbox_source
):
    assert provider.get_webhook() is None
    made = provider.set_webhook(URL)
    assert made.secret.get_secret_value() not in json.dumps(made.raw)
    assert (provider.get_webhook().id, provider.get_webhook().secret) == (made.id, None)
    assert account.routing["events"] == ["transcript", "call_initiation_failure"]

    number = provider.import_number(OURS, source=sandbox_source, assign_to="agent_sales")
    telephony_sandbox.receive_call("elevenlabs", number.number, sender=THEIRS)
    account.state.calls.outcomes.append(CallStatus.BUSY)
    provider.place_call(number, THEIRS)
    telephony_sandbox.advance("elevenlabs", 3600)
    receiver = telephony_connect("elevenlabs", webhook_secret=made.secret)
    sent = telephony_sandbox.delivered()
    statuses = []
    for each in sent:
        assert each.url == URL
        (ended,) = webhooks.parse(
            receiver, method="POST", url=URL, headers=each.headers, body=each.body
        )
        statuses.append(ended.call.status)
    assert sorted(statuses) == [CallStatus.BUSY, CallStatus.COMPLETED]


def test_another_url_is_another_webhook_and_keeps_the_other_settings(provider, account):
    first = provider.set_webhook(URL, options={"events": ["transcript"], "send_audio": False})
    with pytest.raises(telephony.ConflictError, match="replace=True"):
        provider.set_webhook(OTHER)
    second = provider.set_webhook(OTHER, replace=True)

    assert (second.previous.id, second.previous.url) == (first.id, URL)
    assert second.secret != first.secret
    assert account.routing == {
        "post_call_webhook_id": second.id, "events": ["transcript"], "send_audio": False,
    }  # fmt: skip
    # The former one may be used by an agent, and nothing shows its secret again.
    assert set(account.webhooks) == {first.id, second.id}


def test_options_change_how_a_webhook_is_used(provider, account):
    first = provider.set_webhook(URL)
    again = provider.set_webhook(URL, options={"exclude_transcript": True})

    assert (again.id, again.previous) == (first.id, None)
    assert account.routing["exclude_transcript"] is True
    assert account.routing["post_call_webhook_id"] == first.id
    assert len(account.webhooks) == 1


def test_a_webhook_that_was_disabled_is_enabled_again(provider, account):
    made = provider.set_webhook(URL)
    for disabled in ("is_disabled", "is_auto_disabled"):
        account.webhooks[made.id][disabled] = True
        again = provider.set_webhook(URL)
        assert (again.id, again.raw[disabled]) == (made.id, False)
        assert account.webhooks[made.id][disabled] is False
    assert account.webhooks[made.id]["name"].startswith("telephony ")


def test_a_webhook_that_the_registry_does_not_show_is_not_overwritten(provider, account):
    account.routing["post_call_webhook_id"] = "of_somebody_else"
    assert provider.get_webhook() is None
    with pytest.raises(telephony.ConflictError, match="replace=True"):
        provider.set_webhook(URL)
    assert provider.set_webhook(URL, replace=True).secret


def test_a_webhook_whose_secret_was_lost_is_deleted(provider, account, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="webhooks"))
    with pytest.raises(telephony.OutcomeUnknownError, match="same call again") as caught:
        provider.set_webhook(URL)

    assert caught.value.retry_safe
    assert (account.webhooks, account.routing) == ({}, {})
    assert provider.set_webhook(URL).secret


def test_a_webhook_that_cannot_be_used_is_deleted(provider, account, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=403, method="PATCH", path="settings"))
    with pytest.raises(telephony.PermissionDeniedError):
        provider.set_webhook(URL)
    assert (account.webhooks, account.routing) == ({}, {})


def test_a_webhook_that_is_used_whatever_the_response_said_keeps_its_secret(
    provider, account, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="lost", method="PATCH", path="settings", times=None))
    made = provider.set_webhook(URL)
    assert made.secret.get_secret_value() == account.secrets[made.id]
    assert account.routing["post_call_webhook_id"] == made.id


def test_only_the_workspaces_webhook_is_set(provider, telephony_sandbox):
    for call in (
        lambda: provider.get_webhook("agent_sales"),
        lambda: provider.set_webhook(URL, of="agent_sales"),
    ):
        with pytest.raises(telephony.InvalidRequestError) as caught:
            call()
        assert caught.value.argument == "of"
    assert telephony_sandbox.requests("elevenlabs") == []
