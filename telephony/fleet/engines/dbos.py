"""Apply a run on several machines: DBOS gives out its lanes, over PostgreSQL.

DBOS dispatches and no more. The journal, in the same database, stays the truth: a workflow is the
name of some lanes, and one that is carried out twice finds them done. The queue is partitioned by
account, one workflow at a time each, so that what a connection learns of a vendor's rate limit
holds for all machines. Source: docs.dbos.dev/python/tutorials/queue-tutorial.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

import psycopg

# Nothing is sent anywhere: DBOS asks for nothing unless its own variables say so.
from dbos import DBOS, DBOSClient, WorkflowStatus, run_dbos_database_migrations
from psycopg.rows import TupleRow
from sqlalchemy.exc import DBAPIError

from telephony.errors import TelephonyError
from telephony.fleet.applying.board import EVERY, Board, Progress, Report
from telephony.fleet.applying.job import Chunk, Job
from telephony.fleet.applying.running import CONCURRENCY, Run, account_of, settled
from telephony.fleet.applying.threads import Workers
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.postgres import PostgresJournal, unusable
from telephony.fleet.journal.protocol import Journal
from telephony.fleet.planning.plan import Plan
from telephony.model import Source
from telephony.protocols import PhoneNumberProvider

log: logging.Logger = logging.getLogger("telephony.fleet")

LANES = 100
"""Lanes that one workflow does."""

_APPLICATION = "telephony-fleet"
_QUEUE = "telephony-fleet"
_WORKFLOW = "telephony-fleet-lanes"
_VERSION = "1"  # of what a workflow's arguments mean
_POLLED = 0.2  # seconds between two looks at the queue
_PATIENCE = 5.0  # seconds until an account of a process that died is free
_WAITING = ["ENQUEUED", "PENDING", "DELAYED"]


class Machine:
    """One process that does what is enqueued.

    Args:
        name: by which `take_over` finds what it had begun, if it dies; each machine has its own.
        url: of the database.
        connect: returns the provider of a profile.
        sources: returns where numbers are imported from, by the profile that answers them.
        concurrency: how many calls are under way at a profile at once.
    """

    def __init__(
        self,
        name: str,
        url: str,
        connect: Callable[[str], PhoneNumberProvider],
        sources: Callable[[], Mapping[str, Source]],
        concurrency: Mapping[str, int],
    ) -> None:
        self._journal = PostgresJournal(url)
        self._connect = connect
        self._sources = sources
        self._concurrency = concurrency
        self._providers: dict[str, PhoneNumberProvider] = {}
        self._connecting = threading.Lock()
        prepare(url)
        DBOS(
            config={
                "name": _APPLICATION,
                "system_database_url": url,
                "executor_id": name,
                "application_version": _VERSION,
                "log_level": "WARNING",
                "enable_otlp": False,
                "db_engine_kwargs": {"creator": lambda: _connection(url)},
            }
        )

        def lanes(run: str, account: str, profile: str, after: int, last: int) -> Mapping[str, str]:
            return self._do(run, account, Chunk(profile, after, last))

        DBOS.workflow(name=_WORKFLOW)(lanes)
        DBOS.listen_queues([_QUEUE])
        DBOS.launch()
        _register()

    def close(self) -> None:
        """Begin nothing more, and wait a moment for what is under way."""
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=30)
        for provider in self._providers.values():
            provider.close()
        self._journal.close()

    def _do(self, run: str, account: str, chunk: Chunk) -> Mapping[str, str]:
        """Do some lanes of a run; return why accounts were left alone, by account."""
        try:
            with _held(self._journal, run, account):
                job = self._job(run, chunk)
                Workers(job).run()
        except TelephonyError as error:
            reason = str(error).rstrip(".")
            log.warning("%s was left alone: %s.", account, reason)
            return {account: reason}
        return job.board.paused

    def _job(self, run: str, chunk: Chunk) -> Job[PhoneNumberProvider]:
        used = {
            entry.op.profile for lane in chunk.lanes(self._journal, run) for entry in lane.entries
        }
        with self._connecting:  # several workflows run at once, of several accounts
            for name in used - self._providers.keys():
                self._providers[name] = self._connect(name)
        many = {name: self._concurrency.get(name, CONCURRENCY) for name in used}
        accounts = {name: account_of(self._providers[name]) for name in used}
        return Job(
            run,
            self._journal,
            self._providers,
            self._sources(),
            many,
            Board(accounts),
            chunk,
        )


@contextmanager
def _held(journal: Journal, run: str, account: str) -> Iterator[None]:
    """Hold an account, waiting for a machine that has just died or a run that is about to end."""
    until = time.monotonic() + _PATIENCE
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(journal.lease(run, {"": account}))
                break
            except FleetError:
                if time.monotonic() > until:
                    raise
                time.sleep(EVERY)
        yield


def apply(
    plan: Plan,
    url: str,
    journal: Journal,
    accounts: Mapping[str, str],
    progress: Report | None = None,
) -> Run:
    """Begin a run, give out its lanes, and wait until the machines have done them.

    Args:
        plan: what to do.
        url: of the database.
        journal: in the same database.
        accounts: the account of every profile that the plan uses.
        progress: called with a `Progress`, at most five times a second.

    Raises:
        FleetError: the journal cannot be used.
    """
    journal.begin(plan.digest, plan.ops)
    return _enqueued(plan.digest, url, journal, accounts, progress)


def resume(
    run: str,
    url: str,
    journal: Journal,
    accounts: Mapping[str, str],
    progress: Report | None = None,
    *,
    repeat_unknown: bool = False,
) -> Run:
    """Give out what is left of a run, and wait for it, as `apply` does."""
    journal.reopen(run, repeat_unknown=repeat_unknown)
    return _enqueued(run, url, journal, accounts, progress)


def take_over(name: str, url: str) -> int:
    """Give out anew what a machine had begun that is dead; return how many workflows.

    Raises:
        FleetError: it is not dead, as it holds an account; or the journal cannot be used.
    """
    with closing(PostgresJournal(url)) as journal, _client(url) as client, ExitStack() as held:
        begun = client.list_workflows(executor_id=name, status="PENDING", load_output=False)
        for run, account in {_on(one) for one in begun}:
            held.enter_context(_held(journal, run, account))
        client.resume_workflows([one.workflow_id for one in begun], queue_name=_QUEUE)
    return len(begun)


def _on(workflow: WorkflowStatus) -> tuple[str, str]:
    """Return the run and the account that a workflow works on."""
    assert workflow.input is not None  # noqa: S101 - for the type checker
    run, account, *_ = workflow.input["args"]
    return run, account


def prepare(url: str) -> None:
    """Make DBOS's own tables, unless they are there."""
    run_dbos_database_migrations(url)


def machine_name() -> str:
    """Return a name for this process that no other has."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _connection(url: str) -> psycopg.Connection[TupleRow]:
    """Connect for DBOS, which waits for a database that is away only if the error says so.

    Else the outcome of a workflow that ends meanwhile is lost, and its account stays blocked.
    """
    try:
        return psycopg.connect(url, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise psycopg.OperationalError(f"connection failed: {error}") from error


def _enqueued(
    run: str, url: str, journal: Journal, accounts: Mapping[str, str], progress: Report | None
) -> Run:
    # Each time anew: a workflow that has ended is not begun again by its id.
    prefix = f"{run[:16]}-{uuid.uuid4().hex[:8]}-"
    with _client(url) as client:
        _register_from(client)
        for profile in journal.beginnings(run):
            after = -1
            while found := journal.lanes(run, profile, after, LANES):
                last = found[-1].place
                account = accounts[profile]
                client.enqueue(
                    {
                        "workflow_name": _WORKFLOW,
                        "queue_name": _QUEUE,
                        "queue_partition_key": account,
                        "workflow_id": f"{prefix}{profile}-{last}",
                        "app_version": _VERSION,
                    },
                    run, account, profile, after, last,
                )  # fmt: skip
                after = last
        while _some_wait(client, prefix):
            _report(journal, run, progress)
            time.sleep(_POLLED)
        paused = _paused(client, prefix)
    _report(journal, run, progress)
    return settled(journal, run, paused)


def _paused(client: DBOSClient, prefix: str) -> Mapping[str, str]:
    """Return why accounts were left alone, by account."""
    paused: dict[str, str] = {}
    for one in client.list_workflows(workflow_id_prefix=prefix):
        if one.status == "SUCCESS":
            paused |= one.output or {}
        else:
            paused[_on(one)[1]] = f"the machine {one.executor_id} failed, and its log says why"
    return paused


def _some_wait(client: DBOSClient, prefix: str) -> bool:
    return bool(
        client.list_workflows(
            workflow_id_prefix=prefix, status=_WAITING, limit=1, load_input=False, load_output=False
        )
    )


def _report(journal: Journal, run: str, progress: Report | None) -> None:
    if progress is not None:
        counts = journal.counts(run)
        progress(Progress(sum(counts.values()), counts))


def _register() -> None:
    DBOS.register_queue(
        _QUEUE, partition_concurrency=1, polling_interval_sec=EVERY, on_conflict="always_update"
    )


def _register_from(client: DBOSClient) -> None:
    client.register_queue(
        _QUEUE, partition_concurrency=1, polling_interval_sec=EVERY, on_conflict="never_update"
    )


@contextmanager
def _client(url: str) -> Iterator[DBOSClient]:
    """Connect to DBOS; a database that goes away is an error, and not waited for."""
    try:
        prepare(url)
        client = DBOSClient(
            system_database_url=url, application_name=_APPLICATION, retry_connection_errors=False
        )
        try:
            yield client
        finally:
            client.destroy()
    except DBAPIError as error:
        raise unusable(url, error.orig or error) from error
