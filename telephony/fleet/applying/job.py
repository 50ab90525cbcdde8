"""What the workers of a run need, whichever way they work."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from telephony.fleet.applying.board import Board
from telephony.fleet.applying.machine import lane_steps
from telephony.fleet.applying.steps import Save, Step
from telephony.fleet.journal.protocol import Journal, Lane
from telephony.model import Source
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider

P = TypeVar("P", PhoneNumberProvider, AsyncPhoneNumberProvider)


@dataclass(frozen=True)
class Chunk:
    """Some lanes of a run: those that begin at a profile, from one place to another.

    Attributes:
        after: the place before the first of them.
        last: the place of the last of them.
    """

    profile: str
    after: int
    last: int

    def lanes(self, journal: Journal, run: str) -> list[Lane]:
        """Return those that are not done."""
        found = journal.lanes(run, self.profile, self.after, self.last - self.after)
        return [lane for lane in found if lane.place <= self.last]


@dataclass(frozen=True)
class Job(Generic[P]):
    """A run that is worked on.

    Attributes:
        run: its id.
        providers: by profile.
        sources: where numbers are imported from, by the profile that answers them.
        concurrency: how many calls may be under way at each profile.
        chunk: the lanes that are worked on; None: all that are not done.
    """

    run: str
    journal: Journal
    providers: Mapping[str, P]
    sources: Mapping[str, Source]
    concurrency: Mapping[str, int]
    board: Board
    chunk: Chunk | None = None

    def beginnings(self) -> Mapping[str, int]:
        """Return how many lanes that are not done begin at each profile."""
        if self.chunk is None:
            return self.journal.beginnings(self.run)
        return {self.chunk.profile: len(self.chunk.lanes(self.journal, self.run))}

    @cached_property
    def overtaken(self) -> frozenset[str]:
        """The numbers that a later run has changed, which are left alone."""
        return self.journal.overtaken(self.run)

    def begun(self) -> Board:
        """Return the board, with what the journal counts."""
        _ = self.overtaken  # read here: no other run begins while the accounts are held
        self.board.counts.update(self.journal.counts(self.run))
        return self.board

    def lanes(self, profile: str) -> Iterator[Lane]:
        """Yield the lanes that begin at a profile, read a few hundred at a time."""
        if self.chunk is not None:
            yield from self.chunk.lanes(self.journal, self.run)
            return
        after = -1
        while found := self.journal.lanes(self.run, profile, after):
            yield from found
            after = found[-1].place

    def steps(self, lane: Lane) -> Generator[Step, object, None]:
        """Return what is to do in a lane."""
        return lane_steps(lane.entries, self.sources, self.board.can_go_on, self.overtaken)

    def save(self, step: Save) -> Future[None]:
        """Write down where an operation stands; done when it is durable."""
        written = self.journal.save(self.run, step.entry)
        written.add_done_callback(lambda _: self.board.note(step.was, step.entry))
        return written
