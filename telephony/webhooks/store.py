"""What was handled, remembered for a while, so that a delivery that comes again is not."""

from __future__ import annotations

import enum
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from telephony.events import WebhookAnswer

DAYS = 86_400.0
LEASE = 120.0


class ClaimState(enum.Enum):
    OURS = "ours"
    """Nobody handled it: now we do, and say `finish` or `release`."""
    BUSY = "busy"
    """Somebody is handling it."""
    DONE = "done"
    """It was handled."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim; `answer` is what the vendor was told, once it was handled."""

    state: ClaimState
    answer: WebhookAnswer | None = None


class Store(Protocol):
    """Decides who handles an event. Its methods block, and are called from several threads."""

    def claim(self, key: str) -> Claim:
        """Take an event, if nobody has. Of any number of claims at once, one is `OURS`."""

    def finish(self, key: str, answer: WebhookAnswer) -> None:
        """It was handled."""

    def release(self, key: str) -> None:
        """It was not handled after all: the next claim gets it."""


class MemoryStore(Store):
    """For one process; forgets everything when that ends.

    Args:
        window: seconds for which an event that was handled is remembered. Vendors retry for up to
            a day.
        lease: seconds after which an event is handled again that was neither finished nor
            released. Longer than any handler takes.
        most: how many events are remembered; past that the oldest are forgotten first.
    """

    def __init__(
        self, *, window: float = 2 * DAYS, lease: float = LEASE, most: int = 100_000
    ) -> None:
        self._window = window
        self._lease = lease
        self._most = most
        self._lock = threading.Lock()
        self._busy: dict[str, float] = {}
        self._done: OrderedDict[str, tuple[float, WebhookAnswer]] = OrderedDict()

    def claim(self, key: str) -> Claim:
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            if key in self._done:
                return Claim(ClaimState.DONE, self._done[key][1])
            taken = self._busy.get(key)
            if taken is not None and now - taken < self._lease:
                return Claim(ClaimState.BUSY)
            self._busy[key] = now
            return Claim(ClaimState.OURS)

    def finish(self, key: str, answer: WebhookAnswer) -> None:
        with self._lock:
            self._busy.pop(key, None)
            self._done[key] = (time.monotonic(), answer)

    def release(self, key: str) -> None:
        with self._lock:
            self._busy.pop(key, None)
            self._done.pop(key, None)

    def _forget(self, now: float) -> None:
        oldest = now - self._window
        while self._done:
            at, _ = next(iter(self._done.values()))
            if at >= oldest and len(self._done) <= self._most:
                return
            self._done.popitem(last=False)
