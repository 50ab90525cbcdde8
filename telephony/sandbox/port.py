"""The ports the sandbox listens on, and their connections: a fault cuts one, or refuses all."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
from concurrent.futures import Future

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from telephony.errors import ConfigurationError


class Port:
    """A port on loopback, and further ones that open and close with it.

    Args:
        number: 0 picks a free one.

    Attributes:
        number: the one it is.
    """

    def __init__(self, number: int) -> None:
        self._sockets = [_listen(number)]
        self.number: int = self._sockets[0].getsockname()[1]
        self._numbers: list[int] = [self.number]
        self._connections: dict[object, asyncio.Transport] = {}
        self._serving: Future[tuple[asyncio.AbstractEventLoop, uvicorn.Server]] = Future()
        self._reopening: asyncio.Task[None] | None = None

    async def serve(self, server: uvicorn.Server) -> None:
        """Serve with `server`, whose protocol is ours, until it is stopped."""
        self._serving.set_result((asyncio.get_running_loop(), server))
        await server.serve(sockets=self._sockets)

    def also(self, number: int) -> int:
        """Listen on another port too, or on a free one where that is taken; return which."""
        try:
            listener = _listen(number)
        except (ConfigurationError, OverflowError):
            listener = _listen(0)
        self._sockets.append(listener)
        self._numbers.append(listener.getsockname()[1])
        return self._numbers[-1]

    def close(self) -> None:
        for listener in self._sockets:
            listener.close()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def protocol(self) -> type[asyncio.Protocol]:
        connections = self._connections

        class Droppable(H11Protocol):
            """Remembers its connection by the client's address, so that a fault can cut it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections[transport.get_extra_info("peername")] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Droppable

    def drop(self, client: object) -> None:
        """Cut the connection of the client with this address."""
        transport = self._connections.get(client)
        if transport is not None:
            transport.abort()

    def wait_for(self, change: Coroutine[None, None, None]) -> None:
        """Run `refuse` or `accept` from another thread than the server's, until it is done."""
        loop, _ = self._serving.result()
        asyncio.run_coroutine_threadsafe(change, loop).result()

    async def refuse(self, seconds: float, but: object = None) -> None:
        """Refuse connections for so long, and cut those there are but that of one client."""
        server = self._server()
        while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0)
        for listener in server.servers:
            listener.close()
        server.servers.clear()
        for client in self._connections.keys() - {but}:
            self.drop(client)
        if self._reopening is not None:
            self._reopening.cancel()  # it would open the port too early
        self._reopening = asyncio.create_task(self._accept_after(seconds))

    async def accept(self) -> None:
        """Take connections again, at once."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
            await self._listen_again()

    @property
    def refusing(self) -> bool:
        return self._reopening is not None

    async def _accept_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._reopening = None
        await self._listen_again()

    async def _listen_again(self) -> None:
        server = self._server()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = server.config.http_protocol_class(  # type: ignore[call-arg]
                config=server.config,
                server_state=server.server_state,
                app_state=server.lifespan.state,
            )
            return made

        loop = asyncio.get_running_loop()
        for number in self._numbers:
            server.servers.append(await loop.create_server(protocol, sock=_listen(number)))

    def _server(self) -> uvicorn.Server:
        return self._serving.result()[1]


def _listen(number: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off: 40 ms less for each response.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # there it would share a port that another program listens on
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", number))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Port {number} cannot be listened on: {error.strerror}. Choose another, or 0 for any."
        ) from error
    listener.listen(128)
    return listener
