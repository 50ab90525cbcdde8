"""Retell AI's listings: pages that end in a key for the next one.

Source: retell-sdk 6.2, `phone_number.list`, `call.list`, `chat.list`, `agent.list`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from telephony.errors import InvalidResponseError
from telephony.reading import Body, Rows, read, rows
from telephony.wire import Batch, Json, Listing, PageTracker, Request, Safety, query

PAGE = 100

M = TypeVar("M", bound=Body)
T = TypeVar("T")


class _Page(Body):
    items: Rows = None
    has_more: bool | None = None
    pagination_key: str | None = None


def pages(
    request: Callable[[str | None], Request],
    kind: type[M],
    made: Callable[[M, bytes], T | None],
    key_of: Callable[[M], str],
) -> Listing[T]:
    """List what `made` makes of each row; what it returns None for is left out.

    Args:
        request: makes the request for a page from its key.
        key_of: returns what identifies a row.

    Raises:
        InvalidResponseError: more is promised, but not where; or a page comes again.
    """
    tracker, key = PageTracker(), None
    while True:
        response = yield request(key)
        page = read(_Page, response.content, response)
        found = rows(kind, page.items, response)
        new = tracker.unseen(found, lambda row: key_of(row[0]))
        results = [made(row, raw) for row, raw in new]
        yield Batch([result for result in results if result is not None])
        following = page.pagination_key or None
        more = page.has_more if page.has_more is not None else following is not None
        # An empty page is the last one, whatever it promises.
        if not page.items or not more:
            return
        if following is None:
            raise InvalidResponseError(
                "Retell promises another page, but no key for it", status=response.status
            )
        if not new and (found or following == key):
            raise tracker.repeated_page()
        key = following


def by_query(path: str, size: int) -> Callable[[str | None], Request]:
    """Return what requests the pages of a listing that is read with GET."""
    return lambda key: Request.get(path, {"limit": size, "pagination_key": key})


def by_body(path: str, wanted: Json) -> Callable[[str | None], Request]:
    """Return what requests the pages of a listing whose filters and key are in its body."""

    def request(key: str | None) -> Request:
        body = wanted if key is None else {**wanted, "pagination_key": key}
        return Request.post(path, body, safety=Safety.READ)

    return request


def by_both(path: str, params: Mapping[str, str | int | None]) -> Callable[[str | None], Request]:
    """Return what requests the pages of a listing whose filters are a body, and key the query."""

    def request(key: str | None) -> Request:
        pairs = query({**params, "pagination_key": key})
        return Request("POST", path, params=pairs, json={}, safety=Safety.READ)

    return request
