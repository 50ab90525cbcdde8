"""Report running operations: debug log, events for hooks, OpenTelemetry spans.

Never a header, a query, a body, a secret or a telephone number.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telephony.settings import HttpEvent, ProviderSettings
from telephony.wire import Request, Safety

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from telephony._transport.retry import Wait

log: logging.Logger = logging.getLogger("telephony")


class OperationTrace:
    """Follows one operation.

    Attributes:
        around: the exception that the caller was handling when the operation began.
        changing: of the requests sent so far that change something, the riskiest one.
    """

    def __init__(self, provider: str, operation: str, settings: ProviderSettings) -> None:
        self._provider = provider
        self._operation = operation
        self._base = settings.base_url
        self.around: BaseException | None = sys.exception()
        self.changing: Request | None = None
        self._span: Span | None = None
        self._context: Context | None = None
        tracer = _tracer()
        if tracer is not None:
            from opentelemetry import trace

            self._span = tracer.start_span(
                f"telephony.{operation}",
                attributes={"telephony.provider": provider, "telephony.operation": operation},
            )
            # Passed on explicitly: a listing's span stays open while the caller's own code runs.
            self._context = trace.set_span_in_context(self._span)

    def attempt(self, request: Request, number: int) -> AttemptTrace:
        event = HttpEvent(self._provider, self._operation, request.method, request.shown, number)
        return AttemptTrace(event, self._start(event))

    def sent(self, request: Request) -> None:
        """Record that the vendor may have received a request."""
        risky = self.changing is not None and self.changing.safety is Safety.UNSAFE
        if request.safety is not Safety.READ and not risky:
            self.changing = request

    def retry(self, request: Request, wait: Wait) -> HttpEvent:
        """Return the event before another attempt."""
        log.debug("attempt %d in %.2f s: %s", wait.number + 1, wait.seconds, wait.reason)
        return HttpEvent(
            self._provider, self._operation, request.method, request.shown, wait.number,
            failure=wait.reason, wait=wait.seconds,
        )  # fmt: skip

    def end(self, error: BaseException | None = None) -> None:
        """End the operation; only the first call counts."""
        span, self._span = self._span, None
        if span is not None:
            if error is not None:
                _failed(span, type(error).__name__)
            span.end()

    def _start(self, event: HttpEvent) -> Span | None:
        tracer = _tracer()
        if tracer is None:
            return None
        from opentelemetry.trace import SpanKind

        parts = urlsplit(event.path if "://" in event.path else self._base + event.path)
        return tracer.start_span(
            event.method,
            context=self._context,
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": event.method,
                "server.address": parts.hostname or "",
                "server.port": parts.port or (443 if parts.scheme == "https" else 80),
                "url.full": f"{parts.scheme}://{parts.netloc}{parts.path}",
                **({"http.request.resend_count": event.attempt - 1} if event.attempt > 1 else {}),
            },
        )


class AttemptTrace:
    """Follows one HTTP attempt of an operation.

    Attributes:
        event: what hooks get before it.
    """

    def __init__(self, event: HttpEvent, span: Span | None) -> None:
        self.event = event
        self._span = span
        self._started = time.monotonic()

    def responded(self, status: int, headers: Mapping[str, str]) -> HttpEvent:
        elapsed = time.monotonic() - self._started
        event, request_id = self.event, request_id_of(headers)
        log.debug(
            "%s %s -> %d in %.0f ms, attempt %d, request id %s",
            event.method, event.path, status, elapsed * 1000, event.attempt, request_id,
        )  # fmt: skip
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= 400:
                _failed(self._span, str(status))
            self._span.end()
        return self._after(status, elapsed, request_id, None)

    def failed(self, kind: str) -> HttpEvent:
        elapsed = time.monotonic() - self._started
        event = self.event
        log.debug(
            "%s %s -> %s after %.0f ms, attempt %d",
            event.method, event.path, kind, elapsed * 1000, event.attempt,
        )  # fmt: skip
        if self._span is not None:
            _failed(self._span, kind)
            self._span.end()
        return self._after(None, elapsed, None, kind)

    def _after(
        self, status: int | None, elapsed: float, request_id: str | None, failure: str | None
    ) -> HttpEvent:
        event = self.event
        return HttpEvent(
            event.provider, event.operation, event.method, event.path, event.attempt,
            status, elapsed, request_id, failure,
        )  # fmt: skip


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the vendor's id of a request, from a header such as ``X-Request-Id``."""
    return next((value for name, value in headers.items() if name.endswith("request-id")), None)


def _failed(span: Span, kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


@cache
def _tracer() -> Tracer | None:
    """Return OpenTelemetry's tracer where it is installed, which does nothing without an SDK."""
    if importlib.util.find_spec("opentelemetry") is None:
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    from telephony._version import __version__

    return trace.get_tracer("telephony", __version__)
