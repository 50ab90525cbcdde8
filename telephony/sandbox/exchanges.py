"""Requests with the responses that their clients got, for people who watch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.datastructures import Headers

from telephony.sandbox.faults import App, Event, Receive, Scope, Send

KEPT = 200
"""How many exchanges are kept."""
LARGEST = 64 * 1024
"""How many bytes are kept of each body."""


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One request, and its response as the client got it, faults included.

    Attributes:
        number: counts up.
        path: below the vendor's base path, with the query.
        status: None: the connection was cut before a response.
        whole: whether the response arrived to its end.
        seconds: from the request to the end of the response.
    """

    number: int
    vendor: str
    at: datetime
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    status: int | None
    whole: bool
    response_headers: Mapping[str, str] = field(repr=False)
    response: bytes = field(repr=False)
    seconds: float


@dataclass
class Exchanges:
    """ASGI middleware in front of the vendors, which are below their names.

    Attributes:
        count: of all there were.
    """

    app: App
    kept: deque[Exchange] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at, began = datetime.now(UTC), time.monotonic()
        # Whole before anything fails: a fault may cut the connection before the vendor reads.
        content, sent = await _request(receive)
        response = bytearray()
        status: int | None = None
        headers: Mapping[str, str] = {}
        whole = False

        async def listen() -> Event:
            return sent.popleft() if sent else await receive()

        async def respond(event: Event) -> None:
            nonlocal status, headers, whole
            if event["type"] == "http.response.start":
                status = int(str(event["status"]))
                headers = Headers(raw=list(event["headers"]))  # type: ignore[call-overload]
            else:
                response.extend(_part(event, LARGEST - len(response)))
                whole = not event.get("more_body")
            await send(event)

        try:
            await self.app(scope, listen, respond)
        finally:
            vendor, _, path = str(scope["path"]).removeprefix("/").partition("/")
            query = scope["query_string"]
            text = query.decode("latin-1") if isinstance(query, bytes) else ""
            self.count += 1
            self.kept.append(
                Exchange(
                    self.count,
                    vendor,
                    at,
                    str(scope["method"]),
                    f"/{path}?{text}" if text else f"/{path}",
                    dict(Headers(scope=scope)),
                    content,
                    status,
                    whole,
                    dict(headers),
                    bytes(response),
                    time.monotonic() - began,
                )
            )


async def _request(receive: Receive) -> tuple[bytes, deque[Event]]:
    """Return the body of a request, and the events that brought it."""
    content, events = bytearray(), deque[Event]()
    more = True
    while more:
        events.append(await receive())
        content.extend(_part(events[-1], LARGEST - len(content)))
        more = bool(events[-1].get("more_body"))
    return bytes(content), events


def _part(event: Event, largest: int) -> bytes:
    part = event.get("body", b"")
    return part[:largest] if isinstance(part, bytes) else b""
