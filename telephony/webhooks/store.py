"""Record which events were handled, so that a repeated delivery is not handled again."""

from __future__ import annotations

import enum
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from telephony.events import WebhookResponse

DAYS = 86_400.0
LEASE = 120.0


class ClaimState(enum.Enum):
    """Who handles an event."""

    OURS = "ours"
    """The caller now handles the event, and then calls `finish` or `release`."""
    BUSY = "busy"
    """Another worker is handling it."""
    DONE = "done"
    """It was handled."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The result of claiming an event.

    Attributes:
        key: of the event.
        state: who handles it.
        owner: names this claim, so that a worker whose lease ran out cannot end another's.
        response: what the vendor was sent, once the event was handled.
    """

    key: str
    state: ClaimState
    owner: str = field(default="", repr=False)
    response: WebhookResponse | None = None


class Store(Protocol):
    """Decides who handles an event. Its methods block, and are called from several threads."""

    def claim(self, key: str) -> Claim:
        """Claim an event. Of any number of claims at once, exactly one is `OURS`."""

    def finish(self, claim: Claim, response: WebhookResponse) -> None:
        """Record that the event was handled. Do nothing if the claim is held by another now."""

    def release(self, claim: Claim) -> None:
        """Give the event to the next claim. Do nothing if the claim is held by another now."""

    def forget(self, key: str) -> None:
        """Drop what is recorded of an event, whoever recorded it: it can be claimed again."""


def new_owner() -> str:
    """Return a name for one claim, different in every process and every fork."""
    return secrets.token_hex(16)


class MemoryStore(Store):
    """Records events in memory, for one process.

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
        self._busy: dict[str, tuple[float, str]] = {}
        self._done: OrderedDict[str, tuple[float, WebhookResponse]] = OrderedDict()

    def claim(self, key: str) -> Claim:
        now = time.monotonic()
        with self._lock:
            self._forget_old(now)
            if key in self._done:
                return Claim(key, ClaimState.DONE, response=self._done[key][1])
            at, _ = self._busy.get(key, (None, ""))
            if at is not None and now - at < self._lease:
                return Claim(key, ClaimState.BUSY)
            owner = new_owner()
            self._busy[key] = (now, owner)
            return Claim(key, ClaimState.OURS, owner)

    def finish(self, claim: Claim, response: WebhookResponse) -> None:
        with self._lock:
            if self._holds(claim):
                del self._busy[claim.key]
                self._done[claim.key] = (time.monotonic(), response)

    def release(self, claim: Claim) -> None:
        with self._lock:
            if self._holds(claim):
                del self._busy[claim.key]

    def forget(self, key: str) -> None:
        with self._lock:
            self._busy.pop(key, None)
            self._done.pop(key, None)

    def _holds(self, claim: Claim) -> bool:
        return self._busy.get(claim.key, (0.0, ""))[1] == claim.owner != ""

    def _forget_old(self, now: float) -> None:
        oldest = now - self._window
        while self._done:
            at, _ = next(iter(self._done.values()))
            if at >= oldest and len(self._done) <= self._most:
                return
            self._done.popitem(last=False)
