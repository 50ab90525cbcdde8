"""Connections, one httpx client each.

httpx's own pool looks at all of its connections whenever a request begins or ends, and lets several
requests fight for the same one: with fifty in flight that costs several times what they do.

A client whose request was cut off is closed, not used again: httpx may believe for ever that its
one connection is taken.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import httpx

from telephony.errors import ConfigurationError
from telephony.transport.retry import Deadline, too_late

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Pool:
    """Blocking. What was used last is used next, so that few connections are kept busy.

    Args:
        most: how many may be in use at once.
        headers: for every request.
    """

    def __init__(self, most: int, headers: Mapping[str, str]) -> None:
        self._turns = threading.Semaphore(most)
        self._headers = headers
        self._free: list[httpx.Client] = []
        self.closed = False

    @contextmanager
    def client(self, deadline: Deadline) -> Iterator[httpx.Client]:
        """One for one request, waited for until the deadline. Raises `NoAnswer`."""
        if not self._turns.acquire(timeout=deadline.left()):
            raise too_late()
        try:
            client = self._pop() or self._new()
            try:
                yield client
            except BaseException:
                client.close()
                raise
            self._free.append(client)
        finally:
            self._turns.release()
            if self.closed:
                self.close()

    def close(self) -> None:
        """Close what is free, and the rest once it is."""
        self.closed = True
        while client := self._pop():
            client.close()

    def _new(self) -> httpx.Client:
        with _proxies():
            return httpx.Client(headers=self._headers, verify=_tls(), limits=_ONE)

    def _pop(self) -> httpx.Client | None:
        try:
            return self._free.pop()
        except IndexError:
            return None


class AsyncPool:
    """`Pool` for the tasks of one event loop."""

    def __init__(self, most: int, headers: Mapping[str, str]) -> None:
        self._turns = asyncio.Semaphore(most)
        self._headers = headers
        self._free: list[httpx.AsyncClient] = []
        self.closed = False

    @asynccontextmanager
    async def client(self, deadline: Deadline) -> AsyncIterator[httpx.AsyncClient]:
        try:
            async with asyncio.timeout(deadline.left()):
                await self._turns.acquire()
        except TimeoutError:
            raise too_late() from None
        try:
            client = self._free.pop() if self._free else self._new()
            try:
                yield client
            except BaseException:
                await client.aclose()
                raise
            self._free.append(client)
        finally:
            self._turns.release()
            if self.closed:
                await self.close()

    async def close(self) -> None:
        self.closed = True
        while self._free:
            await self._free.pop().aclose()

    def _new(self) -> httpx.AsyncClient:
        with _proxies():
            return httpx.AsyncClient(headers=self._headers, verify=_tls(), limits=_ONE)


@contextmanager
def _proxies() -> Iterator[None]:
    """httpx reads the environment for each client."""
    try:
        yield
    except (ValueError, ImportError) as unusable:
        # Without its words: they show the address, and that may hold a password.
        raise ConfigurationError(
            "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names a proxy that cannot be used "
            f"({type(unusable).__name__}). Write http://host:port; for socks5://host:port, "
            "install the package socksio."
        ) from None


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificate store costs tens of milliseconds; every connection can share it.
    return ssl.create_default_context()
