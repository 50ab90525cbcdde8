"""The journal in a PostgreSQL database, for several machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow

from telephony.fleet.errors import FleetError
from telephony.fleet.journal.tables import TableJournal, Tables, hold, in_use

VERSION = 1
_SCHEMA = "telephony_fleet"
_TABLES = f"""
CREATE SCHEMA {_SCHEMA};
CREATE TABLE {_SCHEMA}.version (version INTEGER NOT NULL);
CREATE TABLE {_SCHEMA}.runs (
    key BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, started_at TEXT NOT NULL
);
CREATE TABLE {_SCHEMA}.operations (
    run BIGINT NOT NULL REFERENCES {_SCHEMA}.runs, seq BIGINT NOT NULL,
    lane BIGINT NOT NULL, beginning TEXT NOT NULL, profile TEXT NOT NULL,
    op BYTEA NOT NULL, state TEXT NOT NULL,
    number TEXT NOT NULL DEFAULT '', holding TEXT, error TEXT, status INTEGER, code TEXT,
    request_id TEXT, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, seq)
);
CREATE INDEX lanes ON {_SCHEMA}.operations (run, beginning, lane);
CREATE TABLE {_SCHEMA}.moves (
    key BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    move BYTEA NOT NULL
);
CREATE TABLE {_SCHEMA}.leases (
    slot INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account TEXT NOT NULL UNIQUE, run TEXT,
    pid INTEGER, host TEXT, since TEXT
);
"""
# Two numbers are a lock's name: this one says that it is ours.
_LOCKS = 0x74656C66
_PREPARING = 0
_PATIENCE = 5  # seconds to wait for another process that writes


class PostgresJournal(TableJournal):
    """A journal in a schema of its own of a database. Safe to share between threads.

    Args:
        url: ``postgresql://…``.

    Raises:
        FleetError: the database cannot be used, or a newer version of telephony wrote the journal.
    """

    def __init__(self, url: str) -> None:
        self.named: str = _named(url)
        self._url = url
        self._lock = threading.Lock()
        self._held: set[int] = set()
        with self._explained():
            self._connection = self._connected()
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        super().__init__()

    def close(self) -> None:
        super().close()
        self._connection.close()

    @contextmanager
    def lease(self, run: str, accounts: Mapping[str, str]) -> Iterator[None]:
        # The lock of an account lasts as long as the connection, however the process dies. All that
        # is written goes through the same connection: a process that loses it can write no more.
        taken: list[int] = []
        with suppress(FleetError), self._reading() as tables:
            tables.execute("SELECT 1")  # else a connection that was cut long ago is noticed later
        try:
            for account in sorted(set(accounts.values())):
                self._take(account, run, taken)
            yield
        finally:
            with suppress(FleetError), self._reading() as tables:
                for slot in taken:
                    tables.execute("SELECT pg_advisory_unlock(?, ?)", (_LOCKS, slot))
            self._held.difference_update(taken)

    def _take(self, account: str, run: str, taken: list[int]) -> None:
        with self._transaction() as tables:
            tables.execute(
                "INSERT INTO leases (account) VALUES (?) ON CONFLICT DO NOTHING", (account,)
            )
        with self._transaction() as tables:
            slot, *holding = tables.execute(
                "SELECT slot, run, pid, host, since FROM leases WHERE account = ?", (account,)
            ).fetchone()
            lock = "SELECT pg_try_advisory_lock(?, ?)"
            # The server would grant it to one connection twice.
            if slot in self._held or tables.execute(lock, (_LOCKS, slot)).fetchone() != (True,):
                raise in_use(account, *holding)
            taken.append(slot)
            self._held.add(slot)
            hold(tables, slot, run)

    def _is_worked_on(self, tables: Tables, run: str) -> bool:
        found = tables.execute(
            "SELECT 1 FROM leases JOIN pg_locks ON pg_locks.objid = leases.slot "
            "WHERE leases.run = ? AND pg_locks.locktype = 'advisory' AND pg_locks.classid = ? "
            "AND pg_locks.granted AND pg_locks.database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",
            (run, _LOCKS),
        )
        return found.fetchone() is not None

    def _connected(self) -> psycopg.Connection[TupleRow]:
        connection = psycopg.connect(self._url, autocommit=True)
        connection.execute(f"SET search_path TO {_SCHEMA}")
        # A process that was stopped in the middle of a transaction does not block others for long.
        connection.execute(f"SET lock_timeout TO '{_PATIENCE}s'")
        return connection

    def _prepare(self) -> None:
        """Make the tables, unless they are there; of several processes one makes them."""
        with self._explained(), self._connection.transaction():
            self._connection.execute(f"SELECT pg_advisory_xact_lock({_LOCKS}, {_PREPARING})")
            there = self._connection.execute(
                "SELECT to_regclass(%s)", (f"{_SCHEMA}.version",)
            ).fetchone()
            if there == (None,):
                self._connection.execute(_TABLES)
                self._connection.execute("INSERT INTO version VALUES (%s)", (VERSION,))
            found = self._connection.execute("SELECT version FROM version").fetchone()
        if found is None or found[0] > VERSION:
            version = found[0] if found else "none"
            raise FleetError(
                f"A newer version of telephony wrote the journal {self.named} (version {version}; "
                f"this one reads {VERSION}). Upgrade telephony."
            )

    @contextmanager
    def _reading(self) -> Iterator[Tables]:
        with self._lock, self._explained():
            yield _Tables(self._usable())

    @contextmanager
    def _transaction(self) -> Iterator[Tables]:
        with self._lock, self._explained(), self._usable().transaction():
            yield _Tables(self._connection)

    def _usable(self) -> psycopg.Connection[TupleRow]:
        """Return the connection; a new one if it was cut, unless accounts were lost with it."""
        if self._connection.closed and not self._held:
            self._connection = self._connected()
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise unusable(self._url, error) from error


def unusable(url: str, error: BaseException) -> FleetError:
    """Return the error that the journal's database cannot be used."""
    # Its words may hold the address, but never the password.
    said = " ".join(str(error).split())
    return FleetError(
        f"The journal {_named(url)} cannot be read or written: {said}. What was started is settled "
        "when the run is resumed."
    )


def _named(url: str) -> str:
    """Return the URL without a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


class _Tables:
    """A connection whose statements spell arguments as ``?``."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def execute(
        self, statement: str, arguments: Sequence[object] = (), /
    ) -> psycopg.Cursor[TupleRow]:
        return self._connection.execute(statement.replace("?", "%s").encode(), arguments)

    def executemany(
        self, statement: str, rows: Iterator[Sequence[object]] | Sequence[Sequence[object]], /
    ) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows)
