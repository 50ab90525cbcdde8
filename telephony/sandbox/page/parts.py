"""What several sections of the page are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache

import phonenumbers

from telephony.model import PhoneNumber
from telephony.sandbox.page.html import NOTHING, Attributes, Child, Html, joined, tag
from telephony.sandbox.world import Answerer
from telephony.targets import target_text


def spaced(number: str) -> str:
    """Return an E.164 number as people write it, other texts as they are."""
    return _spaced(number) if number.startswith("+") else number


def answer(number: PhoneNumber, elsewhere: Answerer | None) -> str:
    """Return what answers a number, in a few words.

    Args:
        elsewhere: who answers its calls, where they lead to another vendor.
    """
    if elsewhere is not None:
        return f"Calls are answered by {elsewhere.by} at {elsewhere.vendor}"
    target = target_text(number.assignment)
    return f"Answered by {target}" if target else "Not assigned to anything"


def label(number: PhoneNumber) -> Html | None:
    """Return a number's label, unless that is the number itself, as some vendors have it."""
    digits = re.sub(r"\D", "", number.label or "")
    if not number.label or (len(digits) > 6 and number.number.endswith(digits)):
        return None
    return tag("span", {"class": "label"}, number.label)


@cache
def _spaced(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def clock(moment: datetime) -> Html:
    """Return the time of day here."""
    here = moment.astimezone()
    return tag("time", {"datetime": here.isoformat("T", "seconds")}, here.strftime("%H:%M:%S"))


def section(id_: str, heading: str, *children: Child) -> Html:
    """Return a section that the script keeps up to date."""
    return tag(
        "section",
        {"id": id_, "class": "panel", "aria-labelledby": f"{id_}-heading", "data-live": True},
        tag("h2", {"id": f"{id_}-heading", "tabindex": "-1"}, heading),
        *children,
    )


def form(method: str, action: str, attributes: Attributes, *children: Child) -> Html:
    """Return a form that the script sends as JSON."""
    return tag("form", {"data-send": method, "action": action, **attributes}, *children)


def field(
    label: str, id_: str, control: str, attributes: Attributes, *children: Child, hint: str = ""
) -> Html:
    """Return a labelled control, an element of this name, and what to know of it."""
    described = {"aria-describedby": f"{id_}-hint"} if hint else {}
    return tag(
        "div",
        {"class": "field"},
        tag("label", {"for": id_}, label),
        tag(control, {"id": id_, **attributes, **described}, *children),
        tag("small", {"id": f"{id_}-hint"}, hint) if hint else None,
    )


def hidden(name: str, value: str) -> Html:
    return tag("input", {"type": "hidden", "name": name, "value": value})


def options(pairs: Iterable[tuple[str, str]], chosen: str | None = None) -> Html:
    """Return the options of a select, each a value and its words."""
    return joined(
        tag("option", {"value": value, "selected": value == chosen}, words)
        for value, words in pairs
    )


def button(words: str, attributes: Attributes = NOTHING) -> Html:
    return tag("button", {"type": "submit", **attributes}, words)
