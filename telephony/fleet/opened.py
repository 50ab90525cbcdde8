"""What a fleet is, whichever way its requests are made: files, a journal, and what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec.structs import replace

from telephony.errors import ConfigurationError
from telephony.fleet import known as memory
from telephony.fleet import moving
from telephony.fleet.applying.running import Run
from telephony.fleet.declared.files import load
from telephony.fleet.declared.model import Declared, Row
from telephony.fleet.declared.policy import SELF, Policy, read
from telephony.fleet.errors import FileProblem, FleetError
from telephony.fleet.journal.protocol import Journal, Move, MoveState, RunRecord
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.observed.joined import Place, places
from telephony.fleet.planning.diff import plan as planned
from telephony.fleet.planning.moves import begun
from telephony.fleet.planning.ops import Holding, Op, Snapshot, Verb
from telephony.fleet.planning.plan import Offer, Plan
from telephony.fleet.planning.safety import permit
from telephony.model import Source

_LED = frozenset({Verb.IMPORT, Verb.ASSIGN})


def is_postgres(state: str) -> bool:
    """Return whether the journal is in PostgreSQL, and not in a file."""
    return state.startswith(("postgresql://", "postgres://"))


def _postgres(url: str) -> Journal:
    try:
        from telephony.fleet.journal.postgres import PostgresJournal
    except ImportError as missing:
        raise FleetError(
            "A journal in PostgreSQL needs more packages: pip install 'telephony[dbos]'"
        ) from missing
    return PostgresJournal(url)


class Files:
    """What a fleet is, blocking or with asyncio: everything but requests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder: Path = path.parent
        self._journal: Journal | None = None

    def declared(self) -> Declared:
        """Return what the files declare now. Raises `FleetError` with every problem."""
        return load(self.path)

    def policy(self) -> Policy:
        """Return what fleet.toml says now. Raises `FleetError` with every problem of it."""
        return read(self.path)

    def journal(self, policy: Policy) -> Journal:
        """Return the journal, opened when it is needed first."""
        if self._journal is None:
            state = policy.state()
            self._journal = _postgres(state) if is_postgres(state) else SqliteJournal(state)
        return self._journal

    def several_machines(self, policy: Policy) -> str | None:
        """Return the URL of the database through which several machines apply; None: one does.

        Raises:
            FleetError: the engine needs a database that is not named.
        """
        files = policy.fleet
        if files.engine == "local":
            return None
        state = policy.state()
        if not is_postgres(state):
            raise FleetError(
                f'{self.path.name}: engine = "{files.engine}" needs PostgreSQL: write state = '
                '"env:FLEET_DATABASE_URL", with postgresql://… in that variable.'
            )
        try:
            import telephony.fleet.engines.dbos  # noqa: F401
        except ImportError as missing:
            raise FleetError(
                f"engine = \"{files.engine}\" needs more packages: pip install 'telephony[dbos]'"
            ) from missing
        return state

    @contextmanager
    def naming(self, profile: str) -> Iterator[None]:
        """Say in an error of connecting a profile that fleet.toml names it."""
        try:
            yield
        except ConfigurationError as error:
            raise FleetError(f"{self.path} names the profile {profile!r}. {error}") from error

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

    def known(self, policy: Policy) -> Snapshot:
        """Return what is known from before a listing, without one."""
        known = memory.load(self.folder)
        return Snapshot(
            holdings=(),
            unreadable={},
            previous=known.counts,
            bought=self.journal(policy).bought(),
            wired=known.wired,
            protected=frozenset(known.protected),
        )

    def basis(self, policy: Policy) -> str:
        """Return the id of the last run, those of moves too; empty where there is none."""
        return next(iter(self.journal(policy).ids()), "")

    def remember(self, policy: Policy, snapshot: Snapshot, plan: Plan) -> None:
        """Keep a snapshot, and the lengths of its listings if none is doubted."""
        protected = policy.safety.protected
        known = memory.load(self.folder).read(snapshot, datetime.now(UTC), protected)
        if not any(one.flag == "--over-limits" for one in plan.unsafe):
            known = known.believed(snapshot)
        memory.save(self.folder, known)

    def permit(self, plan: Plan, policy: Policy, buy: int, release: int, over_limits: bool) -> None:
        """Raise unless a plan may be applied; see `Fleet.apply`."""
        if plan.policy != policy.digest:
            raise FleetError(
                "fleet.toml has changed since the plan was made. Make a new plan, and look at it."
            )
        permit(plan, buy=buy, release=release, over_limits=over_limits)
        self._check_declared(plan)
        known = memory.load(self.folder)
        if over_limits and known.snapshot is not None:
            memory.save(self.folder, known.believed(known.snapshot))

    def _check_declared(self, plan: Plan) -> None:
        """Raise unless what the plan buys and releases for good is still declared."""
        released = {op.number for op in plan.ops if op.verb is Verb.RELEASE}
        ordered = {op.order for op in plan.ops if op.verb is Verb.BUY and op.order}
        if not released and not ordered:
            return
        declared = self.declared()
        released -= {row.number for row in declared.rows if row.released}
        ordered -= {order.order for order in declared.orders}
        gone = dict.fromkeys(released, "is released by the plan, and its row no longer says so")
        gone |= dict.fromkeys(ordered, "is bought by the plan, and is no longer ordered")
        if gone:
            raise FleetError(
                "The files have changed since the plan was made. Make a new plan, and look at it.",
                [FileProblem(str(self.path), 0, one, gone[one]) for one in sorted(gone)],
            )

    def sources(self, policy: Policy) -> dict[str, Source]:
        """Return where numbers are imported from, by the profile that answers them."""
        found = {profile: policy.source(profile) for profile in policy.answerers}
        return {profile: source for profile, source in found.items() if source is not None}

    def concurrency(self, policy: Policy) -> dict[str, int]:
        """Return how many requests are sent to each profile at once."""
        return {profile: policy.concurrency(profile) for profile in policy.profiles}

    def rewired(self, policy: Policy, run: Run) -> list[tuple[str, str]]:
        """Return the owners and numbers whose routing was written by a vendor in a run."""
        snapshot = memory.load(self.folder).snapshot
        holdings = snapshot.holdings if snapshot is not None else ()
        owners = {one.number: one.profile for one in holdings if one.profile in policy.owners}
        bought = {entry.op.lane: entry for entry in run.done if entry.op.verb is Verb.BUY}
        owners |= {entry.number: entry.op.profile for entry in bought.values()}
        led = set()
        ended = (*run.refused, *run.failed, *run.unknown, *run.changed, *run.left)
        unfinished = {entry.op.lane for entry in ended}
        for entry in run.done:
            if entry.op.lane in unfinished:
                continue  # such as its trunk, which goes before what the vendor wrote
            if entry.op.verb in _LED and policy.via(entry.op.profile) == SELF:
                lane = bought.get(entry.op.lane)
                led.add(entry.op.number or (lane.number if lane else ""))
        return sorted((owners[number], number) for number in led if number in owners)

    def ended(self, move: Move) -> None:
        """Keep what a number reads as at its owner, once it was moved to a vendor that wrote it."""
        if move.wired and move.routed and move.state in (MoveState.MOVED, MoveState.RETIRED):
            self.written({move.number: move.routed})

    def written(self, read: Mapping[str, str]) -> None:
        """Keep what numbers read as at their owners, once vendors had written their routing.

        The last listings are of before the change, so no later plan uses them.
        """
        memory.save(self.folder, memory.load(self.folder).with_wired(read))

    def carried(self, move: Move) -> None:
        """Keep what the number of a move that went on now reads as at its owner."""
        read = ""
        if move.state is MoveState.ROLLED_BACK:
            read = move.before
        elif move.ended and move.wired:
            read = move.routed or ""
        self.written({move.number: read} if read else {})

    def latest(self, policy: Policy) -> str:
        """Return the id of the last run. Raises `FleetError` if there is none."""
        for run in self.journal(policy).ids():
            if not run.startswith(moving.RUNS):
                return run
        raise FleetError("There is no run yet: `telephony fleet apply` begins one.")

    def runs(self, policy: Policy) -> list[RunRecord]:
        """Return all runs but those of moves, the latest first."""
        found = self.journal(policy).runs()
        return [one for one in found if not one.id.startswith(moving.RUNS)]

    def find(self, policy: Policy, run: str | None) -> str:
        """Return the id of a run, by the beginning of it; None: the last one."""
        if run is not None and run.startswith(moving.RUNS):
            raise FleetError(
                f"{run} is a part of a move: go on with that, as `telephony fleet moves` says."
            )
        return self.journal(policy).find(run or self.latest(policy)).id

    def under_way(self, policy: Policy, number: str, to: str) -> Move | None:
        """Return the move of a number that is not ended; one elsewhere is a `FleetError`."""
        for move in self.journal(policy).moves():
            if move.number == number and not move.ended:
                if move.to != to:
                    raise FleetError(
                        f"{number} is being moved to {move.to} ({move.state}). Continue it: "
                        f"telephony fleet move {number} --to {move.to}; or undo it: telephony "
                        f"fleet move --back {move.id}"
                    )
                return move
        return None

    def find_move(self, policy: Policy, move: str | None) -> Move:
        """Return a move by its id or the beginning of it; None: the last one."""
        moves = self.journal(policy).moves()
        found = moves[:1] if move is None else [one for one in moves if one.id == move]
        if move and not found:
            found = [one for one in moves if one.id.startswith(move)]
        if len(found) != 1:
            known = ", ".join(one.id for one in moves[:5]) or "none"
            raise FleetError(f"There is no such move: {move!r}. Known: {known}.")
        return found[0]

    def moved(
        self,
        declared: Declared,
        held: list[Holding],
        offers: Mapping[str, Offer],
        number: str,
        to: str,
        target: str,
        *,
        hold: timedelta,
        retire: bool,
    ) -> Move:
        """Return a move of a number as it is held now, not yet begun."""
        policy = declared.policy
        if to not in policy.profiles:
            raise FleetError(
                f"{to} takes no part in {self.path.name}: add [answerers.{to}]. It has: "
                f"{', '.join(policy.profiles)}."
            )
        if retire and number in policy.safety.protected:
            raise FleetError(
                f"{number} is protected: move it without giving it up, or take it out of [safety] "
                f"protected in {self.path.name}."
            )
        owners = [row.owner for row in declared.rows if row.number == number]
        owners += [one.profile for one in held if one.profile in policy.owners]
        owner = owners[0] if owners else ""
        if to not in policy.answerers and to != owner:
            raise FleetError(
                f"{to} answers only what it owns, and it does not own {number}: add "
                f"[answerers.{to}] to {self.path.name}."
            )
        row = Row(number, owner=owner, answer_at=to, answer_to=target)
        snapshot = replace(self.known(policy), holdings=tuple(held), previous={})
        plan = planned(Declared(policy, (row,)), snapshot, offers)
        return begun(
            plan,
            row,
            tuple(held),
            hold=hold,
            retire=retire,
            wired=policy.via(to) == SELF,
            offers=offers,
        )

    @staticmethod
    def plan_of(policy: Policy, ops: tuple[Op, ...]) -> Plan:
        """Return a part of a move as a plan."""
        return Plan.made(ops=ops, problems=(), notices=(), unsafe=(), policy=policy.digest)


def chosen(declared: Declared, snapshot: Snapshot, patterns: tuple[str, ...]) -> list[Place]:
    """Return where the numbers are that match a pattern; without any, all."""
    return [
        place
        for place in places(declared, snapshot)
        if not patterns or any(fnmatchcase(place.number, pattern) for pattern in patterns)
    ]
