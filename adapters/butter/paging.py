"""Butter AI's listings, page by page. Source: docs.getbutter.ai/api-reference/introduction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from telephony.errors import InvalidResponseError
from telephony.wire import Batch, Listing, PageTracker, Request, Response

from .bodies import Pagination

T = TypeVar("T")


def pages(
    path: str,
    params: Mapping[str, str | int | None],
    read: Callable[[Response], tuple[list[T], Pagination]],
    *,
    id_of: Callable[[T], str],
    wanted: Callable[[T], bool] = lambda _: True,
) -> Listing[T]:
    """List what is wanted. Not every listing documents a cursor, so the first page has none.

    Args:
        path: of the listing.
        params: its filters.
        read: returns the items of a page, and where the next is.
        id_of: returns what identifies an item.
        wanted: returns whether an item is asked for, where the vendor has no filter for it.
    """
    tracker, cursors = PageTracker(), PageTracker()
    cursor: str | None = None
    while True:
        response = yield Request.get(path, {**params, "cursor": cursor})
        page, pagination = read(response)
        new = tracker.unseen(page, id_of)
        yield Batch([item for item in new if wanted(item)])
        if pagination.ends:
            return
        cursor = pagination.next_cursor
        if not cursor:
            raise InvalidResponseError(
                "Butter AI promises another page, and gives no cursor that leads to it",
                retry_safe=True,
                hint="Make the same call again; if it fails again, report it to Butter AI.",
            )
        # A page may be empty, if only the cursor leads on.
        if (page and not new) or not cursors.unseen([cursor], str):
            raise tracker.repeated_page()
