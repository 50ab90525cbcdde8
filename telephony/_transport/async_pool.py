"""Connections for asyncio, as `telephony._transport.pool` has them for threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import httpcore
import httpx

from telephony._transport.deadline import Deadline
from telephony._transport.network import AsyncNetwork
from telephony._transport.pool import SWEEP, is_dead
from telephony._transport.retry import too_late
from telephony._transport.routes import AsyncConnection, Routes


class AsyncPooledConnection(httpx.AsyncHTTPTransport):
    """`PooledConnection` for asyncio."""

    def __init__(self, origin: httpcore.Origin, routes: Routes) -> None:
        self.origin = origin
        self.network: AsyncNetwork = AsyncNetwork()
        self._routes = routes
        self._pool: AsyncConnection = routes.aopen(origin, self.network)  # type: ignore[assignment]

    @property
    def dead(self) -> bool:
        return is_dead(self._pool)

    async def reopen(self) -> None:
        """Open it again if the other side closed it while a request waited to be sent."""
        if self.dead:
            await self._pool.aclose()
            self._pool = self._routes.aopen(self.origin, self.network)


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
            self._swept = asyncio.get_running_loop().call_later(SWEEP, self._sweep)

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


class AsyncPools:
    """The connections of an asyncio transport: each event loop has its own, which no other can use.

    Args:
        capacity: how many can be in use at once, in each loop.
    """

    def __init__(self, capacity: int, routes: Routes) -> None:
        self._capacity = capacity
        self._routes = routes
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncPool] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def current(self) -> AsyncPool:
        """Return the connections of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            pool = self._pools.get(loop)
            if pool is None:
                pool = self._pools[loop] = AsyncPool(self._capacity, self._routes)
            return pool

    async def close(self) -> None:
        running = asyncio.get_running_loop()
        with self._lock:
            pools = list(self._pools.items())
        for loop, pool in pools:
            if loop is running:
                await pool.close()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(pool.close_soon)
