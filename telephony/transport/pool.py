"""Connections, one for each request under way.

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

from telephony.transport.deadline import Deadline
from telephony.transport.network import AsyncNetwork, Network
from telephony.transport.retry import too_late
from telephony.transport.routes import AsyncConnection, Connection, Routes

# How often the connections that are free are looked through for those that are dead.
_SWEEP = 1.0


class Line(httpx.HTTPTransport):
    """One connection, with httpx's own way of sending a request over it."""

    def __init__(self, origin: httpcore.Origin, routes: Routes) -> None:
        self.origin = origin
        self.network: Network = Network()
        # httpx would open it with sockets of its own.
        self._pool: Connection = routes.open(origin, self.network)  # type: ignore[assignment]

    @property
    def dead(self) -> bool:
        return _is_dead(self._pool)


class AsyncLine(httpx.AsyncHTTPTransport):
    """`Line` for asyncio."""

    def __init__(self, origin: httpcore.Origin, routes: Routes) -> None:
        self.origin = origin
        self.network: AsyncNetwork = AsyncNetwork()
        self._pool: AsyncConnection = routes.aopen(origin, self.network)  # type: ignore[assignment]

    @property
    def dead(self) -> bool:
        return _is_dead(self._pool)


def _is_dead(pool: Connection | AsyncConnection) -> bool:
    """Whether the other side closed it, or it was unused for too long."""
    if isinstance(pool, httpcore.ConnectionPool | httpcore.AsyncConnectionPool):
        return any(one.has_expired() or one.is_closed() for one in pool.connections)
    return pool.has_expired() or pool.is_closed()


class Pool:
    """Blocking. What was used last is used next, so that few connections are kept busy.

    Args:
        most: how many may be in use at once.
    """

    def __init__(self, most: int, routes: Routes) -> None:
        self._turns = threading.Semaphore(most)
        self._routes = routes
        self._free: list[Line] = []
        self._swept = time.monotonic()
        self.closed: bool = False

    @contextmanager
    def line(self, origin: httpcore.Origin, deadline: Deadline) -> Iterator[Line]:
        """One for one request, waited for until the deadline. Raises `NoResponse`."""
        left = deadline.left()
        if not self._turns.acquire(timeout=None if left is None else max(0.0, left)):
            raise too_late()
        try:
            self._sweep()
            line = self._take(origin) or Line(origin, self._routes)
            try:
                yield line
            except BaseException:
                line.close()
                raise
            self._free.append(line)
        finally:
            self._turns.release()
            if self.closed:
                self.close()

    def close(self) -> None:
        """Close what is free, and the rest once it is."""
        self.closed = True
        while line := self._pop():
            line.close()

    def _take(self, origin: httpcore.Origin) -> Line | None:
        others: list[Line] = []
        try:
            while line := self._pop():
                if line.dead:
                    line.close()
                elif line.origin == origin:
                    return line
                else:
                    others.append(line)
        finally:
            self._free += reversed(others)
        return None

    def _sweep(self) -> None:
        """Close the connections that the other side has closed."""
        now = time.monotonic()
        if now - self._swept < _SWEEP:
            return
        self._swept = now
        alive: list[Line] = []
        while line := self._pop():
            if line.dead:
                line.close()
            else:
                alive.append(line)
        self._free += reversed(alive)

    def _pop(self) -> Line | None:
        try:
            return self._free.pop()
        except IndexError:
            return None


class AsyncPool:
    """`Pool` for the tasks of one event loop, which closes it when it ends."""

    def __init__(self, most: int, routes: Routes) -> None:
        self._turns = asyncio.Semaphore(most)
        self._routes = routes
        self._free: list[AsyncLine] = []
        self._swept: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._end: AsyncGenerator[None, None] | None = None
        self.closed: bool = False

    @asynccontextmanager
    async def line(self, origin: httpcore.Origin, deadline: Deadline) -> AsyncIterator[AsyncLine]:
        if self._end is None:
            self._end = self._until_the_loop_ends()
            await anext(self._end)
        try:
            async with asyncio.timeout(deadline.left()):
                await self._turns.acquire()
        except TimeoutError:
            raise too_late() from None
        try:
            line = await self._take(origin) or AsyncLine(origin, self._routes)
            try:
                yield line
            except BaseException:
                await line.aclose()
                raise
            self._free.append(line)
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
        """Close from within the loop, for who is in another thread."""
        self._later(self.close())

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # Before a loop closes it finishes the generators that were begun in it: the last moment at
        # which its connections can be closed, where the caller did not.
        try:
            yield
        finally:
            await self.close()

    async def _take(self, origin: httpcore.Origin) -> AsyncLine | None:
        for line in [line for line in reversed(self._free) if line.origin == origin]:
            if line not in self._free:
                continue  # another task took it while a dead one was closed
            self._free.remove(line)
            if not line.dead:
                return line
            await line.aclose()
        return None

    def _sweep_later(self) -> None:
        if self._swept is None and not self.closed:
            self._swept = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._swept = None
        dead = [line for line in self._free if line.dead]
        self._free = [line for line in self._free if line not in dead]
        for line in dead:
            self._later(line.aclose())
        if self._free:
            self._sweep_later()

    def _later(self, closing: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(closing)
        self._closing.add(task)  # a loop itself does not keep its tasks
        task.add_done_callback(self._closing.discard)
