"""Where requests arrive: counted, and refused where a vendor takes only so many a second."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from telephony.sandbox.faults import App, Receive, Scope, Send
from telephony.sandbox.vendor import VendorSandbox


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrived, before any fault could meet it.

    Attributes:
        vendor: whose API it was for.
        moment: when, in seconds of `time.monotonic`.
        under_way: how many requests that vendor was serving then, this one included.
        refused: whether it was one too many and answered with 429.
    """

    vendor: str
    moment: float
    under_way: int
    refused: bool


@dataclass
class Door:
    """ASGI middleware. A vendor with a limit takes so many requests in any second."""

    app: App
    vendors: Mapping[str, VendorSandbox]
    limits: dict[str, int] = field(default_factory=dict)
    arrivals: deque[Arrival] = field(default_factory=lambda: deque(maxlen=10_000))
    _under_way: Counter[str] = field(default_factory=Counter)
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = str(scope.get("path", "")).removeprefix("/").partition("/")[0]
        if name not in self.vendors:
            await self.app(scope, receive, send)
            return
        now = time.monotonic()
        refused = not self._takes(name, now)
        under_way = self._under_way
        under_way[name] += 1
        self.arrivals.append(Arrival(name, now, under_way[name], refused))
        try:
            if refused:
                refusal = self.vendors[name].too_many.response()
                await refusal(scope, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            under_way[name] -= 1

    def reset(self) -> None:
        self.limits.clear()
        self.arrivals.clear()
        self._taken.clear()
        # What nobody waits for any more may go on for a while, and is not counted.
        self._under_way = Counter()

    def _takes(self, vendor: str, now: float) -> bool:
        most = self.limits.get(vendor)
        taken = self._taken.setdefault(vendor, deque())
        while taken and now - taken[0] >= 1:
            taken.popleft()
        if most is not None and len(taken) >= most:
            return False
        taken.append(now)
        return True
