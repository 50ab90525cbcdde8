"""The time that one operation may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """The time by which one operation must end, its retries and pages included."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left; None: no limit."""
        return None if self._end is None else self._end - self._clock()

    def allows(self, seconds: float) -> bool:
        """Return whether so many seconds are left."""
        left = self.left()
        return left is None or seconds < left

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the caller's own code runs between the items of a listing."""
        since = self._clock()
        try:
            yield
        finally:
            if self._end is not None:
                self._end += self._clock() - since
