"""Cartesia's listings, page by page. Source: docs.cartesia.ai/use-the-api/pagination."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from telephony.reading import Body, Id, Rows, read, read_or_none
from telephony.wire import Batch, Listing, Operation, PageTracker, Request, Response

T = TypeVar("T")

LARGEST = 100
"""The most items that Cartesia puts on a page."""


class _Page(Body):
    data: Rows = None
    # Of agents, before version 2026-08-14; all of them are on one page.
    summaries: Rows = None
    has_more: bool = False


class _Row(Body):
    id: Id


class Pages(Generic[T]):
    """A listing that is read one page at a time.

    Args:
        path: of the listing.
        params: its filters and the size of its pages.
        read: returns the items of a page's rows.
        id_of: returns what identifies an item.
    """

    def __init__(
        self,
        path: str,
        params: Mapping[str, str | int | None],
        *,
        read: Callable[[Rows, Response], list[T]],
        id_of: Callable[[T], str],
    ) -> None:
        self._path, self._params = path, params
        self._read, self._id_of = read, id_of
        self._tracker = PageTracker()
        self._after: str | None = None
        self.more: bool = True
        """Whether another page may follow."""

    def fetch(self) -> Operation[list[T]]:
        """Return the items of the next page, without those returned before."""
        params = {**self._params, "starting_after": self._after}
        response = yield Request.get(self._path, params)
        page = read(_Page, response.content, response)
        rows = page.summaries if page.data is None else page.data
        found = self._read(rows, response)
        new = self._tracker.unseen(found, self._id_of)
        # An empty page names nothing to go on from, whatever it promises.
        following = _last_id(rows) if page.has_more else None
        self.more = following is not None
        if self.more and (following == self._after or (found and not new)):
            raise self._tracker.repeated_page()
        self._after = following
        return new

    def all(self) -> Listing[T]:
        while self.more:
            yield Batch((yield from self.fetch()))


def _last_id(rows: Rows) -> str | None:
    """Return the cursor: the last id, whether or not its row can be read."""
    named = (read_or_none(_Row, row) for row in reversed(rows or []))
    return next((row.id for row in named if row), None)
