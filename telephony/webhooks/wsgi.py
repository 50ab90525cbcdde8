"""Webhooks as a WSGI application: the twin of `telephony.webhooks.asgi`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from wsgiref.util import request_uri

from telephony.events import Event, Reply
from telephony.webhooks.endpoint import (
    BODY_LIMIT,
    STEP,
    Answer,
    Delivery,
    Endpoint,
    Refused,
    too_large,
)
from telephony.webhooks.parsing import Vendor
from telephony.webhooks.store import Store

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Handler: TypeAlias = Callable[[Event], Reply]


def wsgi(
    vendors: Iterable[Vendor],
    handler: Handler,
    *,
    path: str = "/webhooks/{provider}",
    store: Store | None = None,
) -> WSGIApplication:
    """A WSGI application that takes the webhooks of some vendors.

    As `asgi`, with a blocking handler. A WSGI server runs several workers as a rule: then give a
    `store` that they share, such as `SQLiteStore`.
    """
    return _Wsgi(Endpoint(vendors, path, store), handler)


class _Wsgi:
    def __init__(self, endpoint: Endpoint, handler: Handler) -> None:
        self._endpoint = endpoint
        self._handler = handler

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        try:
            answer = self._answer(environ)
        except Refused as refused:
            answer = refused.answer
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", answer.all_headers())
        return [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        method = environ["REQUEST_METHOD"]
        adapter = self._endpoint.adapter(
            method,
            environ.get("PATH_INFO", ""),
            environ.get("CONTENT_TYPE"),
            environ.get("CONTENT_LENGTH") or None,
        )
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        delivery = self._endpoint.delivery(
            adapter, method, request_uri(environ), headers, _body(environ)
        )
        for event in delivery.events:
            if self._is_ours(delivery, event):
                self._endpoint.handle(delivery, event, self._handler)
        return delivery.answer()

    def _is_ours(self, delivery: Delivery, event: Event) -> bool:
        """Whether the event is to be handled here and now. Raises `Refused`."""
        waited = 0.0
        while (ours := self._endpoint.ours(delivery, event, waited)) is None:
            waited += STEP
            time.sleep(STEP)
        return ours


def _body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(int(length) if length else BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise too_large()
    return body
