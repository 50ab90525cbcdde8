"""Listing messages where the vendor pages by timestamps, which messages may share.

AgentPhone's cursor is a time, ``before``; whether it includes that time, and the order inside a
page, are undocumented, and times may be stored more exactly than shown. So each next page is
requested from a second *after* the oldest message known, duplicates are dropped by id, and all are
sorted and cut to the caller's bounds here. A second with more messages than a page is read in ever
narrower windows. The caller's ``after`` is not sent: it may reverse the order, and saves one page
at most.

Source: docs.agentphone.ai/api-reference/numbers, list messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from telephony.errors import InvalidResponseError
from telephony.model import Message
from telephony.reading import EARLIEST, LATEST, moment, rows, sent_between
from telephony.wire import Batch, Listing, Operation, PageTracker, Request, Response, path

from . import bodies

_PAGE = 200
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST, _LAST = EARLIEST + timedelta(days=1), LATEST - timedelta(days=1)
_id = attrgetter("id")


def listing(
    number_id: str,
    own: str,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Message]:
    """List the messages of the number `own`, newest first, ``after <= sent_at < before``.

    Raises:
        InvalidResponseError: the vendor repeats itself, or so many messages share one moment that
            its paging cannot reach all of them.
    """
    url = path("/v1/numbers/{}/messages", number_id)
    tracker, size = PageTracker(), min(limit or _PAGE, _PAGE)
    cursor = None if before is None else _later(before)
    reread: datetime | None = None

    def read(page: bodies.Page, response: Response) -> list[Message]:
        made = bodies.MESSAGES.made
        readable = rows(bodies.Message, page.data, response)
        found = [made(row.fields(provider, own), raw) for row, raw in readable]
        found.sort(key=_sent, reverse=True)
        return found

    def between(start: datetime, end: datetime) -> Operation[list[Message]]:
        """Return every message from `start` to `end`, and some beside them, in any order."""
        bounds = {"after": _iso(start - _MILLISECOND), "before": _iso(end + _MILLISECOND)}
        response = yield Request.get(url, {"limit": _PAGE, **bounds})
        page = bodies.page(response)
        if not _more(page, _PAGE):
            return read(page, response)
        if end - start < _MILLISECOND:
            raise _crowded("More than a page of messages share one moment")
        middle = start + (end - start) / 2
        newer = yield from between(middle, end)
        older = yield from between(start, middle)
        return newer + older

    while True:
        response = yield Request.get(url, {"limit": size, "before": _iso(cursor)})
        page = bodies.page(response)
        found = read(page, response)
        new = tracker.unseen(found, _id)
        yield Batch(sent_between(new, after, before))
        if not page.data or not _more(page, size):
            return
        oldest = _oldest(found, page)
        if oldest is None:
            raise _crowded("No message of a page has a time, from which the next one would start")
        if after is not None and oldest < after:
            return
        cursor = oldest + _SECOND
        if not new and size == _PAGE:
            if reread is not None and oldest >= reread:
                raise tracker.repeated_page()
            reread, start = oldest, oldest - _SECOND
            dense = yield from between(start, cursor)
            if not {*map(_id, found)} <= {*map(_id, dense)}:
                raise _crowded("More than a page of messages share one second")
            missed = sorted(tracker.unseen(dense, _id), key=_sent, reverse=True)
            yield Batch(sent_between(missed, after, before))
            cursor = start + _MILLISECOND
        size = _PAGE


def _more(page: bodies.Page, size: int) -> bool:
    """Return whether a page promises more."""
    return len(page.data or ()) >= size if page.has_more is None else page.has_more


def _sent(message: Message) -> datetime:
    return message.sent_at or LATEST


def _oldest(found: Sequence[Message], page: bodies.Page) -> datetime | None:
    """Return the time of the oldest row of a page, even if the rest of it is unreadable.

    Args:
        found: what is readable of it, newest first.
    """
    if page.data and len(found) < len(page.data):
        return min(_usable(moment(bodies.received_at(row)) for row in page.data), default=None)
    return next(_usable(message.sent_at for message in reversed(found)), None)


def _usable(moments: Iterable[datetime | None]) -> Iterator[datetime]:
    """Return the times before which older messages can be requested."""
    return (at for at in moments if at is not None and _FIRST < at < _LAST)


def _crowded(message: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"{message}: AgentPhone's paging cannot reach all of them",
        retry_safe=True,
        hint="Request older messages with `before`, and for newer ones with `after`.",
    )


def _later(before: datetime) -> datetime | None:
    try:
        return before + _SECOND
    except OverflowError:
        # The end of time is no bound.
        return None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
