"""What the workers of a run need, whichever way they work."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from telephony.fleet.applying.board import Board
from telephony.fleet.applying.machine import Save, Step, lane_steps
from telephony.fleet.journal.protocol import Journal, Lane
from telephony.model import Source
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider

P = TypeVar("P", PhoneNumberProvider, AsyncPhoneNumberProvider)


@dataclass(frozen=True)
class Job(Generic[P]):
    """A run that is worked on.

    Attributes:
        run: its id.
        providers: by profile.
        sources: where numbers are imported from, by the profile that answers them.
        concurrency: how many calls may be under way at each profile.
    """

    run: str
    journal: Journal
    providers: Mapping[str, P]
    sources: Mapping[str, Source]
    concurrency: Mapping[str, int]
    board: Board

    def begun(self) -> Board:
        """Return the board, with what the journal counts."""
        self.board.counts.update(self.journal.counts(self.run))
        return self.board

    def lanes(self, profile: str) -> Iterator[Lane]:
        """Yield the lanes that begin at a profile, read a few hundred at a time."""
        after = -1
        while found := self.journal.lanes(self.run, profile, after):
            yield from found
            after = found[-1].place

    def steps(self, lane: Lane) -> Generator[Step, object, None]:
        """Return what is to do in a lane."""
        return lane_steps(lane.entries, self.sources, self.board.can_go_on)

    def save(self, step: Save) -> Future[None]:
        """Write down where an operation stands; done when it is durable."""
        written = self.journal.save(self.run, step.entry)
        written.add_done_callback(lambda _: self.board.note(step.was, step.entry))
        return written
