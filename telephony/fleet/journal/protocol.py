"""What every journal keeps: runs, where each of their operations stands, and who works on them.

It holds names of profiles, ids, labels, targets as text, and of errors the class, status, code and
request id; never settings, the bodies of vendors or the texts of messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from telephony.fleet.planning.ops import Op


class State(StrEnum):
    """Where an operation stands."""

    PLANNED = "planned"
    """Nothing was sent, or what was sent is known to have changed nothing."""
    STARTED = "started"
    """It may have been done. Written down before the first request that changes anything."""
    DONE = "done"
    REFUSED = "refused"
    """The vendor, or the library before any request, said no."""
    FAILED = "failed"
    """It did not succeed, or it can safely be done again."""
    UNKNOWN = "unknown"
    """It may have been done, and reading did not prove it. It is not repeated."""
    CHANGED = "changed"
    """The vendor has neither the value before nor the one wanted. Nothing was sent."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    """Every operation is done."""
    PARTLY = "partly"
    """Some are not."""
    PAUSED = "paused"
    """Some are not, and an account was left alone after too many failures."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An operation of a run, as it stands.

    Attributes:
        seq: its place in the run, from 0.
        op: as it was planned.
        number: what a purchase brought, E.164.
        holding: the vendor's id of the number, once a purchase or an import brought it.
        error: the class of the error that it ended with, such as ``ConflictError``.
        status: the HTTP status of that error.
        code: the vendor's own code of it.
        request_id: the vendor's id of the request.
        reason: why it is not done, in our words; of a route that replaced whatever there was: what
            that was, as text; of a check of nothing in particular: what was read.
    """

    seq: int
    op: Op
    state: State = State.PLANNED
    number: str = ""
    holding: str | None = None
    error: str | None = None
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    reason: str = ""

    @property
    def why(self) -> str:
        """Why it is not done, as a sentence; empty where that is not known."""
        facts = [f"HTTP {self.status}"] if self.status else []
        facts += [f"code {self.code}"] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        said = f"{self.error} ({', '.join(facts)})." if facts else ""
        return " ".join(part for part in (said, self.reason) if part)


class Lane(Struct, frozen=True, gc=False):
    """Operations that follow each other.

    Attributes:
        place: where it stands in its run, from 0.
        entries: all of its operations, in order, also those that are done.
    """

    place: int
    entries: tuple[Entry, ...]


class RunRecord(Struct, frozen=True, kw_only=True):
    """A run, as the journal has it.

    Attributes:
        id: the digest of its plan.
        started_at: when it was begun, as ISO 8601 in UTC.
        counts: how many operations are in each state; states without any are left out.
    """

    id: str
    state: RunState
    started_at: str
    counts: Mapping[State, int]


class MoveState(StrEnum):
    """Where a move of a number stands."""

    PLANNED = "planned"
    """The number is answered as before."""
    CUT = "cut"
    """The owner routes to the new answerer; that is being looked at."""
    VERIFIED = "verified"
    """It stayed so; the former answerer is being let go."""
    MOVED = "moved"
    RETIRED = "retired"
    """Moved, and the former answerer has given the number up."""
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    """Everything is as it was before."""
    STUCK = "stuck"
    """It could not be undone yet."""
    LEFT = "left"
    """Somebody else has routed the number meanwhile, and that was left as it is."""


class Move(Struct, frozen=True, kw_only=True):
    """A number that is moved to another answerer.

    Attributes:
        number: E.164.
        owner: the profile that routes it.
        to: the profile that is to answer it.
        make: what lets it answer, up to the owner's routing.
        breaks: what lets the former answerers go.
        retire: what lets them give the number up.
        undo: what puts everything back.
        policy: a digest of the policy that it was planned under.
        before: what the owner had before, as text.
        wired: whether the new answerer writes the owner's routing itself.
        hold: how many seconds the owner's routing is looked at.
        routed: what the owner had once it was changed, as text.
        replaced: what else the owner had in between, as text, and was replaced.
        until: until when that is looked at, as ISO 8601 in UTC.
        reason: why it does not go on, or is undone.
    """

    id: str
    number: str
    owner: str
    to: str
    state: MoveState
    make: tuple[Op, ...]
    breaks: tuple[Op, ...]
    retire: tuple[Op, ...]
    undo: tuple[Op, ...]
    policy: str
    before: str
    wired: bool
    hold: float
    routed: str | None = None
    replaced: tuple[str, ...] = ()
    until: str | None = None
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in _ENDED


_ENDED = frozenset({MoveState.MOVED, MoveState.RETIRED, MoveState.ROLLED_BACK, MoveState.LEFT})


class Journal(Protocol):
    """Runs and their operations, durable.

    Every method raises `FleetError` where the journal cannot be read or written; then nothing of
    the call was done.
    """

    def begin(self, run: str, ops: Sequence[Op]) -> None:
        """Write down a run, unless it is there.

        Operations of one lane are kept together, in the order in which they are given.
        """

    def runs(self) -> list[RunRecord]:
        """Return all runs, the latest first."""

    def ids(self) -> list[str]:
        """Return the ids of all runs, the latest first."""

    def bought(self) -> Mapping[str, str]:
        """Return the number that each order bought, E.164; empty where it may have bought one."""

    def overtaken(self, run: str) -> frozenset[str]:
        """Return the numbers that a run which began later has changed, or may have."""

    def find(self, run: str) -> RunRecord:
        """Return a run, by its id or the beginning of it. Raises `FleetError` for any other."""

    def counts(self, run: str) -> Mapping[State, int]:
        """Return how many operations of a run are in each state."""

    def profiles(self, run: str) -> list[str]:
        """Return all profiles that a run uses."""

    def beginnings(self, run: str) -> Mapping[str, int]:
        """Return how many lanes that are not done begin at each profile."""

    def lanes(self, run: str, profile: str, after: int = -1, most: int = 200) -> list[Lane]:
        """Return lanes that begin at a profile and are not done, from a place in the run on."""

    def entries(self, run: str) -> Iterable[Entry]:
        """Yield all operations, in order."""

    def save(self, run: str, entry: Entry) -> Future[None]:
        """Write down where an operation stands; done when it is durable."""

    def end(self, run: str, state: RunState) -> None:
        """Write down how a run stands."""

    def reopen(self, run: str, *, repeat_unknown: bool) -> None:
        """Let a run go on.

        Args:
            run: its id.
            repeat_unknown: whether what is unknown is settled as what was started is.
        """

    def keep(self, move: Move, was: MoveState | None) -> None:
        """Write down how a move stands.

        Args:
            move: as it stands now.
            was: how it stood when it was read; None: it is new.

        Raises:
            FleetError: another process has gone on with it, or moves the number too.
        """

    def moves(self) -> list[Move]:
        """Return all moves, the latest first."""

    def lease(self, run: str, accounts: Mapping[str, str]) -> AbstractContextManager[None]:
        """Hold accounts while a run works on them; no other process can then.

        A process that dies holds nothing any more.

        Args:
            run: the run that works.
            accounts: the account of every profile that it uses.

        Raises:
            FleetError: another run works on one of them.
        """

    def close(self) -> None:
        """Wait until all is written, and close the journal."""
