"""Acme's pages, each of which names the last id on it where more follow."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from telephony.model import Agent, Call, PhoneNumber
from telephony.wire import Batch, Listing, PageTracker, Request, Response

T = TypeVar("T", Agent, Call, PhoneNumber)


def pages(
    where: str,
    params: Mapping[str, str | None],
    read: Callable[[Response], tuple[list[T], str | None]],
    wanted: Callable[[T], bool] = lambda _: True,
) -> Listing[T]:
    """Return what is wanted of all pages; `read` returns the items of one and the next cursor."""
    tracker, cursor = PageTracker(), None
    while True:
        response = yield Request.get(where, {**params, "after": cursor})
        page, cursor = read(response)
        new = tracker.unseen(page, lambda item: item.id)
        yield Batch([item for item in new if wanted(item)])
        if cursor is None:
            return
        if not new:
            raise tracker.repeated_page()
