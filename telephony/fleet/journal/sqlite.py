"""The journal in one SQLite file, which needs nothing installed. For one machine.

WAL with ``synchronous=FULL``: what was written survives a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from telephony.fleet.errors import FleetError
from telephony.fleet.journal.leases import is_leased, leased
from telephony.fleet.journal.tables import TableJournal, Tables, hold, in_use

VERSION = 1
_APPLICATION = 0x74656C66  # how a file shows that it is a journal of this library
_TABLES = """
CREATE TABLE runs (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, started_at TEXT NOT NULL
);
CREATE TABLE operations (
    run INTEGER NOT NULL REFERENCES runs, seq INTEGER NOT NULL,
    lane INTEGER NOT NULL, beginning TEXT NOT NULL, profile TEXT NOT NULL,
    op BLOB NOT NULL, state TEXT NOT NULL,
    number TEXT NOT NULL DEFAULT '', holding TEXT, error TEXT, status INTEGER, code TEXT,
    request_id TEXT, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE INDEX lanes ON operations (run, beginning, lane);
CREATE TABLE moves (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, move BLOB NOT NULL);
CREATE TABLE leases (
    slot INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, run TEXT, pid INTEGER, host TEXT,
    since TEXT
);
"""
_PATIENCE = 5.0  # seconds to wait for another process that writes


class SqliteJournal(TableJournal):
    """A journal in a file, which is made if it is not there. Safe to share between threads.

    Raises:
        FleetError: the file cannot be used, or a newer version of telephony wrote it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self.named: str = str(path)
        self._lock = threading.Lock()
        with self._explained():
            # Labels and numbers are in it: it is for its owner's eyes.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                self.path, _PATIENCE, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        super().__init__()

    def close(self) -> None:
        super().close()
        self._connection.close()

    # --- Leases ----------------------------------------------------------------------------------

    @contextmanager
    def lease(self, run: str, accounts: Mapping[str, str]) -> Iterator[None]:
        with ExitStack() as held:
            for account in sorted(set(accounts.values())):
                slot = self._slot(account)
                with self._explained():
                    taken = not held.enter_context(leased(self.path, slot))
                if taken:
                    raise self._in_use(account, slot)
                with self._transaction() as tables:
                    hold(tables, slot, run)
            yield

    def _slot(self, account: str) -> int:
        query = "SELECT slot FROM leases WHERE account = ?"
        with self._reading() as tables:
            found = tables.execute(query, (account,)).fetchone()
        if found is None:
            with self._transaction() as tables:
                tables.execute("INSERT OR IGNORE INTO leases (account) VALUES (?)", (account,))
                found = tables.execute(query, (account,)).fetchone()
        return int(found[0])

    def _in_use(self, account: str, slot: int) -> FleetError:
        with self._reading() as tables:
            run, pid, host, since = tables.execute(
                "SELECT run, pid, host, since FROM leases WHERE slot = ?", (slot,)
            ).fetchone()
        return in_use(account, run, pid, host, since)

    def _is_worked_on(self, tables: Tables, run: str) -> bool:
        slots = tables.execute("SELECT slot FROM leases WHERE run = ?", (run,)).fetchall()
        return any(is_leased(self.path, slot) for (slot,) in slots)

    # --- The file --------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self._reading() as tables:
            used = self._is_used(tables)
            tables.execute("PRAGMA journal_mode = WAL")
            tables.execute("PRAGMA synchronous = FULL")
        if used:
            return
        with self._transaction() as tables:
            if self._is_used(tables):
                return  # by another process, a moment ago
            for statement in _TABLES.split(";\n"):
                tables.execute(statement)
            tables.execute(f"PRAGMA application_id = {_APPLICATION}")
            tables.execute(f"PRAGMA user_version = {VERSION}")

    def _is_used(self, tables: sqlite3.Connection) -> bool:
        """Return whether the file is a journal already. Raises `FleetError` if it is another."""
        (version,) = tables.execute("PRAGMA user_version").fetchone()
        (application,) = tables.execute("PRAGMA application_id").fetchone()
        (used,) = tables.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if used and application != _APPLICATION:
            raise FleetError(
                f"{self.path} is another program's database, not a journal of this library. "
                "Choose another file with `state` in fleet.toml."
            )
        if version > VERSION:
            raise FleetError(
                f"A newer version of telephony wrote the journal {self.path} (version "
                f"{version}; this one reads {VERSION}). Upgrade telephony."
            )
        return bool(used)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the tables durably, or not at all."""
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled it back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FleetError(
                f"The journal {self.path} cannot be opened: {error.strerror}. Choose a file in a "
                "folder that you can write to, with `state` in fleet.toml."
            ) from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            said = _SAID.get(code, f"cannot be read or written: {error}.")
            raise FleetError(f"The journal {self.path} {said}") from error


_SAID = {
    sqlite3.SQLITE_BUSY: "is locked by another program. Close it there, then call this again.",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full. Free some space, then resume the "
    "run: what was started is settled first.",
    sqlite3.SQLITE_IOERR: "cannot be written: the disk may be full, or broken. Look at it, "
    "then resume the run: what was started is settled first.",
    sqlite3.SQLITE_READONLY: "is read-only. Make the file and its folder writable, then call this "
    "again.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Check that its folder is there and writable.",
    sqlite3.SQLITE_NOTADB: "is not a journal. Choose another file with `state` in fleet.toml.",
    sqlite3.SQLITE_CORRUPT: "is damaged. Put it back from a backup; or move it away, and plan "
    "again from what the vendors hold.",
}
