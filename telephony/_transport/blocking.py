"""Send requests with httpx, blocking."""

from __future__ import annotations

import time
from typing import Self

import httpx

from telephony._transport.content import Content
from telephony._transport.deadline import Deadline
from telephony._transport.failures import no_response
from telephony._transport.hooks import refuse_async_hooks
from telephony._transport.httpcore_log import muted
from telephony._transport.instrumentation import OperationTrace
from telephony._transport.pool import Pool, PooledConnection
from telephony._transport.retry import Attempt, NoResponse, Wait, attempts, too_late
from telephony._transport.shared import Shared, closed
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import Request, Response


class Transport:
    """Sends requests, blocking. Safe to share between threads; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        refuse_async_hooks(adapter.name, settings)
        self._settings = settings
        self._shared = Shared(adapter, settings, Pool)

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
            raise closed()
        built = self._shared.builder.build(request, self._settings)
        origin = self._shared.builder.origin(built.url)
        with (
            self._shared.pool.connection(origin, deadline) as connection,
            self._shared.policy.limit.turn() as turn,
        ):
            while deadline.allows(wait := turn.wait()):
                if wait == 0:
                    if self._shared.closed:
                        raise closed()
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
