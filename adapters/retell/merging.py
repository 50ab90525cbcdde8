"""Two listings as one, page by page, where Retell AI cannot list what both have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from telephony.wire import Batch, Listing, Operation

T = TypeVar("T")


@dataclass
class _Side(Generic[T]):
    listing: Listing[T]
    waiting: deque[T] = field(default_factory=deque)
    over: bool = False

    def fill(self) -> Operation[None]:
        """Read pages until an item waits, or the listing is over."""
        while not self.waiting and not self.over:
            try:
                step = next(self.listing)
                while not isinstance(step, Batch):
                    try:
                        response = yield step
                    except Exception as error:
                        step = self.listing.throw(error)
                    else:
                        step = self.listing.send(response)
            except StopIteration:
                self.over = True
            else:
                self.waiting.extend(step.items)


def newest_first(
    one: Listing[T], other: Listing[T], time_of: Callable[[T], datetime]
) -> Listing[T]:
    """Merge two listings that have their newest items first."""
    sides = _Side(one), _Side(other)
    try:
        while True:
            for side in sides:
                yield from side.fill()
            found: list[T] = []
            # Until a side must be read on before it is known which of them is next.
            while all(side.waiting or side.over for side in sides):
                heads = [side for side in sides if side.waiting]
                if not heads:
                    break
                newest = max(heads, key=lambda side: time_of(side.waiting[0]))
                found.append(newest.waiting.popleft())
            if found:
                yield Batch(found)
            if all(side.over and not side.waiting for side in sides):
                return
    finally:
        one.close()
        other.close()
