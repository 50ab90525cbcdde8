"""The rate limit and the retry budget of one provider, without I/O or sleeping.

Both are shared by every thread and task that uses the provider.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

# The vendor's clock may run faster than ours.
_SLACK = 1.01
_CUT = 0.9
_RAISE = 1.1
_UNLIMITED = 1000.0
# Fewer requests than this in a second do not show how many the vendor would accept.
_ENOUGH = 10
# The first responses are slower than usual: connections are opened, and all at once.
_WARMED_UP = 200


class Turn:
    """One request's place in the queue, held until its response has arrived.

        with limit.turn() as turn:
            while wait := turn.wait():
                time.sleep(wait)

    Attributes:
        sent_at: when it was sent; None before.
    """

    __slots__ = ("_limit", "sent_at")

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self.sent_at: float | None = None

    def wait(self) -> float:
        """Return the seconds until the request may be sent; 0: now. Then call this again."""
        return self._limit.wait(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._limit.end(self, responded=kind is None)


class RateLimit:
    """Allows so many requests in any second, learnt from 429 responses where no rate is set.

    A rate need not be whole: 11.7 a second are at most 12 in any 12/11.7 seconds, which is never
    more than 12 in one second and never more than 11.7 on average.

    What counts is when requests arrive at the vendor, and two that are sent a second apart can
    arrive together. A response proves that its request had arrived by then, less the time of the
    fastest response so far; so a request waits until that is long enough ago for all but the last
    few requests before it. Which those are is computed each time, with the current rate.

    A 429 lowers the rate to a little less than what was accepted in the last second, and holds all
    requests back for as long as the vendor says; each second without a 429 raises it again, up to
    the rate that is set.

    Args:
        rate: requests a second; None: no limit until the vendor responds with 429.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = rate
        self._rate = rate
        self._clock = clock
        most = math.ceil(max(_UNLIMITED, rate or 0))
        # No rate that is learnt has a longer window than two seconds.
        self._longest_window = _SLACK * max(2.0, 1 / (rate or 1))
        self._waiting: dict[Turn, None] = {}
        self._in_flight: dict[Turn, float] = {}
        # The latest time at which each request with a response can have arrived, oldest first.
        self._arrived: deque[float] = deque(maxlen=most)
        self._successes: deque[float] = deque(maxlen=most)
        self._fastest = math.inf
        self._responses = 0
        self._held_until = 0.0
        self._lowered = self._changed = -math.inf
        self._lock = threading.Lock()

    @property
    def rate(self) -> float | None:
        """Return how many requests a second are allowed now; None: no limit."""
        return self._rate

    def turn(self) -> Turn:
        """Return a turn at the end of the queue."""
        turn = Turn(self)
        with self._lock:
            self._waiting[turn] = None
        return turn

    def wait(self, turn: Turn) -> float:
        """Return the seconds until a turn comes; 0: its request is sent now."""
        with self._lock:
            now = self._clock()
            due = self._due(turn, now)
            if due > now:
                return due - now
            self._waiting.pop(turn, None)
            self._in_flight[turn] = turn.sent_at = now
            return 0.0

    def end(self, turn: Turn, *, responded: bool = True) -> None:
        """End a turn, after its response or without one."""
        with self._lock:
            self._waiting.pop(turn, None)
            sent_at = self._in_flight.pop(turn, None)
            if sent_at is None:
                return
            now = self._clock()
            if responded:
                self._fastest = min(self._fastest, now - sent_at)
                self._responses += 1
            self._arrived.append(now - (self._transit_time() if responded else 0.0))

    def succeeded(self) -> None:
        """Record that the vendor accepted a request."""
        with self._lock:
            now = self._clock()
            self._successes.append(now)
            if self._rate is None or now - self._changed < 1:
                return
            self._changed = now
            self._rate = min(self._rate * _RAISE, self._ceiling or _UNLIMITED)
            if self._ceiling is None and self._rate == _UNLIMITED:
                self._rate = None

    def refused(self, retry_after: float) -> None:
        """Record a 429. Several in one burst lower the rate once."""
        with self._lock:
            now = self._clock()
            self._held_until = max(self._held_until, now + retry_after)
            if now - self._lowered < 1:
                return
            recent = sum(1 for moment in self._successes if now - moment <= 1)
            if recent >= _ENOUGH:
                self._rate = _CUT * min(self._rate or _UNLIMITED, recent)
            elif self._rate is not None:
                # Not below one a second, unless that is what was set.
                self._rate = min(self._rate, max(1.0, _CUT * self._rate))
            self._lowered = self._changed = now

    def _due(self, turn: Turn, now: float) -> float:
        """Return when a turn comes, if all turns before it are used as soon as possible."""
        earliest = max(now, self._held_until)
        if self._rate is None:
            return earliest
        count = math.ceil(self._rate)
        window = count / self._rate * _SLACK
        # Requests in flight may be arriving only now.
        latest = now - self._transit_time()
        arriving = (max(sent_at, latest) for sent_at in self._in_flight.values())
        while self._arrived and self._arrived[0] < now - self._longest_window:
            self._arrived.popleft()
        before = deque(sorted([*self._arrived, *arriving]), maxlen=count)
        for waiting in self._waiting:
            full = len(before) == count
            due = max(earliest, before[0] + window) if full else earliest
            if waiting is turn:
                return due
            before.append(due)
        return earliest

    def _transit_time(self) -> float:
        return self._fastest if self._responses > _WARMED_UP else 0.0


class RetryBudget:
    """Limits retries to a share of all requests, so that a failing vendor is not overloaded.

    Args:
        share: retries for each request, in the long run.
        reserve: retries that are available from the start.
    """

    def __init__(self, share: float, reserve: float = 10.0) -> None:
        self._share = share
        self._most = self._left = reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Record a request that is not a retry."""
        with self._lock:
            self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Take one retry; return False when none is left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
