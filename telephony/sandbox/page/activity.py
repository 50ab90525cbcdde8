"""The last requests that vendors got, and the last webhooks that they sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from telephony.sandbox.exchanges import Exchange
from telephony.sandbox.page import bodies
from telephony.sandbox.page.html import Html, joined, tag
from telephony.sandbox.page.parts import clock, section
from telephony.sandbox.webhook_sender import DeliveryAttempt
from telephony.settings import is_loopback

_LONG_PATH = 28
_LONG_ID = re.compile(r"\b(\w{6})\w{18,}")
SHOWN = 40
"""How many of them are shown, requests and webhooks together."""


def activity(exchanges: Sequence[Exchange], attempts: Sequence[DeliveryAttempt]) -> Html:
    """Return the section, the newest first."""
    first = max(0, len(attempts) - SHOWN)
    rows = [(each.at, _request(each)) for each in exchanges[-SHOWN:]]
    rows += [(each.at, _webhook(each, nth)) for nth, each in enumerate(attempts[first:], first)]
    rows.sort(key=lambda row: row[0], reverse=True)
    return section(
        "activity",
        "Requests and webhooks",
        tag("ol", {"id": "traffic"}, joined(row for _, row in rows[:SHOWN]))
        if rows
        else tag(
            "p",
            {"class": "lead"},
            "None yet. What your application requests from a vendor, and the webhooks that a "
            "vendor sends to it, appear here.",
        ),
    )


@lru_cache(maxsize=4 * SHOWN)
def _request(one: Exchange) -> Html:
    if one.status is None:
        outcome, kind = "connection cut", "bad"
    elif not one.whole:
        outcome, kind = f"{one.status}, cut off", "bad"
    else:
        outcome, kind = str(one.status), _kind(one.status)
    return _row(
        f"request-{one.number}",
        "request",
        tag("span", {"class": "way", "title": "Request to the vendor"}, "to"),
        one.vendor,
        f"{one.method} {_short(one.path)}",
        outcome,
        kind,
        clock(one.at),
        tag(
            "p",
            {"class": "meta"},
            tag("code", {}, bodies.address(one.path)),
            f" took {one.seconds * 1000:,.0f} ms",
        ),
        _message("Request", one.headers, one.content),
        _message("Response", one.response_headers, one.response) if one.status else None,
    )


@lru_cache(maxsize=4 * SHOWN)
def _webhook(one: DeliveryAttempt, nth: int) -> Html:
    if one.status is not None:
        outcome, kind = str(one.status), _kind(one.status)
    elif is_loopback(one.url):
        outcome, kind = "no response", "bad"
    else:
        outcome, kind = "not sent", "odd"
    address = bodies.address(one.url)
    note = (
        "Not sent: the sandbox sends webhooks to this machine only."
        if not is_loopback(one.url)
        else "Nothing responds at this URL."
        if one.status is None
        else None
    )
    return _row(
        f"webhook-{nth}",
        "webhook",
        tag("span", {"class": "way", "title": "Webhook from the vendor"}, "from"),
        one.vendor,
        f"{one.method} {_short(urlsplit(one.url).path) or '/'}",
        outcome,
        kind,
        clock(one.at),
        tag("p", {"class": "meta"}, address),
        tag("p", {"class": "meta"}, note) if note else None,
        _message("Webhook", one.headers, one.body),
        _message("Your application's response", {}, one.response) if one.status else None,
    )


def _short(path: str) -> str:
    """Return a path without its query: long ids cut short, and of a long path the end."""
    short = _LONG_ID.sub(r"\1…", path.partition("?")[0])
    while len(short) > _LONG_PATH and "/" in short[2:]:
        short = f"…/{short[2:].partition('/')[2]}"
    return short


def _row(
    key: str,
    kind: str,
    way: Html,
    vendor: str,
    line: str,
    outcome: str,
    outcome_kind: str,
    at: Html,
    *details: Html | None,
) -> Html:
    return tag(
        "li",
        {"class": kind, "data-key": key},
        tag(
            "details",
            {},
            tag(
                "summary",
                {},
                at,
                tag("span", {"class": "who"}, way, " ", vendor),
                tag("code", {}, line),
                tag("span", {"class": f"outcome {outcome_kind}"}, outcome),
            ),
            *details,
        ),
    )


def _message(heading: str, headers: Mapping[str, str], content: bytes) -> Html:
    media_type = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
    shown = bodies.body(content, media_type)
    return tag(
        "div",
        {"class": "message"},
        tag("h3", {}, heading),
        tag("pre", {"tabindex": "0"}, shown) if shown else tag("p", {"class": "meta"}, "No body"),
        tag(
            "details",
            {},
            tag("summary", {}, f"{len(headers)} headers"),
            tag(
                "dl",
                {},
                *(
                    joined((tag("dt", {}, name), tag("dd", {}, value)))
                    for name, value in bodies.headers(headers)
                ),
            ),
        )
        if headers
        else None,
    )


def _kind(status: int) -> str:
    if status < 400:
        return "good"
    return "odd" if status < 500 else "bad"
