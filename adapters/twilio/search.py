"""What to ask Twilio for when a number is searched.

Source: twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource.
"""

from __future__ import annotations

import re

from telephony.errors import InvalidRequestError, UnsupportedOperationError
from telephony.model import NumberKind

PATHS = {
    NumberKind.LOCAL: "Local",
    NumberKind.TOLL_FREE: "TollFree",
    NumberKind.MOBILE: "Mobile",
    NumberKind.NATIONAL: "National",
}
"""The kinds of number that are searched, as Twilio spells them in its paths."""

_NORTH_AMERICA = {"US", "CA"}
_TOLL_FREE = "800|888|877|866|855|844|833"
_BEGINS_TOLL_FREE = re.compile(rf"(?:{_TOLL_FREE})|\+1?(?:{_TOLL_FREE}).*")
_PATTERN = re.compile(r"[0-9A-Za-z*%+$]{2,16}")


def kinds(country: str, area_code: str | None, contains: str | None) -> list[NumberKind]:
    """The kinds to search, the next only if the country does not have the one before.

    ``contains="800"`` means toll-free numbers, as ``+1800…`` does; ``8001`` means those digits
    anywhere in a local number.
    """
    toll_free = any(
        text is not None and _BEGINS_TOLL_FREE.fullmatch(text) for text in (area_code, contains)
    )
    return (
        [NumberKind.TOLL_FREE]
        if toll_free and country in _NORTH_AMERICA
        else [NumberKind.LOCAL, NumberKind.MOBILE]
    )


def query(
    provider: str, country: str, area_code: str | None, contains: str | None
) -> dict[str, str | int | None]:
    """The filters, checked as far as Twilio documents them.

    Raises:
        UnsupportedOperationError: Twilio knows no area codes there.
        InvalidRequestError: an area code or a pattern that cannot match anything.
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
    return {"AreaCode": area_code, "Contains": contains}
