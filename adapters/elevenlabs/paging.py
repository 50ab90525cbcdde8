"""ElevenLabs's listings, page by page: each names the cursor of the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from telephony.errors import InvalidResponseError
from telephony.reading import Body
from telephony.wire import Batch, Listing, PageTracker, Request, Response

LARGEST = 100

T = TypeVar("T")


class Page(Body):
    """What every page has beside its rows."""

    next_cursor: str | None = None
    has_more: bool | None = None

    @property
    def ends(self) -> bool:
        return self.has_more is False or not (self.has_more or self.next_cursor)


def size(limit: int | None) -> int:
    """Return how many rows to ask for."""
    return min(limit or LARGEST, LARGEST)


def pages(
    path: str,
    params: Sequence[tuple[str, str]],
    read: Callable[[Response], tuple[list[T], Page]],
    *,
    id_of: Callable[[T], str],
    wanted: Callable[[T], bool] = lambda _: True,
) -> Listing[T]:
    """List what is wanted.

    Args:
        path: of the listing.
        params: its filters and the size of a page.
        read: returns the items of a page, and where the next is.
        id_of: returns what identifies an item.
        wanted: returns whether an item is asked for, where the vendor has no filter for it.
    """
    tracker, cursors = PageTracker(), PageTracker()
    cursor: str | None = None
    while True:
        following = [] if cursor is None else [("cursor", cursor)]
        response = yield Request("GET", path, params=[*params, *following])
        found, page = read(response)
        new = tracker.unseen(found, id_of)
        yield Batch([item for item in new if wanted(item)])
        if page.ends:
            return
        cursor = page.next_cursor
        if not cursor:
            raise InvalidResponseError(
                "ElevenLabs promises another page, and gives no cursor that leads to it",
                retry_safe=True,
                hint="Make the same call again; if it fails again, report it to ElevenLabs.",
            )
        # A page may be empty, if only its cursor leads on.
        if not new and (found or not cursors.unseen([cursor], str)):
            raise tracker.repeated_page()
