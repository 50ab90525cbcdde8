"""Record which events were handled in a file that many workers share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from telephony.errors import ConfigurationError
from telephony.events import WebhookResponse
from telephony.webhooks.store import DAYS, LEASE, Claim, ClaimState, Store, new_owner

# An event that was handled has a body, if an empty one.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS claims (
    key TEXT PRIMARY KEY, at REAL NOT NULL, owner TEXT NOT NULL, content_type TEXT, body BLOB
) WITHOUT ROWID
"""
_TAKE = """
INSERT INTO claims (key, at, owner) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE
SET at = excluded.at, owner = excluded.owner, content_type = NULL, body = NULL
WHERE at < CASE WHEN body IS NULL THEN ? ELSE ? END
"""
_FINISH = """
UPDATE claims SET at = ?, content_type = ?, body = ? WHERE key = ? AND owner = ? AND body IS NULL
"""
_CLEAN_EVERY = 1000
_LOCK_TIMEOUT, _POLL_INTERVAL = 30.0, 0.02


class SQLiteStore(Store):
    """Records events in a file, for all threads, processes and forks of one machine.

    Args:
        path: the file, created if missing. Not on a network drive, where locks are unreliable.
        window: seconds for which an event that was handled is remembered.
        lease: seconds after which an event is handled again whose worker neither finished nor
            released it, because it was killed. Longer than any handler takes.
    """

    def __init__(self, path: str | Path, *, window: float = 2 * DAYS, lease: float = LEASE) -> None:
        self._path = os.fspath(path)
        self._window = window
        self._lease = lease
        self._lock = threading.Lock()
        self._rows: sqlite3.Connection | None = None
        self._process = 0
        self._claims = 0
        _stores.add(self)

    def claim(self, key: str) -> Claim:
        now, owner = time.time(), new_owner()
        with self._transaction() as rows:
            taken = rows.execute(_TAKE, (key, now, owner, now - self._lease, now - self._window))
            if taken.rowcount:
                self._clean(rows, now)
                return Claim(key, ClaimState.OURS, owner)
            found = rows.execute("SELECT content_type, body FROM claims WHERE key = ?", (key,))
            content_type, body = found.fetchone()
        if body is None:
            return Claim(key, ClaimState.BUSY)
        return Claim(key, ClaimState.DONE, response=WebhookResponse(content_type, body))

    def finish(self, claim: Claim, response: WebhookResponse) -> None:
        with self._transaction() as rows:
            said = (response.content_type, response.body)
            rows.execute(_FINISH, (time.time(), *said, claim.key, claim.owner))

    def release(self, claim: Claim) -> None:
        with self._transaction() as rows:
            rows.execute(
                "DELETE FROM claims WHERE key = ? AND owner = ? AND body IS NULL",
                (claim.key, claim.owner),
            )

    def forget(self, key: str) -> None:
        with self._transaction() as rows:
            rows.execute("DELETE FROM claims WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file. It is opened again when the store is used again."""
        with self._lock:
            self._close()

    def before_fork(self) -> None:
        # SQLite's locks belong to a process. A connection that is carried over a fork makes both
        # processes believe that they hold them, and what one of them writes is lost.
        self._lock.acquire()
        self._close()

    def after_fork(self) -> None:
        self._lock.release()

    def _close(self) -> None:
        if self._rows is not None:
            self._rows.close()
        self._rows = None

    def _clean(self, rows: sqlite3.Connection, now: float) -> None:
        self._claims += 1
        if self._claims % _CLEAN_EVERY == 1:
            rows.execute("DELETE FROM claims WHERE at < ?", (now - self._window,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._rows is None:
                self._rows, self._process = self._opened(), os.getpid()
            elif self._process != os.getpid():
                raise ConfigurationError(
                    "The SQLiteStore was used before this process was forked by a program other "
                    "than Python. Make it, or use it for the first time, after the fork."
                )
            rows = self._rows
            rows.execute("BEGIN IMMEDIATE")
            try:
                yield rows
                rows.execute("COMMIT")
            except BaseException:
                # A full disk, for one, has ended the transaction already.
                if rows.in_transaction:
                    rows.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        until = time.monotonic() + _LOCK_TIMEOUT
        while True:
            rows = sqlite3.connect(
                self._path, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            try:
                # The change to WAL does not wait for other processes that make it, too.
                rows.execute("PRAGMA journal_mode = WAL")
                # Survives the end of the process; what a power failure loses is delivered again.
                rows.execute("PRAGMA synchronous = NORMAL")
                rows.execute(_SCHEMA)
            except BaseException as error:
                rows.close()
                if not _is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(_POLL_INTERVAL)
            else:
                return rows


def _is_busy(error: BaseException) -> bool:
    # The extended codes, such as "busy, recovering", have it in their lowest byte.
    return (
        isinstance(error, sqlite3.OperationalError)
        and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )


_stores: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()
_forking: list[SQLiteStore] = []


def _before_fork() -> None:
    for store in list(_stores):
        store.before_fork()
        _forking.append(store)


def _after_fork() -> None:
    while _forking:
        _forking.pop().after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
