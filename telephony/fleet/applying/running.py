"""Apply a plan, resume a run, and say how one stands."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from msgspec import Struct

from telephony.fleet.applying.board import Board, Report
from telephony.fleet.applying.job import Job
from telephony.fleet.applying.tasks import AsyncWorkers
from telephony.fleet.applying.threads import Workers
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import Entry, Journal, Move, RunRecord, RunState, State
from telephony.fleet.planning.plan import Plan
from telephony.model import Source
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider

P = TypeVar("P", PhoneNumberProvider, AsyncPhoneNumberProvider)
log: logging.Logger = logging.getLogger("telephony.fleet")

CONCURRENCY = 10
"""Calls under way at a profile at once, where nothing else is declared."""


class Run(Struct, frozen=True, kw_only=True):
    """How a run stands.

    Attributes:
        id: the digest of its plan; applying the same plan again goes on with the same run.
        started_at: when it was begun, as ISO 8601 in UTC.
        counts: how many operations are in each state; states without any are left out.
        done: the operations that are done.
        refused: those that the vendor, or the library before any request, refused.
        failed: those that did not succeed; resuming tries them again.
        unknown: those that may have been done. Look at the vendor: they are not repeated.
        changed: those whose value at the vendor is neither the one before nor the one wanted.
        left: those that have not begun, or are under way.
        paused: why an account was left alone, by account.
    """

    id: str
    state: RunState
    started_at: str
    counts: Mapping[State, int]
    done: tuple[Entry, ...] = ()
    refused: tuple[Entry, ...] = ()
    failed: tuple[Entry, ...] = ()
    unknown: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    left: tuple[Entry, ...] = ()
    paused: Mapping[str, str] = {}


def apply(
    plan: Plan,
    providers: Mapping[str, PhoneNumberProvider],
    journal: Journal,
    *,
    sources: Mapping[str, Source] | None = None,
    concurrency: Mapping[str, int] | None = None,
    progress: Report | None = None,
    run: str | None = None,
    move: Move | None = None,
) -> Run:
    """Do what a plan says, or go on with the run that began it.

    What was begun before is settled by reading first; nothing is bought, imported or released
    twice. An operation that does not succeed stops its lane only. One run works on an account of
    a vendor at a time.

    Args:
        plan: what to do.
        providers: the connected providers, by profile.
        journal: where the run is written down.
        sources: where numbers are imported from, by the profile that answers them.
        concurrency: how many calls are under way at each profile at once; 10 where it is not said.
        progress: called with a `Progress`, in this thread, at most ten times a second.
        run: the id of the run; None: the plan's digest.
        move: what the run is a part of; nothing is done if another process has gone on with it.

    Raises:
        FleetError: the journal cannot be used, an account is in use by another run, or a profile
            of the plan is not connected.
    """
    used = {op.profile for op in plan.ops}
    job = _job(run or plan.digest, used, providers, journal, sources, concurrency, progress)
    with _working(job, move):
        journal.begin(job.run, plan.ops)
        Workers(job).run()
        return _ended(job)


def resume(
    run: str,
    providers: Mapping[str, PhoneNumberProvider],
    journal: Journal,
    *,
    sources: Mapping[str, Source] | None = None,
    concurrency: Mapping[str, int] | None = None,
    progress: Report | None = None,
    repeat_unknown: bool = False,
) -> Run:
    """Go on with a run, as `apply` does. One that is finished is returned as it is.

    Args:
        run: its id, or the beginning of it.
        providers: as for `apply`.
        journal: where the run is written down.
        sources: as for `apply`.
        concurrency: as for `apply`.
        progress: as for `apply`.
        repeat_unknown: whether operations of unknown outcome are done again where reading shows
            that they have not happened. Look at the vendor before.

    Raises:
        FleetError: as for `apply`; and there is no such run.
    """
    found = journal.find(run)
    if found.state is RunState.FINISHED:
        return status(journal, found.id)
    used = journal.profiles(found.id)
    job = _job(found.id, used, providers, journal, sources, concurrency, progress)
    with _working(job):
        journal.reopen(job.run, repeat_unknown=repeat_unknown)
        Workers(job).run()
        return _ended(job)


async def apply_async(
    plan: Plan,
    providers: Mapping[str, AsyncPhoneNumberProvider],
    journal: Journal,
    *,
    sources: Mapping[str, Source] | None = None,
    concurrency: Mapping[str, int] | None = None,
    progress: Report | None = None,
    run: str | None = None,
    move: Move | None = None,
) -> Run:
    """As `apply`, with asyncio."""
    used = {op.profile for op in plan.ops}
    job = _job(run or plan.digest, used, providers, journal, sources, concurrency, progress)
    with _working(job, move):
        await asyncio.to_thread(journal.begin, job.run, plan.ops)
        await AsyncWorkers(job).run()
        return await asyncio.to_thread(_ended, job)


async def resume_async(
    run: str,
    providers: Mapping[str, AsyncPhoneNumberProvider],
    journal: Journal,
    *,
    sources: Mapping[str, Source] | None = None,
    concurrency: Mapping[str, int] | None = None,
    progress: Report | None = None,
    repeat_unknown: bool = False,
) -> Run:
    """As `resume`, with asyncio."""
    found = await asyncio.to_thread(journal.find, run)
    if found.state is RunState.FINISHED:
        return await asyncio.to_thread(status, journal, found.id)
    used = await asyncio.to_thread(journal.profiles, found.id)
    job = _job(found.id, used, providers, journal, sources, concurrency, progress)
    with _working(job):
        await asyncio.to_thread(journal.reopen, job.run, repeat_unknown=repeat_unknown)
        await AsyncWorkers(job).run()
        return await asyncio.to_thread(_ended, job)


def status(journal: Journal, run: str) -> Run:
    """Return how a run stands.

    Args:
        journal: where it is written down.
        run: its id, or the beginning of it.

    Raises:
        FleetError: there is no such run, or the journal cannot be read.
    """
    return _run(journal, journal.find(run), {})


def _job(
    run: str,
    used: Collection[str],
    providers: Mapping[str, P],
    journal: Journal,
    sources: Mapping[str, Source] | None,
    concurrency: Mapping[str, int] | None,
    progress: Report | None,
) -> Job[P]:
    missing = sorted(set(used) - providers.keys())
    if missing:
        raise FleetError(f"The run needs {', '.join(missing)}, which is not connected.")
    many = {profile: (concurrency or {}).get(profile, CONCURRENCY) for profile in used}
    board = Board({profile: account_of(providers[profile]) for profile in used}, progress)
    return Job(run, journal, providers, sources or {}, many, board)


def account_of(provider: PhoneNumberProvider | AsyncPhoneNumberProvider) -> str:
    """Return which account of which vendor a provider is connected to."""
    return f"{provider.adapter.vendor} account {provider.account}"


@contextmanager
def _working(job: Job[P], move: Move | None = None) -> Iterator[None]:
    """Hold the accounts of a run; interrupted, say how to go on with it."""
    with job.journal.lease(job.run, job.board.accounts):
        if move is not None:
            job.journal.keep(move, move.state)
        try:
            yield
        except BaseException as error:
            with suppress(FleetError):
                job.journal.end(job.run, RunState.PARTLY)
            if not isinstance(error, Exception):
                note = (
                    "No further operation was begun. What was under way is finished, or is settled "
                    f"when you go on: telephony fleet resume {job.run[:12]}"
                )
                error.add_note(note)
                if not isinstance(error, KeyboardInterrupt):  # whose traceback shows the note
                    log.warning(note)
            raise


def _ended(job: Job[P]) -> Run:
    return settled(job.journal, job.run, job.board.paused)


def settled(journal: Journal, run: str, paused: Mapping[str, str] | None = None) -> Run:
    """Write down that no process works on a run any more, and return how it stands.

    Args:
        journal: where it is written down.
        run: its id.
        paused: why an account was left alone, by account.
    """
    if set(journal.counts(run)) <= {State.DONE}:
        state = RunState.FINISHED
    else:
        state = RunState.PAUSED if paused else RunState.PARTLY
    journal.end(run, state)
    return _run(journal, journal.find(run), paused or {})


def _run(journal: Journal, record: RunRecord, paused: Mapping[str, str]) -> Run:
    found: defaultdict[State, list[Entry]] = defaultdict(list)
    for entry in journal.entries(record.id):
        found[entry.state].append(entry)
    # What was begun is under way, or may have been done by a process that died.
    begun = tuple(found[State.STARTED])
    under_way = record.state is RunState.RUNNING
    return Run(
        id=record.id,
        state=record.state,
        started_at=record.started_at,
        counts=record.counts,
        done=tuple(found[State.DONE]),
        refused=tuple(found[State.REFUSED]),
        failed=tuple(found[State.FAILED]),
        unknown=(*(() if under_way else begun), *found[State.UNKNOWN]),
        changed=tuple(found[State.CHANGED]),
        left=(*(begun if under_way else ()), *found[State.PLANNED]),
        paused=dict(paused),
    )
