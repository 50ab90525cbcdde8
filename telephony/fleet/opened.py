"""What a fleet is, whichever way its requests are made: files, a journal, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from telephony.fleet import known as memory
from telephony.fleet.applying.running import Run
from telephony.fleet.declared.files import load
from telephony.fleet.declared.model import Declared
from telephony.fleet.declared.policy import SELF
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import Journal
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.observed.joined import Place, places
from telephony.fleet.planning.ops import Snapshot, Verb
from telephony.fleet.planning.plan import Plan
from telephony.fleet.planning.safety import permit
from telephony.model import Source

_LED = frozenset({Verb.IMPORT, Verb.ASSIGN})


class Files:
    """What a fleet is, blocking or with asyncio: everything but requests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder: Path = path.parent
        self._journal: Journal | None = None

    def declared(self) -> Declared:
        """Return what the files declare now. Raises `FleetError` with every problem."""
        return load(self.path)

    def journal(self, declared: Declared) -> Journal:
        """Return the journal, opened when it is needed first."""
        if self._journal is None:
            self._journal = SqliteJournal(declared.policy.state())
        return self._journal

    def end(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()

    def cached(self, most: timedelta | None) -> Snapshot | None:
        """Return the last snapshot if it is not older than that."""
        known = memory.load(self.folder)
        if most is None or known.snapshot is None or known.taken_at is None:
            return None
        return known.snapshot if datetime.now(UTC) - known.taken_at <= most else None

    def facts(self, declared: Declared) -> tuple[Mapping[str, int], dict[str, str], dict[str, str]]:
        """Return what a snapshot needs from before: `previous`, `bought` and `wired`."""
        known = memory.load(self.folder)
        return known.counts, dict(self.journal(declared).bought()), dict(known.wired)

    def remember(self, snapshot: Snapshot, plan: Plan) -> None:
        """Keep a snapshot, and the lengths of its listings if none is doubted."""
        known = memory.load(self.folder).read(snapshot, datetime.now(UTC))
        if not any(one.flag == "--over-limits" for one in plan.unsafe):
            known = known.believed(snapshot)
        memory.save(self.folder, known)

    def permit(
        self, plan: Plan, declared: Declared, buy: int, release: int, over_limits: bool
    ) -> None:
        """Raise unless a plan may be applied; see `Fleet.apply`."""
        if plan.policy != declared.policy.digest:
            raise FleetError(
                "fleet.toml has changed since the plan was made. Make a new plan, and look at it."
            )
        permit(plan, buy=buy, release=release, over_limits=over_limits)
        known = memory.load(self.folder)
        if over_limits and known.snapshot is not None:
            memory.save(self.folder, known.believed(known.snapshot))

    def sources(self, declared: Declared) -> dict[str, Source]:
        """Return where numbers are imported from, by the profile that answers them."""
        policy = declared.policy
        found = {profile: policy.source(profile) for profile in policy.answerers}
        return {profile: source for profile, source in found.items() if source is not None}

    def concurrency(self, declared: Declared) -> dict[str, int]:
        """Return how many requests are sent to each profile at once."""
        policy = declared.policy
        return {profile: policy.concurrency(profile) for profile in policy.profiles}

    def rewired(self, declared: Declared, run: Run) -> list[tuple[str, str]]:
        """Return the owners and numbers whose routing was written by a vendor in a run."""
        owners = {row.number: row.owner for row in declared.rows if row.owner}
        bought = {entry.op.lane: entry for entry in run.done if entry.op.verb is Verb.BUY}
        owners |= {entry.number: entry.op.profile for entry in bought.values()}
        led = set()
        for entry in run.done:
            if entry.op.verb in _LED and declared.policy.via(entry.op.profile) == SELF:
                lane = bought.get(entry.op.lane)
                led.add(entry.op.number or (lane.number if lane else ""))
        return sorted((owners[number], number) for number in led if number in owners)

    def written(self, read: Mapping[str, str]) -> None:
        """Keep what numbers read as at their owners, once vendors had written their routing."""
        if read:
            known = memory.load(self.folder)
            memory.save(self.folder, known.with_wired(read))

    def latest(self, declared: Declared) -> str:
        """Return the id of the last run. Raises `FleetError` if there is none."""
        runs = self.journal(declared).runs()
        if not runs:
            raise FleetError("There is no run yet: `telephony fleet apply` begins one.")
        return runs[0].id

    @staticmethod
    def chosen(declared: Declared, snapshot: Snapshot, patterns: tuple[str, ...]) -> list[Place]:
        """Return where the numbers are that match a pattern; without any, all."""
        return [
            place
            for place in places(declared, snapshot)
            if not patterns or any(fnmatchcase(place.number, pattern) for pattern in patterns)
        ]
