"""Sending: httpx, blocking and asyncio, with the same limits and the same reading of failures."""

from __future__ import annotations

import asyncio
import os
import platform
import ssl
import time
from urllib.parse import urlsplit

import httpx

from telephony._version import __version__
from telephony.errors import (
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    ProviderTimeoutError,
    UnavailableError,
)
from telephony.protocols import Adapter
from telephony.redaction import chain
from telephony.settings import ProviderSettings
from telephony.transport.pool import AsyncPool, Pool
from telephony.transport.retry import Attempt, Deadline, NoAnswer, Policy, Wait, attempts, too_late
from telephony.transport.watch import AttemptWatch, Watch
from telephony.wire import Request, Response

USER_AGENT = f"telephony/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"
_MAX_BODY = 64 * 1024 * 1024


class Transport:
    """Blocking. Safe to share between threads; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._wire = _Wire(adapter, settings)
        self._pool = Pool(settings.max_concurrency, self._wire.headers)
        self._process = os.getpid()

    def send(self, request: Request, deadline: Deadline, watch: Watch) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
        self._after_fork()
        flow = attempts(request, self._wire.policy, deadline, watch)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = self._exchange(request, step, deadline, watch)
                except NoAnswer as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    def _exchange(
        self, request: Request, attempt: Attempt, deadline: Deadline, watch: Watch
    ) -> Response:
        with self._pool.client(deadline) as client, self._wire.policy.limit.turn() as turn:
            while deadline.allows(wait := turn.wait()):
                if wait == 0:
                    return self._ask(client, request, attempt, deadline, watch)
                time.sleep(wait)
        raise too_late()

    def _ask(
        self,
        client: httpx.Client,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        watch: Watch,
    ) -> Response:
        if self._pool.closed:
            raise _closed()
        built = self._wire.build(client, request, deadline)
        seen = watch.attempt(request, attempt.number)
        answer: httpx.Response | None = None
        chunks: list[bytes] = []
        size = 0
        try:
            answer = client.send(built, stream=True)
            try:
                for chunk in answer.iter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    self._wire.check(size, deadline)
            finally:
                answer.close()
        except httpx.HTTPError as failure:
            seen.failed(type(failure).__name__)
            raise no_answer(answer, failure) from failure
        except BaseException as interruption:
            seen.failed(type(interruption).__name__)
            raise
        return _answered(answer, b"".join(chunks), request, attempt, seen)

    def close(self) -> None:
        self._pool.close()

    def _after_fork(self) -> None:
        # The parent's sockets must not be used by two processes; it will close them itself.
        # What is under way there never ends here: the rate limit would wait for it for ever.
        if self._process != os.getpid():
            self._wire = _Wire(self._wire.adapter, self._wire.settings)
            self._pool = Pool(self._wire.settings.max_concurrency, self._wire.headers)
            self._process = os.getpid()


class AsyncTransport:
    """Asyncio. Safe to share between the tasks of one event loop; connections are reused."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._wire = _Wire(adapter, settings)
        self._pool = AsyncPool(settings.max_concurrency, self._wire.headers)

    async def send(self, request: Request, deadline: Deadline, watch: Watch) -> Response:
        """One request, retried as its safety allows. Raises `ProviderError`s."""
        flow = attempts(request, self._wire.policy, deadline, watch)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                    step = next(flow)
                    continue
                try:
                    response = await self._exchange(request, step, deadline, watch)
                except NoAnswer as silence:
                    step = flow.throw(silence)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            answer: Response = done.value
            return answer

    async def _exchange(
        self, request: Request, attempt: Attempt, deadline: Deadline, watch: Watch
    ) -> Response:
        async with self._pool.client(deadline) as client:
            with self._wire.policy.limit.turn() as turn:
                while deadline.allows(wait := turn.wait()):
                    if wait == 0:
                        return await self._ask(client, request, attempt, deadline, watch)
                    await asyncio.sleep(wait)
        raise too_late()

    async def _ask(
        self,
        client: httpx.AsyncClient,
        request: Request,
        attempt: Attempt,
        deadline: Deadline,
        watch: Watch,
    ) -> Response:
        if self._pool.closed:
            raise _closed()
        built = self._wire.build(client, request, deadline)
        seen = watch.attempt(request, attempt.number)
        answer: httpx.Response | None = None
        chunks: list[bytes] = []
        size = 0
        try:
            answer = await client.send(built, stream=True)
            try:
                async for chunk in answer.aiter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    self._wire.check(size, deadline)
            finally:
                await answer.aclose()
        except httpx.HTTPError as failure:
            seen.failed(type(failure).__name__)
            raise no_answer(answer, failure) from failure
        except BaseException as interruption:
            seen.failed(type(interruption).__name__)
            raise
        return _answered(answer, b"".join(chunks), request, attempt, seen)

    async def close(self) -> None:
        await self._pool.close()


class _Wire:
    """What both transports know: where requests go, what goes with them, what failures mean."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.adapter = adapter
        self.settings = settings
        self.policy = Policy(settings, adapter.error, ambiguous=adapter.ambiguous_statuses)
        self.headers = {"User-Agent": USER_AGENT, "Accept": "application/json", **adapter.headers}
        if not all(value.isascii() and value.isprintable() for value in self.headers.values()):
            raise ConfigurationError(
                f"{adapter.name}: a credential holds a character that no HTTP header carries, such "
                "as a line break or a letter with an accent. Copy it again from the vendor."
            )
        self._origins = {_origin(url) for url in (adapter.base_url, *adapter.origins)}

    def timeout(self, request: Request, left: float | None) -> httpx.Timeout:
        read, connect = max(self.settings.timeout, request.timeout), self.settings.connect_timeout
        if left is not None:
            read, connect = min(read, left), min(connect, left)
        return httpx.Timeout(read, connect=connect)

    def build(
        self, client: httpx.Client | httpx.AsyncClient, request: Request, deadline: Deadline
    ) -> httpx.Request:
        url = request.path if "://" in request.path else self.adapter.base_url + request.path
        if _origin(url) not in self._origins:
            # Credentials ride on every request, so an answer does not get to choose the host.
            raise InvalidResponseError(
                "The vendor's answer points to another host, which is not followed",
                hint="Check `base_url`; if it is right, report this to the vendor.",
            )
        content: bytes | None = None
        if request.form is not None:
            content = str(httpx.QueryParams(list(request.form))).encode()
        # Not by client.build_request: it would merge headers, URLs and cookies anew each time.
        try:
            built = httpx.Request(
                request.method,
                url,
                # Given even an empty sequence, httpx drops the query that a paging link carries.
                params=list(request.params) or None,
                headers=client.headers,
                json=request.json,
                content=content,
                extensions={"timeout": self.timeout(request, deadline.left()).as_dict()},
            )
        except httpx.InvalidURL as error:
            raise InvalidRequestError(
                f"No URL can be made of what is asked for: {error}", hint="Check the id."
            ) from None
        if content is not None:
            built.headers["Content-Type"] = "application/x-www-form-urlencoded"
        built.headers.update(request.headers)
        return built

    def check(self, size: int, deadline: Deadline) -> None:
        """Bounds what a read timeout does not: an answer that trickles, or does not end."""
        if not deadline.allows(0):
            raise httpx.ReadTimeout("the deadline passed while the answer was being read")
        if size > _MAX_BODY:
            raise httpx.RemoteProtocolError(f"the answer is over {_MAX_BODY} bytes")


def _answered(
    answer: httpx.Response, body: bytes, request: Request, attempt: Attempt, seen: AttemptWatch
) -> Response:
    headers = {key.lower(): value for key, value in answer.headers.items()}
    seen.answered(answer.status_code, headers)
    return Response(answer.status_code, headers, body, request, attempt.number)


def no_answer(answer: httpx.Response | None, failure: httpx.HTTPError) -> NoAnswer:
    """What a failed attempt means; `answer` is what had come of one by then."""
    kind = type(failure).__name__
    # Only these are certain to have failed before the vendor saw a complete request.
    sent = not isinstance(
        failure,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol
        | httpx.LocalProtocolError,
    )
    if isinstance(failure, httpx.ConnectTimeout):
        return NoAnswer(ProviderTimeoutError("No connection in time"), sent=False)
    if isinstance(failure, httpx.TimeoutException):
        return NoAnswer(ProviderTimeoutError("No answer in time"), sent=sent)
    if answer is not None:
        return NoAnswer(InvalidResponseError(f"The answer breaks off ({kind})"), sent=True)
    untrusted = next(
        (e for e in chain(failure) if isinstance(e, ssl.SSLCertVerificationError)), None
    )
    if untrusted is not None:
        return NoAnswer(_untrusted(untrusted), sent=False)
    message = "The connection broke" if sent else "No connection could be made"
    return NoAnswer(UnavailableError(f"{message} ({kind})"), sent=sent)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _untrusted(found: ssl.SSLCertVerificationError) -> UnavailableError:
    return UnavailableError(
        f"The server's certificate is not trusted: {found.verify_message}",
        hint="Check `base_url`. Behind a proxy with a certificate authority of its own, name that "
        "authority's file in the environment variable SSL_CERT_FILE.",
    )


def _closed() -> UnavailableError:
    return UnavailableError("This provider is closed", hint="Connect again.")
