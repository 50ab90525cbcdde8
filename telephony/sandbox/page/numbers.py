"""The vendors, and their numbers with what answers them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from telephony.model import PhoneNumber
from telephony.sandbox.page.desk import Holding
from telephony.sandbox.page.html import Html, joined, tag
from telephony.sandbox.page.parts import answer, button, form, label, section, spaced
from telephony.sandbox.world import Answerer


def numbers(holdings: Sequence[Holding], chosen: tuple[str, str], person: str) -> Html:
    """Return the section.

    Args:
        holdings: of each vendor.
        chosen: the vendor and the number that the phone talks to.
        person: whose phone it is.
    """
    return section(
        "numbers",
        "Numbers",
        tag("p", {"class": "lead"}, "Pick one to text or call it.")
        if any(holding.numbers for holding in holdings)
        else None,
        *(_vendor(holding, chosen, person) for holding in holdings),
    )


def get_number(vendor: str, words: str, *, prominent: bool = False) -> Html:
    """Return a button that gets a number at a vendor."""
    return form(
        "POST",
        f"/_sandbox/{vendor}/numbers",
        {"data-then": "talk"},
        button(
            words,
            {
                "class": "primary" if prominent else "quiet",
                "aria-label": None if prominent else f"Get a number at {vendor}",
            },
        ),
    )


def _vendor(holding: Holding, chosen: tuple[str, str], person: str) -> Html:
    vendor = holding.vendor
    rows = [
        _row(vendor, each, holding.answerers.get(each.number), chosen, person)
        for each in holding.numbers
    ]
    return tag(
        "div",
        {"class": "vendor", "data-key": f"vendor-{vendor}"},
        tag(
            "div",
            {"class": "bar"},
            tag("h3", {}, vendor),
            get_number(vendor, "Get a number"),
        ),
        tag("p", {"class": "failure"}, holding.failure) if holding.failure else None,
        tag("ul", {}, joined(rows)) if rows else None,
    )


def _row(
    vendor: str,
    number: PhoneNumber,
    elsewhere: Answerer | None,
    chosen: tuple[str, str],
    person: str,
) -> Html:
    query = urlencode({"vendor": vendor, "number": number.number, "person": person})
    return tag(
        "li",
        {"data-key": f"{vendor}-{number.id}"},
        tag(
            "a",
            {
                "href": f"/?{query}#phone",
                "aria-current": "true" if (vendor, number.number) == chosen else None,
            },
            tag("span", {"class": "number"}, spaced(number.number) or "being activated"),
            label(number),
            tag("span", {"class": "answer"}, answer(number, elsewhere)),
        ),
    )
