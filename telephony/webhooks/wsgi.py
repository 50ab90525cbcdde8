"""Webhooks as a WSGI application: the twin of `telephony.webhooks.asgi`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import cast
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import application_uri

from telephony.errors import InvalidRequestError
from telephony.events import Event, MessageToSend
from telephony.protocols import Adapter, PhoneNumberProvider
from telephony.webhooks.endpoint import (
    BODY_LIMIT,
    POLL_INTERVAL,
    BlockingHandler,
    Endpoint,
    HttpResponse,
    ReceivedDelivery,
    Refused,
    is_async,
    too_large,
)
from telephony.webhooks.store import Claim, ClaimState, Store


def wsgi(
    providers: Iterable[PhoneNumberProvider | Adapter],
    handler: BlockingHandler,
    *,
    path: str = "/webhooks/{provider}",
    store: Store | None = None,
) -> WSGIApplication:
    """Return a WSGI application that takes the webhooks of some providers.

    As `asgi`, with a blocking handler and blocking providers. A WSGI server usually runs several
    workers: give them a `store` that they share, such as `SQLiteStore`.

    Args:
        providers: connected providers, each under a name of its own.
        handler: called with one event; returns what one of `asgi` does.
        path: where each provider's webhooks arrive, below where the application is mounted.
        store: remembers what was handled; default: `MemoryStore`, for one process.

    Raises:
        InvalidRequestError: the handler or a provider is async.
        ConfigurationError: a secret is missing, or two providers have one name.
        UnsupportedOperationError: a vendor's webhooks cannot be verified.

    Example:
        app = webhooks.wsgi(providers, handler, store=SQLiteStore("webhooks.sqlite"))
    """
    providers = list(providers)
    if is_async(handler):
        raise InvalidRequestError(
            "WSGI cannot await an async handler.",
            argument="handler",
            hint="Give a blocking function, or use webhooks.asgi.",
        )
    if any(is_async(getattr(each, "send_message", None)) for each in providers):
        raise InvalidRequestError(
            "WSGI cannot await an async provider.",
            argument="providers",
            hint="Use telephony.connect, or webhooks.asgi.",
        )
    return _Wsgi(Endpoint(providers, path, store), handler)


class _Wsgi:
    def __init__(self, endpoint: Endpoint, handler: BlockingHandler) -> None:
        self._endpoint = endpoint
        self._handler = handler

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        try:
            response = self._response(environ)
        except Refused as refused:
            response = refused.response
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", response.all_headers())
        return [response.body]

    def _response(self, environ: WSGIEnvironment) -> HttpResponse:
        method = environ["REQUEST_METHOD"]
        mounted = self._endpoint.mounted(
            method,
            # WSGI hands on the path's bytes as if they were latin-1.
            environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"),
            environ.get("CONTENT_TYPE"),
            environ.get("CONTENT_LENGTH") or None,
        )
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        received = self._endpoint.received(mounted, method, _url(environ), headers, _body(environ))
        for event in received.events:
            claim = self._claimed(received, event)
            if claim.state is ClaimState.OURS:
                self._handle(received, event, claim)
        return received.http_response()

    def _claimed(self, received: ReceivedDelivery, event: Event) -> Claim:
        """Return a claim that is ours or done. Raises `Refused`."""
        waited = 0.0
        while not self._endpoint.is_decided(received, claim := self._endpoint.claim(event), waited):
            waited += POLL_INTERVAL
            time.sleep(POLL_INTERVAL)
        return claim

    def _handle(self, received: ReceivedDelivery, event: Event, claim: Claim) -> None:
        reply = self._endpoint.call(received, event, claim, self._handler)
        if isinstance(reply, MessageToSend):
            provider = cast("PhoneNumberProvider", received.mounted.provider)
            try:
                provider.send_message(reply.number, reply.to, reply.body)
            except BaseException as error:
                self._endpoint.reply_failed(received, event, claim, error)
                if isinstance(error, Exception):
                    return
                raise
            reply = received.mounted.adapter.webhook_response(event)
        self._endpoint.finish(received, claim, reply)


def _url(environ: WSGIEnvironment) -> str:
    scheme, _, rest = application_uri(environ).partition("://")
    # The path as it was sent, which a signature may cover, where the server hands it on: gunicorn
    # under the first name, uWSGI, mod_wsgi and Werkzeug under the second.
    sent = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if sent.startswith("/"):
        return f"{scheme}://{rest.partition('/')[0]}{sent}"
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING")
    written = quote(path, safe="/!$&'()*+,;=:@~", encoding="latin-1")
    return f"{scheme}://{rest.partition('/')[0]}{written}" + (f"?{query}" if query else "")


def _body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(int(length) if length else BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise too_large()
    return body
