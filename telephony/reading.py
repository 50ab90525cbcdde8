"""Read vendors' responses tolerantly: only the id and the requested value are required.

A vendor may leave any other field out, send null, an empty text or another type. Such a field
becomes its default; `raw` still holds the original. One unreadable row never ends a listing.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
)

from telephony.errors import ProviderError, SignatureError
from telephony.model import Message, utc
from telephony.unchecked import unchecked
from telephony.wire import Json, Response, unreadable

if TYPE_CHECKING:
    from telephony.events import WebhookRequest

M = TypeVar("M", bound=BaseModel)

Place: TypeAlias = tuple[int | str, ...]

LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)

log: logging.Logger = logging.getLogger("telephony")


# The fields whose values come from the vendor, and so may be invalid.
_doubtful = itemgetter("id", "sender", "recipient", "body", "sent_at", "media", "error")
_made_message = unchecked(Message)


def _internet_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parsedate_to_datetime(value)
    except (TypeError, IndexError, OverflowError):
        raise ValueError("not a date") from None


Moment: TypeAlias = Annotated[
    datetime | Annotated[datetime, BeforeValidator(_internet_date)],
    Field(union_mode="left_to_right"),
    AfterValidator(utc),
]
"""ISO 8601, RFC 2822, or seconds or milliseconds since 1970, as UTC; no zone means UTC."""


class Body(BaseModel):
    """A vendor's JSON object. Only fields without a default are required; unknown ones are ignored.

    Numbers are accepted where text is expected: some vendors write ids so.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, defer_build=True, coerce_numbers_to_str=True
    )


def read(model: type[M], value: object, response: Response) -> M:
    """Return `value`, a part of the response, as the vendor's `model`.

    Raises:
        InvalidResponseError: a required field is unusable; the message names it, never its value.
        OutcomeUnknownError: the same, after a request that changes something.
    """
    found = _tolerant(model, value)
    if isinstance(found, str):
        raise unreadable(response, f"The response has no usable {found}")
    return found


def read_or_none(model: type[M], value: object) -> M | None:
    """Return `value`, such as a webhook's body, as a vendor's `model`; None if it is invalid."""
    found = _tolerant(model, value)
    return None if isinstance(found, str) else found


def rows(model: type[M], values: object, response: Response) -> list[tuple[M, Json]]:
    """Return each readable row of a listing, with its raw JSON.

    An unreadable row is left out and logged. Null is an empty listing. Raises as `read` does
    where there is no list.
    """
    listed = items(values, response)
    try:
        # All at once, which succeeds for nearly every page: listings have thousands of rows.
        return list(zip(_list_of(model).validate_python(listed), listed, strict=True))  # type: ignore[arg-type]
    except ValidationError:
        readable: list[tuple[M, Json]] = []
        unusable: list[str] = []
    for value in listed:
        found = _tolerant(model, value)
        if isinstance(found, str):
            unusable.append(found)
        elif isinstance(value, dict):
            readable.append((found, value))
    if unusable:
        log.warning(
            "%s %s: %d of %d rows left out: no usable %s",
            response.request.method,
            response.request.path.partition("?")[0],
            len(unusable),
            len(unusable) + len(readable),
            unusable[0],
        )
    return readable


@cache
def _list_of(model: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def items(value: object, response: Response) -> list[JsonValue]:
    """Return `value`, a part of the response, as a list; null is an empty one.

    Raises as `read` does.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise unreadable(response, "The response has no list where one was expected")
    return value


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


def as_message(fields: dict[str, object], response: Response) -> Message:
    """Return `fields`, all of them and in their order, as a message. Raises as `read` does.

    Validation is skipped where it would change nothing: listings have thousands.
    """
    one, sender, recipient, body, sent_at, media, error = _doubtful(fields)
    if (
        type(one) is type(sender) is type(recipient) is type(body) is str
        and one
        and (sent_at is None or (isinstance(sent_at, datetime) and sent_at.tzinfo is UTC))
        and media == ()
        and error is None
    ):
        return _made_message(fields)
    return read(Message, fields, response)


def sent_between(
    messages: list[Message], after: datetime | None, before: datetime | None
) -> list[Message]:
    """Return the messages sent at `after` or later and before `before`.

    A message without a time has yet to be sent.
    """
    if after is None and before is None:
        return messages
    low, high = after or EARLIEST, before or LATEST
    return [message for message in messages if low <= (message.sent_at or LATEST) < high]


def _tolerant(model: type[M], value: object) -> M | str:
    """Return `value` as `model`, or which required field is unusable and why."""
    reasons: dict[Place, str] = {}
    while True:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
        if not reasons:
            value = deepcopy(value)
        places: set[Place] = set()
        for fault in faults:
            reasons.setdefault(fault["loc"], fault["msg"])
            place = _place(fault["loc"], value)
            if not place:
                return _reason(fault["loc"], reasons)
            places.add(place)
        # The last elements of a list first, so that the places of the others hold.
        for place in sorted(places, key=_order, reverse=True):
            _remove(value, place)


def _place(location: Place, value: object) -> Place:
    """Return where a fault is in `value`; for a missing field, where its object is."""
    place: list[int | str] = []
    for part in location:
        # What a union tried stands in the location too, but not in the value.
        if (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        ):
            value = value[part]  # type: ignore[index]
        else:
            continue
        place.append(part)
    return tuple(place)


def _remove(value: object, place: Place) -> None:
    *above, last = place
    for part in above:
        value = value[part]  # type: ignore[index]
    del value[last]  # type: ignore[attr-defined]


def _reason(location: Place, reasons: dict[Place, str]) -> str:
    """Return what is wrong with a required field: the first fault found in it."""
    found = next((at for at in reasons if at[: len(location)] == location), location)
    return f"{'.'.join(map(str, found)) or 'body'}: {reasons[found]}"


def _order(place: Place) -> list[str]:
    return [str(part).zfill(9) for part in place]
