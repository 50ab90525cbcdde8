"""Calls and messages of one number: Twilio lists those received and those made separately."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from telephony.model import Call, Message
from telephony.reading import EARLIEST, LATEST, is_between
from telephony.wire import Operation

from .paging import Pages

T = TypeVar("T", Call, Message)


class Timeline(Generic[T]):
    """Several listings in one, newest first.

    A page is fetched only when its items are the next ones.

    Args:
        listings: each newest first.
        moment: when an item was sent or begun; None: not yet.
        after: the earliest moment that is wanted.
        before: the moment before which they were; without a moment they are left out then.

    Attributes:
        empty: whether nothing was listed so far.
    """

    def __init__(
        self,
        listings: Sequence[Pages[T]],
        moment: Callable[[T], datetime | None],
        after: datetime | None,
        before: datetime | None,
    ) -> None:
        self._listings: Sequence[Pages[T]] = listings
        self._moment: Callable[[T], datetime | None] = moment
        self._bounded = after is not None or before is not None
        self._after, self._before = after, before
        self._reached = [LATEST] * len(listings)
        self._waiting: list[T] = []
        self._to_itself: set[str] = set()
        self.empty: bool = True

    @property
    def more(self) -> bool:
        """Whether anything may follow."""
        return any(pages.more for pages in self._listings)

    def fetch(self) -> Operation[list[T]]:
        """Fetch one page; return the items that are newer than any on unread pages."""
        unread = [index for index, pages in enumerate(self._listings) if pages.more]
        latest = max(unread, key=lambda index: self._reached[index])
        found = yield from self._listings[latest].fetch()
        moment = self._moment
        if found:
            self.empty = False
            self._reached[latest] = min([moment(item) or LATEST for item in found])
            self._waiting += [
                item for item in found if item.sender != item.recipient or not self._again(item.id)
            ]
            self._waiting.sort(key=lambda item: moment(item) or LATEST, reverse=True)
        horizon = max(
            (self._reached[index] for index in unread if self._listings[index].more),
            default=EARLIEST,
        )
        ready = bisect_left(
            self._waiting, True, key=lambda item: (moment(item) or LATEST) < horizon
        )
        items, self._waiting = self._waiting[:ready], self._waiting[ready:]
        if self._bounded:
            items = [item for item in items if is_between(moment(item), self._after, self._before)]
        return items

    def _again(self, item: str) -> bool:
        """Return whether an item from the number to itself was in the other list already."""
        again = item in self._to_itself
        self._to_itself.add(item)
        return again
