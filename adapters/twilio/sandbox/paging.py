"""Pages as Twilio sends them: 2010-04-01 with `…_uri` beside the items, v1 hosts with `meta`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .input import ParsedRequest
from .refusals import invalid, refusal

_AFTER_NOTHING = "PA"
_OURS = {"PageSize", "Page", "PageToken"}


@dataclass(frozen=True)
class _Page:
    number: int
    size: int
    start: int
    items: list[Json]
    here: str
    first: str
    next: str | None
    previous: str | None


def page(request: ParsedRequest, name: str, rows: Sequence[Json]) -> Response:
    """Return a page of the 2010-04-01 API."""
    cut = _cut(request, rows)
    return JSONResponse(
        {
            name: cut.items,
            "end": max(cut.start, cut.start + len(cut.items) - 1),
            "first_page_uri": cut.first,
            "next_page_uri": cut.next,
            "page": cut.number,
            "page_size": cut.size,
            "previous_page_uri": cut.previous,
            "start": cut.start,
            "uri": cut.here,
        }
    )


def meta_page(request: ParsedRequest, host: str, name: str, rows: Sequence[Json]) -> Response:
    """Return a page of a v1 API, whose links name the host."""
    cut = _cut(request, rows)
    return JSONResponse(
        {
            "meta": {
                "page": cut.number,
                "page_size": cut.size,
                "first_page_url": host + cut.first,
                "previous_page_url": host + cut.previous if cut.previous else None,
                "url": host + cut.here,
                "next_page_url": host + cut.next if cut.next else None,
                "key": name,
            },
            name: cut.items,
        }
    )


def page_size(request: ParsedRequest) -> int:
    size = _number(request, "PageSize", 50)
    if not 1 <= size <= 1000:
        raise invalid("PageSize must be between 1 and 1000")
    return size


def _cut(request: ParsedRequest, rows: Sequence[Json]) -> _Page:
    size, number = page_size(request), _number(request, "Page", 0)
    token = request.filter("PageToken")
    if number and token is None:
        raise refusal(400, 70002, "Page must be given with PageToken")
    start = 0
    empty = request.empty_page and token is None
    if token not in (None, _AFTER_NOTHING):
        direction, sid = token[:2], token[2:]
        place = next((i for i, row in enumerate(rows) if row["sid"] == sid), None)
        if direction not in {"PA", "PB"} or (not number and direction == "PA"):
            raise invalid("PageToken is not valid")
        if place is None:
            # What the token named is gone: the page begins where it would have.
            start = number * size
        else:
            start = place + 1 if direction == "PA" else max(0, place - size)
    items = [] if empty else list(rows[start : start + size])
    kept = [pair for pair in request.query if pair[0] not in _OURS]

    def link(page: int, token: str | None) -> str:
        pairs = [*kept, ("PageSize", str(size)), ("Page", str(page))]
        return f"{request.path}?{urlencode([*pairs, ('PageToken', token)] if token else pairs)}"

    following = f"{_AFTER_NOTHING}{items[-1]['sid']}" if items else _AFTER_NOTHING
    more = empty or start + size < len(rows)
    return _Page(
        number,
        size,
        number * size,
        items,
        link(number, token),
        link(0, None),
        link(number + 1, following) if more else None,
        link(number - 1, f"PB{items[0]['sid']}") if number and items else None,
    )


def _number(request: ParsedRequest, name: str, default: int) -> int:
    try:
        return int(request.filter(name) or default)
    except ValueError:
        raise invalid(f"{name} is not a number") from None
