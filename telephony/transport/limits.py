"""How fast one connection may ask, and how much of that may be repetition. No I/O, no sleeping.

Both are shared by every thread or task that uses the connection.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

# The vendor's clock and ours do not tick alike.
_SLACK = 1.01
_CUT = 0.9
_RAISE = 1.1
_UNLIMITED = 1000.0
# Fewer requests than this in a second do not show how many the vendor would take.
_TELLING = 10


class Turn:
    """One request's place in the order in which requests go out.

    Attributes:
        after: the request that must be a window older than this one; None: none, or long past.
        moment: when it was due, and once it is answered, when that was: the latest that the vendor
            can have got it.
    """

    __slots__ = ("after", "moment")

    def __init__(self, after: Turn | None, moment: float) -> None:
        self.after = after
        self.moment = moment


class RateLimit:
    """At most so many requests in any second, learnt from 429 answers where no rate is set.

    A request goes out only when as many before it as the rate allows were answered a second ago.
    However long each was on its way, the vendor then cannot have got more in any second.

    A 429 lowers the rate to a little under what got through in the last second and holds everybody
    back for as long as the vendor asks; each quiet second raises it again, up to what is set.

    Args:
        rate: requests a second; None: no limit until the vendor complains.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = rate
        self._rate = rate
        self._clock = clock
        self._turns: deque[Turn] = deque(maxlen=int(max(_UNLIMITED, rate or 0)))
        self._successes: deque[float] = deque(maxlen=int(_UNLIMITED))
        self._held_until = 0.0
        self._changed = clock()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float | None:
        """Requests a second that are allowed now; None: no limit."""
        return self._rate

    def reserve(self) -> Turn:
        """The next turn; `wait` says when it has come."""
        with self._lock:
            count = int(self._rate or 0) or 1
            limited = self._rate is not None and len(self._turns) >= count
            turn = Turn(self._turns[-count] if limited else None, 0.0)
            turn.moment = max(self._clock(), self._due(turn))
            self._turns.append(turn)
            return turn

    def wait(self, turn: Turn) -> float:
        """Seconds until the request may go out; 0: now. Ask again after waiting for that long."""
        with self._lock:
            now, due = self._clock(), self._due(turn)
            turn.moment = max(now, due)
            if due > now:
                return due - now
            turn.after = None  # else every turn would keep all before it
            return 0.0

    def answered(self, turn: Turn) -> None:
        """The vendor has had the request, or never will."""
        turn.moment = self._clock()

    def succeeded(self) -> None:
        """The vendor took a request."""
        with self._lock:
            now = self._clock()
            self._successes.append(now)
            if self._rate is None or self._rate == self._ceiling or now - self._changed < 1:
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
            if now - self._changed < 1 and self._rate != self._ceiling:
                return
            recent = sum(1 for moment in self._successes if now - moment <= 1)
            if recent >= _TELLING:
                self._rate = _CUT * min(self._rate or _UNLIMITED, recent)
            elif self._rate is not None:
                # Not below one a second, unless that is what was set.
                self._rate = min(self._rate, max(1.0, _CUT * self._rate))
            self._changed = now

    def _due(self, turn: Turn) -> float:
        if turn.after is None or self._rate is None:
            return self._held_until
        window = max(1, int(self._rate)) / self._rate * _SLACK
        return max(self._held_until, turn.after.moment + window)


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
