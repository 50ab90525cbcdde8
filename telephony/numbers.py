"""Telephone numbers: E.164 inside; national notation is accepted when the region is known."""

from __future__ import annotations

import re

from telephony.errors import InvalidRequestError

_E164 = re.compile(r"\+[1-9]\d{5,14}", re.ASCII)
# Digits and the punctuation people write numbers with: no vendor's id looks like this.
_WRITTEN = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)


def looks_written(text: str) -> bool:
    """Return whether `text` is a telephone number in some notation, rather than an id."""
    return text.startswith("+") or _WRITTEN.fullmatch(text) is not None


def is_short_code(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def e164(text: str, *, region: str | None = None, argument: str = "number") -> str:
    """Return `text` as E.164.

    Args:
        text: ``+14155550123``, or national notation when `region` is given.
        region: ISO 3166 code of the country whose national notation is meant.
        argument: the argument's name, for the error.

    Raises:
        InvalidRequestError: it is not a possible number.
    """
    import phonenumbers  # 30 ms and some megabytes, for callers who only read

    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise InvalidRequestError(
            f"`{argument}` is not a telephone number in E.164 form.",
            argument=argument,
            hint="Write it like +14155550123, or set `number_region` to read national notation.",
        )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_e164(text: str) -> bool:
    return _E164.fullmatch(text) is not None


def is_region(code: str) -> bool:
    """Return whether `code` is a country whose national notation can be read."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def normalized(text: str) -> str:
    """Return a vendor's spelling as E.164 where it is a number; short codes and names stay."""
    if _E164.fullmatch(text):
        return text
    try:
        return e164(text)
    except InvalidRequestError:
        return text
