"""Webhooks as an ASGI application: alone under any server, or mounted in any framework."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from telephony.events import Event, Reply
from telephony.webhooks.endpoint import (
    BODY_LIMIT,
    STEP,
    Answer,
    Delivery,
    Endpoint,
    Refused,
    failed,
    too_large,
)
from telephony.webhooks.parsing import Vendor, lower_case
from telephony.webhooks.store import Store

# What the ASGI specification calls them; the values are as various as it says.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Handler: TypeAlias = Callable[[Event], Reply] | Callable[[Event], Awaitable[Reply]]


def asgi(
    vendors: Iterable[Vendor],
    handler: Handler,
    *,
    path: str = "/webhooks/{provider}",
    store: Store | None = None,
) -> App:
    """An ASGI application that takes the webhooks of some vendors.

    Every webhook is verified. Each event is handed to the handler once, however often the vendor
    delivers it, until the handler returns; when it raises, the vendor is answered 500 and sends the
    event again.

    Args:
        vendors: connected providers, or their adapters.
        handler: called with one event; ``async``, or blocking, which is then run in a thread. What
            it returns is the vendor's answer: a dict is sent as JSON, a text in the vendor's own
            language (TwiML at Twilio, words to say in a `CallTurn` at AgentPhone).
        path: where each vendor's webhooks arrive, below where the application is mounted.
        store: remembers what was handled; default: `MemoryStore`. `SQLiteStore` for many workers.

    Raises:
        ConfigurationError: a secret is missing.
        UnsupportedOperationError: a vendor sends no webhooks that could be proven.
    """
    return _Asgi(Endpoint(vendors, path, store), handler)


class _Asgi:
    def __init__(self, endpoint: Endpoint, handler: Handler) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004 - an object with an async __call__
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            try:
                answer = await self._answer(scope, receive)
            except Refused as refused:
                answer = refused.answer
            except ConnectionError:
                return
            await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        pairs = (
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        headers = lower_case(pairs)
        adapter = self._endpoint.adapter(
            scope["method"],
            _below_mount(scope),
            headers.get("content-type"),
            headers.get("content-length"),
        )
        body = await _body(receive)
        delivery = self._endpoint.delivery(
            adapter, scope["method"], _url(scope, headers), headers, body
        )
        for event in delivery.events:
            if await self._is_ours(delivery, event):
                await self._handle(delivery, event)
        return delivery.answer()

    async def _is_ours(self, delivery: Delivery, event: Event) -> bool:
        """Whether the event is to be handled here and now. Raises `Refused`."""
        waited = 0.0
        while (
            ours := await asyncio.to_thread(self._endpoint.ours, delivery, event, waited)
        ) is None:
            waited += STEP
            await asyncio.sleep(STEP)
        return ours

    async def _handle(self, delivery: Delivery, event: Event) -> None:
        # What runs in a thread goes on to its end there, even if this task is cancelled meanwhile.
        if not self._is_async:
            handler = cast("Callable[[Event], Reply]", self._handler)
            await asyncio.to_thread(self._endpoint.handle, delivery, event, handler)
            return
        try:
            reply = await cast("Awaitable[Reply]", self._handler(event))
            answer = delivery.adapter.webhook_answer(event, reply)
        except Exception as error:
            await asyncio.to_thread(self._endpoint.release, event)
            raise failed(event) from error
        except BaseException:
            self._endpoint.release(event)  # a task that is being cancelled awaits nothing more
            raise
        await asyncio.to_thread(self._endpoint.finish, delivery, event, answer)


def _below_mount(scope: Scope) -> str:
    path, mount = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(mount) if path.startswith(f"{mount}/") else path


def _url(scope: Scope, headers: dict[str, str]) -> str:
    host = headers.get("host")
    if host is None:
        name, port = scope["server"]
        host = name if port is None else f"{name}:{port}"
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(str(scope["path"]))
    query = scope["query_string"].decode("latin-1")
    return f"{scope['scheme']}://{host}{path}" + (f"?{query}" if query else "")


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the vendor went away")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise too_large()
        if not message.get("more_body"):
            return bytes(body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.all_headers()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
