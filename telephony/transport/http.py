"""Sending: httpx, blocking and asyncio, with the same limits and the same reading of failures."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Self
from weakref import WeakKeyDictionary

import httpx

from telephony.errors import ProviderError, UnavailableError
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.transport.content import Content
from telephony.transport.deadline import Deadline
from telephony.transport.failures import no_response
from telephony.transport.hooks import Hooks, refuse_async_hooks
from telephony.transport.instrumentation import OperationTrace
from telephony.transport.pool import AsyncLine, AsyncPool, Line, Pool
from telephony.transport.quiet import quiet
from telephony.transport.request_builder import RequestBuilder
from telephony.transport.retry import Attempt, NoResponse, Policy, Wait, attempts, too_late
from telephony.transport.routes import Routes
from telephony.wire import Request, Response


class _Shared:
    """What everybody shares who sends through one connected provider."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.wiring = RequestBuilder(adapter)
        self.hooks = Hooks(adapter.name)
        self.routes = Routes(settings)
        self.most = settings.max_concurrency
        self.closed = False
        self._process = os.getpid()
        self._begin(adapter, settings)

    def _begin(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._of = adapter, settings
        self.policy = Policy(settings, adapter.error, ambiguous=adapter.ambiguous_statuses)
        self.pool = Pool(self.most, self.routes)
        self.pools: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncPool] = WeakKeyDictionary()
        self.lock = threading.Lock()

    def after_fork(self) -> None:
        # The parent's sockets must not be used by two processes; it will close them itself.
        # What is under way there never ends here: the rate limit would wait for it for ever.
        if self._process != os.getpid():
            self._process = os.getpid()
            self._begin(*self._of)


class Transport:
    """Blocking. Safe to share between threads; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        refuse_async_hooks(adapter.name, settings)
        self._settings = settings
        self._shared = _Shared(adapter, settings)

    def sharing(self, settings: ProviderSettings) -> Self:
        """The same connections, rate limit and retry budget, with other settings."""
        other = type(self).__new__(type(self))
        other._settings, other._shared = settings, self._shared
        return other

    def send(self, request: Request, deadline: Deadline, trace: OperationTrace) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
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
                    response = self._exchange(request, step, deadline, trace)
                except NoResponse as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    def _exchange(
        self, request: Request, attempt: Attempt, deadline: Deadline, trace: OperationTrace
    ) -> Response:
        if self._shared.closed:
            raise closed()
        built = self._shared.wiring.build(request, self._settings)
        origin = self._shared.wiring.origin(built.url)
        with (
            self._shared.pool.line(origin, deadline) as line,
            self._shared.policy.limit.turn() as turn,
        ):
            while deadline.allows(wait := turn.wait()):
                if wait == 0:
                    if self._shared.closed:
                        raise closed()
                    return self._ask(line, built, request, attempt, deadline, trace)
                time.sleep(wait)
        raise too_late()

    def _ask(
        self,
        line: Line,
        built: httpx.Request,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        trace: OperationTrace,
    ) -> Response:
        hooks, settings = self._shared.hooks, self._settings
        seen = trace.attempt(request, attempt.number)
        hooks.call(settings.on_request, seen.event)
        line.network.begin(deadline)
        answer: httpx.Response | None = None
        try:
            with quiet():
                answer = line.handle_request(built)
                try:
                    content = Content(answer.headers)
                    for part in answer.stream:  # type: ignore[union-attr] # as httpx itself
                        content.add(part)
                finally:
                    answer.stream.close()  # type: ignore[union-attr]
            body = content.whole()
            trace.sent(request)
        except BaseException as failure:
            if line.network.sent:
                trace.sent(request)
            hooks.call(settings.on_response, seen.failed(type(failure).__name__))
            silence = no_response(failure, sent=line.network.sent, answered=answer is not None)
            if silence is None:
                raise
            raise silence from failure
        headers = {key.lower(): value for key, value in answer.headers.items()}
        hooks.call(settings.on_response, seen.answered(answer.status_code, headers))
        return Response(answer.status_code, headers, body, request, attempt.number)

    def close(self) -> None:
        self._shared.closed = True
        self._shared.pool.close()


class AsyncTransport:
    """Asyncio. Safe to share between tasks, also those of several event loops."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._settings = settings
        self._shared = _Shared(adapter, settings)

    def sharing(self, settings: ProviderSettings) -> Self:
        """The same connections, rate limit and retry budget, with other settings."""
        other = type(self).__new__(type(self))
        other._settings, other._shared = settings, self._shared
        return other

    async def send(self, request: Request, deadline: Deadline, trace: OperationTrace) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
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
                    response = await self._exchange(request, step, deadline, trace)
                except NoResponse as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    async def _exchange(
        self, request: Request, attempt: Attempt, deadline: Deadline, trace: OperationTrace
    ) -> Response:
        if self._shared.closed:
            raise closed()
        built = self._shared.wiring.build(request, self._settings)
        origin = self._shared.wiring.origin(built.url)
        async with self._pool().line(origin, deadline) as line:
            with self._shared.policy.limit.turn() as turn:
                while deadline.allows(wait := turn.wait()):
                    if wait == 0:
                        if self._shared.closed:
                            raise closed()
                        return await self._ask(line, built, request, attempt, deadline, trace)
                    await asyncio.sleep(wait)
        raise too_late()

    async def _ask(
        self,
        line: AsyncLine,
        built: httpx.Request,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        trace: OperationTrace,
    ) -> Response:
        hooks, settings = self._shared.hooks, self._settings
        seen = trace.attempt(request, attempt.number)
        await hooks.acall(settings.on_request, seen.event)
        line.network.begin()
        answer: httpx.Response | None = None
        try:
            with quiet():
                async with asyncio.timeout(deadline.left()):
                    answer = await line.handle_async_request(built)
                    try:
                        content = Content(answer.headers)
                        async for part in answer.stream:  # type: ignore[union-attr]
                            content.add(part)
                    finally:
                        await answer.stream.aclose()  # type: ignore[union-attr]
            body = content.whole()
            trace.sent(request)
        except BaseException as failure:
            if line.network.sent:
                trace.sent(request)
            await hooks.acall(settings.on_response, seen.failed(type(failure).__name__))
            silence = no_response(failure, sent=line.network.sent, answered=answer is not None)
            if silence is None:
                raise
            raise silence from failure
        headers = {key.lower(): value for key, value in answer.headers.items()}
        await hooks.acall(settings.on_response, seen.answered(answer.status_code, headers))
        return Response(answer.status_code, headers, body, request, attempt.number)

    def _pool(self) -> AsyncPool:
        """The connections of the event loop that runs: those of another cannot be used in it."""
        loop = asyncio.get_running_loop()
        with self._shared.lock:
            pool = self._shared.pools.get(loop)
            if pool is None:
                pool = self._shared.pools[loop] = AsyncPool(self._shared.most, self._shared.routes)
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


def closed() -> ProviderError:
    return UnavailableError("This provider is closed", hint="Connect again.")
