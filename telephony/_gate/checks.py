"""Checks of arguments, the same for every vendor. Each returns the form that adapters get.

All raise `InvalidRequestError`, which names the argument.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from math import inf
from typing import TypeVar

from telephony.errors import InvalidRequestError
from telephony.idempotency import key_digest
from telephony.model import CarrierAccount, Channel
from telephony.settings import is_loopback
from telephony.wire import Options

E = TypeVar("E", bound=StrEnum)


def positive(limit: int | None) -> None:
    if limit is None:
        return
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise mistyped(limit, "limit", "a whole number, such as 20")
    if limit < 1:
        raise InvalidRequestError(
            "`limit` is below 1.", argument="limit", hint="Leave it out to get everything."
        )


def text(value: str | None, argument: str) -> str | None:
    return None if value is None else required(value, argument)


def required(value: str, argument: str) -> str:
    if not isinstance(value, str):
        raise mistyped(value, argument, "text")
    if not value.strip():
        raise InvalidRequestError(f"`{argument}` is empty.", argument=argument)
    return value.strip()


def flag(value: bool, argument: str) -> bool:
    if not isinstance(value, bool):
        raise mistyped(value, argument, "True or False")
    return value


def word(kind: type[E], value: str, argument: str) -> E:
    """Return `value` as a member of `kind`."""
    try:
        return kind(value)
    except ValueError:
        raise InvalidRequestError(
            f"`{argument}` is not one of the known values.",
            argument=argument,
            hint=f"Write one of: {', '.join(kind)}.",
        ) from None


def channels(value: Collection[Channel | str]) -> frozenset[Channel]:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise mistyped(value, "channels", "a list, such as ('voice', 'sms')")
    return frozenset(word(Channel, channel, "channels") for channel in value)


def country(value: str) -> str:
    if not isinstance(value, str):
        raise mistyped(value, "country", "text, such as 'US'")
    if not (value.isascii() and value.isalpha() and len(value) == 2):
        raise InvalidRequestError(
            "`country` is not an ISO 3166 code.", argument="country", hint="Write it like US."
        )
    return value.upper()


def area_code(value: str | None) -> str | None:
    if value is not None and not isinstance(value, str):
        raise mistyped(value, "area_code", "text, such as '415'")
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
            hint="Give one exact number or an area, not both.",
        )


def directions(inbound: bool, outbound: bool) -> None:
    if not any((flag(inbound, "inbound"), flag(outbound, "outbound"))):
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


def change(label: str | None, source: object) -> None:
    if label is None and source is None:
        raise InvalidRequestError(
            "There is nothing to change.", argument="label", hint="Give `label` or `source`."
        )


def media(media: Sequence[str], body: str) -> tuple[str, ...]:
    if not isinstance(body, str):
        raise mistyped(body, "body", "text")
    if isinstance(media, str) or not isinstance(media, Sequence):
        raise mistyped(media, "media", "a list of URLs")
    for url in media:
        required(url, "media")
    if not body.strip() and not media:
        raise InvalidRequestError(
            "`body` is empty and there is no `media`.",
            argument="body",
            hint="Give one of them.",
        )
    return tuple(media)


def metadata(given: Mapping[str, str] | None) -> Mapping[str, str]:
    pairs = {} if given is None else given
    if not isinstance(pairs, Mapping) or not all(
        isinstance(one, str) for pair in pairs.items() for one in pair
    ):
        raise InvalidRequestError(
            "`metadata` is not a mapping of texts.",
            argument="metadata",
            hint="Give texts only, such as {'ticket': '88'}.",
        )
    return pairs


def seconds(value: float | None, argument: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise mistyped(value, argument, "a number of seconds, such as 30")
    if not 0 < value < inf:
        raise InvalidRequestError(
            f"`{argument}` is not a time above 0.", argument=argument, hint="Give it in seconds."
        )
    return float(value)


def key(given: str | None) -> str | None:
    """Return the stored form of an idempotency key."""
    return None if given is None else key_digest(required(given, "idempotency_key"))


def options(options: Options | None) -> Options:
    if options is not None and not isinstance(options, Mapping):
        raise mistyped(options, "options", "the vendor's own fields, such as {'field': 'value'}")
    return options or {}


def webhook_url(url: str) -> str:
    text = required(url, "url")
    if not text.startswith("https://") and not (text.startswith("http://") and is_loopback(text)):
        raise InvalidRequestError(
            "The webhook's `url` is not an https URL.",
            argument="url",
            hint="Write it like https://example.com/webhooks/…: what people write is sent there.",
        )
    return text


def carrier_id(carrier: CarrierAccount | str) -> str:
    if not isinstance(carrier, CarrierAccount):
        return required(carrier, "carrier")
    if carrier.id is None:
        raise InvalidRequestError(
            "This carrier account is the vendor's own and has no id.", argument="carrier"
        )
    return carrier.id


def _aware(moment: datetime | None, argument: str) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise mistyped(moment, argument, "an aware datetime, such as datetime.now(timezone.utc)")
    if moment.utcoffset() is None:
        raise InvalidRequestError(
            f"`{argument}` has no time zone.",
            argument=argument,
            hint="Use an aware datetime, such as datetime.now(timezone.utc).",
        )
    return moment.astimezone(UTC)


def mistyped(value: object, argument: str, wanted: str) -> InvalidRequestError:
    # Not the value itself: it may be a secret that went to the wrong argument.
    return InvalidRequestError(
        f"`{argument}` is of type {type(value).__name__}.",
        argument=argument,
        hint=f"Give {wanted}.",
    )
