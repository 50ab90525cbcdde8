"""Calls that ring, are answered and end, as a test moves their clock."""

from __future__ import annotations

import io
import threading
import wave
from datetime import timedelta

import httpx
import pytest

from telephony import CallStatus, Speaker
from telephony.sandbox import Sandbox
from telephony.sandbox.calls import RINGS, TALKS, sound
from telephony.sandbox.vendor import State


@pytest.fixture
def calls():
    return State().calls


def test_a_call_rings_is_answered_and_ends_as_the_clock_moves(calls):
    happened = []
    call = calls.place(lambda: happened.append("answered"), lambda: happened.append("ended"))
    assert (call.status, call.answered_at, call.ended_at) == (CallStatus.RINGING, None, None)
    assert (call.turns, call.duration) == ([], timedelta())

    calls.advance(RINGS)
    assert call.status is CallStatus.IN_PROGRESS
    assert call.answered_at == call.began_at + timedelta(seconds=RINGS)
    calls.advance(7)
    assert [turn.speaker for turn in call.turns] == [Speaker.AGENT, Speaker.CALLER]
    assert happened == ["answered"]

    calls.advance(3600)
    assert call.status is CallStatus.COMPLETED
    assert call.ended_at == call.answered_at + timedelta(seconds=TALKS)
    assert call.duration == timedelta(seconds=TALKS)
    assert [turn.text for turn in call.turns][1] == "Is five okay?"
    assert call.turns[0].at == call.answered_at + timedelta(seconds=1)
    calls.advance(1)
    assert happened == ["answered", "ended"]


def test_a_call_is_ended_once(calls):
    happened = []
    call = calls.place(on_ended=lambda: happened.append("ended"))
    calls.advance(RINGS + 10)
    assert call.end()
    calls.advance(60)
    assert not call.end()
    assert (call.status, call.duration) == (CallStatus.COMPLETED, timedelta(seconds=10))
    assert happened == ["ended"]


def test_a_call_that_is_ended_before_its_answer_is_cancelled(calls):
    call = calls.place()
    assert call.end()
    calls.advance(3600)
    assert (call.status, call.answered_at) == (CallStatus.CANCELED, None)
    assert call.ended_at == call.began_at


def test_a_call_can_end_without_an_answer(calls):
    happened = []
    calls.outcomes.append(CallStatus.BUSY)
    busy = calls.place(lambda: happened.append("answered"), lambda: happened.append("ended"))
    calls.advance(RINGS)
    assert (busy.status, busy.answered_at, busy.turns) == (CallStatus.BUSY, None, [])
    assert happened == ["ended"]
    assert calls.place().outcome is CallStatus.COMPLETED


def test_a_call_that_was_received_is_over_with_all_that_was_said(calls):
    happened = []
    call = calls.receive(lambda: happened.append("answered"), lambda: happened.append("ended"))
    call.report()
    assert happened == ["answered", "ended"]
    assert call.status is CallStatus.COMPLETED
    assert call.duration == timedelta(seconds=TALKS)
    assert len(call.turns) == 3


def test_the_recording_is_a_sound_file():
    with wave.open(io.BytesIO(sound())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 1, 2000)


def test_another_program_moves_the_clock(telephony_sandbox):
    call = telephony_sandbox.vendors["cartesia"].state.calls.place()
    moved = httpx.post(f"{telephony_sandbox.url}/_sandbox/cartesia/clock", json={"seconds": RINGS})
    assert moved.status_code == 204
    assert call.status is CallStatus.IN_PROGRESS


def test_calls_go_on_by_themselves_where_people_watch():
    with Sandbox(["cartesia"], real_time=True) as sandbox:
        calls = sandbox.vendors["cartesia"].state.calls
        ended = threading.Event()
        call = calls.place(on_ended=ended.set)
        call.cut = 0.01
        assert ended.wait(30)
    assert call.status is CallStatus.CANCELED
