"""Connections, one for each request in flight.

httpcore's own pool looks at all of its connections whenever a request begins or ends, and lets
several requests fight for the same one: with fifty in flight that costs several times what they do.

A connection whose request was cut off is closed, not used again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpcore
import httpx

from telephony._transport.deadline import Deadline
from telephony._transport.network import AsyncNetwork, Network
from telephony._transport.retry import too_late
from telephony._transport.routes import AsyncConnection, Connection, Routes

# Seconds between checks for free connections that are dead.
_SWEEP = 1.0


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
        return _is_dead(self._pool)

    def reopen(self) -> None:
        """Open it again if the other side closed it while a request waited to be sent."""
        if self.dead:
            self._pool.close()
            self._pool = self._routes.open(self.origin, self.network)


class AsyncPooledConnection(httpx.AsyncHTTPTransport):
    """`PooledConnection` for asyncio."""

    def __init__(self, origin: httpcore.Origin, routes: Routes) -> None:
        self.origin = origin
        self.network: AsyncNetwork = AsyncNetwork()
        self._routes = routes
        self._pool: AsyncConnection = routes.aopen(origin, self.network)  # type: ignore[assignment]

    @property
    def dead(self) -> bool:
        return _is_dead(self._pool)

    async def reopen(self) -> None:
        """Open it again if the other side closed it while a request waited to be sent."""
        if self.dead:
            await self._pool.aclose()
            self._pool = self._routes.aopen(self.origin, self.network)


def _is_dead(pool: Connection | AsyncConnection) -> bool:
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
        if now - self._swept < _SWEEP:
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


class AsyncPool:
    """`Pool` for the tasks of one event loop, which closes it when it ends."""

    def __init__(self, capacity: int, routes: Routes) -> None:
        self._turns = asyncio.Semaphore(capacity)
        self._routes = routes
        self._free: list[AsyncPooledConnection] = []
        self._swept: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._end: AsyncGenerator[None, None] | None = None
        self.closed: bool = False

    @asynccontextmanager
    async def connection(
        self, origin: httpcore.Origin, deadline: Deadline
    ) -> AsyncIterator[AsyncPooledConnection]:
        if self._end is None:
            self._end = self._until_the_loop_ends()
            await anext(self._end)
        try:
            async with asyncio.timeout(deadline.left()):
                await self._turns.acquire()
        except TimeoutError:
            raise too_late() from None
        try:
            connection = await self._take(origin) or AsyncPooledConnection(origin, self._routes)
            try:
                yield connection
            except BaseException:
                await connection.aclose()
                raise
            self._free.append(connection)
            self._sweep_later()
        finally:
            self._turns.release()
            if self.closed:
                await self.close()

    async def close(self) -> None:
        self.closed = True
        if self._swept is not None:
            self._swept.cancel()
        while self._free:
            await self._free.pop().aclose()

    def close_soon(self) -> None:
        """Close from within the loop, for callers in another thread."""
        self._later(self.close())

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # Before a loop closes it finishes the generators that were begun in it: the last moment at
        # which its connections can be closed, where the caller did not.
        try:
            yield
        finally:
            await self.close()

    async def _take(self, origin: httpcore.Origin) -> AsyncPooledConnection | None:
        for connection in [
            connection for connection in reversed(self._free) if connection.origin == origin
        ]:
            if connection not in self._free:
                continue  # another task took it while a dead one was closed
            self._free.remove(connection)
            if not connection.dead:
                return connection
            await connection.aclose()
        return None

    def _sweep_later(self) -> None:
        if self._swept is None and not self.closed:
            self._swept = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._swept = None
        dead = [connection for connection in self._free if connection.dead]
        self._free = [connection for connection in self._free if connection not in dead]
        for connection in dead:
            self._later(connection.aclose())
        if self._free:
            self._sweep_later()

    def _later(self, closing: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(closing)
        self._closing.add(task)  # a loop itself does not keep its tasks
        task.add_done_callback(self._closing.discard)
