"""How fast one connection may ask, and how much of that may be repetition. No I/O, no sleeping.

Both are shared by every thread or task that uses the connection.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

# The vendor's clock and ours do not tick alike.
_SLACK = 1.01
_CUT = 0.9
_RAISE = 1.1
_UNLIMITED = 1000.0
# Fewer requests than this in a second do not show how many the vendor would take.
_TELLING = 10
# The first answers take longer than an answer must: connections are made, and all at once.
_SETTLED = 200


class Turn:
    """One request's place in the order in which requests go out, held while it is made.

        with limit.turn() as turn:
            while wait := turn.wait():
                time.sleep(wait)

    Attributes:
        moment: when it went out; None before.
    """

    __slots__ = ("_limit", "moment")

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self.moment: float | None = None

    def wait(self) -> float:
        """Seconds until the request may go out; 0: now. Ask again after waiting for that long."""
        return self._limit.wait(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._limit.end(self, answered=kind is None)


class RateLimit:
    """At most so many requests in any second, learnt from 429 answers where no rate is set.

    A rate need not be whole: 11.7 a second are at most 12 in any 12/11.7 seconds, which is never
    more than 12 in one second and never more than 11.7 on average.

    What counts is when requests arrive at the vendor, and what goes out a second apart can arrive
    at once. But an answer shows that its request had arrived, at the latest, as long before as the
    fastest answer ever took; so a request waits until that is long enough ago for all but a few of
    those before it. Which those are is looked up each time, with the rate that holds then.

    A 429 lowers the rate to a little under what got through in the last second and holds everybody
    back for as long as the vendor asks; each quiet second raises it again, up to what is set.

    Args:
        rate: requests a second; None: no limit until the vendor complains.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = rate
        self._rate = rate
        self._clock = clock
        most = math.ceil(max(_UNLIMITED, rate or 0))
        # No rate that is learnt has a longer window than two seconds.
        self._longest_window = _SLACK * max(2.0, 1 / (rate or 1))
        self._waiting: dict[Turn, None] = {}
        self._under_way: dict[Turn, float] = {}
        # When each of those that were answered can have arrived at the latest, oldest first.
        self._arrived: deque[float] = deque(maxlen=most)
        self._successes: deque[float] = deque(maxlen=most)
        self._fastest = math.inf
        self._answers = 0
        self._held_until = 0.0
        self._lowered = self._changed = -math.inf
        self._lock = threading.Lock()

    @property
    def rate(self) -> float | None:
        """Requests a second that are allowed now; None: no limit."""
        return self._rate

    def turn(self) -> Turn:
        """The next turn."""
        turn = Turn(self)
        with self._lock:
            self._waiting[turn] = None
        return turn

    def wait(self, turn: Turn) -> float:
        with self._lock:
            now = self._clock()
            due = self._due(turn, now)
            if due > now:
                return due - now
            self._waiting.pop(turn, None)
            self._under_way[turn] = turn.moment = now
            return 0.0

    def end(self, turn: Turn, *, answered: bool = True) -> None:
        with self._lock:
            self._waiting.pop(turn, None)
            went = self._under_way.pop(turn, None)
            if went is None:
                return
            now = self._clock()
            if answered:
                self._fastest = min(self._fastest, now - went)
                self._answers += 1
            self._arrived.append(now - (self._on_the_way() if answered else 0.0))

    def succeeded(self) -> None:
        """The vendor took a request."""
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
        """The vendor answered 429. Several refusals of one burst lower the rate once."""
        with self._lock:
            now = self._clock()
            self._held_until = max(self._held_until, now + retry_after)
            if now - self._lowered < 1:
                return
            recent = sum(1 for moment in self._successes if now - moment <= 1)
            if recent >= _TELLING:
                self._rate = _CUT * min(self._rate or _UNLIMITED, recent)
            elif self._rate is not None:
                # Not below one a second, unless that is what was set.
                self._rate = min(self._rate, max(1.0, _CUT * self._rate))
            self._lowered = self._changed = now

    def _due(self, turn: Turn, now: float) -> float:
        """When this turn comes, if all that wait before it go as soon as they may."""
        earliest = max(now, self._held_until)
        if self._rate is None:
            return earliest
        count = math.ceil(self._rate)
        window = count / self._rate * _SLACK
        # What is under way may be arriving only now.
        latest = now - self._on_the_way()
        arriving = (max(went, latest) for went in self._under_way.values())
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

    def _on_the_way(self) -> float:
        return self._fastest if self._answers > _SETTLED else 0.0


class RetryBudget:
    """Keeps retries to a share of all requests, so that a failing vendor is not hammered.

    Args:
        share: retries for each request, in the long run.
        reserve: retries that are always there to begin with.
    """

    def __init__(self, share: float, reserve: float = 10.0) -> None:
        self._share = share
        self._most = self._left = reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """A request was made for the first time."""
        with self._lock:
            self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Take one retry; False when none is left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
