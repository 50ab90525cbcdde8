"""Twilio's listings, page by page. Source: twilio.com/docs/usage/twilios-response, paging."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from telephony.errors import InvalidResponseError
from telephony.wire import Batch, Listing, Operation, PageTracker, Request, Response

from . import bodies

T = TypeVar("T")

LARGEST = 1000
"""The most items that Twilio puts on a page."""

_TWILIO = re.compile(r"^https://[a-z0-9.-]+\.twilio\.com(?=/)")


class Pages(Generic[T]):
    """A listing that is read one page at a time.

    Args:
        path: of the listing; an absolute URL where it is not below the adapter's `base_url`.
        params: its filters.
        size: how many items to request at once.
        base_url: what the vendor's links to further pages are relative to.
        read: returns the items of a page's body.
        id_of: returns what identifies an item.
    """

    def __init__(
        self,
        path: str,
        params: Mapping[str, str | int | None],
        *,
        size: int | None,
        base_url: str,
        read: Callable[[bodies.Page, Response], list[T]],
        id_of: Callable[[T], str],
    ) -> None:
        self._next: Request | None = Request.get(
            path, {**params, "PageSize": min(size or LARGEST, LARGEST)}
        )
        parts = urlsplit(base_url)
        self._origin, self._below = f"{parts.scheme}://{parts.netloc}", parts.path
        self._host = path.removesuffix(urlsplit(path).path)
        self._read = read
        self._id_of = id_of
        self._tracker, self._links = PageTracker(), PageTracker()

    @property
    def more(self) -> bool:
        """Whether another page may follow."""
        return self._next is not None

    def fetch(self) -> Operation[list[T]]:
        """Return the items of the next page, without those returned before."""
        if self._next is None:
            return []
        response = yield self._next
        page = bodies.page(response)
        read = self._read(page, response)
        found = self._tracker.unseen(read, self._id_of)
        link = page.next_link
        self._next = Request.get(self._relative(link, response)) if link else None
        # A page may be empty, or hold nothing readable, if only the link leads on.
        if self._next and ((read and not found) or not self._links.unseen([self._next.path], str)):
            raise self._tracker.repeated_page()
        return found

    def all(self) -> Listing[T]:
        while self.more:
            yield Batch((yield from self.fetch()))

    def _relative(self, link: str, response: Response) -> str:
        """Return a link to a further page where the listing itself is.

        Twilio's links name no host or one of its own, and ignore a path that a proxy adds before
        its own; some proxies rewrite them. A link to another host is not followed: the credentials
        would go there.
        """
        path = _TWILIO.sub("", link.removeprefix(self._origin), count=1)
        if not path.startswith("/"):
            raise InvalidResponseError(
                "The link to the next page leads elsewhere",
                status=response.status,
                hint="Check `base_url`; if it is right, report this to the vendor.",
            )
        below = path.startswith(f"{self._below}/")
        return self._host + (path.removeprefix(self._below) if below else path)
