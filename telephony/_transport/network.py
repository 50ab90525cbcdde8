"""Sockets with a deadline, which record whether any of the request was sent.

httpx limits each read on its own: a server that sends one byte a second never times out.
Blocking reads and writes are therefore limited here by what is left of the operation's deadline;
asyncio ends the whole exchange by itself.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from telephony._transport.deadline import Deadline

# As much as one call of `send` takes at once when the socket has room.
_SLICE = 16 * 1024


class Network(httpcore.NetworkBackend):
    """The sockets of one connection.

    Attributes:
        deadline: of the operation that uses the connection now.
        sent: whether any of its request was sent.
    """

    def __init__(self) -> None:
        self.deadline: Deadline = Deadline(None)
        self.sent: bool = False
        self._backend = httpcore.SyncBackend()

    def begin(self, deadline: Deadline) -> None:
        self.deadline, self.sent = deadline, False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError("the host has no address")
        for *_, address in found:
            try:
                stream = self._backend.connect_tcp(
                    str(address[0]),
                    port,
                    self.limited(timeout, httpcore.ConnectTimeout),
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self)
        raise failure

    def limited(self, timeout: float | None, too_late: type[Exception]) -> float | None:
        """Return `timeout`, or the time left until the deadline where that is less."""
        left = self.deadline.left()
        if left is None:
            return timeout
        if left <= 0:
            raise too_late("the deadline passed")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.limited(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SLICE):
            allowed = self._network.limited(timeout, httpcore.WriteTimeout)
            self._network.sent = True
            self._stream.write(buffer[start : start + _SLICE], allowed)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        allowed = self._network.limited(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, allowed)
        self._network.sent = False  # so far only the CONNECT to a proxy
        return _Stream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._stream.get_extra_info(info)


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """`Network` for asyncio.

    Attributes:
        sent: whether any of the current request was sent.
    """

    def __init__(self) -> None:
        self.sent: bool = False
        self._backend = httpcore.AnyIOBackend()

    def begin(self) -> None:
        self.sent = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _AsyncStream(stream, self)


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, network: AsyncNetwork) -> None:
        self._stream = stream
        self._network = network

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        self._network.sent = True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        self._network.sent = False
        return _AsyncStream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401
        return self._stream.get_extra_info(info)
