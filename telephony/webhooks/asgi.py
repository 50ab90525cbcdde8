"""Webhooks as an ASGI application: alone under any server, or mounted in any framework."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast
from urllib.parse import quote

from telephony.events import Event, MessageToSend, WebhookResponse
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider
from telephony.webhooks.endpoint import (
    BODY_LIMIT,
    POLL_INTERVAL,
    AsyncHandler,
    BlockingHandler,
    Endpoint,
    HttpResponse,
    ReceivedDelivery,
    Refused,
    failed,
    is_async,
    too_large,
)
from telephony.webhooks.parsing import ProviderOrAdapter, lower_case
from telephony.webhooks.store import Claim, ClaimState, Store

# Named as in the ASGI specification, which gives their values no narrower type.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Handler: TypeAlias = BlockingHandler | AsyncHandler

P = ParamSpec("P")
R = TypeVar("R")

# A store responds in milliseconds.
_STORE_THREADS = 8


def asgi(
    providers: Iterable[ProviderOrAdapter],
    handler: Handler,
    *,
    path: str = "/webhooks/{provider}",
    store: Store | None = None,
    threads: int = 100,
) -> App:
    """Return an ASGI application that takes the webhooks of some providers.

    Every webhook is verified. Each event is handed to the handler once, however often the vendor
    delivers it. When the handler raises, the response is 500, and the event is handled again when
    the vendor retries.

    Args:
        providers: connected providers, blocking or async; each under a name of its own.
        handler: called with one event; ``async``, or blocking, which is then run in a thread. It
            returns a `Reply` (spoken or texted, at any vendor), a `WebhookResponse` or a dict in
            the vendor's own format, or None.
        path: where each provider's webhooks arrive, below where the application is mounted.
        store: remembers what was handled; default: `MemoryStore`. `SQLiteStore` for many workers.
        threads: how many blocking handlers run at once; further ones wait.

    Raises:
        ConfigurationError: a secret is missing, or two providers have one name.
        UnsupportedOperationError: a vendor's webhooks cannot be verified.

    Example:
        app = webhooks.asgi([telephony.connect("agentphone")], handler)
    """
    return _Asgi(Endpoint(providers, path, store), handler, threads)


class _Asgi:
    def __init__(self, endpoint: Endpoint, handler: Handler, threads: int) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._is_async = is_async(handler)
        # Not asyncio's own threads, which are few and shared with the whole application; and not
        # the same for both, or handlers that are slow would hold up every claim.
        self._handler_threads = ThreadPoolExecutor(threads, "telephony-handler")
        self._store_threads = ThreadPoolExecutor(_STORE_THREADS, "telephony-store")
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            try:
                response = await self._response(scope, receive)
            except Refused as refused:
                response = refused.response
            except ConnectionError:
                return
            await _send(send, response)

    async def _response(self, scope: Scope, receive: Receive) -> HttpResponse:
        pairs = (
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        headers = lower_case(pairs)
        mounted = self._endpoint.mounted(
            scope["method"],
            _below_mount(scope),
            headers.get("content-type"),
            headers.get("content-length"),
        )
        body = await _body(receive)
        received = self._endpoint.received(
            mounted, scope["method"], _url(scope, headers), headers, body
        )
        for event in received.events:
            claim = await self._claimed(received, event)
            if claim.state is ClaimState.OURS:
                await self._handle(received, event, claim)
        return received.http_response()

    async def _claimed(self, received: ReceivedDelivery, event: Event) -> Claim:
        """Return a claim that is ours or done. Raises `Refused`."""
        waited = 0.0
        while not self._endpoint.is_decided(received, claim := await self._claim(event), waited):
            waited += POLL_INTERVAL
            await asyncio.sleep(POLL_INTERVAL)
        return claim

    async def _claim(self, event: Event) -> Claim:
        claiming = self._store_threads.submit(self._endpoint.claim, event)
        try:
            return await asyncio.shield(asyncio.wrap_future(claiming))
        except asyncio.CancelledError:
            # The thread goes on, and its claim would hold up the next delivery.
            claiming.add_done_callback(self._give_back)
            raise

    def _give_back(self, claiming: Future[Claim]) -> None:
        if claiming.exception() is None and claiming.result().state is ClaimState.OURS:
            self._endpoint.store.release(claiming.result())

    async def _handle(self, received: ReceivedDelivery, event: Event, claim: Claim) -> None:
        if not self._is_async:
            await self._uncancelled(self._call(received, event, claim))
            return
        handler = cast("AsyncHandler", self._handler)
        # A handler is cancelled with its request; what follows is not.
        try:
            reply = self._endpoint.reply(received, event, await handler(event))
        except Exception as error:
            refused = failed(claim)
            await self._uncancelled(_in(self._store_threads, self._endpoint.store.release, claim))
            raise refused from error
        except BaseException:
            self._store_threads.submit(self._endpoint.store.release, claim)
            raise
        await self._uncancelled(self._finish(received, event, claim, reply))

    async def _call(self, received: ReceivedDelivery, event: Event, claim: Claim) -> None:
        handler = cast("BlockingHandler", self._handler)
        call = self._endpoint.call
        reply = await _in(self._handler_threads, call, received, event, claim, handler)
        await self._finish(received, event, claim, reply)

    async def _finish(
        self,
        received: ReceivedDelivery,
        event: Event,
        claim: Claim,
        reply: WebhookResponse | MessageToSend,
    ) -> None:
        if isinstance(reply, MessageToSend):
            try:
                await self._send_reply(received, reply)
            except BaseException as error:
                settle = self._endpoint.reply_failed
                await _in(self._store_threads, settle, received, event, claim, error)
                if isinstance(error, Exception):
                    return
                raise
            reply = received.mounted.adapter.webhook_response(event)
        await _in(self._store_threads, self._endpoint.finish, received, claim, reply)

    async def _send_reply(self, received: ReceivedDelivery, message: MessageToSend) -> None:
        provider = received.mounted.provider
        arguments = (message.number, message.to, message.body)
        if is_async(getattr(provider, "send_message", None)):
            await cast("AsyncPhoneNumberProvider", provider).send_message(*arguments)
        else:
            blocking = cast("PhoneNumberProvider", provider)
            await _in(self._handler_threads, blocking.send_message, *arguments)

    async def _uncancelled(self, work: Coroutine[Any, Any, None]) -> None:
        """Await `work`, which goes on in a task of its own if the request is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)


async def _in(
    threads: ThreadPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function in a thread, with the context of this task."""
    context = contextvars.copy_context()
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.wrap_future(threads.submit(lambda: context.run(call)))


def _below_mount(scope: Scope) -> str:
    path, mount = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(mount) if path.startswith(f"{mount}/") else path


def _url(scope: Scope, headers: dict[str, str]) -> str:
    host = headers.get("host")
    if host is None:
        # A server on a Unix socket names none.
        name, port = scope.get("server") or ("localhost", None)
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
            raise ConnectionError("the vendor disconnected")
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


async def _send(send: Send, response: HttpResponse) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.all_headers()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
