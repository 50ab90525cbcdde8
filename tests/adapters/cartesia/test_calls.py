"""Calls at Cartesia: placed once, followed, ended, listed, and what was said in them."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import CallStatus, Speaker, webhooks
from telephony.idempotency import key_digest
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS

AGENT, OTHER = "agent_reception", "agent_sales"
PERSON, SOMEBODY = "+14155550199", "+14155550188"
CALLS = "/cartesia/agents/calls"
LONG = 3600.0


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


@pytest.fixture
def number(provider):
    return provider.provision_number(assign_to=AGENT)


@pytest.fixture
def account(telephony_sandbox):
    return telephony_sandbox.vendors["cartesia"].account


@pytest.fixture
def advance(telephony_sandbox):
    """Move the clock of the sandbox's calls."""
    return lambda seconds: telephony_sandbox.advance("cartesia", seconds)


@pytest.fixture
def placed(telephony_sandbox):
    """Return how many calls were really placed."""
    return lambda: len(telephony_sandbox.ledger("cartesia", "call"))


# --- Placing -------------------------------------------------------------------------------------


def test_metadata_and_the_time_to_ring_go_with_the_call(provider, number, telephony_sandbox):
    provider.place_call(number, PERSON, metadata={"ticket": "T-88"}, timeout=29.5)

    sent = telephony_sandbox.requests("cartesia")[-1].json()
    assert sent == {
        "from_number_id": number.id,
        "agent_id": AGENT,
        "ringing_timeout_seconds": 30,
        "outbound_calls": [{"to_number": PERSON, "metadata": {"ticket": "T-88"}}],
    }


def test_metadata_and_options_are_both_kept_and_the_key_is_added(
    provider, number, telephony_sandbox
):
    options = {"outbound_calls": [{"metadata": {"lines": 3, "ticket": "new"}}]}
    call = provider.place_call(
        number, PERSON, metadata={"ticket": "T", "of": "Ann"}, idempotency_key="k", options=options
    )

    kept = {"of": "Ann", "ticket": "new", "lines": 3, "telephony_key": key_digest("k")}
    sent = telephony_sandbox.requests("cartesia")[-1].json()
    assert sent["outbound_calls"] == [{"to_number": PERSON, "metadata": kept}]
    assert provider.get_call(call).raw["metadata"] == kept


@pytest.mark.parametrize("timeout", [4.9, 80.1, 3600])
def test_a_time_to_ring_that_cartesia_refuses_is_refused_before_any_request(
    provider, number, telephony_sandbox, timeout
):
    before = len(telephony_sandbox.requests("cartesia"))

    with pytest.raises(telephony.InvalidRequestError, match="5 to 80 seconds") as caught:
        provider.place_call(number, PERSON, timeout=timeout)

    assert caught.value.argument == "timeout"
    assert len(telephony_sandbox.requests("cartesia")) == before


def test_a_url_is_refused(provider, number):
    with pytest.raises(telephony.UnsupportedOperationError, match="url"):
        provider.place_call(number, PERSON, url="https://example.com")


def test_one_key_is_one_call(provider, number, placed):
    first = provider.place_call(number, PERSON, idempotency_key="order-17")
    again = provider.place_call(number, PERSON, idempotency_key="order-17")
    other = provider.place_call(number, PERSON, idempotency_key="order-18")

    assert (again.id, placed()) == (first.id, 2)
    assert other.id != first.id
    assert (again.recipient, again.sender) == (PERSON, number.number)


def test_a_call_whose_response_is_lost_is_found_by_its_key(
    provider, number, placed, telephony_sandbox
):
    provider.place_call(number, PERSON)
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="calls"))

    call = provider.place_call(number, PERSON, idempotency_key="order-17")

    assert placed() == 2
    assert provider.get_call(call).raw["metadata"] == {"telephony_key": key_digest("order-17")}


def test_a_call_that_was_not_placed_stays_unknown_and_can_be_repeated_with_its_key(
    provider, number, placed, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="reset", method="POST", path="calls"))

    with pytest.raises(telephony.OutcomeUnknownError, match="same idempotency_key") as caught:
        provider.place_call(number, PERSON, idempotency_key="order-17")

    assert not caught.value.retry_safe
    assert placed() == 0
    assert provider.place_call(number, PERSON, idempotency_key="order-17").recipient == PERSON
    assert placed() == 1


def test_without_a_key_the_error_names_where_to_look(provider, number, placed, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="calls"))

    with pytest.raises(telephony.OutcomeUnknownError, match=r"list_calls\(number\)"):
        provider.place_call(number, PERSON)

    (made,) = provider.list_calls(number)
    assert (made.recipient, placed()) == (PERSON, 1)


_DIES = """
import sys, telephony

with telephony.connect("cartesia", settings={"base_url": sys.argv[1], "api_key": sys.argv[2]}) as p:
    p.place_call(sys.argv[3], sys.argv[4], idempotency_key="order-17")
"""


def test_a_new_process_finds_the_call_of_one_that_died(provider, number, placed, telephony_sandbox):
    settings = telephony_sandbox.settings("cartesia")
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="calls"))
    telephony_sandbox.fail(Fault(kind="status", method="GET", path="calls", skip=1, times=None))
    given = [settings["base_url"], settings["api_key"], number.number, PERSON]
    died = subprocess.run(
        [sys.executable, "-c", _DIES, *given], check=False, capture_output=True, text=True
    )
    assert "OutcomeUnknownError" in died.stderr
    telephony_sandbox.heal()

    call = provider.place_call(number, PERSON, idempotency_key="order-17")

    assert placed() == 1
    assert provider.get_call(call).recipient == PERSON


def test_a_key_is_one_of_the_last_day_and_older_calls_are_not_read(
    provider, number, account, placed, telephony_sandbox
):
    first = provider.place_call(number, PERSON, idempotency_key="daily")
    for _ in range(150):
        provider.place_call(number, PERSON)
    for call in account.calls.values():
        call.played.began_at -= timedelta(days=1, minutes=1)
    before = len(telephony_sandbox.requests("cartesia"))

    again = provider.place_call(number, PERSON, idempotency_key="daily")

    assert again.id != first.id
    assert placed() == 152
    listings = [
        sent
        for sent in telephony_sandbox.requests("cartesia")[before:]
        if (sent.method, sent.path) == ("GET", CALLS)
    ]
    assert len(listings) == 1


def test_a_key_is_found_however_a_page_is_ordered(provider, number, account, telephony_sandbox):
    old = provider.place_call(number, PERSON)
    account.calls[old.id].played.began_at -= timedelta(days=2)
    made = provider.place_call(number, PERSON, idempotency_key="order-17")
    telephony_sandbox.fail(Fault(kind="shuffled", method="GET", path="agents/calls"))

    assert provider.place_call(number, PERSON, idempotency_key="order-17").id == made.id


# --- How a call goes -----------------------------------------------------------------------------


def test_a_call_rings_is_answered_and_ends(provider, number, advance):
    call = provider.place_call(number, PERSON)
    assert (call.status, call.number, call.recipient) == (
        CallStatus.QUEUED, number.number, PERSON,
    )  # fmt: skip
    assert provider.get_call(call).status is CallStatus.QUEUED

    advance(RINGS)
    answered = provider.get_call(call)
    assert (answered.status, answered.reason) == (CallStatus.IN_PROGRESS, None)
    assert (answered.ended_at, answered.duration) == (None, None)

    advance(LONG)
    ended = provider.get_call(call.id)
    assert (ended.status, ended.reason) == (CallStatus.COMPLETED, "client_hangup")
    assert (ended.sender, ended.recipient, ended.agent) == (number.number, PERSON, AGENT)
    assert ended.direction is telephony.Direction.OUTBOUND
    assert ended.duration == ended.ended_at - ended.started_at


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (CallStatus.BUSY, "dial_busy"),
        (CallStatus.NO_ANSWER, "dial_no_answer"),
        (CallStatus.FAILED, "dial_failed"),
    ],
)
def test_a_call_that_is_not_answered_says_why(
    provider, number, advance, telephony_sandbox, outcome, reason
):
    telephony_sandbox.vendors["cartesia"].state.calls.outcomes.append(outcome)
    call = provider.place_call(number, PERSON)
    advance(LONG)

    ended = provider.get_call(call)

    assert (ended.status, ended.reason) == (outcome, reason)
    for read in (provider.get_transcript, provider.get_recording):
        with pytest.raises(telephony.NotFoundError, match="answered"):
            read(call)


def test_a_call_is_ended_once(provider, number, advance, telephony_sandbox):
    call = provider.place_call(number, PERSON)
    advance(RINGS + 10)

    ended, again = provider.end_call(call), provider.end_call(call.id)

    assert (ended.status, ended.reason) == (CallStatus.CANCELED, "api_cancelled")
    assert again == ended
    assert len(telephony_sandbox.ledger("cartesia", "end")) == 1


def test_a_call_that_rings_cannot_be_ended_yet(provider, number, advance, telephony_sandbox):
    call = provider.place_call(number, PERSON)

    with pytest.raises(telephony.ConflictError, match="once it was answered") as caught:
        provider.end_call(call)

    assert caught.value.retry_safe
    advance(RINGS)
    assert provider.end_call(call).ended_at


def test_an_end_whose_response_is_lost_is_done(provider, number, advance, telephony_sandbox):
    call = provider.place_call(number, PERSON)
    advance(RINGS)
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="cancel"))

    assert provider.end_call(call).reason == "api_cancelled"
    assert len(telephony_sandbox.ledger("cartesia", "end")) == 1


def test_an_end_that_cannot_be_read_back_is_an_end(provider, number, advance, telephony_sandbox):
    call = provider.place_call(number, PERSON)
    advance(RINGS)
    telephony_sandbox.fail(Fault(kind="status", method="GET", status=500, times=None))

    ended = provider.end_call(call)

    assert (ended.id, ended.status, ended.reason) == (
        call.id, CallStatus.CANCELED, "api_cancelled",
    )  # fmt: skip


def test_an_end_that_is_neither_confirmed_nor_read_back_is_unknown_and_can_be_repeated(
    provider, number, advance, telephony_sandbox
):
    call = provider.place_call(number, PERSON)
    advance(RINGS)
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="cancel"))
    telephony_sandbox.fail(Fault(kind="status", method="GET", status=500, times=None))

    with pytest.raises(telephony.OutcomeUnknownError, match="may have ended") as caught:
        provider.end_call(call)

    assert caught.value.retry_safe
    telephony_sandbox.heal()
    assert provider.end_call(call).reason == "api_cancelled"
    assert len(telephony_sandbox.ledger("cartesia", "end")) == 1


@pytest.mark.parametrize("operation", ["get_call", "end_call", "get_transcript", "get_recording"])
def test_an_unknown_call_is_not_found(provider, operation):
    with pytest.raises(telephony.NotFoundError):
        getattr(provider, operation)("ac_none")


# --- What was said -------------------------------------------------------------------------------


def test_what_is_said_can_be_read_while_it_is_said(provider, number, advance):
    call = provider.place_call(number, PERSON)
    assert provider.get_transcript(call).turns == ()
    advance(RINGS + 2)
    assert len(provider.get_transcript(call).turns) == 1
    advance(LONG)

    transcript = provider.get_transcript(call)

    assert (transcript.call, transcript.provider) == (call.id, "cartesia")
    said = [(turn.speaker, turn.text) for turn in transcript.turns]
    assert said[:2] == [
        (Speaker.AGENT, "Good morning, what can I do for you?"),
        (Speaker.CALLER, "Is five okay?"),
    ]
    began = provider.get_call(call).started_at
    assert transcript.turns[1].at == began + timedelta(seconds=RINGS + 6)
    assert "five" not in f"{transcript!r} {transcript.turns!r} {provider.get_call(call)!r}"


def test_the_recording_is_the_sound_of_an_ended_call(provider, number, advance, tmp_path):
    call = provider.place_call(number, PERSON)
    advance(RINGS + 1)
    with pytest.raises(telephony.NotFoundError, match="once it has ended"):
        provider.get_recording(call)
    advance(LONG)

    recording = provider.get_recording(call)

    assert (recording.media_type, recording.call) == ("audio/wav", call.id)
    with wave.open(str(recording.save(tmp_path / "call.wav"))) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 2000)


# --- Listing -------------------------------------------------------------------------------------


def test_the_calls_of_all_agents_come_newest_first(provider, number, telephony_sandbox):
    second = provider.provision_number(assign_to=OTHER)
    order = [number, second, second, number, second]
    placed = [provider.place_call(one, PERSON).id for one in order]

    assert [call.id for call in provider.list_calls()] == placed[::-1]
    assert [call.id for call in provider.list_calls(limit=2)] == placed[:-3:-1]
    mine = [call.id for call in provider.list_calls(number)]
    assert mine == [placed[3], placed[0]]
    assert [call.id for call in provider.list_calls(number.number)] == mine
    assert [call.id for call in provider.list_calls(number.id)] == mine


def test_a_number_has_its_calls_whichever_agent_took_them(provider, number, telephony_sandbox):
    placed = [provider.place_call(number, PERSON, agent=agent).id for agent in (OTHER, AGENT)]
    received = telephony_sandbox.receive_call("cartesia", number.number, sender=SOMEBODY)

    listed = list(provider.list_calls(number))

    assert {call.id for call in listed} == {received, *placed}
    incoming = next(call for call in listed if call.id == received)
    assert incoming.direction is telephony.Direction.INBOUND
    assert (incoming.sender, incoming.recipient) == (SOMEBODY, number.number)
    assert incoming.status is CallStatus.COMPLETED


def test_calls_are_listed_page_by_page_as_they_are_needed(
    provider, number, account, telephony_sandbox
):
    placed = [provider.place_call(number, PERSON).id for _ in range(205)]

    def pages():
        return sum(
            (sent.method, sent.path) == ("GET", CALLS)
            for sent in telephony_sandbox.requests("cartesia")
        )

    found = provider.list_calls(number)
    assert next(found).id == placed[-1]
    assert pages() == len(account.agents)
    assert [call.id for call in found] == placed[-2::-1]
    assert pages() == len(account.agents) + 2


def test_calls_are_listed_by_when_they_began(provider, number, account):
    ids = [provider.place_call(number, PERSON).id for _ in range(4)]
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for hour, call in enumerate(ids):
        account.calls[call].played.began_at = noon + timedelta(hours=hour)

    def listed(**period):
        return [ids.index(call.id) for call in provider.list_calls(**period)]

    assert listed(after=noon + timedelta(hours=2)) == [3, 2]
    assert listed(before=noon + timedelta(hours=2)) == [1, 0]
    span = {"after": noon + timedelta(hours=1), "before": noon + timedelta(hours=3)}
    assert listed(**span) == [2, 1]
    assert listed(number=number, **span) == [2, 1]


def test_a_number_without_calls_has_none_and_a_mistyped_one_is_not_found(provider, number):
    assert list(provider.list_calls(number.number)) == []
    with pytest.raises(telephony.NotFoundError):
        list(provider.list_calls("+14155550177"))
    with pytest.raises(telephony.NotFoundError):
        list(provider.list_calls("pn_none"))


def test_an_agent_that_was_deleted_meanwhile_ends_no_listing(provider, number, telephony_sandbox):
    call = provider.place_call(number, PERSON)
    agents = {"summaries": [{"id": "agent_gone"}, {"id": AGENT}]}
    telephony_sandbox.vendors["cartesia"].state.respond(agents, to="/agents$")

    assert [found.id for found in provider.list_calls()] == [call.id]


# --- Webhooks ------------------------------------------------------------------------------------


def test_a_webhook_reports_the_call_that_get_call_returns(
    provider, number, advance, telephony_sandbox
):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/{provider}")
    call = provider.place_call(number, PERSON, metadata={"ticket": "88"})
    seen = []
    for seconds in (RINGS, LONG):
        advance(seconds)
        *_, delivery = telephony_sandbox.delivered()
        (event,) = webhooks.parse(
            provider,
            method=delivery.method,
            url=delivery.url,
            headers=delivery.headers,
            body=delivery.body,
        )
        assert event.call == provider.get_call(call)
        seen.append(type(event))

    assert seen == [webhooks.CallStarted, webhooks.CallEnded]


def test_a_call_that_is_not_answered_is_reported_as_ended_only(
    provider, number, advance, telephony_sandbox
):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/{provider}")
    telephony_sandbox.vendors["cartesia"].state.calls.outcomes.append(CallStatus.BUSY)
    provider.place_call(number, PERSON)
    advance(LONG)

    kinds = {json.loads(one.body)["type"] for one in telephony_sandbox.delivered()}
    assert kinds == {"call_failed"}
