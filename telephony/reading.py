"""Read vendors' responses tolerantly: only the id and the requested value are required.

A vendor may leave any other field out, send null, an empty text or another type. Such a field
becomes its default; `raw` still holds the original. One unreadable row never ends a listing.
"""

from __future__ import annotations

import logging
import types
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    NoReturn,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from pydantic import JsonValue

from telephony.errors import ProviderError, SignatureError
from telephony.model import Message, utc
from telephony.raw import parsed
from telephony.wire import Json, Response, unreadable

if TYPE_CHECKING:
    from telephony.events import WebhookRequest

LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)

log: logging.Logger = logging.getLogger("telephony")

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that is not empty."""

Time: TypeAlias = str | int | float | None
"""A time as the vendor writes it; `moment` reads it."""

Rows: TypeAlias = list[msgspec.Raw] | None
"""The rows of a listing, not yet parsed; `rows` reads them. Required wherever it is present."""

Part: TypeAlias = bytes | msgspec.Raw | JsonValue
"""A response's content or a part of it, parsed or not."""

# What msgspec raises for what is not the JSON that a type describes; very deep JSON included.
_INVALID = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
# Later numbers are milliseconds: as seconds, they would be after the year 2600.
_LAST_SECOND = 20_000_000_000
_LONGEST_CALL = 10_000_000  # seconds


class Body(msgspec.Struct, gc=False):
    """A vendor's JSON object. Only fields without a default are required; unknown ones are ignored.

    Numbers are accepted where text is expected: some vendors write ids so.
    """


M = TypeVar("M", bound=Body)


def read(model: type[M], value: Part, response: Response) -> M:
    """Return `value`, a response's content or a part of it, as the vendor's `model`.

    Raises:
        InvalidResponseError: a required field is unusable; the message names it, never its value.
        OutcomeUnknownError: the same, after a request that changes something.
    """
    found = _read(model, value)
    if isinstance(found, str):
        if value is response.content:
            # Says so where it is not JSON at all.
            response.json()
        raise unreadable(response, f"The response has no usable {found}")
    return found


def read_or_none(model: type[M], value: Part) -> M | None:
    """Return `value`, such as a webhook's body, as a vendor's `model`; None if it is invalid."""
    found = _read(model, value)
    return None if isinstance(found, str) else found


def rows(model: type[M], values: Rows, response: Response) -> list[tuple[M, bytes]]:
    """Return each readable row of a listing, with its bytes.

    An unreadable row is left out and logged. None is an empty listing.
    """
    decode = _decoder(model).decode
    try:
        # All at once, which succeeds for nearly every page: listings have thousands of rows.
        return [(decode(value), bytes(value)) for value in values or ()]
    except _INVALID:
        readable: list[tuple[M, bytes]] = []
        unusable: list[str] = []
    for value in values or ():
        found = _read(model, value)
        if isinstance(found, str):
            unusable.append(found)
        else:
            readable.append((found, bytes(value)))
    if unusable:
        log.warning(
            "%s %s: %d of %d rows left out: no usable %s",
            response.request.method,
            response.request.shown,
            len(unusable),
            len(unusable) + len(readable),
            unusable[0],
        )
    return readable


def items(value: Part, response: Response) -> list[msgspec.Raw]:
    """Return `value`, a response's content or a part of it, as rows; null is no row.

    Raises as `read` does where there is no list.
    """
    try:
        if isinstance(value, bytes | msgspec.Raw):
            return _listed(value) or []
        return [msgspec.Raw(msgspec.json.encode(row)) for row in _list(value)]
    except (*_INVALID, TypeError):
        if value is response.content:
            response.json()
        raise unreadable(response, "The response has no list where one was expected") from None


def moment(time: object) -> datetime | None:
    """Return a time in UTC; None where it cannot be read.

    ISO 8601, RFC 2822, or seconds or milliseconds since 1970, as text too; no zone means UTC.
    """
    try:
        # The usual forms are read directly: pages hold thousands.
        # Milliseconds are left out, which may look like a day and an hour without punctuation.
        if isinstance(time, str) and not (len(time) > 8 and time.isdecimal()):
            if time[3:4] == ",":
                at = datetime.fromisoformat(f"{_day(time[:17])}{time[17:25]}{time[26:]}")
            else:
                at = datetime.fromisoformat(time)
            return at if at.tzinfo is UTC else utc(at)
    except (ValueError, KeyError, OverflowError):
        pass
    try:
        return _any_moment(time)
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


@lru_cache(maxsize=64)
def _day(text: str) -> str:
    """Return the day of an RFC 2822 date as ISO 8601 has it; most of a page share theirs."""
    _, day, month, year, _ = text.split(" ")
    return f"{year}-{_MONTHS[month]}-{day}T"


def _any_moment(time: object) -> datetime | None:
    if isinstance(time, str):
        try:
            time = float(time)
        except ValueError:
            from email.utils import parsedate_to_datetime

            return utc(parsedate_to_datetime(str(time)))
    if isinstance(time, int | float) and not isinstance(time, bool):
        seconds = time if abs(time) <= _LAST_SECOND else time / 1000
        return datetime.fromtimestamp(seconds, UTC)
    return None


def duration(seconds: Time) -> timedelta | None:
    """Return how long a call lasted; None where it cannot be read."""
    try:
        passed = float("" if seconds is None else seconds)
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=passed) if 0 <= passed < _LONGEST_CALL else None


def later(start: datetime | None, seconds: float | None) -> datetime | None:
    """Return the time so many seconds after the start of a call; None where one cannot be read."""
    passed = duration(seconds)
    try:
        return None if start is None or passed is None else start + passed
    except OverflowError:
        return None


def error_object(response: Response) -> Json:
    """Return the JSON object of an error response; an empty one where there is none."""
    try:
        return response.object()
    except ProviderError:
        return {}


def error_text(response: Response) -> str:
    """Return the plain text of an error response; empty for JSON and for a proxy's page."""
    text = response.content.decode("utf-8", "replace").strip()
    return "" if text.startswith(("<", "{", "[")) else text


def required_header(request: WebhookRequest, name: str, provider: str) -> str:
    """Return a header that a webhook must have.

    Raises:
        SignatureError: it is missing.
    """
    value = request.headers.get(name.lower())
    if value is None:
        raise SignatureError(f"{provider}: the header {name} is missing.")
    return value


def is_between(time: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    """Return whether a time is `after` or later and before `before`; None is yet to come."""
    at = time or LATEST
    return (after is None or after <= at) and (before is None or at < before)


def sent_between(
    messages: list[Message], after: datetime | None, before: datetime | None
) -> list[Message]:
    """Return the messages sent at `after` or later and before `before`.

    A message without a time has yet to be sent.
    """
    if after is None and before is None:
        return messages
    return [message for message in messages if is_between(message.sent_at, after, before)]


# --- What is not as it should be -------------------------------------------------------------


class _UnusableError(Exception):
    """A value is of no use; the message says where and why, and never shows it."""


def _read(model: type[M], value: Part) -> M | str:
    """Return `value` as `model`, or which required field is unusable and why."""
    try:
        if isinstance(value, bytes | msgspec.Raw):
            try:
                return cast("M", _decoder(model).decode(value))
            except _INVALID:
                value = parsed(value)
        return cast("M", _lenient(value, model, ()))
    except _UnusableError as error:
        return str(error)
    except (ValueError, RecursionError):
        return "body: not JSON"


def _lenient(value: object, kind: object, place: tuple[str, ...]) -> object:
    """Return `value` as a `kind`, a type annotation, without whatever in it is unusable."""
    if isinstance(kind, type) and issubclass(kind, Body):
        return _object(value, kind, place)
    origin = get_origin(kind)
    if origin in (list, tuple):
        if not isinstance(value, list):
            _unusable(place, "expected a list")
        return origin(_usable(value, get_args(kind)[0], place))
    if origin in (Union, types.UnionType):
        return _any(value, get_args(kind), place)
    if kind is msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(value))
    plain = cast("type[object]", kind)
    try:
        return msgspec.convert(value, plain, strict=False)
    except msgspec.ValidationError as error:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return msgspec.convert(str(value), plain)
            except msgspec.ValidationError:
                pass
        # msgspec's other messages may show the value.
        expected = str(error).partition(" - ")[0]
        _unusable(place, expected if expected.startswith("Expected") else "invalid")


def _object(value: object, model: type[Body], place: tuple[str, ...]) -> Body:
    if not isinstance(value, dict):
        _unusable(place, "expected an object")
    found: dict[str, object] = {}
    for name, key, kind, required in _fields(model):
        if key in value:
            try:
                found[name] = _lenient(value[key], kind, (*place, key))
            except _UnusableError:
                if required:
                    raise
        elif required and kind != Rows:
            _unusable((*place, key), "missing")
    try:
        return model(**found)
    except ValueError as error:
        # Of its `__post_init__`, which names a missing field that may have other names too.
        raise _UnusableError(".".join((*place, str(error)))) from None


def _usable(values: Iterable[object], kind: object, place: tuple[str, ...]) -> list[object]:
    found: list[object] = []
    for value in values:
        try:
            found.append(_lenient(value, kind, place))
        except _UnusableError:
            continue
    return found


def _any(value: object, kinds: tuple[object, ...], place: tuple[str, ...]) -> object:
    if value is None or type(value) in kinds:
        return value
    problems: list[_UnusableError] = []
    for kind in kinds:
        try:
            return _lenient(value, kind, place)
        except _UnusableError as error:
            problems.append(error)
    raise problems[0]


def _unusable(place: tuple[str, ...], why: str) -> NoReturn:
    raise _UnusableError(f"{'.'.join(place) or 'body'}: {why}") from None


@cache
def _fields(model: type[Body]) -> list[tuple[str, str, object, bool]]:
    """Return each field's name, its key in JSON, its type, and whether it must be usable."""
    kinds = get_type_hints(model, include_extras=True)
    return [
        (field.name, field.encode_name, kind, field.required or kind == Rows)
        for field in msgspec.structs.fields(model)
        for kind in [kinds[field.name]]
    ]


@cache
def _decoder(model: type[M]) -> msgspec.json.Decoder[M]:
    return msgspec.json.Decoder(model)


_listed = msgspec.json.Decoder(Rows).decode


def _list(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError
    return value
