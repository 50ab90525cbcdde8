"""Twilio's bodies, and the way from them into the unified model.

Unknown fields and unknown values of enumerations are tolerated; unset sids and URLs are null in
some fields and empty in others. Source: twilio.com/docs, API version 2010-04-01.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.marks import marked, unmarked
from telephony.model import CallStatus, Channel, Direction, MessageStatus, NumberStatus
from telephony.reading import as_message, items, read
from telephony.unchecked import unchecked
from telephony.wire import Json, Response

from . import routing

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
_ADDRESS_CHANNELS = {"whatsapp": Channel.WHATSAPP, "rcs": Channel.RCS}


def moment(text: object) -> datetime | None:
    """An RFC 2822 date. The form that Twilio writes is read directly, as pages hold thousands."""
    if not isinstance(text, str):
        return None
    try:
        _, day, month, year, clock, zone = text.split(" ")
        at = datetime.fromisoformat(f"{year}-{_MONTHS[month]}-{day}T{clock}{zone}")
    except (ValueError, KeyError):
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
    try:
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except OverflowError:
        return None


_Moment = Annotated[datetime | None, BeforeValidator(moment)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Available(_Body):
    phone_number: str
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


class Call(_Body):
    sid: str
    sender: str | None = Field(default=None, alias="from")
    recipient: str | None = Field(default=None, alias="to")
    direction: str | None = None
    status: str | None = None
    start_time: _Moment = None


class Media(_Body):
    uri: str


class _Available(_Body):
    available_phone_numbers: list[dict[str, JsonValue]]


def number(response: Response, provider: str) -> model.PhoneNumber:
    return _number(response.object(), response, provider)


def number_page(page: Json, response: Response, provider: str) -> list[model.PhoneNumber]:
    found = objects(page.get("incoming_phone_numbers"), response)
    return [_number(raw, response, provider) for raw in found]


def _number(raw: Json, response: Response, provider: str) -> model.PhoneNumber:
    """Read straight into the unified model: accounts hold thousands of them."""
    get = raw.get
    sid, e164, name = get("sid"), get("phone_number"), get("friendly_name")
    found: dict[str, object] = {
        "id": sid,
        "number": e164,
        "provider": provider,
        "label": unmarked(name) if isinstance(name, str) else name,
        # Free text at Twilio; only this word is documented.
        "status": NumberStatus.ACTIVE if get("status") == "in-use" else NumberStatus.UNKNOWN,
        "channels": channels(get("capabilities")),
        "country": None,
        "assignment": routing.assignment(*routing.answering(raw)),
        "carrier": None,
        "replaced": None,
        "notices": (),
        "created_at": moment(get("date_created")),
        "updated_at": moment(get("date_updated")),
        "raw": raw,
    }
    if type(sid) is type(e164) is type(name) is str:
        return _made_number(found)
    return read(model.PhoneNumber, found, response)


def available(
    response: Response, provider: str, kind: model.NumberKind
) -> list[model.AvailableNumber]:
    page = read(_Available, response.json(), response)
    return [
        read(Available, raw, response).normalized(provider, kind, raw)
        for raw in page.available_phone_numbers
    ]


def message(raw: Json, response: Response, provider: str, number: str) -> model.Message:
    return as_message(message_fields(raw, provider, number), response)


def message_fields(raw: Json, provider: str, number: str) -> dict[str, object]:
    """Straight into the unified model: a history holds thousands of them."""
    get = raw.get
    sid, sender, recipient, code = get("sid"), get("from"), get("to"), get("error_code")
    return {
        "id": sid,
        "provider": provider,
        "number": number,
        "sender": sender,
        "recipient": recipient,
        "body": get("body") or "",
        "direction": _DIRECTIONS.get(str(get("direction"))) or Direction.UNKNOWN,
        "status": MESSAGE_STATUS.get(str(get("status"))) or MessageStatus.UNKNOWN,
        "channel": _channel(str(sid), str(sender or recipient), has_media(raw)),
        # Until it is sent, the moment when Twilio took it is the only one on record.
        "sent_at": moment(get("date_sent")) or moment(get("date_created")),
        "media": (),
        "error": None if code is None else {"code": str(code), "message": get("error_message")},
        "raw": raw,
    }


def _channel(sid: str, address: str, with_media: bool) -> Channel:
    if ":" in address:
        return _ADDRESS_CHANNELS.get(address.partition(":")[0], Channel.UNKNOWN)
    return Channel.MMS if with_media or sid[:2] == "MM" else Channel.SMS


def message_page(page: Json, response: Response, provider: str, number: str) -> list[model.Message]:
    found = objects(page.get("messages"), response)
    return [message(raw, response, provider, number) for raw in found]


def media(response: Response, base_url: str) -> list[str]:
    """Where the bytes are: at the address of their description, without its ending."""
    found = objects(response.object().get("media_list"), response)
    uris = [read(Media, raw, response).uri for raw in found]
    return [base_url + uri.removesuffix(".json") for uri in uris]


def call(response: Response, provider: str, number: str) -> model.Call:
    raw = response.object()
    placed = read(Call, raw, response)
    return model.Call(
        id=placed.sid,
        provider=provider,
        number=number,
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


def objects(value: JsonValue, response: Response) -> list[Json]:
    return [item for item in items(value, response) if isinstance(item, dict)]


def channels(capabilities: JsonValue) -> frozenset[Channel]:
    can = capabilities if isinstance(capabilities, dict) else {}
    return _channels(tuple([word for word, able in can.items() if able is True]))


@lru_cache(maxsize=256)
def _channels(words: tuple[str, ...]) -> frozenset[Channel]:
    # Most numbers can do the same.
    known = (_CHANNELS.get(word.lower()) for word in words)
    return frozenset(channel for channel in known if channel is not None)


def has_media(message: Json) -> bool:
    return message.get("num_media") not in ("0", None)


def stored_label(number: model.PhoneNumber) -> str | None:
    """The label with the mark of the purchase, if it carries one."""
    label = number.raw.get("friendly_name")
    return label if isinstance(label, str) else None


def friendly_name(label: str | None, key: str | None) -> str | None:
    """The label with the mark of the purchase.

    Raises:
        InvalidRequestError: it would have to be cut off.
    """
    name = marked(label, key)
    if name is not None and len(name) > _LONGEST_NAME:
        room = _LONGEST_NAME - len(name) + len(label or "")
        raise InvalidRequestError(
            f"`label` is longer than the {room} characters that there is room for.",
            argument="label",
            hint=f"Shorten it: Twilio keeps {_LONGEST_NAME}, the key of a purchase included.",
        )
    return name
