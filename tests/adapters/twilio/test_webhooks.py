"""Twilio's webhooks: its vectors, its validator both ways, and their events."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr
from telephony.adapters.twilio.webhooks import verify
from twilio.request_validator import RequestValidator

import telephony
from telephony import CallStatus, Direction, MessageStatus, webhooks

ACCOUNT, TOKEN = "AC" + "0f" * 16, "12345"
URL = "https://example.com/myapp.php?foo=1&bar=2"
PARAMS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
SHA1, SHA256 = "L/OH5YylLD5NRKLltdqwSvS0BnU=", "qMztBq0IANMH/q0K9sCfKQJLylezvRdRzRS647SAVow="
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PERSON, OURS = "+14155550199", "+14155550101"


def connect(**settings):
    return telephony.connect("twilio", **{"account_sid": ACCOUNT, "auth_token": TOKEN, **settings})


connected = connect()


def parse(body=None, signature=SHA1, url=URL, method="POST", provider=connected, **headers):
    signed = {} if signature is None else {"X-Twilio-Signature": signature}
    return webhooks.parse(
        provider,
        method=method,
        url=url,
        headers={**FORM, **signed, **headers},
        body=urlencode(PARAMS).encode() if body is None else body,
    )


def event(**params):
    body = urlencode(params).encode()
    signature = RequestValidator(TOKEN).compute_signature(URL, params)
    (only,) = parse(body, signature)
    return only


def test_the_vendors_vectors():
    (found,) = parse()
    assert found.raw == PARAMS
    with connect(webhook_secret=TOKEN) as shared:
        settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
        assert parse(
            signature=SHA256, provider=shared,
            **{"X-Twilio-Webhooks-Signature-Settings": settings},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signature": None}, "X-Twilio-Signature is missing"),
        ({"signature": ""}, "does not match"),
        ({"signature": SHA256}, "does not match"),
        ({"url": "https://example.com/other"}, "another URL than https://example.com/other"),
        ({"url": URL.replace("https", "http")}, "does not match"),
        ({"body": b""}, "does not match"),
        ({"X-Twilio-Webhooks-Signature-Settings": "algorithm=MD5"}, "unknown algorithm"),
        ({"X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_SHA256"}, "does not match"),
    ],
)
def test_the_error_of_a_signature_names_the_cause(changes, said):
    with pytest.raises(telephony.SignatureError, match=said) as caught:
        parse(**changes)
    assert TOKEN not in str(caught.value)
    assert "Digits" not in str(caught.value)
    assert "foo=1" not in str(caught.value)


def test_the_port_may_be_left_out_or_added():
    validator = RequestValidator(TOKEN)
    for signed, called in (
        ("https://example.com:443/a?b=c", "https://example.com/a?b=c"),
        ("https://example.com/a?b=c", "https://example.com:443/a?b=c"),
        ("http://example.com:80", "http://example.com"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
    ):
        signature = validator.compute_signature(signed, PARAMS)
        assert parse(signature=signature, url=called)
        assert validator.validate(called, PARAMS, signature)


@given(st.data())
def test_any_single_bit_that_is_changed_is_refused(data):
    parts = {"url": URL, "body": urlencode(PARAMS), "signature": SHA1}
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    changed = bytearray(parts[name].encode())
    changed[bit // 8] ^= 1 << bit % 8
    value = bytes(changed) if name == "body" else changed.decode("latin-1")
    if name == "body":
        # What is signed is the parameters; %2B and %2b are the same one.
        assume(parse_qsl(changed.decode("latin-1")) != list(PARAMS.items()))
    with pytest.raises(telephony.SignatureError):
        parse(**{name: value})


JSON = b'{"type": "com.twilio.example", "Body": "Hello"}'
JSON_URL = f"https://example.com/json?bodySHA256={hashlib.sha256(JSON).hexdigest()}"
JSON_SIGNATURE = RequestValidator(TOKEN).compute_signature(JSON_URL, {})


def parse_json(body=JSON, url=JSON_URL, signature=JSON_SIGNATURE, kind="application/json"):
    return parse(body, signature, url, **{"Content-Type": kind})


def test_a_json_body_is_proven_by_its_hash_in_the_url():
    (found,) = parse_json()
    assert (found.kind, found.raw) == ("com.twilio.example", json.loads(JSON))
    assert RequestValidator(TOKEN).validate(JSON_URL, JSON.decode(), JSON_SIGNATURE)


@given(st.integers(0, len(JSON) * 8 - 1))
def test_any_single_bit_of_a_json_body_that_is_changed_is_refused(bit):
    changed = bytearray(JSON)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(telephony.SignatureError, match="bodySHA256"):
        parse_json(bytes(changed))


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_body_that_nothing_signs_is_refused(kind):
    url = "https://example.com/json"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    with pytest.raises(telephony.SignatureError, match="no bodySHA256"):
        parse_json(url=url, signature=signature, kind=kind)


def test_a_repeated_parameter_is_signed_with_each_of_its_values():
    body = b"Name=b&Name=a&Name=b"
    signature = RequestValidator(TOKEN).compute_signature(URL + "NameaNameb", {})
    assert parse(body, signature)


def test_a_get_is_signed_by_its_url():
    url = f"https://example.com/voice?{urlencode(PARAMS | {'CallStatus': 'ringing'})}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    (found,) = parse(b"", signature, url, "GET")
    assert found.call.id == PARAMS["CallSid"]


def test_behind_a_proxy_the_public_url_is_a_setting():
    with connect(webhook_url="https://example.com/myapp.php") as provider:
        assert parse(url="http://10.0.0.7:8000/inner?foo=1&bar=2", provider=provider)
        with pytest.raises(telephony.SignatureError):
            parse(url="http://10.0.0.7:8000/inner?foo=1", provider=provider)


def test_a_subaccounts_webhooks_are_signed_with_its_own_token():
    main = {"auth_account_sid": "AC" + "1e" * 16}
    with (
        connect(**main) as provider,
        pytest.raises(telephony.ConfigurationError, match="webhook_secret"),
    ):
        parse(provider=provider)
    with connect(**main, auth_token="another", webhook_secret=TOKEN) as provider:
        assert parse(provider=provider)


def test_an_api_key_verifies_no_webhook():
    key = {"auth_token": None, "api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s"}
    with (
        connect(**key) as provider,
        pytest.raises(telephony.ConfigurationError, match="no API key"),
    ):
        parse(provider=provider)


# --- The sandbox ---------------------------------------------------------------------------------


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("twilio")


@pytest.fixture
def number(telephony_sandbox, provider):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/twilio?from=sandbox")
    return provider.provision_number(number=OURS)


def test_the_vendors_validator_accepts_what_the_sandbox_signs(telephony_sandbox, number):
    telephony_sandbox.receive_message("twilio", OURS, sender=PERSON, body="Für dich: 10 € & mehr")
    telephony_sandbox.receive_call("twilio", OURS, sender=PERSON)
    validator = RequestValidator(telephony_sandbox.settings("twilio")["auth_token"])

    sent = telephony_sandbox.delivered()

    assert len({each.body for each in sent}) == 3
    for each in sent:
        params = dict(parse_qsl(each.body.decode(), keep_blank_values=True))
        assert validator.validate(each.url, params, each.headers["x-twilio-signature"])
        assert not validator.validate(f"{each.url}1", params, each.headers["x-twilio-signature"])


def test_a_webhooks_text_equals_the_listed_one_except_for_its_time(
    telephony_sandbox, provider, number
):
    telephony_sandbox.receive_message("twilio", OURS, sender=PERSON, body="Für dich")
    sent = telephony_sandbox.delivered()[0]
    (received,) = webhooks.parse(
        provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
    )
    (listed,) = provider.list_messages(OURS)

    assert received.message.sent_at is None
    unknown = {"raw", "sent_at"}
    assert received.message.model_dump(exclude=unknown) == listed.model_dump(exclude=unknown)


def test_a_webhook_may_come_by_get(telephony_sandbox, provider, number):
    provider.set_webhook("http://127.0.0.1:9/voice", of=OURS, options={"VoiceMethod": "GET"})
    telephony_sandbox.receive_call("twilio", OURS, sender=PERSON)
    sent = telephony_sandbox.delivered()[0]

    (found,) = webhooks.parse(
        provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
    )
    assert (sent.method, sent.body) == ("GET", b"")
    assert isinstance(found, webhooks.CallStarted)


def test_the_fragment_of_a_url_sets_its_retries(telephony_sandbox, provider, number):
    for fragment, tries in (("", 2), ("#rc=3", 4), ("#rc=0", 1), ("#rc=2&rp=5xx", 3)):
        url = f"http://127.0.0.1:9/sms{fragment}"
        provider.set_webhook(url, of=OURS, replace=True)
        already = len(telephony_sandbox.delivered())
        telephony_sandbox.receive_message("twilio", OURS, sender=PERSON, body="Hello")
        assert len(telephony_sandbox.delivered()) - already == tries, fragment


def test_the_status_of_a_sent_text_is_an_event(telephony_sandbox, provider, number):
    callback = "http://127.0.0.1:9/status"
    sent = provider.send_message(OURS, PERSON, "Hello", options={"StatusCallback": callback})
    tries = telephony_sandbox.delivered()

    found = {
        event.id: event.status
        for each in tries
        for event in webhooks.parse(
            provider, method=each.method, url=each.url, headers=each.headers, body=each.body
        )
    }
    assert list(found.items()) == [
        (f"{sent.id}:sent", MessageStatus.SENT),
        (f"{sent.id}:delivered", MessageStatus.DELIVERED),
    ]


# --- Events ------------------------------------------------------------------------------------

SID = "SM" + "2b" * 16
CALL = {"CallSid": "CA1", "From": PERSON, "To": OURS, "Direction": "inbound"}


def test_a_picture():
    found = event(
        MessageSid="MM1", SmsStatus="received", From=PERSON, To=OURS, Body="", NumMedia="2",
        MediaUrl0="https://api.twilio.com/1", MediaUrl1="https://api.twilio.com/2",
    ).message  # fmt: skip
    assert found.media == ("https://api.twilio.com/1", "https://api.twilio.com/2")
    assert found.channel is telephony.Channel.MMS


@pytest.mark.parametrize("count", ["99999999999", "9" * 5000])
def test_pictures_are_those_that_came_whatever_their_count_says(count):
    found = event(
        MessageSid="MM1", SmsStatus="received", From=PERSON, To=OURS, NumMedia=count,
        MediaUrl0="https://api.twilio.com/1",
    ).message  # fmt: skip
    assert found.media == ("https://api.twilio.com/1",)


def test_whatsapp():
    found = event(
        MessageSid=SID, SmsStatus="received", From=f"whatsapp:{PERSON}", To=f"whatsapp:{OURS}",
        Body="Hello", NumMedia="0",
    ).message  # fmt: skip
    assert found.channel is telephony.Channel.WHATSAPP


def test_a_text_that_was_not_delivered_says_why():
    found = event(
        MessageSid=SID, SmsStatus="undelivered", MessageStatus="undelivered", ErrorCode="30003"
    )
    assert isinstance(found, webhooks.MessageStatusChanged)
    assert (found.message_id, found.status) == (SID, MessageStatus.UNDELIVERED)
    assert found.error.code == "30003"


def test_a_call_that_rings_is_answered_and_ends():
    ringing = event(**CALL, CallStatus="ringing")
    over = event(**CALL, CallStatus="no-answer", Timestamp="Fri, 01 May 2026 09:00:00 +0000")

    assert isinstance(ringing, webhooks.CallStarted)
    assert ringing.call.number == OURS
    assert isinstance(over, webhooks.CallEnded)
    assert over.call.status is CallStatus.NO_ANSWER
    assert over.occurred_at == datetime(2026, 5, 1, 9, tzinfo=UTC)


def test_an_answered_outbound_call_requests_instructions():
    found = event(
        CallSid="CA1", From=OURS, To=PERSON, Direction="outbound-api", CallStatus="in-progress"
    )
    assert isinstance(found, webhooks.CallStarted)
    assert (found.call.number, found.call.direction) == (OURS, Direction.OUTBOUND)
    assert found.call.status is CallStatus.IN_PROGRESS


OUTBOUND = {
    "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": "CA1", "From": OURS,
    "To": PERSON, "Direction": "outbound-api", "CallStatus": "in-progress",
}  # fmt: skip


def request(token, url=URL, **params):
    """Return a request to a URL, signed by Twilio's own SDK, with the token that names it."""
    signature = RequestValidator(TOKEN).compute_signature(url, params)
    signed = {"X-Twilio-Signature": signature, "I-Twilio-Idempotency-Token": token}
    return {"headers": FORM | signed, "content": urlencode(params).encode()}


STEPS = {
    "answered": {},
    "redirect": {},
    "gather": {"Digits": "1", "FinishedOnKey": "#", "msg": "Gather End"},
    "nothing gathered": {"Digits": "", "msg": "Gather End"},
    "speech": {"SpeechResult": "Yes", "Confidence": "0.9"},
    "speech again": {"SpeechResult": "Yes", "Confidence": "0.9"},
    "record": {"RecordingUrl": "https://api.twilio.com/1", "RecordingSid": "RE1", "Digits": "#"},
    "dial": {"DialCallStatus": "busy", "DialCallSid": "CA2"},
    "record, hung up": {
        "CallStatus": "completed", "RecordingUrl": "https://api.twilio.com/2",
        "RecordingSid": "RE2", "Digits": "hangup",
    },
    "over": {
        "CallStatus": "completed", "CallDuration": "9", "SequenceNumber": "0",
        "CallbackSource": "call-progress-events",
    },
}  # fmt: skip


@pytest.mark.parametrize("direction", ["outbound-api", "inbound"])
def test_every_step_of_a_call_at_one_url_reaches_the_handler_once(serve_asgi, direction):
    """The second response is the second TwiML, not the first: else a Dial would dial for ever."""
    handled = []

    def handler(event):
        handled.append(event.type)
        return webhooks.WebhookResponse("text/xml", f"<Response/><!-- {len(handled)} -->".encode())

    public = "https://example.com/voice"
    with connect(webhook_url=public) as provider:
        url = serve_asgi(webhooks.asgi([provider], handler)) + "/webhooks/twilio"
        sent = [
            request(name, public, **OUTBOUND | {"Direction": direction} | step)
            for name, step in STEPS.items()
        ]
        responses = [httpx.post(url, **each) for each in sent]
        retries = [httpx.post(url, **each) for each in sent]

    assert {each.status_code for each in responses} == {200}
    assert len(handled) == len(STEPS)
    assert len({each.content for each in responses}) == len(STEPS)
    assert [each.content for each in retries] == [each.content for each in responses]
    begun = ["call_started"] * 2 if direction == "outbound-api" else ["unknown"] * 2
    assert handled == [
        *begun, "call_turn", "unknown", "call_turn", "call_turn", "call_turn", "unknown", "unknown",
        "call_ended",
    ]  # fmt: skip


def test_a_status_callback_is_not_the_request_for_instructions():
    """Both may go to one URL, and the callback's response is not listened to."""
    callback = {"CallbackSource": "call-progress-events", "SequenceNumber": "1"}
    request, callback_event = event(**OUTBOUND), event(**OUTBOUND, **callback)

    assert request.id != callback_event.id
    assert b"<Say>" in connected.adapter.webhook_reply(request, "Hello").body
    with pytest.raises(telephony.InvalidRequestError, match="no reply to a CallStarted"):
        connected.adapter.webhook_reply(callback_event, "Hello")


def test_words_that_xml_cannot_hold_are_left_out_of_a_reply():
    ringing = event(**CALL, CallStatus="ringing")
    reply = connected.adapter.webhook_reply(ringing, "a\x00b\x0b<c>&\ud800")

    assert reply.body.endswith(b"<Say>ab&lt;c&gt;&amp;?</Say></Response>")


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_secret_verifies_nothing(blank):
    signature = RequestValidator(blank).compute_signature(URL, PARAMS)
    request = webhooks.WebhookRequest(
        "POST", URL, {"x-twilio-signature": signature, "content-type": FORM["Content-Type"]},
        urlencode(PARAMS).encode(), datetime.now(UTC),
    )  # fmt: skip
    with pytest.raises(telephony.ConfigurationError, match="auth_token"):
        verify(request, URL, SecretStr(blank), "twilio")


def test_repeated_words_are_two_turns_and_a_retried_request_is_one():
    params = {**CALL, "CallStatus": "in-progress", "SpeechResult": "Yes"}
    body = urlencode(params).encode()
    signature = RequestValidator(TOKEN).compute_signature(URL, params)

    def turn(token):
        (found,) = parse(body, signature, **{"I-Twilio-Idempotency-Token": token})
        return found

    assert isinstance(turn("1"), webhooks.CallTurn)
    assert turn("1").text == "Yes"
    assert turn("1").id == turn("1").id != turn("2").id


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"MessageSid": SID},
        {"CallSid": "CA1", "CallStatus": "ringing"},
        {**CALL, "CallStatus": "of-tomorrow"},
        {**CALL, "CallStatus": "in-progress", "RecordingUrl": "https://api.twilio.com/1"},
        {"RecordingSid": "RE1"},
    ],
)
def test_what_is_not_known_is_handed_on_as_it_is(params):
    found = event(**params)
    assert isinstance(found, webhooks.UnknownEvent)
    assert found.raw == params
    assert found.id == event(**params).id


# --- Where webhooks go ---------------------------------------------------------------------------

ONE, OTHER = "https://example.com/1", "https://example.com/2"


def test_a_number_sends_calls_texts_and_the_ends_of_calls(provider, number):
    assert provider.get_webhook(OURS) is None
    made = provider.set_webhook(ONE, of=number)

    assert (made.id, made.of, made.previous) == (number.id, OURS, None)
    held = provider.get_number(number).raw
    assert {held[name] for name in ("voice_url", "sms_url", "status_callback")} == {ONE}
    assert provider.get_webhook(number.id).url == ONE


def test_another_url_among_three_is_overwritten_only_with_replace(provider, number):
    provider.assign_number(number, telephony.Webhook(voice_url=ONE, sms_url=OTHER))
    with pytest.raises(telephony.ConflictError, match="replace=True"):
        provider.set_webhook(ONE, of=number)

    made = provider.set_webhook(ONE, of=number, replace=True)

    assert made.url == ONE
    assert made.previous.raw["sms_url"] == OTHER


@pytest.mark.parametrize("replace", [False, True])
def test_a_trunk_or_an_application_is_never_taken_off(telephony_sandbox, provider, number, replace):
    vendor = telephony_sandbox.vendors["twilio"]
    for target in (vendor.trunks[0], vendor.applications[0]):
        provider.assign_number(number, target)
        with pytest.raises(telephony.ConflictError, match="Unassign it first"):
            provider.set_webhook(ONE, of=number, replace=replace)
        provider.unassign_number(number)


def test_the_number_must_be_named(provider, telephony_sandbox):
    for call in (provider.get_webhook, lambda: provider.set_webhook(ONE)):
        with pytest.raises(telephony.InvalidRequestError) as caught:
            call()
        assert caught.value.argument == "of"
    assert telephony_sandbox.requests("twilio") == []
