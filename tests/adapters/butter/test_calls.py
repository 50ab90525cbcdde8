"""Butter AI's calls, from beginning to end, against its sandbox."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

import telephony
from telephony import Agent, CallStatus, Direction, Speaker
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS

AGENT, OTHER = "agent_aa11bb22cc33", "agent_dd44ee55ff66"
NUMBER, CALLEE = "+442079460123", "+447700900456"


@pytest.fixture
def assigned(provider, imported):
    return provider.assign_number(imported, AGENT)


@pytest.fixture
def call(provider, assigned):
    return provider.place_call(assigned, CALLEE)


def test_a_call_rings_is_answered_and_ends(provider, vendor, call):
    assert (call.status, call.started_at) == (CallStatus.QUEUED, None)
    ringing = provider.get_call(call)
    assert (ringing.status, ringing.ended_at) == (CallStatus.RINGING, None)
    vendor.advance(RINGS)
    assert provider.get_call(call).status is CallStatus.IN_PROGRESS
    vendor.advance(3600)
    ended = provider.get_call(call)

    assert (ended.status, ended.reason) == (CallStatus.COMPLETED, "tool_end_call")
    assert (ended.number, ended.recipient, ended.agent) == (NUMBER, CALLEE, AGENT)
    assert ended.duration == timedelta(seconds=30)
    assert ended.ended_at - ended.started_at == timedelta(seconds=35)


@pytest.mark.parametrize(
    "outcome", [CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.FAILED, CallStatus.CANCELED]
)
def test_a_call_that_is_not_answered_says_how_it_ended(provider, vendor, assigned, outcome):
    vendor.state.calls.outcomes.append(outcome)
    call = provider.place_call(assigned, CALLEE)
    vendor.advance(3600)

    ended = provider.get_call(call)

    assert (ended.status, ended.duration) == (outcome, timedelta())
    assert provider.get_transcript(call).turns == ()


def test_a_call_is_the_same_in_the_list_and_alone(provider, vendor, call):
    vendor.advance(3600)
    (listed,) = provider.list_calls()

    alone = provider.get_call(listed)

    assert listed.model_dump(exclude={"raw"}) == alone.model_dump(exclude={"raw"})


def test_calls_of_a_number_come_newest_first_within_bounds(provider, vendor, imported, linked):
    provider.assign_number(imported, AGENT)
    other = provider.import_number("+442079460199", source=telephony.LinkedCarrier(linked.id))
    provider.place_call(other, CALLEE, agent=OTHER)
    placed = [provider.place_call(imported, CALLEE).id for _ in range(3)]
    received = vendor.receive_call(NUMBER, CALLEE)

    assert [call.id for call in provider.list_calls(NUMBER)] == [received, *placed[::-1]]
    first, second, third = (provider.get_call(call) for call in placed)
    within = provider.list_calls(imported.id, after=second.started_at, before=third.started_at)
    assert [call.id for call in within] == [second.id]
    assert len(list(provider.list_calls())) == 5
    assert provider.get_call(received).direction is Direction.INBOUND
    assert provider.get_call(received).number == NUMBER
    assert [
        c.id for c in provider.list_calls(before=first.started_at, after=first.started_at)
    ] == []


def test_calls_are_fetched_page_by_page(provider, assigned, telephony_sandbox):
    for _ in range(103):
        provider.place_call(assigned, CALLEE)
    already = len(telephony_sandbox.requests("butter"))

    calls = provider.list_calls()
    next(calls)

    assert len(telephony_sandbox.requests("butter")) == already + 1
    assert len({call.id for call in calls}) == 102
    assert len(telephony_sandbox.requests("butter")) == already + 2


def test_a_number_that_is_not_held_has_no_calls(provider):
    with pytest.raises(telephony.NotFoundError):
        list(provider.list_calls("+442079460198"))


def test_the_transcript_grows_as_the_call_goes_on(provider, vendor, call, caplog):
    assert provider.get_transcript(call).turns == ()
    vendor.advance(RINGS + 2)
    (greeting,) = provider.get_transcript(call).turns
    vendor.advance(3600)
    transcript = provider.get_transcript(call)

    assert greeting.speaker is Speaker.AGENT
    assert [turn.speaker for turn in transcript.turns] == [
        Speaker.AGENT, Speaker.CALLER, Speaker.AGENT,
    ]  # fmt: skip
    assert transcript.turns[1].text not in repr(transcript) + caplog.text


def test_a_recording_is_there_once_the_call_has_ended(provider, vendor, call, tmp_path):
    with pytest.raises(telephony.NotFoundError, match="once the call has ended"):
        provider.get_recording(call)
    vendor.advance(3600)

    recording = provider.get_recording(call)

    assert (recording.media_type, recording.call) == ("audio/wav", call.id)
    assert recording.save(tmp_path / "call.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("operation", ["get_call", "get_transcript", "get_recording"])
def test_an_unknown_call_is_not_found(provider, operation):
    with pytest.raises(telephony.NotFoundError):
        getattr(provider, operation)("call_0")


@pytest.mark.parametrize("argument", ["url", "metadata", "timeout", "idempotency_key"])
def test_what_butter_has_no_field_for_is_refused(provider, assigned, kinds, argument):
    given = {"url": "https://example.com", "metadata": {"a": "b"}, "timeout": 30}

    with pytest.raises(telephony.UnsupportedOperationError, match=argument):
        provider.place_call(assigned, CALLEE, **{argument: given.get(argument, "order-17")})

    assert "call" not in kinds()


def test_ending_a_call_says_what_to_do_instead(provider, call):
    with pytest.raises(telephony.UnsupportedOperationError, match="end_call_tool"):
        provider.end_call(call)


def test_a_lost_call_is_found_in_the_list(provider, assigned, telephony_sandbox, kinds):
    telephony_sandbox.fail(Fault(kind="lost", path="make-call"))

    with pytest.raises(telephony.OutcomeUnknownError, match=r"list_calls\(number\)"):
        provider.place_call(assigned, CALLEE)

    (call,) = provider.list_calls(NUMBER)
    assert (call.recipient, kinds().count("call")) == (CALLEE, 1)


def test_agents_are_known_by_their_calls_and_their_numbers(provider, imported):
    assert list(provider.list_targets()) == []
    provider.assign_number(imported, AGENT)
    provider.place_call(imported, CALLEE, agent=OTHER)

    assert [(target.id, target.name) for target in provider.list_targets()] == [
        (OTHER, "Sales"),
        (AGENT, None),
    ]


def test_a_target_that_is_not_there_is_named_with_the_nearest(provider, assigned, imported):
    with pytest.raises(telephony.NotFoundError, match=f"nearest that exists is {AGENT}") as caught:
        provider.assign_number(imported, Agent("agent_aa11bb22cc34"))

    assert caught.value.argument == "to"
    assert provider.get_number(imported).assignment.id == AGENT


def test_a_call_is_written_as_json_and_read_back(provider, vendor, call):
    vendor.advance(3600)
    ended = provider.get_call(call)

    written = json.loads(ended.model_dump_json())

    assert written["duration"] == 30.0
    assert telephony.Call.model_validate_json(ended.model_dump_json()) == ended
