"""AgentPhone's webhooks: its vector, its SDK both ways, and their events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from agentphone.webhook import WebhookVerificationError, construct_event, verify_webhook
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from telephony.adapters.agentphone.webhooks import sign, verify

import telephony
from telephony import webhooks
from telephony.sandbox import Fault

SECRET, TIMESTAMP, BODY = "whsec_example_3f9c", "1748855700", b'{"event":"agent.message"}'
SIGNATURE = "sha256=4bd98b6dc6ffad9a61e03842def67bcbcee02a90cb4d98e61bbfeb2d176094f9"
THEN = datetime.fromtimestamp(int(TIMESTAMP), UTC)
PERSON = "+17735550188"
OURS = "+13125550142"

connected = telephony.connect("agentphone", api_key="k", webhook_secret=SECRET)


def parse(body=BODY, signature=SIGNATURE, timestamp=TIMESTAMP, at=THEN, **options):
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": timestamp}
    return webhooks.parse(
        connected,
        method="POST",
        url="https://example.com/webhooks/agentphone",
        headers={name: value for name, value in headers.items() if value is not None},
        body=body,
        received_at=at,
        **options,
    )


def event(body):
    (only,) = parse(json.dumps(body).encode(), verify=False)
    return only


def test_the_vendors_vector():
    (found,) = parse()
    assert found.kind == "agent.message"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signature": None}, "X-Webhook-Signature is missing"),
        ({"timestamp": None}, "X-Webhook-Timestamp is missing"),
        ({"signature": SIGNATURE.removeprefix("sha256=")}, "does not match"),
        ({"signature": SIGNATURE.upper()}, "does not match"),
        ({"body": BODY + b" "}, "does not match"),
        ({"at": THEN + timedelta(seconds=301)}, "stale: signed 301 seconds ago"),
        ({"at": THEN - timedelta(seconds=301)}, "stale: signed 301 seconds ahead"),
    ],
)
def test_the_error_of_a_signature_names_the_cause(changes, said):
    with pytest.raises(telephony.SignatureError, match=said) as caught:
        parse(**changes)
    assert SECRET not in str(caught.value)
    assert "agent.message" not in str(caught.value)


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1e9", "٣", "9" * 5000])
def test_a_signed_timestamp_that_is_none_is_refused(timestamp):
    with pytest.raises(telephony.SignatureError, match="not in seconds"):
        parse(signature=sign(BODY, timestamp, SecretStr(SECRET)), timestamp=timestamp)


def test_it_is_fresh_for_five_minutes():
    for seconds in (-300, 300):
        assert parse(at=THEN + timedelta(seconds=seconds))


@given(st.data())
def test_any_single_bit_that_is_changed_is_refused(data):
    parts = {
        "body": BODY,
        "timestamp": TIMESTAMP.encode(),
        "signature": SIGNATURE.encode(),
    }
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    changed = bytearray(parts[name])
    changed[bit // 8] ^= 1 << bit % 8
    value = bytes(changed) if name == "body" else changed.decode("latin-1")
    with pytest.raises(telephony.SignatureError):
        parse(**{name: value})


def test_the_sdk_accepts_what_the_sandbox_signs(telephony_sandbox, provider, number):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number.number, sender=PERSON, body="Hello")
    telephony_sandbox.receive_call("agentphone", number.number, sender=PERSON)
    sent = telephony_sandbox.delivered()

    for each in sent:
        signature, timestamp = (
            each.headers[f"x-webhook-{part}"] for part in ("signature", "timestamp")
        )
        understood = construct_event(each.body, signature, "whsec_sandbox", timestamp)
        assert understood.event.startswith("agent.")
        with pytest.raises(WebhookVerificationError):
            verify_webhook(each.body, signature, "whsec_other", timestamp)


def test_the_vector_is_what_the_sdk_accepts():
    verify_webhook(BODY, SIGNATURE, SECRET, TIMESTAMP, tolerance=None)


def test_a_webhooks_text_equals_the_listed_one_except_for_its_raw_body(
    telephony_sandbox, provider, number
):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number.number, sender=PERSON, body="Hello")
    sent = telephony_sandbox.delivered()[0]

    (received,) = webhooks.parse(
        provider, method="POST", url=sent.url, headers=sent.headers, body=sent.body
    )
    (listed,) = provider.list_messages(number)

    assert received.message.model_dump(exclude={"raw"}) == listed.model_dump(exclude={"raw"})


def message(**data):
    return {
        "event": "agent.message", "channel": "mms", "timestamp": "2025-06-02T09:15:00Z",
        "agentId": "agt_1",
        "data": {
            "messageId": "msg_1", "numberId": "num_1", "from": PERSON, "to": OURS,
            "message": "Look", "mediaUrls": ["https://example.com/1.jpg"],
            "direction": "inbound", "receivedAt": "2025-06-02T09:14:59Z", **data,
        },
    }  # fmt: skip


def test_a_text_with_a_picture():
    found = event(message()).message

    assert (found.id, found.number, found.sender, found.recipient) == ("msg_1", OURS, PERSON, OURS)
    assert found.media == ("https://example.com/1.jpg",)
    assert found.channel is telephony.Channel.MMS
    assert found.sent_at == datetime(2025, 6, 2, 9, 14, 59, tzinfo=UTC)


def test_an_old_text_without_an_id_is_identified_by_its_content():
    one = event(message(messageId=None))
    other = event(message(messageId=None, message="Look again"))

    assert one == event(message(messageId=None))
    assert one.id != other.id
    assert one.message.id == one.id


def test_the_history_that_is_sent_along_makes_no_other_event():
    turn = {
        "event": "agent.message", "channel": "voice", "timestamp": "2025-06-02T10:00:20Z",
        "data": {"callId": "call_1", "from": PERSON, "to": OURS, "status": "in-progress",
                 "transcript": "Is five okay?", "direction": "inbound"},
    }  # fmt: skip
    found = event(turn)

    assert isinstance(found, webhooks.CallTurn)
    assert (found.text, found.call.id) == ("Is five okay?", "call_1")
    assert event({**turn, "recentHistory": [{"content": "Hi"}]}).id == found.id


@pytest.mark.parametrize(("direction", "ours"), [("outbound", PERSON), ("inbound", OURS)])
def test_the_end_of_a_call(direction, ours):
    found = event(
        {
            "event": "agent.call_ended", "channel": "voice", "timestamp": "2025-06-02T10:02:00Z",
            "agentId": "agt_1",
            "data": {"callId": "call_1", "from": PERSON, "to": OURS, "direction": direction,
                     "status": "no-answer", "startedAt": "2025-06-02T10:00:00Z",
                     "endedAt": "2025-06-02T10:01:12Z"},
        }
    )  # fmt: skip

    assert isinstance(found, webhooks.CallEnded)
    assert (found.call.number, found.call.agent) == (ours, "agt_1")
    assert found.call.status is telephony.CallStatus.NO_ANSWER
    assert found.occurred_at == datetime(2025, 6, 2, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": "agent.reaction", "data": {"reactionType": "love"}},
        {"event": "agent.call_ended", "data": {"callId": None, "direction": "web"}},
        {"event": "agent.message", "channel": "sms", "data": None},
        {"event": "agent.message", "channel": "sms", "timestamp": 17, "data": []},
        message(direction="outbound"),
        message(**{"from": {}}),
        {"event": 17},
    ],
)
def test_what_is_not_known_is_handed_on_as_it_is(body):
    found = event(body)
    assert isinstance(found, webhooks.UnknownEvent)
    assert found.raw == body


@pytest.mark.parametrize(
    "mark", [{"test": True}, {"conversationState": {"testMode": True}}], ids=["field", "state"]
)
def test_a_test_delivery_is_no_text_of_a_person(mark):
    """A button in the console sends it: a reply to it would be texted to a person."""
    assert isinstance(event(message()), webhooks.MessageReceived)
    found = event({**message(), **mark})

    assert isinstance(found, webhooks.UnknownEvent)
    assert found.kind == "agent.message"
    assert isinstance(
        event({**message(), "test": False, "conversationState": {}}), webhooks.MessageReceived
    )


def web_turn(**changes):
    return {
        "event": "agent.message", "channel": "voice", "timestamp": "2025-06-02T10:00:20Z",
        "agentId": "agt_1", "data": {"callId": "call_1", "direction": "web",
        "transcript": "Is five okay?", "status": "in-progress"}, **changes,
    }  # fmt: skip


def test_a_turn_of_a_web_call_gets_a_spoken_reply():
    found = event(web_turn())

    assert isinstance(found, webhooks.CallTurn)
    assert (found.text, found.call.number, found.call.sender) == ("Is five okay?", None, None)
    assert found.call.direction is telephony.Direction.UNKNOWN
    said = connected.adapter.webhook_reply(found, "Five is fine.")
    assert (said.content_type, json.loads(said.body)) == (
        "application/json", {"text": "Five is fine."},
    )  # fmt: skip


def test_every_voice_turn_gets_json_even_when_nothing_is_said():
    for body in (web_turn(), web_turn(test=True), web_turn(data={})):
        response = connected.adapter.webhook_response(event(body))
        assert (response.content_type, response.body) == ("application/json", b'{"text":""}')


def test_the_end_of_a_call_over_the_web():
    data = {"callId": "call_1", "direction": "web", "status": "completed"}
    found = event({"event": "agent.call_ended", "channel": "voice", "data": data})

    assert isinstance(found, webhooks.CallEnded)
    assert (found.call.number, found.call.status) == (None, telephony.CallStatus.COMPLETED)


GROUP = {"isGroup": True, "groupId": "grp_1", "groupName": None, "participants": []}


@pytest.mark.parametrize(
    ("to", "number"), [("grp_1", "num_1"), (OURS, OURS), (PERSON, "num_1"), (None, "num_1")]
)
def test_a_text_to_a_group_came_to_a_number_of_ours(to, number):
    found = event({**message(to=to, group=GROUP, senderIdentifier=PERSON), "channel": "imessage"})

    assert isinstance(found, webhooks.MessageReceived)
    assert found.message.number == number
    assert (found.message.sender, found.message.recipient) == (PERSON, "grp_1")
    reply = connected.adapter.webhook_reply(found, "Yes")
    assert (reply.number, reply.to) == (number, "grp_1")


def test_an_odd_field_of_a_text_does_not_lose_the_text():
    for odd in ({"receivedAt": ""}, {"mediaUrls": [None]}, {"group": []}, {"messageId": 17}):
        found = event(message(**odd))
        assert isinstance(found, webhooks.MessageReceived), odd
        assert found.message.body == "Look"


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_secret_verifies_nothing(blank):
    secret = SecretStr(blank)
    headers = {
        "x-webhook-signature": sign(BODY, TIMESTAMP, secret),
        "x-webhook-timestamp": TIMESTAMP,
    }
    request = webhooks.WebhookRequest("POST", "https://example.com/", headers, BODY, THEN)
    with pytest.raises(telephony.ConfigurationError, match="webhook_secret"):
        verify(request, secret, "agentphone")


# --- Where webhooks go ---------------------------------------------------------------------------

ONE, OTHER = "https://example.com/1", "https://example.com/2"


def test_every_change_issues_a_new_secret_and_none_is_made_without_need(provider, vendor):
    assert provider.get_webhook() is None
    made = provider.set_webhook(ONE)
    assert provider.set_webhook(ONE).secret == made.secret
    changed = provider.set_webhook(ONE, options={"timeout": 60})
    assert changed.secret != made.secret
    assert changed.raw["timeout"] == 60
    for found in (made, changed, provider.get_webhook()):
        assert "secret" not in found.raw
        assert found.secret.get_secret_value() not in repr(found)


def test_an_agent_may_have_its_own(telephony_sandbox, provider, number):
    agent = telephony.Agent("agt_sales")
    own = provider.set_webhook(OTHER, of=agent)
    provider.set_webhook(ONE)
    provider.assign_number(number, agent)

    telephony_sandbox.receive_message("agentphone", number.number, sender=PERSON, body="Hello")

    assert own.of == "agt_sales"
    assert provider.get_webhook("agt_sales").url == OTHER
    assert [each.url for each in telephony_sandbox.delivered()] == [OTHER]


def test_after_a_lost_response_the_webhook_is_read_back_with_its_secret(
    telephony_sandbox, provider
):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))
    made = provider.set_webhook(ONE)
    assert made.secret == provider.get_webhook().secret

    telephony_sandbox.fail(Fault(kind="reset", method="POST"))
    with pytest.raises(telephony.OutcomeUnknownError):
        provider.set_webhook(OTHER, replace=True)
    assert provider.get_webhook().url == ONE


def test_the_secret_that_was_issued_verifies(
    telephony_sandbox, telephony_connect, provider, number
):
    made = provider.set_webhook("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number.number, sender=PERSON, body="Hello")
    sent = telephony_sandbox.delivered()[0]
    arrived = {"method": "POST", "url": sent.url, "headers": sent.headers, "body": sent.body}

    assert webhooks.parse(telephony_connect("agentphone", webhook_secret=made.secret), **arrived)
    with pytest.raises(telephony.SignatureError):
        webhooks.parse(provider, **arrived)
