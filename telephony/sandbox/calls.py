"""Calls as the sandboxes play them: they ring, are answered, are spoken in and end by themselves.

What a call is depends only on the clock of its vendor's sandbox, which a test moves.
"""

from __future__ import annotations

import io
import math
import time
import wave
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from telephony.enums import CallStatus, Speaker
from telephony.model import Turn

RINGS = 5.0
"""Seconds until a call is answered, or given up."""
TALKS = 30.0
"""Seconds from the answer to the end."""
SPOKEN: tuple[tuple[float, Speaker, str], ...] = (
    (1.0, Speaker.AGENT, "Good morning, what can I do for you?"),
    (6.0, Speaker.CALLER, "Is five okay?"),
    (9.0, Speaker.AGENT, "Five is fine. See you then."),
)
"""What is said: seconds after the answer, by whom, and the words."""

_RATE = 8000


def nothing() -> None:
    """Do nothing, when a call is answered or ends."""


@dataclass
class PlayedCall:
    """One call.

    Attributes:
        began_at: when it was placed or came in.
        outcome: what it ends as; only one that ends as completed is answered.
        replies: what the agent says to each thing that the caller says, instead of the usual.
    """

    began_at: datetime
    outcome: CallStatus
    seconds: Callable[[], float] = field(repr=False)
    start: float
    on_answered: Callable[[], None] = field(default=nothing, repr=False)
    on_ended: Callable[[], None] = field(default=nothing, repr=False)
    cut: float = math.inf
    reported: int = 0
    replies: list[str] = field(default_factory=list)

    @property
    def status(self) -> CallStatus:
        """Ringing, in progress, or what it ended as."""
        if self.ended:
            return CallStatus.CANCELED if self.cut < RINGS else self.outcome
        return CallStatus.IN_PROGRESS if self.answered else CallStatus.RINGING

    @property
    def answered(self) -> bool:
        """Whether it was answered, ended or not."""
        return self.outcome is CallStatus.COMPLETED and min(self._elapsed, self.cut) >= RINGS

    @property
    def ended(self) -> bool:
        return self._elapsed >= self._length

    @property
    def answered_at(self) -> datetime | None:
        return self._moment(RINGS) if self.answered else None

    @property
    def ended_at(self) -> datetime | None:
        return self._moment(self._length) if self.ended else None

    @property
    def duration(self) -> timedelta:
        """From the answer until the end, or until now."""
        if not self.answered:
            return timedelta()
        return timedelta(seconds=min(self._elapsed, self._length) - RINGS)

    @property
    def turns(self) -> list[Turn]:
        """What was said so far."""
        if not self.answered:
            return []
        until, heard = min(self._elapsed, self._length), 0
        turns: list[Turn] = []
        for after, speaker, usual in SPOKEN:
            replied = speaker is Speaker.AGENT and 0 < heard <= len(self.replies)
            text = self.replies[heard - 1] if replied else usual
            if RINGS + after <= until:
                turns.append(Turn(speaker=speaker, text=text, at=self._moment(RINGS + after)))
            heard += speaker is Speaker.CALLER
        return turns

    def end(self) -> bool:
        """End it now; return False, and change nothing, if it had ended before."""
        if self.ended:
            return False
        self.cut = self._elapsed
        self.report()
        return True

    def report(self) -> None:
        """Call what is to be called once it is answered, and once it has ended."""
        due = [self.answered, self.ended]
        while self.reported < 2 and any(due[self.reported :]):
            nth, self.reported = self.reported, self.reported + 1
            if due[nth]:
                (self.on_answered, self.on_ended)[nth]()

    @property
    def _elapsed(self) -> float:
        return self.seconds() - self.start

    @property
    def _length(self) -> float:
        answered = self.outcome is CallStatus.COMPLETED
        return min(RINGS + TALKS if answered else RINGS, self.cut)

    def _moment(self, after: float) -> datetime:
        return self.began_at + timedelta(seconds=after)


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """A call that a number received.

    Attributes:
        id: the vendor's.
        to: the number, E.164.
        sender: who called, E.164.
    """

    vendor: str
    id: str
    to: str
    sender: str
    at: datetime


class Calls:
    """The calls of one vendor, and the clock that they go by.

    Args:
        now: the vendor's time of day.

    Attributes:
        outcomes: what the next calls end as; completed where it is empty.
        real_time: whether the clock also moves by itself, for people who watch.
        lasting: whether calls that come in ring first; else they are over at once.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._made: list[PlayedCall] = []
        self._moved = 0.0
        self._start = time.monotonic()
        self.outcomes: deque[CallStatus] = deque()
        self.real_time: bool = False
        self.lasting: bool = False

    def seconds(self) -> float:
        """Return the seconds that have passed for the calls."""
        return self._moved + (time.monotonic() - self._start if self.real_time else 0.0)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._moved += seconds
        self.report()

    def report(self) -> None:
        """Call what is to be called for each call that was answered or has ended."""
        for call in list(self._made):
            call.report()

    def place(
        self, on_answered: Callable[[], None] = nothing, on_ended: Callable[[], None] = nothing
    ) -> PlayedCall:
        """Return a call that begins to ring now.

        Args:
            on_answered: called once, as soon as it is answered.
            on_ended: called once, as soon as it has ended.
        """
        outcome = self.outcomes.popleft() if self.outcomes else CallStatus.COMPLETED
        began = self._now() + timedelta(seconds=self._moved)
        call = PlayedCall(began, outcome, self.seconds, self.seconds(), on_answered, on_ended)
        self._made.append(call)
        return call

    def receive(
        self, on_answered: Callable[[], None] = nothing, on_ended: Callable[[], None] = nothing
    ) -> PlayedCall:
        """Return a call that comes in: it has just ended or, where calls last, rings now.

        Call its `report` as soon as its vendor knows it.

        Args:
            on_answered: called once, as soon as it is answered.
            on_ended: called once, as soon as it has ended.
        """
        ago = 0.0 if self.lasting else RINGS + TALKS
        began = self._now() + timedelta(seconds=self._moved - ago)
        start = self.seconds() - ago
        call = PlayedCall(began, CallStatus.COMPLETED, self.seconds, start, on_answered, on_ended)
        self._made.append(call)
        return call


@cache
def sound() -> bytes:
    """Return a recording: a WAV file of a quarter of a second, 8 kHz, mono, 16 bits."""
    tone = array("h", (int(8000 * math.sin(2 * math.pi * 440 * n / _RATE)) for n in range(2000)))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(tone.tobytes())
    return file.getvalue()
