"""Listings by offset: everything but messages.

Source: docs.agentphone.ai/api-reference, pagination.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from telephony.reading import Rows
from telephony.wire import Batch, Listing, PageTracker, Request, Response

from . import bodies

T = TypeVar("T")

LARGEST = 100


def offset_pages(
    url: str,
    size: int,
    read: Callable[[Rows, Response], list[T]],
    *,
    ended: Callable[[], bool] = lambda: False,
) -> Listing[T]:
    """List the items that `read` makes of the rows of each page, until `ended` after one.

    When rows leave a listing, as released numbers do, all later ones move to lower offsets. So each
    page is requested from the last row before it on. If it begins with another row, the listing is
    read from the start again, without the rows that were handed out.
    """
    seen: set[str] = set()
    seen_at_restart: int | None = None
    offset, reached, overlap = 0, 0, False
    while True:
        response = yield Request.get(url, {"limit": size, "offset": offset})
        page = bodies.page(response)
        found = page.data or []
        keys = list(map(bodies.identity, found))
        if overlap and (not keys or keys[0] not in seen):
            if seen_at_restart == len(seen):
                raise PageTracker.repeated_page()
            seen_at_restart, offset, overlap = len(seen), 0, False
            continue
        new = {key: row for key, row in zip(keys, found, strict=True) if key not in seen}
        yield Batch(read(list(new.values()), response))
        seen.update(new)
        offset += len(found)
        if not found or ended() or not _more(page, offset):
            return
        if not new and offset > reached:
            raise PageTracker.repeated_page()
        reached = max(reached, offset)
        # One row alone would be requested for ever.
        overlap = len(found) > 1
        offset -= overlap


def _more(page: bodies.Page, seen: int) -> bool:
    """Return whether more rows follow those seen. Either field may be missing."""
    if page.has_more is not None:
        return page.has_more
    return page.total is not None and seen < page.total
