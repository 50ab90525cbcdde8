"""Listings by offset: everything but messages.

Source: docs.agentphone.ai/api-reference, pagination.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import JsonValue

from telephony.wire import Batch, Json, Listing, PageTracker, Request, Response

from . import bodies

T = TypeVar("T")

LARGEST = 100


def offset_pages(
    url: str, size: int, read: Callable[[list[JsonValue], Response], list[T]]
) -> Listing[T]:
    """List the items that `read` makes of the rows of each page."""
    tracker, offset = PageTracker(), 0
    while True:
        response = yield Request.get(url, {"limit": size, "offset": offset})
        page, body = bodies.page(response)
        new = tracker.unseen(page, bodies.identity)
        yield Batch(read(new, response))
        offset += len(page)
        if not page or not _more(body, offset):
            return
        if not new:
            raise tracker.repeated_page()


def _more(body: Json, seen: int) -> bool:
    """Return whether more rows follow those seen. Either field may be missing."""
    promised, total = body.get("hasMore"), body.get("total")
    if isinstance(promised, bool):
        return promised
    return type(total) is int and seen < total
