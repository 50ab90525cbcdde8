"""Processes that move numbers and apply plans at vendors in memory, a request at a time.

A process is a generator that yields each `Call` before it is made, and a `Wait`. Who drives it can
let others go on in between, fail the call, or drop the process as a kill would.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from telephony.errors import NotFoundError, TelephonyError
from telephony.fleet import FleetError, moving
from telephony.fleet.applying.board import Board
from telephony.fleet.applying.machine import lane_steps
from telephony.fleet.applying.running import settled
from telephony.fleet.applying.steps import Call, Save
from telephony.fleet.declared.model import Declared, Row
from telephony.fleet.journal.protocol import Entry, RunRecord, RunState, State
from telephony.fleet.observed import reading
from telephony.fleet.opened import Files
from telephony.fleet.planning.diff import plan as planned
from telephony.fleet.planning.ops import Snapshot, Verb
from telephony.fleet.targets import text_of

START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryJournal:
    """What every journal keeps, as far as moves and plans need it.

    Attributes:
        wired: what the fleet knows of what vendors have written at their carriers.
    """

    def __init__(self, wired):
        self.wired = dict(wired)
        self.kept = {}
        self._runs: dict[str, list[Entry]] = {}
        self._leased: dict[str, str] = {}

    def begin(self, run, ops):
        self._runs.setdefault(run, [Entry(seq=seq, op=op) for seq, op in enumerate(ops)])

    def end(self, run, state):
        pass

    def runs(self):
        return [self.find(run) for run in reversed(self._runs)]

    def ids(self):
        return list(reversed(self._runs))

    def find(self, run):
        state = RunState.FINISHED if set(self.counts(run)) <= {State.DONE} else RunState.PARTLY
        return RunRecord(id=run, state=state, started_at="", counts=self.counts(run))

    def counts(self, run):
        return Counter(entry.state for entry in self._runs[run])

    def entries(self, run):
        return self._runs[run]

    def save(self, run, entry):
        self._runs[run][entry.seq] = entry

    def overtaken(self, run):
        ids = list(self._runs)
        later = ids[ids.index(run) + 1 :] if run in ids else ()
        entries = [entry for one in later for entry in self._runs[one]]
        return frozenset(one.op.number for one in entries if one.state is not State.PLANNED)

    def bought(self):
        return {}

    def keep(self, move, was):
        known = self.kept.get(move.id)
        others = any(one.number == move.number and not one.ended for one in self.kept.values())
        if (known and known.state) is not was or (was is None and others):
            raise FleetError(f"Another process moves {move.number}")
        self.kept[move.id] = move

    def moves(self):
        return list(reversed(self.kept.values()))

    @contextmanager
    def lease(self, run, accounts):
        if held := accounts & self._leased.keys():
            raise FleetError(f"{held} are in use")
        self._leased.update(dict.fromkeys(accounts, run))
        try:
            yield
        finally:
            for account in accounts:
                del self._leased[account]


class MemoryFiles(Files):
    """A fleet without files."""

    def __init__(self, journal):
        super().__init__(Path("fleet.toml"))
        self._memory = journal

    def journal(self, _):
        return self._memory

    def known(self, policy):
        return Snapshot(
            holdings=(),
            unreadable={},
            previous={},
            basis=self.basis(policy),
            wired=self._memory.wired,
        )

    def written(self, read):
        self._memory.wired |= read


class Process:
    """A process of a fleet.

    Attributes:
        move: the move that it works on.
        doing: the run and the operation that it is doing.
        calls: when it made each call, and of which operation at which profile.
    """

    def __init__(self, world, policy, sources, journal):
        self.world = world
        self.policy = policy
        self.sources = sources
        self.journal = journal
        self.files = MemoryFiles(journal)
        self.move = None
        self.doing = None
        self.calls = []

    def moves(self, number, to, target, hold, retire):
        """Move a number, or go on with that."""
        move = self.files.under_way(self.policy, number, to)
        if move is None:
            move = yield from self._begun(number, to, target, hold, retire)
        yield from self._carried(move)

    def _begun(self, number, to, target, hold, retire):
        held = []
        with self.journal.lease("move", set(self.policy.profiles)):
            for profile in self.policy.profiles:
                try:
                    found = yield Call(profile, "get_number", {"number": number})
                except NotFoundError:
                    continue
                held += reading.rows(profile, found)
            move = self.files.moved(
                Declared(self.policy, (), ()), held, self.world.offers, number, to, target,
                hold=hold, retire=retire,
            )  # fmt: skip
            self.journal.keep(move, None)
            return move

    def moves_back(self, number):
        """Undo the last move of a number."""
        found = [one for one in self.journal.moves() if one.number == number]
        if found:
            undone = moving.back(found[0])
            self.journal.keep(undone, found[0].state)
            yield from self._carried(undone)

    def applies(self, row: Row):
        """Apply a plan."""
        snapshot = replace(self.world.snapshot(), wired=self.journal.wired)
        plan = planned(Declared(self.policy, (row,), ()), snapshot, self.world.offers)
        if plan.ops:
            run = yield from self._applied(plan.ops, f"{len(self.journal.runs())}-{plan.digest}")
            for entry in run.done if run.state is RunState.FINISHED else ():
                if entry.op.verb in (Verb.IMPORT, Verb.ASSIGN):
                    self.files.written({row.number: self.world.vendors[row.owner].read(row.number)})

    def resumes(self):
        """Go on with the last plan that was begun."""
        for run in self.journal.runs():
            if not run.id.startswith(moving.RUNS):
                yield from self._applied((), run.id)
                return

    def _carried(self, move):
        self.move = move.id
        steps, came = moving.steps(move, START), None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as ended:
                self.files.carried(ended.value)
                return
            match step:
                case moving.Keep(move=kept, was=was):
                    came = self.journal.keep(kept, was)
                case moving.Apply(ops=ops, run=run, move=part):
                    came = yield from self._applied(ops, run, part)
                case moving.Read(profile=profile, number=number):
                    found = yield Call(profile, "get_number", {"number": number})
                    came = text_of(found.assignment)
                case moving.Wait(until=until):
                    yield step
                    came = until

    def _applied(self, ops, run, move=None):
        if not ops:
            ops = [entry.op for entry in self.journal.entries(run)]
        accounts = {op.profile for op in ops}
        board = Board({profile: profile for profile in accounts})
        with self.journal.lease(run, accounts):
            if move is not None:
                self.journal.keep(move, move.state)
            overtaken = self.journal.overtaken(run)
            self.journal.begin(run, ops)
            entries = sorted(self.journal.entries(run), key=lambda one: (one.op.lane, one.seq))
            for _, lane in groupby(entries, lambda one: one.op.lane):
                yield from self._lane(run, board, list(lane), overtaken)
            return settled(self.journal, run, board.paused)

    def _lane(self, run, board, entries, overtaken):
        steps = lane_steps(entries, self.sources, board.can_go_on, overtaken)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Save):
                    self.journal.save(run, step.entry)
                    board.note(step.was, step.entry)
                    self.doing = (run, step.entry.op.id)
                    step = next(steps)
                    continue
                try:
                    came = yield step
                except TelephonyError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(came)
        except StopIteration:
            return
