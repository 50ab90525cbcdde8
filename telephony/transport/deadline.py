"""How long one operation may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """The moment by which one operation, its retries and pages included, must have ended."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def left(self) -> float | None:
        """Seconds that are left; None: no limit."""
        return None if self._end is None else self._end - self._clock()

    def allows(self, seconds: float) -> bool:
        left = self.left()
        return left is None or seconds < left

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time that the caller's own code takes between the items of a listing."""
        since = self._clock()
        try:
            yield
        finally:
            if self._end is not None:
                self._end += self._clock() - since
