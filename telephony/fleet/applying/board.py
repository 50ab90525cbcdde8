"""How a run goes: what is done, which accounts are left alone, and whether it is to stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

from msgspec import Struct

from telephony.errors import AuthenticationError
from telephony.fleet.journal.protocol import Entry, State

IN_A_ROW = 5
SHARE = 0.02
ENOUGH = 250  # operations of an account, before a share of them says anything
EVERY = 0.1  # seconds between two reports of progress

_BAD = frozenset({State.FAILED, State.REFUSED, State.UNKNOWN})


class Progress(Struct, frozen=True):
    """How far a run is.

    Attributes:
        total: how many operations it has.
        counts: how many of them are in each state; states without any are left out.
    """

    total: int
    counts: Mapping[State, int]

    @property
    def done(self) -> int:
        """How many are done."""
        return self.counts.get(State.DONE, 0)


Report: TypeAlias = Callable[[Progress], object]


@dataclass
class _Account:
    ended: int = 0
    bad: int = 0
    in_a_row: int = 0


@dataclass
class Board:
    """What the workers of one run share. Safe between threads.

    An account is left alone after an error of its credentials, after five operations in a row that
    did not succeed, or when they are more than 2 % of many.

    Attributes:
        accounts: the account of every profile.
        report: called with the progress.
        counts: how many operations are in each state.
        paused: why an account is left alone, by account.
        stopping: whether nothing more is to begin.
    """

    accounts: Mapping[str, str]
    report: Report | None = None
    counts: Counter[State] = field(default_factory=Counter)
    paused: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    _failure: BaseException | None = None
    _seen: dict[str, _Account] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reported: tuple[float, Counter[State]] = (0.0, Counter())

    def can_go_on(self, profile: str) -> bool:
        """Return whether another operation may begin at a profile."""
        return not self.stopping and self.accounts[profile] not in self.paused

    def stop(self, failure: BaseException | None = None) -> None:
        """Begin nothing more; what a worker failed with is raised at the end."""
        self.stopping = True
        self._failure = self._failure or failure

    def check(self) -> None:
        """Raise what a worker failed with."""
        if self._failure is not None:
            raise self._failure

    def note(self, before: State, entry: Entry) -> None:
        """Count an operation that stands elsewhere now."""
        with self._lock:
            self.counts[before] -= 1
            self.counts[entry.state] += 1
            if entry.state is not State.STARTED or entry.error is not None:
                self._watch(entry)

    def _watch(self, entry: Entry) -> None:
        account = self.accounts[entry.op.profile]
        seen = self._seen.setdefault(account, _Account())
        bad = entry.state in _BAD or entry.error is not None
        seen.ended += 1
        seen.bad += bad
        seen.in_a_row = seen.in_a_row + 1 if bad else 0
        if entry.error == AuthenticationError.__name__:
            self.paused.setdefault(account, "its credentials were refused")
        elif seen.in_a_row >= IN_A_ROW:
            self.paused.setdefault(account, f"{IN_A_ROW} operations in a row did not succeed")
        elif seen.ended >= ENOUGH and seen.bad > SHARE * seen.ended:
            self.paused.setdefault(account, f"{seen.bad} of {seen.ended} did not succeed")

    def show(self, *, last: bool = False) -> None:
        """Report the progress, at most ten times a second, and at the end."""
        when, shown = self._reported
        if self.report is None or not (last or monotonic() >= when + EVERY):
            return
        with self._lock:
            counts = +self.counts
        if counts != shown or last:
            self._reported = monotonic(), counts
            self.report(Progress(sum(counts.values()), dict(counts)))
