"""LiveKit's webhooks: its own signer and receiver both ways, and which events are calls."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.api import AccessToken, TokenVerifier, WebhookReceiver
from pydantic import SecretStr
from telephony.adapters.livekit.webhooks import body_hash, verify

import telephony
from telephony import CallStatus, Direction, webhooks

KEY, SECRET = "APIexample", "a-secret-that-is-32-bytes-or-more"
PERSON, OURS = "+14155550199", "+13125550142"
BODY = b'{"event": "room_started", "id": "EV_1", "createdAt": "1748855700", "later": true}'

connected = telephony.connect(
    "livekit", base_url="https://example.livekit.cloud", api_key=KEY, api_secret=SECRET
)


def token(body=BODY, key=KEY, secret=SECRET, life=timedelta(minutes=5)):
    return AccessToken(key, secret).with_sha256(body_hash(body)).with_ttl(life).to_jwt()


def parse(body=BODY, authorization=None, **options):
    authorization = token(body) if authorization is None else authorization
    return webhooks.parse(
        connected,
        method="POST",
        url="https://example.com/",
        headers={"Authorization": authorization},
        body=body,
        **options,
    )


def event(body):
    (only,) = parse(json.dumps(body).encode())
    return only


def delivery(kind, reason="UNKNOWN_REASON", **attributes):
    return {
        "event": kind, "id": "EV_2", "createdAt": "1748855700", "room": {"name": "call-1"},
        "participant": {
            "identity": "sip_1", "kind": "SIP", "joinedAt": "1748855690",
            "disconnectReason": reason,
            "attributes": {
                "sip.callID": "SCL_1", "sip.trunkPhoneNumber": OURS, "sip.phoneNumber": PERSON,
                **attributes,
            },
        },
    }  # fmt: skip


def test_what_the_vendors_signer_signs_is_accepted():
    (found,) = parse()
    assert (found.id, found.kind) == ("EV_1", "room_started")
    assert found.occurred_at == datetime.fromtimestamp(1748855700, UTC)


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        (token(b"{}"), "does not match the hash"),
        (token(secret="another-secret-of-32-bytes-or-more"), "not signed with this `api_secret`"),
        (token(key="APIother"), "not issued by this `api_key`"),
        (token(life=timedelta(minutes=-5)), "stale"),
        (AccessToken(KEY, SECRET).to_jwt(), "no hash of the body"),
        (AccessToken(KEY, SECRET).with_sha256(5).to_jwt(), "no hash of the body"),
        (f"Bearer {token()}", "no valid token"),
        ("nonsense", "no valid token"),
        ("", "no valid token"),
    ],
)
def test_the_error_of_a_token_names_the_cause(authorization, said):
    with pytest.raises(telephony.SignatureError, match=said) as caught:
        parse(authorization=authorization)
    assert SECRET not in str(caught.value)
    assert not authorization or authorization not in str(caught.value)


def test_a_missing_token_is_named():
    with pytest.raises(telephony.SignatureError, match="Authorization is missing"):
        webhooks.parse(connected, method="POST", url="https://x.example/", headers={}, body=BODY)


def test_a_webhook_of_the_past_is_judged_by_when_it_came():
    old = token(life=timedelta(minutes=-30))
    assert parse(authorization=old, received_at=datetime.now(UTC) - timedelta(minutes=31))
    with pytest.raises(telephony.SignatureError, match="stale"):
        parse(authorization=old, received_at=datetime.now(UTC) - timedelta(minutes=28))


SIGNED = token()


@given(st.data())
def test_any_single_bit_that_is_changed_is_refused(data):
    parts = {"body": BODY, "authorization": SIGNED.encode()}
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    changed = bytearray(parts[name])
    changed[bit // 8] ^= 1 << bit % 8
    value = bytes(changed) if name == "body" else changed.decode("latin-1")
    with pytest.raises(telephony.SignatureError):
        parse(**{"authorization": SIGNED, "body": BODY, name: value})


def test_the_vendors_receiver_accepts_what_the_sandbox_signs(telephony_sandbox, telephony_connect):
    provider = telephony_connect("livekit")
    settings = telephony_sandbox.settings("livekit")
    number = provider.provision_number(assign_to="reception")
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_call("livekit", number.number, sender=PERSON)
    receiver = WebhookReceiver(TokenVerifier(settings["api_key"], settings["api_secret"]))

    events = [
        receiver.receive(each.body.decode(), each.headers["authorization"]).event
        for each in telephony_sandbox.delivered()
    ]

    assert list(dict.fromkeys(events)) == ["participant_joined", "participant_left"]


def test_a_short_secret_of_a_server_in_development_works():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signed = AccessToken("devkey", "secret").with_sha256(body_hash(BODY)).to_jwt()
    with telephony.connect(
        "livekit", base_url="http://127.0.0.1:7880", api_key="devkey", api_secret="secret"
    ) as server:
        assert webhooks.parse(
            server, method="POST", url="http://x.example/", headers={"authorization": signed},
            body=BODY,
        )  # fmt: skip


def test_a_call_that_comes_in_meets_a_dispatch_rule():
    found = event(
        delivery("participant_joined", **{"sip.ruleID": "SDR_1", "sip.callStatus": "active"})
    )

    assert isinstance(found, webhooks.CallStarted)
    call = found.call
    assert (call.id, call.number, call.sender, call.recipient) == ("SCL_1", OURS, PERSON, OURS)
    assert (call.direction, call.status) == (Direction.INBOUND, CallStatus.IN_PROGRESS)
    assert call.started_at == datetime.fromtimestamp(1748855690, UTC)


def test_a_call_that_is_placed_begins_when_it_is_dialled():
    call = event(delivery("participant_joined", **{"sip.callStatus": "dialing"})).call
    assert (call.number, call.sender, call.recipient) == (OURS, OURS, PERSON)
    assert (call.direction, call.status) == (Direction.OUTBOUND, CallStatus.QUEUED)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("CLIENT_INITIATED", CallStatus.COMPLETED),
        ("ROOM_DELETED", CallStatus.COMPLETED),
        ("USER_UNAVAILABLE", CallStatus.NO_ANSWER),
        ("USER_REJECTED", CallStatus.BUSY),
        ("SIP_TRUNK_FAILURE", CallStatus.FAILED),
        ("UNKNOWN_REASON", CallStatus.UNKNOWN),
        ("A_REASON_OF_TOMORROW", CallStatus.UNKNOWN),
    ],
)
def test_how_a_call_went(reason, status):
    found = event(delivery("participant_left", reason))
    assert isinstance(found, webhooks.CallEnded)
    assert found.call.status is status


@pytest.mark.parametrize(
    ("reason", "word", "status"),
    [
        ("CLIENT_INITIATED", "active", CallStatus.COMPLETED),
        ("CLIENT_INITIATED", "hangup", CallStatus.COMPLETED),
        ("CLIENT_INITIATED", "automation", CallStatus.COMPLETED),
        ("CLIENT_INITIATED", "dialing", CallStatus.FAILED),
        ("CLIENT_INITIATED", "ringing", CallStatus.NO_ANSWER),
        ("ROOM_DELETED", "ringing", CallStatus.CANCELED),
        ("PARTICIPANT_REMOVED", "dialing", CallStatus.CANCELED),
        ("PARTICIPANT_REMOVED", "active", CallStatus.COMPLETED),
        ("UNKNOWN_REASON", "dialing", CallStatus.FAILED),
        ("UNKNOWN_REASON", "active", CallStatus.UNKNOWN),
        ("USER_REJECTED", "ringing", CallStatus.BUSY),
    ],
)
def test_a_call_that_was_never_answered_is_not_completed(reason, word, status):
    assert (
        event(delivery("participant_left", reason, **{"sip.callStatus": word})).call.status
        is status
    )


def test_a_call_that_was_never_connected_has_failed():
    for word in ("dialing", "active"):
        found = event(
            delivery(
                "participant_connection_aborted", "CLIENT_INITIATED", **{"sip.callStatus": word}
            )
        )
        assert isinstance(found, webhooks.CallEnded)
        assert found.call.status is CallStatus.FAILED
        assert found.call.reason == "CLIENT_INITIATED"


def test_numbers_are_written_as_listings_write_them():
    carriers = {"sip.trunkPhoneNumber": OURS[1:], "sip.phoneNumber": PERSON[1:]}
    call = event(delivery("participant_joined", **carriers, **{"sip.ruleID": "SDR_1"})).call

    assert (call.number, call.recipient, call.sender) == (OURS, OURS, PERSON)
    named = event(delivery("participant_joined", **{"sip.phoneNumber": "alice"})).call
    assert named.recipient == "alice"


def test_a_moment_that_no_calendar_has_does_not_lose_the_event():
    body = delivery("participant_left") | {"createdAt": str(2**63 - 1)}
    body["participant"]["joinedAt"] = str(-(2**63))
    found = event(body)

    assert isinstance(found, webhooks.CallEnded)
    assert (found.occurred_at, found.call.started_at) == (None, None)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_secret_verifies_nothing(blank):
    settings = connected.adapter._settings.model_copy(update={"api_secret": SecretStr(blank)})
    request = webhooks.WebhookRequest(
        "POST", "https://example.com/", {"authorization": token()}, BODY, datetime.now(UTC)
    )
    with pytest.raises(telephony.ConfigurationError, match="api_secret"):
        verify(request, settings, "livekit")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": "room_started", "numDropped": 3},
        {"event": "something_new", "id": 17},
        {"event": "participant_joined", "participant": {"kind": "STANDARD"}},
        delivery("track_published"),
        delivery("participant_joined", **{"sip.callID": ""}),
    ],
)
def test_what_is_not_a_call_is_handed_on_as_it_is(body):
    found = event(body)
    assert isinstance(found, webhooks.UnknownEvent)
    assert found.raw == body


def test_a_number_that_no_rule_answers_cannot_be_called(telephony_sandbox, telephony_connect):
    number = telephony_connect("livekit").provision_number()
    with pytest.raises(LookupError, match="No dispatch rule"):
        telephony_sandbox.receive_call("livekit", number.number, sender=PERSON)
