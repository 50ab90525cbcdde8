"""Locks between processes of one machine that end with the process, however it dies.

SQLite's own lock on an empty file beside the journal: it works alike on every system, and leaves
nothing to find out about the process that held it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_MOMENT = 1.0  # seconds for somebody who only looks whether it is held


@contextmanager
def leased(journal: Path, slot: int) -> Iterator[bool]:
    """Hold a lock of a journal; yield whether it could be had."""
    with closing(_open(journal, slot, _MOMENT)) as lock:
        yield _can(lock, "BEGIN EXCLUSIVE")


def is_leased(journal: Path, slot: int) -> bool:
    """Return whether a process holds a lock of a journal."""
    with closing(_open(journal, slot, 0)) as lock:
        return not _can(lock, "SELECT 1 FROM sqlite_master")


def _can(lock: sqlite3.Connection, statement: str) -> bool:
    try:
        lock.execute(statement).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _open(journal: Path, slot: int, timeout: float) -> sqlite3.Connection:
    # Closed by whichever thread the run ends in.
    return sqlite3.connect(
        f"{journal}-lease{slot}", timeout, isolation_level=None, check_same_thread=False
    )
