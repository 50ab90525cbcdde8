"""The whole document."""

from __future__ import annotations

from collections.abc import Sequence

from telephony.sandbox.page.html import Html, joined, tag
from telephony.sandbox.page.parts import button, form

STATIC = "/_sandbox/page"


def document(url: str, title: str, columns: Sequence[Sequence[Html]]) -> str:
    """Return the page: its columns, each of sections."""
    head = (
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "color-scheme", "content": "light dark"}),
        tag("title", {}, title),
        tag("link", {"rel": "icon", "href": f"{STATIC}/icon.svg", "type": "image/svg+xml"}),
        tag("link", {"rel": "stylesheet", "href": f"{STATIC}/page.css"}),
        tag("script", {"src": f"{STATIC}/page.js", "type": "module"}),
    )
    body = (
        tag("a", {"class": "skip", "href": "#phone"}, "Skip to the phone"),
        _header(url),
        tag("p", {"id": "notice", "role": "status", "hidden": True}),
        tag("p", {"id": "failure", "role": "alert", "hidden": True}),
        tag(
            "noscript",
            {},
            tag(
                "p",
                {"class": "banner"},
                "Without JavaScript this page can be read only: reload it to see what is new.",
            ),
        ),
        tag("main", {}, *(tag("div", {"class": "column"}, *each) for each in columns)),
        _confirmation(),
    )
    whole = tag("html", {"lang": "en"}, tag("head", {}, *head), tag("body", {}, joined(body)))
    return f"<!doctype html>{whole}"


def _header(url: str) -> Html:
    places = (("numbers", "Numbers"), ("phone", "Phone"), ("webhook", "Webhooks"))
    more = (("faults", "Faults"), ("activity", "Activity"))
    return tag(
        "header",
        {},
        tag("h1", {}, "Telephony ", tag("span", {}, "sandbox")),
        tag("p", {"class": "where"}, url.removeprefix("http://")),
        tag(
            "nav",
            {"aria-label": "Sections"},
            *(tag("a", {"href": f"#{id_}"}, words) for id_, words in (*places, *more)),
        ),
        tag("button", {"type": "button", "class": "quiet", "data-opens": "reset"}, "Reset"),
    )


def _confirmation() -> Html:
    return tag(
        "dialog",
        {"id": "reset", "aria-labelledby": "reset-heading"},
        tag("h2", {"id": "reset-heading"}, "Reset the sandbox?"),
        tag(
            "p",
            {},
            "Every number, text, call and fault is deleted, at every vendor. It cannot be undone.",
        ),
        form(
            "POST",
            "/_sandbox/reset",
            {
                "class": "choices",
                "data-then": "start",
                "data-done": "Reset: the sandbox is as new.",
            },
            tag("button", {"type": "button", "class": "quiet", "data-closes": True}, "Cancel"),
            button("Reset", {"class": "danger"}),
        ),
    )
