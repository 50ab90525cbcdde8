"""The journal in tables of a database that speaks SQL.

One thread writes, and all that waits for it shares a commit, so that a hundred operations cost
little more than one.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Protocol, TypeAlias

import msgspec

from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import (
    Entry,
    Journal,
    Lane,
    Move,
    MoveState,
    RunRecord,
    RunState,
    State,
)
from telephony.fleet.planning.ops import Op

_COLUMNS = "seq, op, state, number, holding, error, status, code, request_id, reason"
_MOST = 500  # saves that share a commit

_Save: TypeAlias = tuple[tuple[object, ...], Future[None]]
_Row: TypeAlias = tuple[
    int, bytes, str, str, str | None, str | None, int | None, str | None, str | None, str
]


class Rows(Protocol):
    """What a statement returned."""

    def fetchone(self) -> Any: ...  # noqa: ANN401 - as databases do

    def fetchall(self) -> list[Any]: ...


class Tables(Protocol):
    """A connection; ``?`` stands for an argument."""

    def execute(self, statement: str, arguments: Sequence[object] = (), /) -> Rows: ...

    def executemany(
        self, statement: str, rows: Iterator[Sequence[object]] | Sequence[Sequence[object]], /
    ) -> object: ...


class TableJournal(Journal):
    """A journal in tables. Safe to share between threads.

    Attributes:
        named: what it is called in messages.
    """

    named: str

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._waiting: queue.SimpleQueue[_Save | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="fleet-journal", daemon=True)
        self._writer.start()

    def close(self) -> None:
        self._waiting.put(None)
        self._writer.join()

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Tables]:
        """Read the tables; what goes wrong is a `FleetError`."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Tables]:
        """Change the tables durably, or not at all."""

    @abstractmethod
    def _is_worked_on(self, tables: Tables, run: str) -> bool:
        """Return whether a process holds an account for a run."""

    def _key(self, run: str) -> int:
        if run not in self._keys:
            with self._reading() as tables:
                (key,) = tables.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()
            self._keys[run] = int(key)
        return self._keys[run]

    # --- Runs ------------------------------------------------------------------------------------

    def begin(self, run: str, ops: Sequence[Op]) -> None:
        with self._transaction() as tables:
            found = tables.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()
            if found is None:
                tables.execute(
                    "INSERT INTO runs (id, state, started_at) VALUES (?, ?, ?)",
                    (run, RunState.RUNNING, now()),
                )
                (key,) = tables.execute("SELECT key FROM runs WHERE id = ?", (run,)).fetchone()
                self._keys[run] = int(key)
                tables.executemany(
                    "INSERT INTO operations (run, seq, lane, beginning, profile, op, state) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    _rows(key, ops),
                )
                return
            tables.execute("UPDATE runs SET state = ? WHERE key = ?", (RunState.RUNNING, *found))

    def end(self, run: str, state: RunState) -> None:
        with self._transaction() as tables:
            tables.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run))

    def reopen(self, run: str, *, repeat_unknown: bool) -> None:
        key = self._key(run)
        with self._transaction() as tables:
            tables.execute("UPDATE runs SET state = ? WHERE key = ?", (RunState.RUNNING, key))
            if repeat_unknown:
                tables.execute(
                    "UPDATE operations SET state = ? WHERE run = ? AND state = ?",
                    (State.STARTED, key, State.UNKNOWN),
                )

    def runs(self) -> list[RunRecord]:
        with self._reading() as tables:
            rows = tables.execute("SELECT key, id, state, started_at FROM runs ORDER BY key DESC")
            return [self._record(tables, *row) for row in rows.fetchall()]

    def ids(self) -> list[str]:
        with self._reading() as tables:
            rows = tables.execute("SELECT id FROM runs ORDER BY key DESC").fetchall()
        return [run for (run,) in rows]

    def bought(self) -> Mapping[str, str]:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT op, CASE state WHEN ? THEN number ELSE '' END FROM operations "
                "WHERE (state = ? AND number <> '') OR state IN (?, ?)",
                (State.DONE, State.DONE, State.STARTED, State.UNKNOWN),
            ).fetchall()
        found = [(_decode(op).order, number) for op, number in rows]
        return {order: number for order, number in found if order is not None}

    def overtaken(self, run: str) -> frozenset[str]:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT op, number FROM operations WHERE state <> ? AND run > "
                "(SELECT key FROM runs WHERE id = ?)",
                (State.PLANNED, run),
            ).fetchall()
        touched = (number or _decode(op).number for op, number in rows)
        # A purchase that brought no number has changed none.
        return frozenset(number for number in touched if number)

    def find(self, run: str) -> RunRecord:
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT key, id, state, started_at FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2",
                (len(run), run),
            ).fetchall()
            if len(rows) != 1:
                said = "more than one run" if rows else "no run"
                raise FleetError(
                    f"The journal {self.named} has {said} {run!r}. "
                    "`telephony fleet status` lists those it has."
                )
            return self._record(tables, *rows[0])

    def _record(self, tables: Tables, key: int, run: str, state: str, started_at: str) -> RunRecord:
        stands, counts = RunState(state), _counted(tables, key)
        if stands is RunState.RUNNING and not self._is_worked_on(tables, run):
            # Its process died.
            stands = RunState.FINISHED if counts.keys() <= {State.DONE} else RunState.PARTLY
        return RunRecord(id=run, state=stands, started_at=started_at, counts=counts)

    def counts(self, run: str) -> Mapping[State, int]:
        key = self._key(run)
        with self._reading() as tables:
            return _counted(tables, key)

    # --- Operations ------------------------------------------------------------------------------

    def profiles(self, run: str) -> list[str]:
        key = self._key(run)
        with self._reading() as tables:
            query = "SELECT DISTINCT profile FROM operations WHERE run = ?"
            return [profile for (profile,) in tables.execute(query, (key,)).fetchall()]

    def beginnings(self, run: str) -> Mapping[str, int]:
        key = self._key(run)
        with self._reading() as tables:
            rows = tables.execute(
                "SELECT beginning, count(DISTINCT lane) FROM operations "
                "WHERE run = ? AND state <> ? GROUP BY beginning",
                (key, State.DONE),
            )
            return dict(rows.fetchall())

    def lanes(self, run: str, profile: str, after: int = -1, most: int = 200) -> list[Lane]:
        key = self._key(run)
        with self._reading() as tables:
            rows = tables.execute(
                f"SELECT lane, {_COLUMNS} FROM operations WHERE run = ? AND beginning = ? "  # noqa: S608
                "AND lane IN (SELECT DISTINCT lane FROM operations WHERE run = ? AND beginning = ? "
                "AND lane > ? AND state <> ? ORDER BY lane LIMIT ?) ORDER BY lane, seq",
                (key, profile, key, profile, after, State.DONE, most),
            ).fetchall()
        return [
            Lane(place, tuple(_entry(row[1:]) for row in found))
            for place, found in groupby(rows, lambda row: int(row[0]))
        ]

    def entries(self, run: str) -> Iterator[Entry]:
        key, after = self._key(run), -1
        while True:
            with self._reading() as tables:
                rows = tables.execute(
                    f"SELECT {_COLUMNS} FROM operations "  # noqa: S608
                    "WHERE run = ? AND seq > ? ORDER BY seq LIMIT 1000",
                    (key, after),
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

    def keep(self, move: Move, was: MoveState | None) -> None:
        with self._transaction() as tables:
            found = tables.execute("SELECT move FROM moves WHERE id = ?", (move.id,)).fetchone()
            stands = None if found is None else _decode_move(found[0]).state
            others = was is None and any(
                one.number == move.number and not one.ended for one in _moves(tables)
            )
            if stands is not was or others:
                raise FleetError(
                    f"Another process moves {move.number}. `telephony fleet moves` shows how that "
                    "stands; call this again once it is ended."
                )
            tables.execute(
                "INSERT INTO moves (id, move) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET move = excluded.move",
                (move.id, msgspec.json.encode(move)),
            )

    def moves(self) -> list[Move]:
        with self._reading() as tables:
            return _moves(tables)


def now() -> str:
    """Return the time as the tables hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def hold(tables: Tables, slot: int, run: str) -> None:
    """Write down that this process holds an account for a run."""
    tables.execute(
        "UPDATE leases SET run = ?, pid = ?, host = ?, since = ? WHERE slot = ?",
        (run, os.getpid(), socket.gethostname(), now(), slot),
    )


def in_use(account: str, run: str | None, pid: int, host: str, since: str) -> FleetError:
    """Return the error that somebody else holds an account."""
    return FleetError(
        f"Run {(run or '')[:12]} works on {account} already: process {pid} on {host}, since "
        f"{since}. Nothing was sent. Wait until it ends, or stop it, and call this again."
    )


def _counted(tables: Tables, key: int) -> dict[State, int]:
    rows = tables.execute(
        "SELECT state, count(*) FROM operations WHERE run = ? GROUP BY state", (key,)
    )
    return {State(state): count for state, count in rows.fetchall()}


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
_decode_move = msgspec.json.Decoder(Move).decode


def _moves(tables: Tables) -> list[Move]:
    """Return all moves, the latest first."""
    rows = tables.execute("SELECT move FROM moves ORDER BY key DESC").fetchall()
    return [_decode_move(move) for (move,) in rows]


def _entry(row: _Row) -> Entry:
    seq, op, state, number, holding, error, status, code, request_id, reason = row
    return Entry(
        seq=seq, op=_decode(op), state=State(state), number=number, holding=holding, error=error,
        status=status, code=code, request_id=request_id, reason=reason,
    )  # fmt: skip
