"""Send requests with httpx, for asyncio, with the limits and retries of the blocking transport."""

from __future__ import annotations

import asyncio
from typing import Self

import httpx

from telephony._transport.async_pool import AsyncPooledConnection, AsyncPools
from telephony._transport.content import Content
from telephony._transport.deadline import Deadline
from telephony._transport.failures import no_response
from telephony._transport.httpcore_log import muted
from telephony._transport.instrumentation import OperationTrace
from telephony._transport.retry import Attempt, NoResponse, Wait, attempts, too_late
from telephony._transport.shared import Shared, closed
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import Request, Response


class AsyncTransport:
    """Sends requests, for asyncio. Safe to share between tasks, also of several event loops."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._settings = settings
        self._shared = Shared(adapter, settings, AsyncPools)

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
            raise closed()
        built = self._shared.builder.build(request, self._settings)
        origin = self._shared.builder.origin(built.url)
        async with self._shared.pool.current().connection(origin, deadline) as connection:
            with self._shared.policy.limit.turn() as turn:
                while deadline.allows(wait := turn.wait()):
                    if wait == 0:
                        if self._shared.closed:
                            raise closed()
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

    async def close(self) -> None:
        self._shared.closed = True
        await self._shared.pool.close()
