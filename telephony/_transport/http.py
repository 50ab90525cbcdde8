"""Send requests with httpx, blocking and for asyncio, with the same limits and retries."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Self
from weakref import WeakKeyDictionary

import httpx

from telephony._transport.content import Content
from telephony._transport.deadline import Deadline
from telephony._transport.failures import no_response
from telephony._transport.hooks import Hooks, refuse_async_hooks
from telephony._transport.httpcore_log import muted
from telephony._transport.instrumentation import OperationTrace
from telephony._transport.pool import AsyncPool, AsyncPooledConnection, Pool, PooledConnection
from telephony._transport.request_builder import RequestBuilder
from telephony._transport.retry import Attempt, NoResponse, Policy, Wait, attempts, too_late
from telephony._transport.routes import Routes
from telephony.errors import ProviderError, UnavailableError
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import Request, Response


class _Shared:
    """The state that all users of one provider share."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.builder = RequestBuilder(adapter)
        self.hooks = Hooks(adapter.name)
        self.routes = Routes(settings, self.builder.origins)
        self.capacity = settings.max_concurrency
        self.closed = False
        self._process = os.getpid()
        self._begin(adapter, settings)

    def _begin(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._of = adapter, settings
        self.policy = Policy(settings, adapter.error, ambiguous=adapter.ambiguous_statuses)
        self.pool = Pool(self.capacity, self.routes)
        self.pools: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncPool] = WeakKeyDictionary()
        self.lock = threading.Lock()

    def after_fork(self) -> None:
        # The parent's sockets must not be used by two processes; it will close them itself.
        # Its requests in flight never end here: the rate limit would wait for them for ever.
        if self._process != os.getpid():
            self._process = os.getpid()
            self._begin(*self._of)


class Transport:
    """Sends requests, blocking. Safe to share between threads; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        refuse_async_hooks(adapter.name, settings)
        self._settings = settings
        self._shared = _Shared(adapter, settings)

    def sharing(self, settings: ProviderSettings) -> Self:
        """Return a transport with other settings but the same connections and limits."""
        other = type(self).__new__(type(self))
        other._settings, other._shared = settings, self._shared
        return other

    def send(self, request: Request, deadline: Deadline, trace: OperationTrace) -> Response:
        """Send a request, retry it as its safety allows, and return the response.

        Raises:
            ProviderError: no attempt succeeded.
        """
        self._shared.after_fork()
        flow = attempts(request, self._shared.policy, self._settings, deadline)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    self._shared.hooks.call(self._settings.on_retry, trace.retry(request, step))
                    time.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = self._attempt(request, step, deadline, trace)
                except NoResponse as lost:
                    step = flow.throw(lost)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            final: Response = done.value
            return final

    def _attempt(
        self, request: Request, attempt: Attempt, deadline: Deadline, trace: OperationTrace
    ) -> Response:
        if self._shared.closed:
            raise _closed()
        built = self._shared.builder.build(request, self._settings)
        origin = self._shared.builder.origin(built.url)
        with (
            self._shared.pool.connection(origin, deadline) as connection,
            self._shared.policy.limit.turn() as turn,
        ):
            while deadline.allows(wait := turn.wait()):
                if wait == 0:
                    if self._shared.closed:
                        raise _closed()
                    return self._exchange(connection, built, request, attempt, deadline, trace)
                time.sleep(wait)
        raise too_late()

    def _exchange(
        self,
        connection: PooledConnection,
        built: httpx.Request,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        trace: OperationTrace,
    ) -> Response:
        hooks, settings = self._shared.hooks, self._settings
        attempt_trace = trace.attempt(request, attempt.number)
        hooks.call(settings.on_request, attempt_trace.event)
        connection.network.begin(deadline)
        response: httpx.Response | None = None
        try:
            connection.reopen()
            with muted():
                response = connection.handle_request(built)
                try:
                    content = Content(response.headers, request.largest)
                    for part in response.stream:  # type: ignore[union-attr] # as httpx itself
                        content.add(part)
                finally:
                    response.stream.close()  # type: ignore[union-attr]
            body = content.whole()
            trace.sent(request)
        except BaseException as failure:
            if connection.network.sent:
                trace.sent(request)
            hooks.call(settings.on_response, attempt_trace.failed(type(failure).__name__))
            lost = no_response(
                failure, sent=connection.network.sent, response_begun=response is not None
            )
            if lost is None:
                raise
            raise lost from failure
        headers = {key.lower(): value for key, value in response.headers.items()}
        hooks.call(settings.on_response, attempt_trace.responded(response.status_code, headers))
        return Response(response.status_code, headers, body, request, attempt.number)

    def close(self) -> None:
        self._shared.closed = True
        self._shared.pool.close()


class AsyncTransport:
    """Sends requests, for asyncio. Safe to share between tasks, also of several event loops."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._settings = settings
        self._shared = _Shared(adapter, settings)

    def sharing(self, settings: ProviderSettings) -> Self:
        """Return a transport with other settings but the same connections and limits."""
        other = type(self).__new__(type(self))
        other._settings, other._shared = settings, self._shared
        return other

    async def send(self, request: Request, deadline: Deadline, trace: OperationTrace) -> Response:
        """Send a request, retry it as its safety allows, and return the response.

        Raises:
            ProviderError: no attempt succeeded.
        """
        self._shared.after_fork()
        hooks = self._shared.hooks
        flow = attempts(request, self._shared.policy, self._settings, deadline)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    await hooks.acall(self._settings.on_retry, trace.retry(request, step))
                    await asyncio.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = await self._attempt(request, step, deadline, trace)
                except NoResponse as lost:
                    step = flow.throw(lost)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            final: Response = done.value
            return final

    async def _attempt(
        self, request: Request, attempt: Attempt, deadline: Deadline, trace: OperationTrace
    ) -> Response:
        if self._shared.closed:
            raise _closed()
        built = self._shared.builder.build(request, self._settings)
        origin = self._shared.builder.origin(built.url)
        async with self._pool().connection(origin, deadline) as connection:
            with self._shared.policy.limit.turn() as turn:
                while deadline.allows(wait := turn.wait()):
                    if wait == 0:
                        if self._shared.closed:
                            raise _closed()
                        return await self._exchange(
                            connection, built, request, attempt, deadline, trace
                        )
                    await asyncio.sleep(wait)
        raise too_late()

    async def _exchange(
        self,
        connection: AsyncPooledConnection,
        built: httpx.Request,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        trace: OperationTrace,
    ) -> Response:
        hooks, settings = self._shared.hooks, self._settings
        attempt_trace = trace.attempt(request, attempt.number)
        await hooks.acall(settings.on_request, attempt_trace.event)
        connection.network.begin()
        response: httpx.Response | None = None
        try:
            await connection.reopen()
            with muted():
                async with asyncio.timeout(deadline.left()):
                    response = await connection.handle_async_request(built)
                    try:
                        content = Content(response.headers, request.largest)
                        async for part in response.stream:  # type: ignore[union-attr]
                            content.add(part)
                    finally:
                        await response.stream.aclose()  # type: ignore[union-attr]
            body = content.whole()
            trace.sent(request)
        except BaseException as failure:
            if connection.network.sent:
                trace.sent(request)
            await hooks.acall(settings.on_response, attempt_trace.failed(type(failure).__name__))
            lost = no_response(
                failure, sent=connection.network.sent, response_begun=response is not None
            )
            if lost is None:
                raise
            raise lost from failure
        headers = {key.lower(): value for key, value in response.headers.items()}
        await hooks.acall(
            settings.on_response, attempt_trace.responded(response.status_code, headers)
        )
        return Response(response.status_code, headers, body, request, attempt.number)

    def _pool(self) -> AsyncPool:
        """Return the connections of the running event loop, which no other loop can use."""
        loop = asyncio.get_running_loop()
        with self._shared.lock:
            pool = self._shared.pools.get(loop)
            if pool is None:
                pool = self._shared.pools[loop] = AsyncPool(
                    self._shared.capacity, self._shared.routes
                )
            return pool

    async def close(self) -> None:
        self._shared.closed = True
        running = asyncio.get_running_loop()
        with self._shared.lock:
            pools = list(self._shared.pools.items())
        for loop, pool in pools:
            if loop is running:
                await pool.close()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(pool.close_soon)


def _closed() -> ProviderError:
    return UnavailableError("This provider is closed", hint="Connect again.")
