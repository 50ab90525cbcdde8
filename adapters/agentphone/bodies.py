"""AgentPhone's bodies, and the way from them into the unified model.

Ids are opaque, unknown fields and words are tolerated, times come with and without a fraction.
Source: docs.agentphone.ai (guides, API reference, openapi.json) and the official Python SDK 0.20.3,
which knows some fields that the documents do not.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw, field

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.raw import with_raw
from telephony.reading import Body, Id, Rows, Time, moment, read, read_or_none, rows
from telephony.unchecked import Unchecked
from telephony.wire import Response

# Listings hold thousands.
MESSAGES: Unchecked[model.Message] = Unchecked(model.Message)


class Page(Body, rename="camel"):
    """A page of any listing. Whether more follow is said by either field, or by neither."""

    data: Rows = None
    has_more: bool | None = None
    total: int | None = None


class Number(Body, kw_only=True, rename="camel"):
    id: Id
    phone_number: Id
    status: str | None = None
    country: str | None = None
    agent_id: str | None = None
    type: str | None = "sms"
    whatsapp_enabled: bool | None = None
    external_id: str | None = None
    created_at: Time = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        # Calls work on every number; `type` says which kind of text it was bought for.
        channels = {model.Channel.VOICE, *_TEXTS.get(self.type or "", ())}
        if self.whatsapp_enabled:
            channels.add(model.Channel.WHATSAPP)
        found = model.PhoneNumber(
            id=self.id,
            number=self.phone_number,
            provider=provider,
            status=_NUMBER_STATUS.get(self.status or "", model.NumberStatus.UNKNOWN),
            channels=frozenset(channels),
            country=self.country,
            assignment=model.Agent(self.agent_id) if self.agent_id else None,
            mark=self.external_id or None,
            created_at=moment(self.created_at),
        )
        return with_raw(found, raw)


class Attached(Body, rename="camel"):
    """The response to attaching: the agent, and the number in short."""

    agent_id: str | None = None
    number: dict[str, object] | None = None


class Available(Body, kw_only=True, rename="camel"):
    phone_number: Id
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class Released(Body):
    """The response to a release, undocumented but read by newer official clients."""

    success: bool | None = None
    status: str | None = None


class Conversation(Body, rename="camel"):
    phone_number_id: Id
    phone_number: Id


class Message(Body, kw_only=True, rename="camel"):
    """A message as every endpoint has it: their names for sender and recipient differ."""

    id: Id
    listed_from: str | None = field(default=None, name="from_")
    from_number: str | None = None
    plain_from: str | None = field(default=None, name="from")
    sent_from: str | None = field(default=None, name="from_number")
    to: str | None = None
    to_number: str | None = None
    sent_to: str | None = field(default=None, name="to_number")
    body: str | None = None
    direction: str | None = None
    status: str | None = None
    channel: str | None = None
    received_at: Time = None
    media_urls: str | list[str] | None = None
    sent_media: str | list[str] | None = field(default=None, name="media_urls")
    media_url: str | list[str] | None = None
    error_code: str | int | None = None
    failure_reason: str | None = None

    def fields(self, provider: str, own: str) -> dict[str, object]:
        """Return the fields of a message that the number `own` received or sent, without `raw`."""
        sender = self.listed_from or self.from_number or self.plain_from or self.sent_from or None
        recipient = self.to or self.to_number or self.sent_to or None
        direction = _DIRECTIONS.get(self.direction) or _inferred(sender, recipient, own)
        said = self.status
        if said is None and direction is model.Direction.INBOUND:
            said = "received"
        media = self.media_urls or self.sent_media or self.media_url
        code, reason = self.error_code, self.failure_reason
        fields = MESSAGES.fields()
        fields["id"] = self.id
        fields["provider"] = provider
        fields["number"] = own
        # One text for both takes less memory.
        fields["sender"] = own if sender == own else sender
        fields["recipient"] = own if recipient == own else recipient
        fields["body"] = self.body or ""
        fields["direction"] = direction
        if said in _MESSAGE_STATUS:
            fields["status"] = _MESSAGE_STATUS[said]
        if self.channel in _CHANNELS:
            fields["channel"] = _CHANNELS[self.channel]
        fields["sent_at"] = moment(self.received_at)
        if media:
            fields["media"] = (media,) if isinstance(media, str) else tuple(media)
        if code or reason:
            fields["error"] = _failure(code, reason)
        return fields


class AgentBody(Body):
    id: Id
    name: str | None = None


class _Key(Body):
    id: str | None = None


class _Dated(Body, rename="camel"):
    received_at: Time = None


_TEXTS: Mapping[str, tuple[model.Channel, ...]] = {
    "sms": (model.Channel.SMS, model.Channel.MMS),
    "imessage": (model.Channel.IMESSAGE,),
}
_NUMBER_STATUS = {
    "active": model.NumberStatus.ACTIVE,
    "released": model.NumberStatus.RELEASED,
}
_DIRECTIONS: dict[str | None, model.Direction] = {
    "inbound": model.Direction.INBOUND,
    "outbound": model.Direction.OUTBOUND,
}
_CHANNELS: dict[str | None, model.Channel] = {known.value: known for known in model.Channel}
_MESSAGE_STATUS: dict[str | None, model.MessageStatus] = {
    known.value: known for known in model.MessageStatus
}


# --- Listings ------------------------------------------------------------------------------------


def page(response: Response) -> Page:
    return read(Page, response.content, response)


def identity(row: Raw) -> str:
    """Return what identifies a row of a listing, readable or not."""
    found = read_or_none(_Key, row)
    return (found and found.id) or bytes(row).decode("utf-8", "replace")


# --- Numbers -------------------------------------------------------------------------------------


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(Number, response.content, response).normalized(provider, response.content)


def numbers(values: Rows, response: Response, provider: str) -> list[model.PhoneNumber]:
    return [one.normalized(provider, raw) for one, raw in rows(Number, values, response)]


def conversations(values: Rows, response: Response) -> list[Conversation]:
    return [one for one, _ in rows(Conversation, values, response)]


def agents(values: Rows, response: Response) -> list[model.Target]:
    return [model.Agent(one.id, one.name) for one, _ in rows(AgentBody, values, response)]


def attached(response: Response, number: model.PhoneNumber, agent: str) -> model.PhoneNumber:
    """Return `number` as it is after attaching it to `agent`."""
    said = read(Attached, response.content, response)
    return now_with(number, said.agent_id or agent, said.number)


def now_with(
    number: model.PhoneNumber, agent: str | None, said: Mapping[str, object] | None = None
) -> model.PhoneNumber:
    """Return `number` with the assignment that the vendor has just confirmed."""
    update = {
        "assignment": model.Agent(agent) if agent else None,
        "raw": {**number.raw, **(said or {}), "agentId": agent},
    }
    return number.model_copy(update=update)


def available(response: Response, provider: str) -> list[model.AvailableNumber]:
    found = rows(Available, page(response).data, response)
    return [_offered(one, provider, raw) for one, raw in found]


def _offered(offered: Available, provider: str, raw: bytes) -> model.AvailableNumber:
    found = model.AvailableNumber(
        number=offered.phone_number,
        provider=provider,
        country=offered.country,
        region=offered.state,
        locality=offered.city,
        postal_code=offered.zip,
    )
    return with_raw(found, raw)


def release(response: Response) -> Released:
    """Read the response to a release; an empty one means success."""
    if not response.content.strip():
        return Released()
    return read(Released, response.content, response)


def released(number: model.PhoneNumber, status: str | None) -> model.Release:
    """Return the result of a release, which cannot be undone."""
    pending = status not in (None, "", "released")
    notice = f"The release is accepted, not done yet: the number's status is {status}."
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.UNKNOWN if pending else CarrierOutcome.RELEASED,
        reversible=False,
        notices=(notice,) if pending else (),
        raw={**number.raw, "status": status or "released"},
    )


# --- Messages ------------------------------------------------------------------------------------


def sent(response: Response, provider: str, own: str, to: str, body: str) -> model.Message:
    """Return a message just sent. The response has neither its text nor the time."""
    fields = read(Message, response.content, response).fields(provider, own)
    fields |= {"body": body, "direction": model.Direction.OUTBOUND}
    fields["sender"] = fields["sender"] or own
    fields["recipient"] = fields["recipient"] or to
    return MESSAGES.made(fields, response.content)


def received_at(row: Raw) -> Time:
    """Return the time of a message, whether the rest of it is readable or not."""
    found = read_or_none(_Dated, row)
    return found.received_at if found else None


def _inferred(sender: str | None, recipient: str | None, own: str) -> model.Direction:
    """Return the direction of a message without one, as in older responses."""
    if sender == own:
        return model.Direction.OUTBOUND
    # In a group the recipient is the group.
    return model.Direction.INBOUND if sender or recipient == own else model.Direction.UNKNOWN


def _failure(code: str | int | None, reason: str | None) -> model.MessageError:
    return model.MessageError(code=str(code) if code else None, message=reason or None)
