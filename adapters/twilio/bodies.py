"""Twilio's bodies, and the way from them into the unified model.

Unknown fields and unknown values of enumerations are tolerated; unset sids and URLs are null in
some fields and empty in others. Source: twilio.com/docs, API version 2010-04-01.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter, itemgetter
from types import NoneType
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, TypeAdapter, ValidationError

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.idempotency import add_digest, strip_digest
from telephony.model import CallStatus, Channel, Direction, Id, MessageStatus, NumberStatus
from telephony.reading import Body, Moment, as_message, items, read, rows
from telephony.unchecked import unchecked
from telephony.wire import Json, Response

from . import addresses, assignment

_LONGEST_NAME = 64
_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
MESSAGE_STATUS = {
    **{status.value: status for status in MessageStatus if status is not MessageStatus.UNKNOWN},
    "accepted": MessageStatus.QUEUED,
    "scheduled": MessageStatus.QUEUED,
}
_DIRECTIONS = {
    "inbound": Direction.INBOUND,
    "outbound-api": Direction.OUTBOUND,
    "outbound-call": Direction.OUTBOUND,
    "outbound-reply": Direction.OUTBOUND,
}
CALL_STATUS = {
    status.value.replace("_", "-"): status
    for status in CallStatus
    if status is not CallStatus.UNKNOWN
}
_CHANNELS = {channel.value: channel for channel in Channel}
_made_number = unchecked(model.PhoneNumber)
_any_moment: TypeAdapter[datetime] = TypeAdapter(Moment)


def moment(text: object) -> datetime | None:
    """Return an RFC 2822 date in UTC; None for anything that is not a date.

    The form that Twilio writes is read directly: pages hold thousands.
    """
    try:
        _, day, month, year, clock, zone = text.split(" ")  # type: ignore[attr-defined]
        at = datetime.fromisoformat(f"{year}-{_MONTHS[month]}-{day}T{clock}{zone}")
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (AttributeError, ValueError, KeyError, OverflowError):
        pass
    try:
        return _any_moment.validate_python(text) if isinstance(text, str) else None
    except ValidationError:
        return None


_Moment = Annotated[datetime | None, BeforeValidator(moment)]


class _Number(Body):
    sid: Id
    phone_number: Id
    friendly_name: str | None = None
    status: str | None = None


class _Message(Body):
    sid: Id
    sender: str | None = Field(default=None, alias="from")
    recipient: str | None = Field(default=None, alias="to")
    body: str | None = None
    direction: str | None = None
    status: str | None = None


_Texts: TypeAlias = tuple[str, str | None, str | None, str | None, str | None, str | None]
_texts = itemgetter("sid", "from", "to", "body", "direction", "status")
_texts_of = attrgetter("sid", "sender", "recipient", "body", "direction", "status")


class _Available(Body):
    phone_number: Id
    iso_country: str | None = None
    region: str | None = None
    locality: str | None = None
    postal_code: str | None = None
    capabilities: dict[str, JsonValue] | None = None

    def normalized(self, provider: str, kind: model.NumberKind, raw: Json) -> model.AvailableNumber:
        return model.AvailableNumber(
            number=self.phone_number,
            provider=provider,
            country=self.iso_country,
            region=self.region,
            locality=self.locality,
            postal_code=self.postal_code,
            kind=kind,
            channels=channels(self.capabilities),
            raw=raw,
        )


class _Call(Body):
    sid: Id
    sender: str | None = Field(default=None, alias="from")
    recipient: str | None = Field(default=None, alias="to")
    direction: str | None = None
    status: str | None = None
    start_time: _Moment = None


class _Media(Body):
    uri: Id


def number(response: Response, provider: str) -> model.PhoneNumber:
    raw = response.object()
    return _as_number(read(_Number, raw, response), raw, provider)


def number_page(page: Json, response: Response, provider: str) -> list[model.PhoneNumber]:
    found = rows(_Number, page.get("incoming_phone_numbers"), response)
    return [_as_number(row, raw, provider) for row, raw in found]


def _as_number(row: _Number, raw: Json, provider: str) -> model.PhoneNumber:
    # Unchecked, since `row` is: accounts hold thousands.
    return _made_number(
        {
            "id": row.sid,
            "number": row.phone_number,
            "provider": provider,
            "label": strip_digest(row.friendly_name),
            # Free text at Twilio; only this word is documented.
            "status": NumberStatus.ACTIVE if row.status == "in-use" else NumberStatus.UNKNOWN,
            "channels": channels(raw.get("capabilities")),
            "country": None,
            "assignment": assignment.target_of(*assignment.answering(raw)),
            "carrier": None,
            "replaced": None,
            "notices": (),
            "created_at": moment(raw.get("date_created")),
            "updated_at": moment(raw.get("date_updated")),
            "raw": raw,
        }
    )


def available(
    response: Response, provider: str, kind: model.NumberKind
) -> list[model.AvailableNumber]:
    found = rows(_Available, response.object().get("available_phone_numbers"), response)
    return [row.normalized(provider, kind, raw) for row, raw in found]


def message(response: Response, provider: str, address: str) -> model.Message:
    """Return a message that was sent from `address`, which may be a Messaging Service."""
    raw = response.object()
    texts = _texts_of(read(_Message, raw, response))
    number = addresses.bare(texts[1] or address if addresses.is_service(address) else address)
    return as_message(_fields(texts, raw, provider, number), response)


def message_page(page: Json, response: Response, provider: str, number: str) -> list[model.Message]:
    held = addresses.bare(number)
    return [
        as_message(_fields(texts, raw, provider, held), response)
        for texts, raw in _message_rows(page.get("messages"), response)
    ]


def _message_rows(values: JsonValue, response: Response) -> list[tuple[_Texts, Json]]:
    """Return the texts of each readable message, with its raw JSON."""
    listed = items(values, response)
    try:
        found: list[_Texts] = list(map(_texts, listed))  # type: ignore[arg-type]
    except (KeyError, TypeError):
        found = []
    # Validated only where one is odd: pages hold thousands.
    plain = {*map(type, chain.from_iterable(found))} <= {str, NoneType}
    if len(found) == len(listed) and plain and all(texts[0] for texts in found):
        return list(zip(found, listed, strict=True))  # type: ignore[arg-type]
    return [(_texts_of(row), raw) for row, raw in rows(_Message, listed, response)]


def message_fields(raw: Json, provider: str, number: str) -> dict[str, object]:
    """Return the fields of a message, spelled as listings do, that `number` received or sent."""
    texts = _texts_of(_Message.model_validate(raw))
    return _fields(texts, raw, provider, addresses.bare(number))


def _fields(texts: _Texts, raw: Json, provider: str, number: str) -> dict[str, object]:
    sid, sender, recipient, body, direction, status = texts
    code = raw.get("error_code")
    failed = type(code) in (int, str) and code not in (0, "0", "")
    plain = Channel.MMS if sid[:2] == "MM" or has_media(raw) else Channel.SMS
    return {
        "id": sid,
        "provider": provider,
        "number": number,
        "sender": sender,
        "recipient": recipient,
        "body": body or "",
        "direction": _DIRECTIONS.get(direction or "", Direction.UNKNOWN),
        "status": MESSAGE_STATUS.get(status or "", MessageStatus.UNKNOWN),
        "channel": addresses.channel(sender, recipient) or plain,
        # Until it is sent, the moment when Twilio took it is the only one on record.
        "sent_at": moment(raw.get("date_sent")) or moment(raw.get("date_created")),
        "media": (),
        "error": {"code": str(code), "message": raw.get("error_message")} if failed else None,
        "raw": raw,
    }


def media(response: Response, base_url: str) -> list[str]:
    """Return the URLs of media: those of their descriptions, without the ending."""
    found = rows(_Media, response.object().get("media_list"), response)
    return [base_url + row.uri.removesuffix(".json") for row, _ in found]


def call(response: Response, provider: str, number: str) -> model.Call:
    raw = response.object()
    placed = read(_Call, raw, response)
    return model.Call(
        id=placed.sid,
        provider=provider,
        number=addresses.bare(number),
        sender=placed.sender,
        recipient=placed.recipient,
        direction=Direction.INBOUND if placed.direction == "inbound" else Direction.OUTBOUND,
        status=CALL_STATUS.get(placed.status or "", CallStatus.UNKNOWN),
        started_at=placed.start_time,
        raw=raw,
    )


def released(number: model.PhoneNumber, until: datetime) -> model.Release:
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.RELEASED,
        reversible=True,
        undo_until=until,
        how_to_undo="Take it back in the Twilio console: Phone Numbers, Manage, Released Numbers.",
        raw=number.raw,
    )


def channels(capabilities: JsonValue) -> frozenset[Channel]:
    can = capabilities if isinstance(capabilities, dict) else {}
    return _channels(tuple([word for word, able in can.items() if able is True]))


@lru_cache(maxsize=256)
def _channels(words: tuple[str, ...]) -> frozenset[Channel]:
    # Most numbers can do the same.
    known = (_CHANNELS.get(word.lower()) for word in words)
    return frozenset(channel for channel in known if channel is not None)


def has_media(message: Json) -> bool:
    count = message.get("num_media")
    if count in ("0", None):  # nearly all of them
        return False
    count = str(count)
    return count.isdecimal() and int(count) > 0


def stored_label(number: model.PhoneNumber) -> str | None:
    """Return the label as Twilio stores it, with the key of the purchase if it has one."""
    label = number.raw.get("friendly_name")
    return label if isinstance(label, str) else None


def friendly_name(label: str | None, key: str | None) -> str | None:
    """Return the label together with the key of the purchase.

    Raises:
        InvalidRequestError: it is too long.
    """
    name = add_digest(label, key)
    if name is not None and len(name) > _LONGEST_NAME:
        room = _LONGEST_NAME - len(name) + len(label or "")
        raise InvalidRequestError(
            f"`label` is longer than the {room} characters that there is room for.",
            argument="label",
            hint=f"Shorten it: Twilio keeps {_LONGEST_NAME}, the key of a purchase included.",
        )
    return name
