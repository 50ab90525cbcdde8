"""Listing messages where the vendor pages by timestamps and several may share one.

AgentPhone's cursor is a moment, ``before``; whether it includes that moment, and the order inside a
page, are undocumented. So each next page is asked for from a little *after* the oldest message
known, what comes twice is dropped by id, and everything is sorted and cut to the caller's bounds
here. The caller's ``after`` is not sent: it may turn the order round, and saves one page at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from telephony.model import Message
from telephony.reading import within
from telephony.wire import Batch, Listing, Progress, Request, Response, path

from . import wire

_PAGE = 200
# Every message of a page has one.
_moment: Callable[[Message], datetime] = attrgetter("sent_at")
# Covers times that are kept more exactly than they are shown, or read less exactly than sent.
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


def listing(
    number_id: str,
    own: str,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Message]:
    """The messages of the number `own`, newest first, ``after <= sent_at < before``.

    Raises:
        InvalidResponseError: the vendor repeats itself, or so many messages share one moment that
            its paging cannot reach all of them.
    """
    url = path("/v1/numbers/{}/messages", number_id)
    progress, size = Progress(), min(limit or _PAGE, _PAGE)
    cursor, step = _from(before), _SECOND
    settled: datetime | None = None
    while True:
        response = yield Request.get(url, {"limit": size, "before": cursor})
        page, promised = wire.message_page(response, provider, own)
        new = progress.new(page, lambda message: message.id)
        yield Batch(_newest_first(new, after, before))
        if not (len(page) >= size if promised is None else promised):
            return
        if not page:
            raise progress.stuck()
        oldest = _oldest(page)
        if after is not None and oldest < after:
            return
        if not new and size == _PAGE and step == _SECOND:
            # A second holds more than a page.
            step = _MILLISECOND
        elif not new and size == _PAGE:
            # So does a millisecond. Stepping over it is safe only if no more is left in it.
            if settled is not None and oldest >= settled:
                raise progress.stuck()
            settled = oldest
            window = {"after": _iso(oldest - 2 * _MILLISECOND), "before": cursor}
            response = yield Request.get(url, {"limit": size, **window})
            yield Batch(_newest_first(_all_of(response, provider, own, progress), after, before))
            cursor = _iso(oldest - _MILLISECOND)
            continue
        size = _PAGE
        cursor = _iso(oldest + step)


def _all_of(response: Response, provider: str, own: str, progress: Progress) -> list[Message]:
    """What is new in a window that must fit into one page."""
    page, promised = wire.message_page(response, provider, own)
    if len(page) >= _PAGE if promised is None else promised:
        stuck = progress.stuck()
        stuck.message = f"{len(page)} messages or more share one moment, where a page ends"
        stuck.hint = "Ask for older messages with `before`, and for newer ones with `after`."
        raise stuck
    return progress.new(page, lambda message: message.id)


def _newest_first(
    found: Sequence[Message], after: datetime | None, before: datetime | None
) -> list[Message]:
    return within(sorted(found, key=_moment, reverse=True), after, before)


def _oldest(page: Sequence[Message]) -> datetime:
    return min(map(_moment, page))


def _from(before: datetime | None) -> str | None:
    try:
        return None if before is None else _iso(before + _SECOND)
    except OverflowError:
        # The end of time is no bound.
        return None


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
