"""Calls through LiveKit: an agent is sent into a room, and the room dials."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import Room, SipTrunk
from telephony.sandbox import Fault

NUMBER, CALLEE = "+14155550123", "+14155550199"


@pytest.fixture(autouse=True)
def imported(provider):
    return provider.import_number(NUMBER, source=SipTrunk("acme.pstn.example.com"))


@pytest.fixture
def dialled(telephony_sandbox):
    """Return the bodies of the requests to dial."""

    def bodies():
        sent = telephony_sandbox.requests("livekit")
        return [json.loads(r.content) for r in sent if r.path.endswith("/CreateSIPParticipant")]

    return bodies


@pytest.fixture
def rooms(sandbox):
    """Who is in each room: agents sent there, then people called."""

    def meetings():
        found = {}
        for one in sandbox.account.dispatches.values():
            found.setdefault(one.room, []).append(one.agent_name)
        for room, identity in sandbox.account.participants:
            found.setdefault(room, []).append(identity)
        return found

    return meetings


def test_agent_and_callee_meet_in_a_room_of_their_own(provider, rooms):
    first = provider.place_call(NUMBER, CALLEE, agent="sales")
    second = provider.place_call(NUMBER, CALLEE, agent="sales")

    assert list(rooms().values()) == [["sales", f"sip_{CALLEE}"]] * 2
    assert first.id != second.id
    assert (first.agent, first.sender, first.recipient) == ("sales", NUMBER, CALLEE)
    assert first.status is telephony.CallStatus.QUEUED
    assert first.raw["room_name"] in rooms()


def test_the_agent_of_the_number_speaks_unless_another_is_named(provider, rooms):
    provider.assign_number(NUMBER, "reception")

    assert provider.place_call(NUMBER, CALLEE).agent == "reception"
    assert provider.place_call(NUMBER, CALLEE, agent="sales").agent == "sales"
    assert [people[0] for people in rooms().values()] == ["reception", "sales"]


def test_a_number_of_a_room_calls_into_that_room(provider, rooms):
    provider.assign_number(NUMBER, Room("lobby"))

    assert provider.place_call(NUMBER, CALLEE).agent is None
    assert rooms() == {"lobby": [f"sip_{CALLEE}"]}


def test_a_room_can_be_chosen(provider, rooms):
    provider.assign_number(NUMBER, "reception")

    provider.place_call(NUMBER, CALLEE, options={"room_name": "lobby"})
    assert rooms() == {"lobby": [f"sip_{CALLEE}"]}
    provider.place_call(NUMBER, CALLEE, agent="sales", options={"room_name": "desk"})
    assert rooms()["desk"] == ["sales", f"sip_{CALLEE}"]


def test_somebody_must_speak(provider, rooms):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(NUMBER, CALLEE)

    assert caught.value.argument == "agent"
    assert rooms() == {}


def test_a_number_without_an_outbound_trunk_cannot_call(provider, rooms):
    provider.import_number("+14155550124")

    with pytest.raises(telephony.InvalidRequestError, match=r"SipTrunk\(address=…\)") as caught:
        provider.place_call("+14155550124", CALLEE, agent="sales")

    assert caught.value.argument == "number"
    assert rooms() == {}


def test_a_url_is_not_how_livekit_works(provider):
    with pytest.raises(telephony.UnsupportedOperationError, match="agent"):
        provider.place_call(NUMBER, CALLEE, url="https://example.com/voice")


def test_the_call_is_placed_from_the_very_number(provider, sandbox, telephony_sandbox):
    (trunk,) = sandbox.account.outbound.values()
    trunk.numbers.append("+14155550188")

    provider.place_call(NUMBER, CALLEE, agent="sales")

    assert [entry.number for entry in telephony_sandbox.ledger("livekit", "call")] == [NUMBER]


def test_without_a_bridge_no_call_is_placed_and_the_dispatch_is_cancelled(
    provider, sandbox, rooms, telephony_sandbox
):
    sandbox.account.has_bridge = False

    with pytest.raises(telephony.UnavailableError, match="livekit-sip") as caught:
        provider.place_call(NUMBER, CALLEE, agent="sales")

    assert caught.value.retry_safe
    assert rooms() == {}
    assert telephony_sandbox.ledger("livekit", "call") == []


def test_a_call_that_may_be_ringing_is_not_dialled_again(provider, rooms, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", path="CreateSIPParticipant"))
    telephony_sandbox.fail(Fault(kind="status", status=500, path="ListParticipants", times=9))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.place_call(NUMBER, CALLEE, agent="sales")

    ((room, people),) = rooms().items()
    assert room in caught.value.hint
    assert people == ["sales", f"sip_{CALLEE}"]


def test_an_agent_that_may_have_been_sent_is_not_sent_twice(provider, rooms, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", path="CreateDispatch"))

    with pytest.raises(telephony.OutcomeUnknownError, match="No call was placed"):
        provider.place_call(NUMBER, CALLEE, agent="sales")

    assert list(rooms().values()) == [["sales"]]
    assert telephony_sandbox.ledger("livekit", "call") == []


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (486, "Busy Here", telephony.ConflictError),
        (480, "Temporarily Unavailable", telephony.ConflictError),
        (408, "Request Timeout", telephony.ConflictError),
        (407, "Proxy Authentication Required", telephony.PermissionDeniedError),
        (403, "Forbidden", telephony.PermissionDeniedError),
        (404, "Not Found", telephony.NotFoundError),
        (503, "Service Unavailable", telephony.UnavailableError),
        (488, "Not Acceptable Here", telephony.InvalidRequestError),
    ],
)
def test_what_the_carrier_says_is_not_taken_for_livekits_word(
    provider, sandbox, rooms, sent, status, reason, error
):
    """LiveKit responds 429 for a busy line and 401 for a wrong SIP password.

    Neither is a rate limit, after which one would dial again, nor a bad API key.
    """
    sandbox.account.next_sip_status = (status, reason)

    with pytest.raises(error, match=reason) as caught:
        provider.place_call(NUMBER, CALLEE, agent="sales", options={"wait_until_answered": True})

    assert sent().count("CreateSIPParticipant") == 1
    assert caught.value.raw["meta"]["sip_status_code"] == str(status)
    assert rooms() == {}


def test_a_call_that_was_answered_is_in_progress(provider):
    call = provider.place_call(NUMBER, CALLEE, agent="sales", options={"wait_until_answered": True})

    assert call.status is telephony.CallStatus.IN_PROGRESS


WAITED = {"wait_until_answered": True}


def test_a_call_that_is_waited_for_may_ring_longer_than_other_requests_take(
    telephony_connect, telephony_sandbox, dialled
):
    hurried = telephony_connect("livekit", phone_numbers=False, timeout=0.5)
    telephony_sandbox.fail(Fault(kind="slow_headers", path="CreateSIPParticipant", seconds=1.5))

    call = hurried.place_call(NUMBER, CALLEE, agent="sales", options=WAITED)

    assert call.status is telephony.CallStatus.IN_PROGRESS
    assert dialled()[-1]["ringing_timeout"] == "30s"


def test_the_ringing_timeout_is_an_option(provider, dialled):
    options = {**WAITED, "ringing_timeout": "45s"}
    provider.place_call(NUMBER, CALLEE, agent="sales", options=options)
    assert dialled()[-1]["ringing_timeout"] == "45s"

    with pytest.raises(telephony.InvalidRequestError, match="duration"):
        provider.place_call(
            NUMBER, CALLEE, agent="sales", options={**WAITED, "ringing_timeout": "soon"}
        )
    assert len(dialled()) == 1


def test_options_in_camel_case_are_the_same_options(provider, rooms, dialled):
    options = {"waitUntilAnswered": True, "roomName": "desk", "ringingTimeout": "45s", "xNew": 1}
    call = provider.place_call(NUMBER, CALLEE, agent="sales", options=options)

    assert call.status is telephony.CallStatus.IN_PROGRESS
    assert list(rooms()) == ["desk"]
    (body,) = dialled()
    assert (body["ringing_timeout"], body["xNew"]) == ("45s", 1)
    assert not {"waitUntilAnswered", "roomName", "ringingTimeout"} & set(body)


def refused(telephony_sandbox, status, code, message, path="CreateSIPParticipant"):
    body = json.dumps({"code": code, "msg": f"twirp error unknown: {message}"})
    telephony_sandbox.fail(Fault(kind="status", path=path, status=status, body=body))


def test_an_unanswered_call_is_reported_as_one(provider, rooms, telephony_sandbox):
    """LiveKit says it with the status that otherwise leaves open whether a bridge is calling."""
    refused(telephony_sandbox, 408, "canceled", "sip request timed out")

    with pytest.raises(telephony.ConflictError, match="was not answered") as caught:
        provider.place_call(NUMBER, CALLEE, agent="sales", options=WAITED)

    assert not caught.value.retry_safe
    assert rooms() == {}


@pytest.mark.parametrize("message", ["max auth retry attempts", "sip server required auth"])
def test_wrong_credentials_of_the_trunk_are_named(provider, rooms, telephony_sandbox, message):
    refused(telephony_sandbox, 412, "failed_precondition", message)

    with pytest.raises(telephony.PermissionDeniedError, match="trunk's credentials"):
        provider.place_call(NUMBER, CALLEE, agent="sales", options=WAITED)

    assert rooms() == {}


@pytest.mark.parametrize("code", ["deadline_exceeded", "canceled"])
def test_the_agent_stays_when_a_call_may_have_been_placed(provider, rooms, telephony_sandbox, code):
    """A bridge may have taken the call before the server gave up waiting for it."""
    refused(telephony_sandbox, 408, code, "context deadline exceeded")

    with pytest.raises(telephony.OutcomeUnknownError, match="may be ringing") as caught:
        provider.place_call(NUMBER, CALLEE, agent="sales", options=WAITED)

    assert not caught.value.retry_safe
    assert list(rooms().values()) == [["sales"]]


def test_a_limit_of_the_plan_is_no_matter_of_waiting(provider, telephony_sandbox):
    message = "concurrent SIP calls limit reached for plan"
    refused(telephony_sandbox, 429, "resource_exhausted", message)

    with pytest.raises(telephony.QuotaExceededError, match="limit reached"):
        provider.place_call(NUMBER, CALLEE, agent="sales")
    assert telephony_sandbox.ledger("livekit", "call") == []

    refused(telephony_sandbox, 429, "resource_exhausted", "rate limit exceeded")
    assert provider.place_call(NUMBER, CALLEE, agent="sales").id
