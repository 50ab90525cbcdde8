"""What was handled, remembered in a file that many workers share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from telephony.events import WebhookAnswer
from telephony.webhooks.store import DAYS, LEASE, Claim, ClaimState, Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhooks (
    key TEXT PRIMARY KEY, at REAL NOT NULL, content_type TEXT, body BLOB
) WITHOUT ROWID
"""
_TAKE = """
INSERT INTO webhooks (key, at) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET at = excluded.at, content_type = NULL, body = NULL
WHERE at < CASE WHEN body IS NULL THEN ? ELSE ? END
"""
_CLEAN_EVERY = 1000


class SQLiteStore(Store):
    """For any number of threads and processes on one machine.

    Args:
        path: the file; made where there is none. Not on a network drive, where locks do not hold.
        window: seconds for which an event that was handled is remembered.
        lease: seconds after which an event is handled again whose worker neither finished nor
            released it, because it was killed. Longer than any handler takes.
    """

    def __init__(self, path: str | Path, *, window: float = 2 * DAYS, lease: float = LEASE) -> None:
        self._path = os.fspath(path)
        self._window = window
        self._lease = lease
        self._lock = threading.Lock()
        self._process = 0
        self._claims = 0

    def claim(self, key: str) -> Claim:
        now = time.time()
        with self._transaction() as rows:
            taken = rows.execute(_TAKE, (key, now, now - self._lease, now - self._window))
            if taken.rowcount:
                self._clean(rows, now)
                return Claim(ClaimState.OURS)
            found = rows.execute("SELECT content_type, body FROM webhooks WHERE key = ?", (key,))
            content_type, body = found.fetchone()
        if body is None:
            return Claim(ClaimState.BUSY)
        return Claim(ClaimState.DONE, WebhookAnswer(content_type, body))

    def finish(self, key: str, answer: WebhookAnswer) -> None:
        with self._transaction() as rows:
            rows.execute(
                "UPDATE webhooks SET at = ?, content_type = ?, body = ? WHERE key = ?",
                (time.time(), answer.content_type, answer.body, key),
            )

    def release(self, key: str) -> None:
        with self._transaction() as rows:
            rows.execute("DELETE FROM webhooks WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file. It is opened again when the store is used again."""
        with self._lock:
            if self._process == os.getpid():
                self._rows.close()
            self._process = 0

    def _clean(self, rows: sqlite3.Connection, now: float) -> None:
        self._claims += 1
        if self._claims % _CLEAN_EVERY == 1:
            rows.execute("DELETE FROM webhooks WHERE at < ?", (now - self._window,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._process != os.getpid():
                # A connection must not be carried over a fork.
                self._rows, self._process = self._opened(), os.getpid()
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield self._rows
            except BaseException:
                self._rows.execute("ROLLBACK")
                raise
            self._rows.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        rows = sqlite3.connect(
            self._path, timeout=10.0, isolation_level=None, check_same_thread=False
        )
        rows.execute("PRAGMA journal_mode = WAL")
        # Survives the end of the process; what a power failure takes is delivered once more.
        rows.execute("PRAGMA synchronous = NORMAL")
        rows.execute(_SCHEMA)
        return rows
