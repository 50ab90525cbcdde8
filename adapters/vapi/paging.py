"""Vapi's listings: numbers by page, everything else backwards by time.

Source: docs.vapi.ai, API reference; the routes that are paged by time have no cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from telephony.errors import InvalidResponseError
from telephony.model import PhoneNumber
from telephony.reading import EARLIEST, LATEST, Body, Id, Time, items, moment, rows
from telephony.wire import Batch, Listing, PageTracker, Request, Response

from . import bodies

NUMBERS = "/v2/phone-number"
PAGE = 100
LARGEST = 1000
"""The most items that Vapi puts on a page."""
# Vapi's times are cut to it, so a page must reach a little further than what is wanted.
_TICK = timedelta(milliseconds=1)


class Row(Body, kw_only=True, rename="camel"):
    """What a listing is paged by."""

    id: Id
    created_at: Time = None


M = TypeVar("M", bound=Row)
T = TypeVar("T")


def numbers(provider: str, *, size: int = PAGE, search: str | None = None) -> Listing[PhoneNumber]:
    """List numbers, the oldest first, so that a new one moves none to another page."""
    tracker, page = PageTracker(), 1
    while True:
        query = {"search": search, "sortOrder": "ASC", "limit": size, "page": page}
        response = yield Request.get(NUMBERS, query)
        found, more = bodies.number_page(response, provider, page)
        new = tracker.unseen(found, lambda number: number.id)
        yield Batch(new)
        if not more:
            return
        if found and not new:
            raise tracker.repeated_page()
        page += 1


def by_time(
    route: str,
    kind: type[M],
    made: Callable[[M, bytes], T | None],
    *,
    params: Mapping[str, str | None] | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int | None = None,
) -> Listing[T]:
    """List what was created from `after` until before `before`, the newest first.

    What `made` returns None for is left out.

    Each page begins with the moment at which the one before ended, since many things may share it.

    Raises:
        InvalidResponseError: more of them share a moment than fit on a page.
    """
    tracker, size = PageTracker(), min(limit or PAGE, PAGE)
    low, high = after or EARLIEST, before or LATEST
    since = {"createdAtGe": _text(after)}
    bounds = {**since, "createdAtLt": _text(before and before + _TICK)}
    while True:
        response = yield Request.get(route, {**(params or {}), **bounds, "limit": size})
        page = items(response.content, response)
        found = rows(kind, page, response)
        new = set(tracker.unseen([row.id for row, _ in found], str))
        results = [
            made(row, raw)
            for row, raw in found
            if row.id in new and low <= _created(row) and (not before or _created(row) < high)
        ]
        yield Batch([result for result in results if result is not None])
        if len(page) < size:
            return
        edge = min((row for row, _ in found), key=_created, default=None)
        if edge is None or moment(edge.created_at) is None:
            raise _unpageable(response, "names no moment to go on from")
        if not new and size == LARGEST:
            raise _unpageable(response, "is full of things created in the same moment")
        size = min(2 * size, LARGEST) if not new else size
        bounds = {**since, "createdAtLe": str(edge.created_at)}


def _created(row: Row) -> datetime:
    return moment(row.created_at) or LATEST


def _text(time: datetime | None) -> str | None:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None


def _unpageable(response: Response, why: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"A page of the listing {why}, so the rest cannot be reached",
        status=response.status,
        hint="List a shorter period, or look in Vapi's dashboard.",
    )
