"""Sending: httpx, blocking and asyncio, with the same limits and the same reading of failures."""

from __future__ import annotations

import asyncio
import functools
import logging
import platform
import ssl
import time
from urllib.parse import urlsplit

import httpx

from telephony._version import __version__
from telephony.errors import InvalidResponseError, ProviderTimeoutError, UnavailableError
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.transport.retry import Attempt, Deadline, NoAnswer, Wait, attempts
from telephony.wire import Request, Response

log = logging.getLogger("telephony")

USER_AGENT = f"telephony/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"
_MAX_BODY = 64 * 1024 * 1024


class Transport:
    """Blocking. Safe to share between threads; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._wire = _Wire(adapter, settings)
        self._client = httpx.Client(verify=_tls(), timeout=self._wire.timeout(None))

    def send(self, request: Request, deadline: Deadline) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
        flow = attempts(request, self._wire.settings, deadline, self._wire.adapter.error)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    log.debug("waiting %.1f s before the next try", step.seconds)
                    time.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = self._exchange(request, step)
                except NoAnswer as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    def _exchange(self, request: Request, attempt: Attempt) -> Response:
        if self._client.is_closed:
            raise _closed()
        started = time.monotonic()
        answer: httpx.Response | None = None
        try:
            built = self._wire.build(self._client, request, attempt)
            answer = self._client.send(built, stream=True)
            try:
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    self._wire.check(body, started, attempt)
            finally:
                answer.close()
        except httpx.HTTPError as failure:
            raise self._wire.no_answer(request, attempt, answer, failure, started) from failure
        return self._wire.answered(request, attempt, answer, bytes(body), started)

    def close(self) -> None:
        self._client.close()


class AsyncTransport:
    """Asyncio. Safe to share between the tasks of one event loop; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._wire = _Wire(adapter, settings)
        self._client = httpx.AsyncClient(verify=_tls(), timeout=self._wire.timeout(None))

    async def send(self, request: Request, deadline: Deadline) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
        flow = attempts(request, self._wire.settings, deadline, self._wire.adapter.error)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    log.debug("waiting %.1f s before the next try", step.seconds)
                    await asyncio.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = await self._exchange(request, step)
                except NoAnswer as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    async def _exchange(self, request: Request, attempt: Attempt) -> Response:
        if self._client.is_closed:
            raise _closed()
        started = time.monotonic()
        answer: httpx.Response | None = None
        try:
            built = self._wire.build(self._client, request, attempt)
            answer = await self._client.send(built, stream=True)
            try:
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    self._wire.check(body, started, attempt)
            finally:
                await answer.aclose()
        except httpx.HTTPError as failure:
            raise self._wire.no_answer(request, attempt, answer, failure, started) from failure
        return self._wire.answered(request, attempt, answer, bytes(body), started)

    async def close(self) -> None:
        await self._client.aclose()


class _Wire:
    """What both transports know: where requests go, what goes with them, what failures mean."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.adapter = adapter
        self.settings = settings
        self._headers = {"User-Agent": USER_AGENT, "Accept": "application/json", **adapter.headers}
        self._origins = {_origin(url) for url in (adapter.base_url, *adapter.origins)}

    def timeout(self, left: float | None) -> httpx.Timeout:
        read, connect = self.settings.timeout, self.settings.connect_timeout
        if left is not None:
            read, connect = min(read, left), min(connect, left)
        return httpx.Timeout(read, connect=connect)

    def build(
        self, client: httpx.Client | httpx.AsyncClient, request: Request, attempt: Attempt
    ) -> httpx.Request:
        url = request.path if "://" in request.path else self.adapter.base_url + request.path
        if _origin(url) not in self._origins:
            # Credentials ride on every request, so an answer does not get to choose the host.
            raise InvalidResponseError(
                "The vendor's answer points to another host, which is not followed",
                hint="Check `base_url`; if it is right, report this to the vendor.",
            )
        headers = {**self._headers, **request.headers}
        content: bytes | None = None
        if request.form is not None:
            content = str(httpx.QueryParams(list(request.form))).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return client.build_request(
            request.method,
            url,
            # Given even an empty sequence, httpx drops the query that a paging link carries.
            params=list(request.params) or None,
            json=request.json,
            content=content,
            headers=headers,
            timeout=self.timeout(attempt.time_left),
        )

    def check(self, body: bytearray, started: float, attempt: Attempt) -> None:
        """Bounds what a read timeout does not: an answer that trickles, or does not end."""
        if attempt.time_left is not None and time.monotonic() - started > attempt.time_left:
            raise httpx.ReadTimeout("the deadline passed while the answer was being read")
        if len(body) > _MAX_BODY:
            raise httpx.RemoteProtocolError(f"the answer is over {_MAX_BODY} bytes")

    def answered(
        self,
        request: Request,
        attempt: Attempt,
        answer: httpx.Response,
        body: bytes,
        started: float,
    ) -> Response:
        headers = {key.lower(): value for key, value in answer.headers.items()}
        log.debug(
            "%s %s -> %d in %.0f ms, attempt %d, request id %s",
            request.method,
            request.path.partition("?")[0],
            answer.status_code,
            (time.monotonic() - started) * 1000,
            attempt.number,
            request_id(headers),
        )
        return Response(answer.status_code, headers, body, request, attempt.number)

    def no_answer(
        self,
        request: Request,
        attempt: Attempt,
        answer: httpx.Response | None,
        failure: httpx.HTTPError,
        started: float,
    ) -> NoAnswer:
        kind = type(failure).__name__
        log.debug(
            "%s %s -> %s after %.0f ms, attempt %d",
            request.method,
            request.path.partition("?")[0],
            kind,
            (time.monotonic() - started) * 1000,
            attempt.number,
        )
        # Only these are certain to have failed before the vendor saw a complete request.
        sent = not isinstance(
            failure,
            httpx.ConnectError
            | httpx.ConnectTimeout
            | httpx.PoolTimeout
            | httpx.ProxyError
            | httpx.UnsupportedProtocol
            | httpx.LocalProtocolError,
        )
        if isinstance(failure, httpx.ConnectTimeout | httpx.PoolTimeout):
            return NoAnswer(ProviderTimeoutError("No connection in time"), sent=False)
        if isinstance(failure, httpx.TimeoutException):
            return NoAnswer(ProviderTimeoutError("No answer in time"), sent=sent)
        if answer is not None:
            return NoAnswer(InvalidResponseError(f"The answer breaks off ({kind})"), sent=True)
        message = "The connection broke" if sent else "No connection could be made"
        return NoAnswer(UnavailableError(f"{message} ({kind})"), sent=sent)


def request_id(headers: dict[str, str]) -> str | None:
    """The vendor's id of a request, under whichever of the usual names."""
    names = ("x-request-id", "request-id", "twilio-request-id", "x-livekit-request-id")
    return next((headers[name] for name in names if name in headers), None)


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificate store costs tens of milliseconds; every connection can share it.
    return ssl.create_default_context()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _closed() -> UnavailableError:
    return UnavailableError("This provider is closed", hint="Connect again.")
