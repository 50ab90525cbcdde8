"""A fleet that is open, blocking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from telephony.errors import NotFoundError, TelephonyError
from telephony.fleet import moving
from telephony.fleet.applying import running
from telephony.fleet.applying.board import Report
from telephony.fleet.applying.running import Run
from telephony.fleet.declared.policy import Policy
from telephony.fleet.journal.protocol import Move, RunRecord
from telephony.fleet.observed import reading
from telephony.fleet.observed.joined import Place
from telephony.fleet.opened import Files, chosen
from telephony.fleet.planning.diff import plan as planned
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.planning.plan import Offer, Plan
from telephony.fleet.targets import text_of
from telephony.protocols import PhoneNumberProvider


class Fleet:
    """A fleet, blocking; `telephony.fleet.open` opens one. A context manager.

    Every method reads the files anew. Providers are connected when they are first needed, and
    closed with the fleet.

    Attributes:
        unreadable: why a profile could not be read when `where` was last called, by profile: what
            it holds is missing from the result.
    """

    def __init__(self, path: Path, connect: Callable[[str], PhoneNumberProvider]) -> None:
        self.path: Path = path
        self.unreadable: Mapping[str, str] = {}
        self._files = Files(path)
        self._connect = connect
        self._providers: dict[str, PhoneNumberProvider] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal and every provider that was connected."""
        self._closing.close()
        self._files.end()

    def plan(
        self,
        *,
        only: str | None = None,
        cached: timedelta | None = None,
        report: reading.Report | None = None,
    ) -> Plan:
        """Return what has to be done so that the vendors hold what the files declare.

        Nothing is changed anywhere.

        Args:
            only: a pattern such as ``+1415*``: other numbers and orders are left out.
            cached: how old the last listings may be; None: they are read anew.
            report: called with a profile and how many of its numbers were read so far.

        Raises:
            FleetError: a file is wrong; `problems` lists all mistakes, by file and line.
            ConfigurationError: a profile cannot be connected.

        Example:
            plan = fleet.plan(only="+1415*")
            print(plan.counts)
        """
        declared = self._files.declared()
        snapshot = self._files.cached(cached)
        if snapshot is None:
            snapshot = self._read(declared.policy, report)
        snapshot = replace(snapshot, basis=self._files.basis(declared.policy))
        plan = planned(declared, snapshot, self._offers(declared.policy), only=only)
        self._files.remember(declared.policy, snapshot, plan)
        return plan

    def apply(
        self,
        plan: Plan,
        *,
        buy: int = 0,
        release: int = 0,
        over_limits: bool = False,
        progress: Report | None = None,
    ) -> Run:
        """Apply a plan, or continue the run that began it.

        Args:
            plan: what `plan` returned, or `Plan.from_json` read.
            buy: how many numbers the plan buys, exactly.
            release: how many numbers the plan releases, exactly.
            over_limits: whether it may exceed the limits of ``[safety]``.
            progress: called with a `Progress`, at most ten times a second.

        Raises:
            UnsafePlanError: it needs a flag, which the message names. Nothing was sent.
            FleetError: the plan was made under another policy, the journal cannot be used, or
                another run is working on an account.

        Example:
            run = fleet.apply(fleet.plan(), buy=2)
            print(run.counts)
        """
        policy = self._files.policy()
        self._files.permit(plan, policy, buy, release, over_limits)
        url = self._files.several_machines(policy)
        if url is None:
            run = self._applied(policy, plan, progress)
        else:
            from telephony.fleet.engines import dbos

            accounts = self._accounts({op.profile for op in plan.ops})
            run = dbos.apply(plan, url, self._files.journal(policy), accounts, progress)
        self._note(policy, run)
        return run

    def resume(
        self,
        run: str | None = None,
        *,
        progress: Report | None = None,
        repeat_unknown: bool = False,
    ) -> Run:
        """Continue a run: what had begun is settled by reading, and nothing is done twice.

        Args:
            run: its id or the beginning of it; None: the last one.
            progress: as for `apply`.
            repeat_unknown: whether operations of unknown outcome are done again where reading shows
                that they have not happened. Check at the vendor first.

        Raises:
            FleetError: there is no such run, or as for `apply`.

        Example:
            run = fleet.resume()
            print(run.state)
        """
        policy = self._files.policy()
        journal = self._files.journal(policy)
        wanted = self._files.find(policy, run)
        url = self._files.several_machines(policy)
        if url is None:
            done = running.resume(
                wanted,
                self._connected(journal.profiles(wanted)),
                journal,
                sources=self._files.sources(policy),
                concurrency=self._files.concurrency(policy),
                progress=progress,
                repeat_unknown=repeat_unknown,
            )
        else:
            from telephony.fleet.engines import dbos

            accounts = self._accounts(journal.profiles(wanted))
            done = dbos.resume(
                wanted, url, journal, accounts, progress, repeat_unknown=repeat_unknown
            )
        self._note(policy, done)
        return done

    def status(self, run: str | None = None) -> Run:
        """Return the state of a run, without a request.

        Args:
            run: its id or the beginning of it; None: the last one.

        Raises:
            FleetError: there is no such run.

        Example:
            print(fleet.status().counts)
        """
        policy = self._files.policy()
        return running.status(self._files.journal(policy), self._files.find(policy, run))

    def where(self, *numbers: str, cached: timedelta | None = None) -> list[Place]:
        """Return where numbers are: who owns and answers them, and where the two disagree.

        Args:
            numbers: patterns such as ``+1415*``; none: all numbers.
            cached: as for `plan`.

        Raises:
            FleetError: a file is wrong.
            ConfigurationError: a profile cannot be connected.

        Example:
            for place in fleet.where("+14155550123"):
                print(place.path, place.drift)
        """
        declared = self._files.declared()
        snapshot = self._files.cached(cached)
        if snapshot is None:
            snapshot = self._read(declared.policy, None)
        self.unreadable = snapshot.unreadable
        return chosen(declared, snapshot, numbers)

    def move(
        self,
        number: str,
        *,
        to: str,
        target: str = "",
        hold: timedelta = timedelta(0),
        retire: bool = False,
    ) -> Move:
        """Let another profile answer a number, with no gap for callers.

        The new answerer is made ready, the owner routes there, and only then is the number
        unassigned at the former one. If a step before that fails, all of them are undone. Call it
        again to continue a move that was interrupted. The fleet's files stay as they are: change
        the number's row too.

        Args:
            number: E.164.
            to: the profile that is to answer it.
            target: what answers it there, such as an agent's id; empty: what answers it already.
            hold: how long to watch the owner's routing before the former answerer is unassigned; if
                it does not stay, everything is undone.
            retire: whether the former answerer gives the number up at the end. The owner keeps it.

        Returns:
            The move, which is ``moved`` or ``retired``; ``rolled_back``, or ``left`` because
            somebody else changed the routing, with the `reason`; or ``verified`` or ``stuck`` where
            a vendor could not be reached: call it again.

        Raises:
            FleetError: it cannot be planned, another move of the number is not finished, or another
                run works on an account.
            ProviderError: a profile could not be read. Call it again to go on.

        Example:
            move = fleet.move("+14155550123", to="rooms", target="reception")
            print(move.state, move.reason)
        """
        declared = self._files.declared()
        policy = declared.policy
        under_way = self._files.under_way(policy, number, to)
        if under_way is None:
            journal, accounts = self._files.journal(policy), self._accounts(policy.profiles)
            # What one profile has, and then another, is of one moment: no run works on them.
            with journal.lease("move", accounts):
                held = self._held(policy, number)
                offers = self._offers(policy)
                under_way = self._files.moved(
                    declared, held, offers, number, to, target, hold=hold, retire=retire
                )
                journal.keep(under_way, None)
        return self._carried(policy, under_way)

    def move_back(self, move: str | None = None) -> Move:
        """Undo a move: put everything back as it was before.

        Args:
            move: its id or the beginning of it; None: the last one.

        Returns:
            The move, which is ``rolled_back``; ``left`` because somebody else changed the routing;
            or ``stuck`` with the `reason`: call it again.

        Raises:
            FleetError: there is no such move, or the former answerer has given the number up.

        Example:
            move = fleet.move_back()
            print(move.state)
        """
        policy = self._files.policy()
        found = self._files.find_move(policy, move)
        undone = moving.back(found)
        self._files.journal(policy).keep(undone, found.state)
        return self._carried(policy, undone)

    def runs(self) -> list[RunRecord]:
        """Return all runs, the latest first, without a request. Raises `FleetError`.

        Example:
            print([run.state for run in fleet.runs()])
        """
        return self._files.runs(self._files.policy())

    def moves(self) -> list[Move]:
        """Return all moves, the latest first, without a request. Raises `FleetError`.

        Example:
            print([move.state for move in fleet.moves()])
        """
        return self._files.journal(self._files.policy()).moves()

    def _carried(self, policy: Policy, move: Move) -> Move:
        """Go on with a move until it is ended, or cannot go on now."""
        steps = moving.steps(move, datetime.now(UTC))
        came: object = None
        try:
            while True:
                step, came = steps.send(came), None
                match step:
                    case moving.Keep(move=kept, was=was):
                        self._files.journal(policy).keep(kept, was)
                    case moving.Apply(ops=ops):
                        plan = self._files.plan_of(policy, ops)
                        came = self._applied(policy, plan, None, step)
                    case moving.Read(profile=profile, number=number):
                        provider = self._connected([profile])[profile]
                        found = provider.get_number(number)
                        came = text_of(found.assignment)
                    case moving.Wait(until=until):
                        time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
                        came = datetime.now(UTC)
        except StopIteration as ended:
            done: Move = ended.value
            self._files.carried(done)
            return done
        except (TelephonyError, KeyboardInterrupt) as error:
            error.add_note(
                f"The move of {move.number} is not finished. Continue it: telephony fleet move "
                f"{move.number} --to {move.to}; or undo it: telephony fleet move --back {move.id}"
            )
            raise

    def _applied(
        self,
        policy: Policy,
        plan: Plan,
        progress: Report | None,
        part: moving.Apply | None = None,
    ) -> Run:
        return running.apply(
            plan,
            self._connected({op.profile for op in plan.ops}),
            self._files.journal(policy),
            sources=self._files.sources(policy),
            concurrency=self._files.concurrency(policy),
            progress=progress,
            run=part.run if part else None,
            move=part.move if part else None,
        )

    def _accounts(self, profiles: Iterable[str]) -> dict[str, str]:
        connected = self._connected(profiles)
        return {profile: running.account_of(provider) for profile, provider in connected.items()}

    def _held(self, policy: Policy, number: str) -> list[Holding]:
        """Return how each profile holds a number."""
        found: list[Holding] = []
        for profile, provider in self._connected(policy.profiles).items():
            try:
                held = provider.get_number(number)
            except NotFoundError:
                continue
            found += reading.rows(profile, held)
        return found

    def _offers(self, policy: Policy) -> dict[str, Offer]:
        providers = self._connected(policy.profiles)
        return {profile: reading.offer(provider) for profile, provider in providers.items()}

    def _read(self, policy: Policy, report: reading.Report | None) -> Snapshot:
        providers = self._connected(policy.profiles)
        return reading.snapshot(providers, before=self._files.known(policy), report=report)

    def _note(self, policy: Policy, run: Run) -> None:
        read: dict[str, str] = {}
        for owner, number in self._files.rewired(policy, run):
            provider = self._connected([owner])[owner]
            # What cannot be read now is only not compared with later.
            with suppress(TelephonyError):
                held = provider.get_number(number)
                read[number] = text_of(held.assignment)
        self._files.written(read)

    def _connected(self, profiles: Iterable[str]) -> dict[str, PhoneNumberProvider]:
        for profile in profiles:
            if profile not in self._providers:
                with self._files.naming(profile):
                    provider = self._connect(profile)
                self._closing.callback(provider.close)
                self._providers[profile] = provider
        return {profile: self._providers[profile] for profile in profiles}
