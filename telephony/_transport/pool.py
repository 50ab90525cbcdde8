"""Connections, one for each request in flight.

httpcore's own pool looks at all of its connections whenever a request begins or ends, and lets
several requests fight for the same one: with fifty in flight that costs several times what they do.

A connection whose request was cut off is closed, not used again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from telephony._transport.deadline import Deadline
from telephony._transport.network import Network
from telephony._transport.retry import too_late
from telephony._transport.routes import AsyncConnection, Connection, Routes

# Seconds between checks for free connections that are dead.
SWEEP = 1.0


class PooledConnection(httpx.HTTPTransport):
    """One connection, over which httpx sends requests."""

    def __init__(self, origin: httpcore.Origin, routes: Routes) -> None:
        self.origin = origin
        self.network: Network = Network()
        self._routes = routes
        # httpx would open it with sockets of its own.
        self._pool: Connection = routes.open(origin, self.network)  # type: ignore[assignment]

    @property
    def dead(self) -> bool:
        return is_dead(self._pool)

    def reopen(self) -> None:
        """Open it again if the other side closed it while a request waited to be sent."""
        if self.dead:
            self._pool.close()
            self._pool = self._routes.open(self.origin, self.network)


def is_dead(pool: Connection | AsyncConnection) -> bool:
    """Return whether the other side closed it, or it was unused for too long."""
    if isinstance(pool, httpcore.ConnectionPool | httpcore.AsyncConnectionPool):
        return any(one.has_expired() or one.is_closed() for one in pool.connections)
    return pool.has_expired() or pool.is_closed()


class Pool:
    """The connections of a blocking transport; the last one used is used next, to keep few open.

    Args:
        capacity: how many can be in use at once.
    """

    def __init__(self, capacity: int, routes: Routes) -> None:
        self._turns = threading.Semaphore(capacity)
        self._routes = routes
        self._free: list[PooledConnection] = []
        self._swept = time.monotonic()
        self.closed: bool = False

    @contextmanager
    def connection(self, origin: httpcore.Origin, deadline: Deadline) -> Iterator[PooledConnection]:
        """Lend a connection for one request, waiting until the deadline. Raises `NoResponse`."""
        left = deadline.left()
        if not self._turns.acquire(timeout=None if left is None else max(0.0, left)):
            raise too_late()
        try:
            self._sweep()
            connection = self._take(origin) or PooledConnection(origin, self._routes)
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._free.append(connection)
        finally:
            self._turns.release()
            if self.closed:
                self.close()

    def close(self) -> None:
        """Close the free connections now, and each other one after its request."""
        self.closed = True
        while connection := self._pop():
            connection.close()

    def _take(self, origin: httpcore.Origin) -> PooledConnection | None:
        others: list[PooledConnection] = []
        try:
            while connection := self._pop():
                if connection.dead:
                    connection.close()
                elif connection.origin == origin:
                    return connection
                else:
                    others.append(connection)
        finally:
            self._free += reversed(others)
        return None

    def _sweep(self) -> None:
        """Close the connections that the other side has closed."""
        now = time.monotonic()
        if now - self._swept < SWEEP:
            return
        self._swept = now
        alive: list[PooledConnection] = []
        while connection := self._pop():
            if connection.dead:
                connection.close()
            else:
                alive.append(connection)
        self._free += reversed(alive)

    def _pop(self) -> PooledConnection | None:
        try:
            return self._free.pop()
        except IndexError:
            return None
