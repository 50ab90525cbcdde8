"""Searching for numbers: the kinds to search, and the filters.

Source: twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from telephony.errors import InvalidRequestError, NotFoundError, UnsupportedOperationError
from telephony.model import AvailableNumber, Channel, NumberKind
from telephony.wire import Operation, Options, Request, form

from . import bodies
from .paging import LARGEST

PATHS = {
    NumberKind.LOCAL: "Local",
    NumberKind.MOBILE: "Mobile",
    NumberKind.NATIONAL: "National",
    NumberKind.TOLL_FREE: "TollFree",
}
"""The kinds of number, as Twilio spells them in its paths, in the order they are searched."""

FILTERS = {
    Channel.VOICE: "VoiceEnabled",
    Channel.SMS: "SmsEnabled",
    Channel.MMS: "MmsEnabled",
    Channel.FAX: "FaxEnabled",
}

_NORTH_AMERICA = {"US", "CA"}
_TOLL_FREE = "800|888|877|866|855|844|833"
_BEGINS_TOLL_FREE = re.compile(rf"(?:{_TOLL_FREE})|\+1?(?:{_TOLL_FREE}).*")
_PATTERN = re.compile(r"[0-9A-Za-z*%+$]{2,16}")
_OURS = {"AreaCode": "area_code", "Contains": "contains", "PageSize": "limit"}


def kinds(country: str, area_code: str | None, contains: str | None) -> list[NumberKind]:
    """Return the kinds to search in turn until there are enough numbers.

    In the US and Canada ``contains="800"`` means toll-free numbers, as ``+1800…`` does; ``8001``
    means those digits anywhere in a local number.
    """
    if country not in _NORTH_AMERICA:
        return list(PATHS)
    toll_free = any(
        text is not None and _BEGINS_TOLL_FREE.fullmatch(text) for text in (area_code, contains)
    )
    return [NumberKind.TOLL_FREE if toll_free else NumberKind.LOCAL]


def offers(
    account: str,
    provider: str,
    country: str,
    kinds: Sequence[NumberKind],
    filters: Mapping[str, str | int | None],
    limit: int,
) -> Operation[list[AvailableNumber]]:
    """Search the kinds in turn until there are `limit` numbers.

    Args:
        account: its path.

    Raises:
        NotFoundError: the country has none of these kinds.
    """
    found: list[AvailableNumber] = []
    absent: list[NotFoundError] = []
    for each in kinds:
        place = f"{account}/AvailablePhoneNumbers/{country}/{PATHS[each]}.json"
        try:
            response = yield Request.get(
                place, {**filters, "PageSize": min(limit - len(found), LARGEST)}
            )
        except NotFoundError as missing:
            absent.append(missing)
            continue
        found += bodies.available(response, provider, each)
        if len(found) >= limit:
            break
    if len(absent) == len(kinds):
        absent[0].hint = "Twilio has no such numbers in this country: try another one."
        raise absent[0]
    return found[:limit]


def query(
    provider: str,
    country: str,
    area_code: str | None,
    contains: str | None,
    channels: frozenset[Channel],
    options: Options,
) -> dict[str, str | int | None]:
    """Return the filters, checked as far as Twilio documents them.

    Raises:
        UnsupportedOperationError: Twilio knows no area codes there.
        InvalidRequestError: an area code or a pattern that cannot match anything, or an option that
            an argument is for.
    """
    if area_code is not None:
        if country not in _NORTH_AMERICA:
            raise UnsupportedOperationError(
                provider,
                "an area code outside the US and Canada",
                "Search with `contains`, such as contains='+4420', and buy the exact number.",
            )
        if len(area_code) != 3:
            raise InvalidRequestError(
                "`area_code` has not three digits.", argument="area_code", hint="Write it like 415."
            )
    if contains is not None and (
        not _PATTERN.fullmatch(contains) or sum(c.isalnum() for c in contains) < 2
    ):
        raise InvalidRequestError(
            "`contains` is not a pattern that Twilio takes.",
            argument="contains",
            hint="2 to 16 of digits and letters, * for one of them, % for any; + in front and $ "
            "at the end anchor it.",
        )
    for name, argument in _OURS.items():
        if name in options:
            raise InvalidRequestError(
                f"`options` has {name}.", argument="options", hint=f"Give `{argument}` instead."
            )
    carries = {FILTERS[channel]: "true" for channel in sorted(channels)}
    return {"AreaCode": area_code, "Contains": contains, **carries, **dict(form(options))}


def prefix(country: str, area_code: str | None) -> str | None:
    """Return what the numbers of a country, or of an area there, begin with."""
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    return f"+{code}{area_code or ''}" if code else None
