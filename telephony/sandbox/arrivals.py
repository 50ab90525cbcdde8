"""Requests as they arrive: for which vendor, counted, limited, and reported once responded to."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from telephony.sandbox.faults import App, Event, Receive, Scope, Send
from telephony.sandbox.vendor import VendorSandbox


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrived, before any fault could strike it.

    Attributes:
        vendor: whose API it was for.
        moment: when, in seconds of `time.monotonic`.
        under_way: how many requests that vendor was serving then, this one included.
        refused: whether it was one too many, which gets 429.
        method: of the request.
        path: below the vendor's base path, without query.
        status: of the response; None while there is none.
    """

    vendor: str
    moment: float
    under_way: int
    refused: bool
    method: str = ""
    path: str = ""
    status: int | None = None


@dataclass
class Arrivals:
    """ASGI middleware. A vendor with a limit takes so many requests in any second.

    Attributes:
        app: serves the vendors.
        control: serves everything else.
        ports: the vendor that is served at the root of a port.
        on_response: called with every request for a vendor once it has its response or is cut off.
    """

    app: App
    control: App
    vendors: Mapping[str, VendorSandbox]
    ports: Mapping[int, str] = field(default_factory=dict)
    on_response: Callable[[Arrival], None] | None = None
    limits: dict[str, int] = field(default_factory=dict)
    arrived: deque[Arrival] = field(default_factory=lambda: deque(maxlen=10_000))
    _under_way: Counter[str] = field(default_factory=Counter)
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = self._below_its_base_path(scope)
        name, _, rest = str(scope.get("path", "")).removeprefix("/").partition("/")
        if name not in self.vendors:
            await self.control(scope, receive, send)
            return
        now = time.monotonic()
        refused = not self._takes(name, now)
        under_way = self._under_way
        under_way[name] += 1
        arrival = Arrival(name, now, under_way[name], refused, str(scope["method"]), f"/{rest}")
        self.arrived.append(arrival)
        status: int | None = None

        async def watched(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = int(str(event["status"]))
            await send(event)

        try:
            if refused:
                refusal = self.vendors[name].too_many.response()
                await refusal(scope, receive, watched)
            else:
                await self.app(scope, receive, watched)
        finally:
            under_way[name] -= 1
            if self.on_response is not None:
                self.on_response(replace(arrival, status=status))

    def reset(self) -> None:
        self.limits.clear()
        self.arrived.clear()
        self._taken.clear()
        # A request whose client is gone may go on for a while, and is not counted.
        self._under_way = Counter()

    def _below_its_base_path(self, scope: Scope) -> Scope:
        """Move a request for a vendor's own port below the vendor's base path."""
        server = scope.get("server")
        vendor = self.ports.get(server[1]) if isinstance(server, tuple) else None
        if vendor is None:
            return scope
        prefix, raw = f"/{vendor}", scope["raw_path"]
        if str(scope["path"]).startswith(f"{prefix}/"):
            return scope  # an absolute link in a response has it
        raw = prefix.encode() + raw if isinstance(raw, bytes) else raw
        return {**scope, "path": f"{prefix}{scope['path']}", "raw_path": raw}

    def _takes(self, vendor: str, now: float) -> bool:
        most = self.limits.get(vendor)
        taken = self._taken.setdefault(vendor, deque())
        while taken and now - taken[0] >= 1:
            taken.popleft()
        if most is not None and len(taken) >= most:
            return False
        taken.append(now)
        return True
