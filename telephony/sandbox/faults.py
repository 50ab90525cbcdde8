"""Failing on purpose: what goes wrong between a client and a vendor, on command and counted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Scope = MutableMapping[str, object]
Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Kind = Literal[
    "status",
    "reset",
    "lost",
    "cut",
    "html",
    "malformed",
    "empty",
    "slow_headers",
    "slow_body",
]


class Fault(BaseModel):
    """One way to fail.

    Kinds that do not do the work: ``status`` answers `status`; ``reset`` drops the connection.
    Kinds that do the work first: ``lost`` drops the connection; ``cut`` sends half of the answer;
    ``html``, ``malformed`` and ``empty`` answer 200 with such a body; ``slow_headers`` answers
    after `seconds`, ``slow_body`` sends the second half of the body after `seconds`.

    Attributes:
        kind: which of these.
        method: only requests with this method.
        path: only paths that this regular expression finds, the vendor's base path included.
        times: how many requests fail; None: all, until the faults are cleared.
        skip: how many matching requests pass unharmed first.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    method: str | None = None
    path: str = ""
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    status: int = Field(default=503, ge=300, le=599)
    headers: dict[str, str] = {}
    body: str = ""
    seconds: float = Field(default=1.0, ge=0)

    def strikes(self, method: str, path: str) -> bool:
        """Whether it hits this request; counts down if so."""
        if self.times == 0 or (self.method or method) != method or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Faults:
    """ASGI middleware. `drop` cuts the TCP connection that a client address stands for."""

    app: App
    drop: Callable[[object], None]
    active: list[Fault] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = str(scope["method"]), str(scope["path"])
        if path.startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        fault = next((fault for fault in self.active if fault.strikes(method, path)), None)
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind == "reset":
            self.drop(scope["client"])
        elif fault.kind == "status":
            await _answer(send, fault.status, fault.body.encode(), fault.headers)
        else:
            await self._after_work(fault, scope, receive, send)

    async def _after_work(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        events: list[Event] = []

        async def keep(event: Event) -> None:
            events.append(event)

        await self.app(scope, receive, keep)
        if fault.kind == "lost":
            self.drop(scope["client"])
        elif fault.kind in _BODIES:
            content_type, body = _BODIES[fault.kind]
            await _answer(send, 200, body, {"content-type": content_type, **fault.headers})
        elif fault.kind == "slow_headers":
            await asyncio.sleep(fault.seconds)
            for event in events:
                await send(event)
        else:
            await self._halves(fault, scope, events, send)

    async def _halves(self, fault: Fault, scope: Scope, events: list[Event], send: Send) -> None:
        start, body = events[0], b"".join(_bytes(event) for event in events[1:])
        await send(start)
        middle = len(body) // 2
        if body:
            await send({"type": "http.response.body", "body": body[:middle], "more_body": True})
        if fault.kind == "cut":
            # Let what was written reach the client before the connection goes.
            await asyncio.sleep(0.01)
            self.drop(scope["client"])
            return
        await asyncio.sleep(fault.seconds)
        await send({"type": "http.response.body", "body": body[middle:]})


_BODIES: dict[str, tuple[str, bytes]] = {
    "html": ("text/html", b"<html><body>502 Bad Gateway</body></html>"),
    "malformed": ("application/json", b'{"id": "x", "data": [{"id"'),
    "empty": ("application/json", b""),
}


def _bytes(event: Event) -> bytes:
    body = event.get("body", b"")
    return body if isinstance(body, bytes) else b""


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
