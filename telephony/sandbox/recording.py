"""Requests as the sandbox received them, for tests that compare clients."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from pydantic import JsonValue
from pydantic_core import from_json

from telephony.sandbox.faults import App, Event, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived. Header names are in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self) -> JsonValue:
        value: JsonValue = from_json(self.content)
        return value

    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.content.decode(), keep_blank_values=True)


def recording(app: App, log: deque[Received]) -> App:
    """`app`, with every request also appended to `log`."""

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        content, more = bytearray(), True

        async def listen() -> Event:
            nonlocal more
            event = await receive()
            part = event.get("body", b"")
            content.extend(part if isinstance(part, bytes) else b"")
            more = bool(event.get("more_body"))
            return event

        async def respond(event: Event) -> None:
            # Before it is sent: a client that has the response finds the request in the log.
            if event["type"] == "http.response.start":
                while more:
                    await listen()  # what the vendor did not care for was sent all the same
                log.append(_received(scope, bytes(content)))
            await send(event)

        await app(scope, listen, respond)

    return recorded


def _received(scope: Scope, content: bytes) -> Received:
    pairs, query = scope["headers"], scope["query_string"]
    headers = {name.decode(): value.decode("latin-1") for name, value in pairs}  # type: ignore[attr-defined]
    text = query.decode() if isinstance(query, bytes) else ""
    return Received(
        str(scope["method"]),
        str(scope["path"]),
        parse_qsl(text, keep_blank_values=True),
        headers,
        content,
    )
