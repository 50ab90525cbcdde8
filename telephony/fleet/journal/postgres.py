"""The journal in a PostgreSQL database, for several machines."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow

from telephony.fleet.errors import FleetError
from telephony.fleet.journal.tables import TableJournal, Tables, in_use, now

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


class PostgresJournal(TableJournal):
    """A journal in a schema of its own of a database. Safe to share between threads.

    Args:
        url: ``postgresql://…``.

    Raises:
        FleetError: the database cannot be used, or a newer version of telephony wrote the journal.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.named: str = (
            f"{parts.scheme}://{parts.hostname or ''}{parts.path}"  # without a password
        )
        self._url = url
        self._lock = threading.Lock()
        with self._explained():
            self._connection = psycopg.connect(url, autocommit=True)
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
        # A connection of its own: a lock lasts as long as that, however its process dies.
        with self._explained():
            holder = psycopg.connect(self._url, autocommit=True)
        try:
            for account in sorted(set(accounts.values())):
                self._take(holder, account, run)
            yield
        finally:
            holder.close()

    def _take(self, holder: psycopg.Connection[TupleRow], account: str, run: str) -> None:
        with self._transaction() as tables:
            tables.execute(
                "INSERT INTO leases (account) VALUES (?) ON CONFLICT DO NOTHING", (account,)
            )
        with self._explained():
            row = holder.execute(
                f"SELECT slot, pg_try_advisory_lock({_LOCKS}, slot), run, pid, host, since "  # noqa: S608
                f"FROM {_SCHEMA}.leases WHERE account = %s",
                (account,),
            ).fetchone()
        assert row is not None  # noqa: S101 - for the type checker
        slot, taken, *holding = row
        if not taken:
            raise in_use(account, *holding)
        with self._transaction() as tables:
            tables.execute(
                "UPDATE leases SET run = ?, pid = ?, host = ?, since = ? WHERE slot = ?",
                (run, os.getpid(), socket.gethostname(), now(), slot),
            )

    def _is_worked_on(self, tables: Tables, run: str) -> bool:
        found = tables.execute(
            "SELECT 1 FROM leases JOIN pg_locks ON pg_locks.objid = leases.slot "
            "WHERE leases.run = ? AND pg_locks.locktype = 'advisory' AND pg_locks.classid = ? "
            "AND pg_locks.granted LIMIT 1",
            (run, _LOCKS),
        )
        return found.fetchone() is not None

    def _prepare(self) -> None:
        """Make the tables, unless they are there; of several processes one makes them."""
        with self._explained(), self._connection.transaction():
            self._connection.execute(f"SELECT pg_advisory_xact_lock({_LOCKS}, {_PREPARING})")
            there = self._connection.execute(
                "SELECT to_regclass(%s)", (f"{_SCHEMA}.version",)
            ).fetchone()
            if there == (None,):
                self._connection.execute(_TABLES)
                self._connection.execute(
                    f"INSERT INTO {_SCHEMA}.version VALUES (%s)",  # noqa: S608
                    (VERSION,),
                )
            self._connection.execute(f"SET search_path TO {_SCHEMA}")
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
            yield _Tables(self._connection)

    @contextmanager
    def _transaction(self) -> Iterator[Tables]:
        with self._lock, self._explained(), self._connection.transaction():
            yield _Tables(self._connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            # Its words may hold the address, but never the password.
            said = " ".join(str(error).split())
            raise FleetError(
                f"The journal {self.named} cannot be read or written: {said}. What was started is "
                "settled when the run is resumed."
            ) from error


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
