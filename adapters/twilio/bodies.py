"""Twilio's bodies, and the way from them into the unified model.

Unknown fields and unknown values of enumerations are tolerated; unset sids and URLs are null in
some fields and empty in others. Source: twilio.com/docs, API version 2010-04-01.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from msgspec import field

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.idempotency import add_digest, split_digest
from telephony.model import Channel, Direction, MessageStatus, NumberStatus
from telephony.raw import with_raw
from telephony.reading import Body, Id, Rows, Time, moment, read, read_or_none, rows
from telephony.unchecked import Unchecked
from telephony.wire import Response

from . import addresses, assignment

_LONGEST_NAME = 64
MESSAGE_STATUS: dict[str | None, MessageStatus] = {
    **{status.value: status for status in MessageStatus if status is not MessageStatus.UNKNOWN},
    "accepted": MessageStatus.QUEUED,
    "scheduled": MessageStatus.QUEUED,
}
_DIRECTIONS: dict[str | None, Direction] = {
    "inbound": Direction.INBOUND,
    "outbound-api": Direction.OUTBOUND,
    "outbound-call": Direction.OUTBOUND,
    "outbound-reply": Direction.OUTBOUND,
}
_CHANNELS = {channel.value: channel for channel in Channel}
# Reading a member of an enumeration takes as long as making a string.
_SMS = Channel.SMS
_ACTIVE, _UNKNOWN = NumberStatus.ACTIVE, NumberStatus.UNKNOWN
_NO_MEDIA = frozenset({None, "", "0", 0})
# Accounts hold thousands of both.
_NUMBERS = Unchecked(model.PhoneNumber)
_MESSAGES = Unchecked(model.Message)


class _Meta(Body):
    next_page_url: str | None = None


class Page(Body):
    """A page of a listing; each has its own rows."""

    next_page_uri: str | None = None
    meta: _Meta | None = None
    incoming_phone_numbers: Rows = None
    available_phone_numbers: Rows = None
    messages: Rows = None
    media_list: Rows = None
    calls: Rows = None
    recordings: Rows = None
    applications: Rows = None
    trunks: Rows = None
    services: Rows = None

    @property
    def next_link(self) -> str | None:
        """The link to the next page, which newer products put elsewhere."""
        return self.next_page_uri or (self.meta.next_page_url if self.meta else None)


class _Number(assignment.Routes, kw_only=True):
    sid: Id
    phone_number: Id
    friendly_name: str | None = None
    status: str | None = None
    capabilities: dict[str, object] | None = None
    date_created: Time = None
    date_updated: Time = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        fields = _NUMBERS.fields()
        fields["id"] = self.sid
        fields["number"] = self.phone_number
        fields["provider"] = provider
        fields["label"], fields["mark"] = split_digest(self.friendly_name)
        # Free text at Twilio; only this word is documented.
        fields["status"] = _ACTIVE if self.status == "in-use" else _UNKNOWN
        fields["channels"] = channels(self.capabilities)
        fields["assignment"] = assignment.target_of(*assignment.answering(self))
        fields["overruled"] = assignment.overruled(self)
        fields["created_at"] = fields["updated_at"] = moment(self.date_created)
        if self.date_updated != self.date_created:
            fields["updated_at"] = moment(self.date_updated)
        return _NUMBERS.made(fields, raw)


class Message(Body, kw_only=True):
    """A message, as listings and responses to sending spell it."""

    sid: Id
    sender: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    body: str | None = None
    direction: str | None = None
    status: str | None = None
    num_media: str | int | None = None
    error_code: str | int | None = None
    error_message: str | None = None
    date_sent: Time = None
    date_created: Time = None

    def normalized(self, provider: str, number: str, raw: bytes) -> model.Message:
        """Return a message that `number` received or sent."""
        fields = _MESSAGES.fields()
        fields["id"] = self.sid
        fields["provider"] = provider
        fields["number"] = number
        fields["sender"], fields["recipient"], channel = _ends(self.sender, self.recipient)
        if self.body is not None:
            fields["body"] = self.body
        direction = _DIRECTIONS.get(self.direction)
        if direction is not None:
            fields["direction"] = direction
        status = MESSAGE_STATUS.get(self.status)
        if status is not None:
            fields["status"] = status
        if channel is None:
            channel = Channel.MMS if self.sid[:2] == "MM" or self.has_media else _SMS
        fields["channel"] = channel
        # Until it is sent, the moment when Twilio took it is the only one on record.
        fields["sent_at"] = moment(self.date_sent) or moment(self.date_created)
        if self.error_code:
            fields["error"] = self._error()
        return _MESSAGES.made(fields, raw)

    @property
    def has_media(self) -> bool:
        count = self.num_media
        if count in _NO_MEDIA:
            return False
        count = str(count)
        return count.isdecimal() and int(count) > 0

    def _error(self) -> model.MessageError | None:
        if self.error_code == "0":
            return None
        return model.MessageError(code=str(self.error_code), message=self.error_message)


class _AnyMessage(Message, kw_only=True):
    messaging_service_sid: str | None = None

    @property
    def own(self) -> str:
        """The number of the account that received or sent it, or the service that is to choose."""
        if self.direction == "inbound":
            return addresses.bare(self.recipient or "")
        return addresses.bare(self.sender or self.messaging_service_sid or "")


class _Available(Body, kw_only=True):
    phone_number: Id
    iso_country: str | None = None
    region: str | None = None
    locality: str | None = None
    postal_code: str | None = None
    capabilities: dict[str, object] | None = None

    def normalized(
        self, provider: str, kind: model.NumberKind, raw: bytes
    ) -> model.AvailableNumber:
        offered = model.AvailableNumber(
            number=self.phone_number,
            provider=provider,
            country=self.iso_country,
            region=self.region,
            locality=self.locality,
            postal_code=self.postal_code,
            kind=kind,
            channels=channels(self.capabilities),
        )
        return with_raw(offered, raw)


class _Media(Body):
    uri: Id


def page(response: Response) -> Page:
    return read(Page, response.content, response)


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(_Number, response.content, response).normalized(provider, response.content)


def numbers(page: Page, response: Response, provider: str) -> list[model.PhoneNumber]:
    found = rows(_Number, page.incoming_phone_numbers, response)
    return [row.normalized(provider, raw) for row, raw in found]


def available(
    response: Response, provider: str, kind: model.NumberKind
) -> list[model.AvailableNumber]:
    found = rows(_Available, page(response).available_phone_numbers, response)
    return [row.normalized(provider, kind, raw) for row, raw in found]


def message(response: Response, provider: str, address: str | None = None) -> model.Message:
    """Return a message; if it was just sent, from `address`."""
    found = read(_AnyMessage, response.content, response)
    own = addresses.bare(address) if address and not addresses.is_service(address) else found.own
    return found.normalized(provider, own or address or "", response.content)


def messages(
    page: Page, response: Response, provider: str, number: str | None
) -> list[model.Message]:
    """Return the messages of one number, or of all."""
    if number is None:
        every = rows(_AnyMessage, page.messages, response)
        return [row.normalized(provider, row.own, raw) for row, raw in every]
    held = addresses.bare(number)
    found = rows(Message, page.messages, response)
    return [row.normalized(provider, held, raw) for row, raw in found]


def has_media(message: model.Message) -> bool:
    found = read_or_none(Message, message.raw)
    return found is not None and found.has_media


def media(response: Response, base_url: str) -> list[str]:
    """Return the URLs of media: those of their descriptions, without the ending."""
    found = rows(_Media, page(response).media_list, response)
    return [base_url + row.uri.removesuffix(".json") for row, _ in found]


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


@lru_cache(maxsize=1024)
def _ends(
    sender: str | None, recipient: str | None
) -> tuple[str | None, str | None, Channel | None]:
    """Return both ends and the channel that they name, the same texts for a whole conversation."""
    return sender, recipient, addresses.channel(sender, recipient)


def channels(capabilities: dict[str, object] | None) -> frozenset[Channel]:
    can = capabilities or {}
    return _channels(tuple([word for word, able in can.items() if able is True]))


@lru_cache(maxsize=256)
def _channels(words: tuple[str, ...]) -> frozenset[Channel]:
    # Most numbers can do the same.
    known = (_CHANNELS.get(word.lower()) for word in words)
    return frozenset(channel for channel in known if channel is not None)


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
