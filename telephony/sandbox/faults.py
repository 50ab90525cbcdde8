"""Faults between a client and a vendor, on command and counted."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request

from telephony.sandbox.port import Port

Scope = MutableMapping[str, object]
Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Kind = Literal[
    "status",
    "echo",
    "refused",
    "reset",
    "lost",
    "cut",
    "html",
    "malformed",
    "empty",
    "wrong_type",
    "shuffled",
    "repeated",
    "skewed",
    "slow_headers",
    "slow_body",
]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


class Fault(BaseModel):
    """One way to fail.

    Kinds that do not do the work: ``status`` responds with `status`; ``echo`` too, with all that
    was sent in its body, credentials included; ``reset`` drops the connection; ``refused`` closes
    the port for `seconds`, once `skip` requests have passed, and with it every connection.
    Kinds that do the work first: ``lost`` drops the connection; ``cut`` sends half of the response;
    ``html``, ``malformed`` and ``empty`` respond 200 with such a body; ``wrong_type`` calls the
    body plain text; ``shuffled`` reverses the lists in it; ``repeated`` sends the last response of
    the same path; ``skewed`` has a clock that is an hour ahead; ``slow_headers`` responds after
    `seconds`, ``slow_body`` sends the second half of the body after `seconds`.

    Attributes:
        kind: which of these.
        vendor: only requests for this vendor's API.
        method: only requests with this method.
        path: only paths that this regular expression finds, the vendor's base path included.
        times: how many requests fail; None: all, until the faults are cleared. Connections that are
            refused are not counted.
        skip: how many matching requests pass unharmed first.
        status: of ``status`` and ``echo``.
        headers: of ``status``.
        body: of ``status``.
        seconds: of ``refused``, ``slow_headers`` and ``slow_body``.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Kind
    vendor: str | None = None
    method: str | None = None
    path: Annotated[str, AfterValidator(_pattern)] = ""
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    status: int = Field(default=503, ge=300, le=599)
    headers: dict[str, str] = {}
    body: str = ""
    seconds: float = Field(default=1.0, ge=0)

    @property
    def waits(self) -> bool:
        """Whether it is for requests to come, and not for the port at once."""
        return self.kind != "refused" or self.skip > 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether it hits this request; counts down if so."""
        if self.times == 0 or (self.method or method) != method or not re.search(self.path, path):
            return False
        if self.vendor is not None and not path.startswith(f"/{self.vendor}/"):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Faults:
    """ASGI middleware in front of `app`, behind `port`."""

    app: App
    port: Port
    active: list[Fault] = field(default_factory=list)
    last: dict[tuple[object, object], StoredResponse] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = str(scope["method"]), str(scope["path"])
        fault = next((fault for fault in self.active if fault.strikes(method, path)), None)
        if fault is None:
            await self._remembering(scope, receive, send)
        elif fault.kind == "reset":
            self.port.drop(scope["client"])
        elif fault.kind == "status":
            headers = [(name.lower().encode(), v.encode()) for name, v in fault.headers.items()]
            await StoredResponse(fault.status, headers, fault.body.encode()).send(send)
        elif fault.kind == "echo":
            await (await _echo(fault.status, scope, receive)).send(send)
        else:
            await self._after_work(fault, scope, receive, send)

    async def _after_work(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        events: list[Event] = []

        async def keep(event: Event) -> None:
            events.append(event)

        await self.app(scope, receive, keep)
        response = StoredResponse.of(events)
        if fault.kind == "lost":
            self.port.drop(scope["client"])
        elif fault.kind in _BODIES:
            content_type, body = _BODIES[fault.kind]
            await StoredResponse(200, [(b"content-type", content_type)], body).send(send)
        elif fault.kind in _CHANGES:
            await _CHANGES[fault.kind](response).send(send)
        elif fault.kind == "repeated":
            await self.last.get((scope["method"], scope["path"]), response).send(send)
        elif fault.kind == "slow_headers":
            await asyncio.sleep(fault.seconds)
            await response.send(send)
        else:
            await self._in_two_parts(fault, scope, events, send)

    async def _remembering(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through, and keep its response for a fault that repeats it."""
        events: list[Event] = []

        async def both(event: Event) -> None:
            events.append(event)
            await send(await self._parting(event, scope) if len(events) == 1 else event)

        await self.app(scope, receive, both)
        self.last[(scope["method"], scope["path"])] = StoredResponse.of(events)

    async def _parting(self, start: Event, scope: Scope) -> Event:
        """Return the start of an response, which may be the last before connections are refused."""
        for fault in self.active:
            if not fault.waits:
                self.active.remove(fault)
                # Before the client has the response: what it sends next must find the port closed.
                await self.port.refuse(fault.seconds, but=scope["client"])
                headers = [*start["headers"], (b"connection", b"close")]  # type: ignore[misc]
                return {**start, "headers": headers}
        return start

    async def _in_two_parts(
        self, fault: Fault, scope: Scope, events: list[Event], send: Send
    ) -> None:
        start, body = events[0], b"".join(_bytes(event) for event in events[1:])
        await send(start)
        middle = len(body) // 2
        if body:
            await send({"type": "http.response.body", "body": body[:middle], "more_body": True})
        if fault.kind == "cut":
            # Let what was written reach the client before the connection goes.
            await asyncio.sleep(0.01)
            self.port.drop(scope["client"])
            return
        await asyncio.sleep(fault.seconds)
        await send({"type": "http.response.body", "body": body[middle:]})


_BODIES: dict[str, tuple[bytes, bytes]] = {
    "html": (b"text/html", b"<html><body>502 Bad Gateway</body></html>"),
    "malformed": (b"application/json", b'{"id": "x", "data": [{"id"'),
    "empty": (b"application/json", b""),
}


@dataclass(frozen=True)
class StoredResponse:
    """An HTTP response, kept to be changed or sent again."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, events: list[Event]) -> StoredResponse:
        start = events[0]
        status, headers = start["status"], start["headers"]
        body = b"".join(_bytes(event) for event in events[1:])
        return cls(int(str(status)), list(headers), body)  # type: ignore[call-overload]

    def with_header(self, name: bytes, value: bytes) -> StoredResponse:
        others = [pair for pair in self.headers if pair[0] != name]
        return replace(self, headers=[*others, (name, value)])

    async def send(self, send: Send) -> None:
        sized = self
        if self.body:
            sized = self.with_header(b"content-length", str(len(self.body)).encode())
        elif self.status != 204:
            sized = self.with_header(b"content-length", b"0")
        await send({"type": "http.response.start", "status": self.status, "headers": sized.headers})
        await send({"type": "http.response.body", "body": self.body})


async def _echo(status: int, scope: Scope, receive: Receive) -> StoredResponse:
    """Return what was sent, wherever a vendor may put the text of an error."""
    request = Request(scope, receive)
    headers = dict(request.headers)
    text = f"refused: {(await request.body()).decode()} {headers}"
    fields = dict.fromkeys(("code", "message", "msg", "detail", "title", "error_code"), text)
    body = json.dumps({**fields, "error": {"message": text}, "headers": headers})
    return StoredResponse(status, [(b"content-type", b"application/json")], body.encode())


def _wrong_type(response: StoredResponse) -> StoredResponse:
    return response.with_header(b"content-type", b"text/plain")


def _shuffled(response: StoredResponse) -> StoredResponse:
    try:
        body = json.loads(response.body)
    except ValueError:
        return response  # nothing to reverse
    if isinstance(body, dict):
        body = {k: v[::-1] if isinstance(v, list) else v for k, v in body.items()}
    elif isinstance(body, list):
        body = body[::-1]
    return replace(response, body=json.dumps(body).encode())


def _skewed(response: StoredResponse) -> StoredResponse:
    ahead = formatdate(time.time() + 3600, usegmt=True)
    return response.with_header(b"date", ahead.encode())


_CHANGES: dict[str, Callable[[StoredResponse], StoredResponse]] = {
    "wrong_type": _wrong_type,
    "shuffled": _shuffled,
    "skewed": _skewed,
}


def _bytes(event: Event) -> bytes:
    body = event.get("body", b"")
    return body if isinstance(body, bytes) else b""
