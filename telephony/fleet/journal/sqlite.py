"""The journal in one SQLite file, which needs nothing installed. For one machine.

WAL with ``synchronous=FULL``: what was written survives a power cut. One thread writes, and all
that waits for it shares a commit, so that a hundred operations cost little more than one.
"""

from __future__ import annotations

import os
import queue
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import msgspec

from telephony.fleet.errors import FleetError
from telephony.fleet.journal.leases import is_leased, leased
from telephony.fleet.journal.protocol import Entry, Journal, Lane, Move, RunRecord, RunState, State
from telephony.fleet.planning.ops import Op

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
_COLUMNS = "seq, op, state, number, holding, error, status, code, request_id, reason"
_CLEARED = "error = NULL, status = NULL, code = NULL, request_id = NULL, reason = ''"
_PATIENCE = 5.0  # seconds to wait for another process that writes
_MOST = 500  # saves that share a commit

_Save: TypeAlias = tuple[tuple[object, ...], Future[None]]
_Row: TypeAlias = tuple[
    int, bytes, str, str, str | None, str | None, int | None, str | None, str | None, str
]


class SqliteJournal(Journal):
    """A journal in a file, which is made if it is not there. Safe to share between threads.

    Raises:
        FleetError: the file cannot be used, or a newer version of telephony wrote it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._keys: dict[str, int] = {}
        self._waiting: queue.SimpleQueue[_Save | None] = queue.SimpleQueue()
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
        self._writer = threading.Thread(target=self._write, name="fleet-journal", daemon=True)
        self._writer.start()

    def close(self) -> None:
        self._waiting.put(None)
        self._writer.join()
        self._connection.close()

    # --- Runs ------------------------------------------------------------------------------------

    def begin(self, run: str, ops: Sequence[Op]) -> None:
        with self._transaction() as tables:
            found = tables.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()
            if found is None:
                key = tables.execute(
                    "INSERT INTO runs (id, state, started_at) VALUES (?, ?, ?)",
                    (run, RunState.RUNNING, _now()),
                ).lastrowid
                tables.executemany(
                    "INSERT INTO operations (run, seq, lane, beginning, profile, op, state) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    _rows(key, ops),
                )
                return
            left = "SELECT 1 FROM operations WHERE run = ? AND state <> ? LIMIT 1"
            if tables.execute(left, (*found, State.DONE)).fetchone() is None:
                tables.execute(
                    f"UPDATE operations SET state = ?, {_CLEARED} WHERE run = ?",  # noqa: S608
                    (State.PLANNED, *found),
                )
            tables.execute("UPDATE runs SET state = ? WHERE key = ?", (RunState.RUNNING, *found))

    def end(self, run: str, state: RunState) -> None:
        with self._transaction() as tables:
            tables.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run))

    def reopen(self, run: str, *, repeat_unknown: bool) -> None:
        with self._transaction() as tables:
            tables.execute("UPDATE runs SET state = ? WHERE id = ?", (RunState.RUNNING, run))
            if repeat_unknown:
                tables.execute(
                    "UPDATE operations SET state = ? WHERE run = ? AND state = ?",
                    (State.STARTED, self._key(run), State.UNKNOWN),
                )

    def runs(self) -> list[RunRecord]:
        with self._reading() as tables:
            rows = tables.execute("SELECT key, id, state, started_at FROM runs ORDER BY key DESC")
            return [self._record(*row) for row in rows.fetchall()]

    def bought(self) -> Mapping[str, str]:
        with self._reading() as tables:
            rows = tables.execute("SELECT op, number FROM operations WHERE number <> ''")
            found = [(_decode(op).order, number) for op, number in rows]
        return {order: number for order, number in found if order is not None}

    def find(self, run: str) -> RunRecord:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT key, id, state, started_at FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2",
                (len(run), run),
            ).fetchall()
            if len(rows) != 1:
                said = "more than one run" if rows else "no run"
                raise FleetError(
                    f"The journal {self.path} has {said} {run!r}. "
                    "`telephony fleet status` lists those it has."
                )
            return self._record(*rows[0])

    def _record(self, key: int, run: str, state: str, started_at: str) -> RunRecord:
        now = RunState(state)
        if now is RunState.RUNNING and not self._is_worked_on(run):
            now = RunState.PARTLY  # its process died
        return RunRecord(id=run, state=now, started_at=started_at, counts=self._counted(key))

    def counts(self, run: str) -> Mapping[State, int]:
        with self._reading():
            return self._counted(self._key(run))

    def _counted(self, key: int) -> dict[State, int]:
        rows = self._connection.execute(
            "SELECT state, count(*) FROM operations WHERE run = ? GROUP BY state", (key,)
        )
        return {State(state): count for state, count in rows}

    # --- Operations ------------------------------------------------------------------------------

    def profiles(self, run: str) -> list[str]:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT DISTINCT profile FROM operations WHERE run = ?", (self._key(run),)
            )
            return [profile for (profile,) in rows]

    def beginnings(self, run: str) -> Mapping[str, int]:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT beginning, count(DISTINCT lane) FROM operations "
                "WHERE run = ? AND state <> ? GROUP BY beginning",
                (self._key(run), State.DONE),
            )
            return dict(rows.fetchall())

    def lanes(self, run: str, profile: str, after: int = -1, most: int = 200) -> list[Lane]:
        found: list[Lane] = []
        with self._reading() as tables, closing(tables.cursor()) as cursor:
            cursor.execute(
                f"SELECT lane, {_COLUMNS} FROM operations "  # noqa: S608
                "WHERE run = ? AND beginning = ? AND lane > ? ORDER BY lane, seq",
                (self._key(run), profile, after),
            )
            for place, rows in groupby(cursor, lambda row: int(row[0])):
                entries = tuple(_entry(row[1:]) for row in rows)
                if any(entry.state is not State.DONE for entry in entries):
                    found.append(Lane(place, entries))
                if len(found) == most:
                    break
        return found

    def entries(self, run: str) -> Iterator[Entry]:
        after = -1
        while True:
            with self._reading() as tables:
                rows = tables.execute(
                    f"SELECT {_COLUMNS} FROM operations "  # noqa: S608
                    "WHERE run = ? AND seq > ? ORDER BY seq LIMIT 1000",
                    (self._key(run), after),
                ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield from map(_entry, rows)

    def save(self, run: str, entry: Entry) -> Future[None]:
        written: Future[None] = Future()
        row = (
            entry.state, entry.number, entry.holding, entry.error, entry.status, entry.code,
            entry.request_id, entry.reason, self._key(run), entry.seq,
        )  # fmt: skip
        self._waiting.put((row, written))
        return written

    def _write(self) -> None:
        last = False
        while not last:
            batch = [self._waiting.get()]
            while len(batch) < _MOST and not self._waiting.empty():
                batch.append(self._waiting.get())
            saves = [one for one in batch if one is not None]
            last = len(saves) < len(batch)
            # Whoever waits may be cancelled meanwhile; what was to be saved is saved.
            waited_for = [written for _, written in saves if written.set_running_or_notify_cancel()]
            try:
                self._commit([row for row, _ in saves])
            except Exception as error:
                for written in waited_for:
                    written.set_exception(error)
            else:
                for written in waited_for:
                    written.set_result(None)

    def _commit(self, rows: Sequence[tuple[object, ...]]) -> None:
        with self._transaction() as tables:
            tables.executemany(
                "UPDATE operations SET state = ?, number = ?, holding = ?, error = ?, status = ?, "
                "code = ?, request_id = ?, reason = ? WHERE run = ? AND seq = ?",
                rows,
            )

    # --- Moves -----------------------------------------------------------------------------------

    def keep(self, move: Move) -> None:
        with self._transaction() as tables:
            tables.execute(
                "INSERT INTO moves (id, move) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET move = excluded.move",
                (move.id, msgspec.json.encode(move)),
            )

    def moves(self) -> list[Move]:
        with self._reading() as tables:
            rows = tables.execute("SELECT move FROM moves ORDER BY key DESC").fetchall()
        return [msgspec.json.decode(move, type=Move) for (move,) in rows]

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
                    tables.execute(
                        "UPDATE leases SET run = ?, pid = ?, host = ?, since = ? WHERE slot = ?",
                        (run, os.getpid(), socket.gethostname(), _now(), slot),
                    )
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
        return FleetError(
            f"Run {(run or '')[:12]} works on {account} already: process {pid} on {host}, since "
            f"{since}. Nothing was sent. Wait until it ends, or stop it, and call this again."
        )

    def _is_worked_on(self, run: str) -> bool:
        slots = self._connection.execute("SELECT slot FROM leases WHERE run = ?", (run,))
        return any(is_leased(self.path, slot) for (slot,) in slots.fetchall())

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

    def _key(self, run: str) -> int:
        if run not in self._keys:
            found = self._connection.execute("SELECT key FROM runs WHERE id = ?", (run,))
            self._keys[run] = int(found.fetchone()[0])
        return self._keys[run]

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
    sqlite3.SQLITE_READONLY: "is read-only. Make the file and its folder writable, then call this "
    "again.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Check that its folder is there and writable.",
    sqlite3.SQLITE_NOTADB: "is not a journal. Choose another file with `state` in fleet.toml.",
    sqlite3.SQLITE_CORRUPT: "is damaged. Put it back from a backup; or move it away, and plan "
    "again from what the vendors hold.",
}


def _rows(run: int | None, ops: Sequence[Op]) -> Iterator[tuple[object, ...]]:
    """Return the rows of a run, those of one lane next to each other."""
    lanes: dict[str, list[Op]] = {}
    for op in ops:
        lanes.setdefault(op.lane, []).append(op)
    encode, seq = msgspec.json.Encoder().encode, 0
    for place, lane in enumerate(lanes.values()):
        for op in lane:
            yield run, seq, place, lane[0].profile, op.profile, encode(op), State.PLANNED
            seq += 1


_decode = msgspec.json.Decoder(Op).decode


def _entry(row: _Row) -> Entry:
    seq, op, state, number, holding, error, status, code, request_id, reason = row
    return Entry(
        seq=seq, op=_decode(op), state=State(state), number=number, holding=holding, error=error,
        status=status, code=code, request_id=request_id, reason=reason,
    )  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
