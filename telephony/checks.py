"""What an argument must be at every vendor; each returns it in the one form adapters get.

All raise `InvalidRequestError`, naming the argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from telephony.errors import InvalidRequestError
from telephony.model import CarrierAccount
from telephony.settings import is_loopback
from telephony.wire import Options


def positive(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InvalidRequestError(
            "`limit` is below 1.", argument="limit", hint="Leave it out to get everything."
        )


def text(value: str | None, argument: str) -> str | None:
    return None if value is None else required(value, argument)


def required(value: str, argument: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError(f"`{argument}` is empty.", argument=argument)
    return value.strip()


def country(value: str) -> str:
    if not (value.isascii() and value.isalpha() and len(value) == 2):
        raise InvalidRequestError(
            "`country` is not an ISO 3166 code.", argument="country", hint="Write it like US."
        )
    return value.upper()


def area_code(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit() and len(value) <= 6):
        raise InvalidRequestError(
            "`area_code` is not made of digits.", argument="area_code", hint="Write it like 415."
        )
    return value


def number_or_area(number: str | None, area_code: str | None) -> None:
    if number is not None and area_code is not None:
        raise InvalidRequestError(
            "`number` and `area_code` are given together.",
            argument="area_code",
            hint="Ask for one exact number or for any number of an area, not both.",
        )


def directions(inbound: bool, outbound: bool) -> None:
    if not inbound and not outbound:
        raise InvalidRequestError(
            "The number would neither receive nor place calls.",
            argument="inbound",
            hint="Leave `inbound` or `outbound` true.",
        )


def period(
    after: datetime | None, before: datetime | None
) -> tuple[datetime | None, datetime | None]:
    after, before = _aware(after, "after"), _aware(before, "before")
    if after is not None and before is not None and after > before:
        raise InvalidRequestError(
            "`after` is later than `before`.",
            argument="after",
            hint="`after` is the earlier end of the period, `before` the later one.",
        )
    return after, before


def media(media: Sequence[str], body: str) -> tuple[str, ...]:
    if isinstance(media, str):
        raise InvalidRequestError(
            "`media` is one string.", argument="media", hint="Give a list of URLs."
        )
    if not body.strip() and not media:
        raise InvalidRequestError(
            "`body` is empty and there is no `media`.",
            argument="body",
            hint="Give one of them.",
        )
    return tuple(media)


def options(options: Options | None) -> Options:
    if options is not None and not isinstance(options, Mapping):
        raise InvalidRequestError(
            "`options` is not a mapping.",
            argument="options",
            hint="Give the vendor's own fields, such as {'field': 'value'}.",
        )
    return options or {}


def webhook_url(url: str) -> str:
    text = required(url, "url")
    if not text.startswith("https://") and not (text.startswith("http://") and is_loopback(text)):
        raise InvalidRequestError(
            "`url` is not an https URL.",
            argument="url",
            hint="Write it like https://example.com/webhooks/…: texts and numbers go there.",
        )
    return text


def carrier_id(carrier: CarrierAccount | str) -> str:
    if isinstance(carrier, str):
        return required(carrier, "carrier")
    if carrier.id is None:
        raise InvalidRequestError(
            "This carrier account is the vendor's own and has no id.", argument="carrier"
        )
    return carrier.id


def _aware(moment: datetime | None, argument: str) -> datetime | None:
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise InvalidRequestError(
            f"`{argument}` has no time zone.",
            argument=argument,
            hint="Use an aware datetime, such as datetime.now(timezone.utc).",
        )
    return moment.astimezone(UTC)
