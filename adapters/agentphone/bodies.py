"""AgentPhone's bodies, and the way from them into the unified model.

Ids are opaque, unknown fields and words are tolerated, times come with and without a fraction.
Source: docs.agentphone.ai (guides, API reference, openapi.json) and the official Python SDK 0.20.3,
which knows some fields that the documents do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import ConfigDict, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from telephony import errors, model
from telephony.capabilities import CarrierOutcome
from telephony.reading import Body, Moment, as_message, items, log, read, rows
from telephony.wire import Json, Response


class _Body(Body):
    model_config: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Number(_Body):
    id: model.Id
    phone_number: model.Id
    status: str | None = None
    country: str | None = None
    agent_id: str | None = None
    type: str | None = "sms"
    whatsapp_enabled: bool | None = None
    created_at: Moment | None = None

    def normalized(self, provider: str, raw: Json) -> model.PhoneNumber:
        # Calls work on every number; `type` says which kind of text it was bought for.
        channels = {model.Channel.VOICE, *_TEXTS.get(self.type or "", ())}
        if self.whatsapp_enabled:
            channels.add(model.Channel.WHATSAPP)
        return model.PhoneNumber(
            id=self.id,
            number=self.phone_number,
            provider=provider,
            status=_NUMBER_STATUS.get(self.status or "", model.NumberStatus.UNKNOWN),
            channels=frozenset(channels),
            country=self.country,
            assignment=model.Agent(self.agent_id) if self.agent_id else None,
            created_at=self.created_at,
            raw=raw,
        )


class Attached(_Body):
    """The response to attaching: the agent, and the number in short."""

    agent_id: str | None = None
    number: Json | None = None


class Available(_Body):
    phone_number: model.Id
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class Released(_Body):
    """The response to a release, undocumented but read by newer official clients."""

    success: bool = True
    status: str | None = None


class Conversation(_Body):
    phone_number_id: model.Id
    phone_number: model.Id


class _Dated(_Body):
    received_at: Moment | None = None


class Call(_Body):
    id: model.Id
    status: str | None = None
    direction: str | None = None
    agent_id: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    started_at: Moment | None = None


_TEXTS: Mapping[str, tuple[model.Channel, ...]] = {
    "sms": (model.Channel.SMS, model.Channel.MMS),
    "imessage": (model.Channel.IMESSAGE,),
}
_NUMBER_STATUS = {
    "active": model.NumberStatus.ACTIVE,
    "released": model.NumberStatus.RELEASED,
}
CALL_STATUS = {
    "queued": model.CallStatus.QUEUED,
    "ringing": model.CallStatus.RINGING,
    "in-progress": model.CallStatus.IN_PROGRESS,
    "completed": model.CallStatus.COMPLETED,
    "busy": model.CallStatus.BUSY,
    "no-answer": model.CallStatus.NO_ANSWER,
    "failed": model.CallStatus.FAILED,
}
_DIRECTIONS = {known.value: known for known in model.Direction}
_CHANNELS = {known.value: known for known in model.Channel}
_MESSAGE_STATUS = {known.value: known for known in model.MessageStatus}


# --- Numbers -------------------------------------------------------------------------------------


def number(response: Response, provider: str) -> model.PhoneNumber:
    raw = response.object()
    return read(Number, raw, response).normalized(provider, raw)


def numbers(values: list[JsonValue], response: Response, provider: str) -> list[model.PhoneNumber]:
    return [one.normalized(provider, raw) for one, raw in rows(Number, values, response)]


def page(response: Response) -> tuple[list[JsonValue], Json]:
    """Return the rows of a page as they came, and all of its body."""
    body = response.object()
    return items(body.get("data"), response), body


def identity(row: JsonValue) -> str:
    """Return what identifies a row of a listing, readable or not."""
    key = row.get("id") if isinstance(row, dict) else None
    return key if isinstance(key, str) and key else to_json(row).decode()


def conversations(values: list[JsonValue], response: Response) -> list[Conversation]:
    return [one for one, _ in rows(Conversation, values, response)]


def attached(response: Response, number: model.PhoneNumber, agent: str) -> model.PhoneNumber:
    """Return `number` as it is after attaching it to `agent`."""
    said = read(Attached, response.object(), response)
    return now_with(number, said.agent_id or agent, said.number)


def now_with(
    number: model.PhoneNumber, agent: str | None, said: Json | None = None
) -> model.PhoneNumber:
    """Return `number` with the assignment that the vendor has just confirmed."""
    update = {
        "assignment": model.Agent(agent) if agent else None,
        "raw": {**number.raw, **(said or {}), "agentId": agent},
    }
    return number.model_copy(update=update)


def available(response: Response, provider: str) -> list[model.AvailableNumber]:
    return [
        model.AvailableNumber(
            number=offered.phone_number,
            provider=provider,
            country=offered.country,
            region=offered.state,
            locality=offered.city,
            postal_code=offered.zip,
            raw=raw,
        )
        for offered, raw in rows(Available, response.object().get("data"), response)
    ]


def release(response: Response) -> Released:
    """Read the response to a release; an empty one means success."""
    return read(Released, response.object() if response.content.strip() else {}, response)


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


# --- Messages and calls --------------------------------------------------------------------------


def messages(
    values: list[JsonValue], response: Response, provider: str, own: str
) -> list[model.Message]:
    """Return the readable messages among those of the number `own`."""
    found: list[model.Message] = []
    unusable = 0
    for raw in values:
        try:
            fields = message_fields(raw if isinstance(raw, dict) else {}, provider, own)
            found.append(as_message(fields, response))
        except errors.InvalidResponseError:
            unusable += 1
    if unusable:
        log.warning("GET messages: %d of %d rows left out: no usable id", unusable, len(values))
    return found


def sent(response: Response, provider: str, own: str, to: str, body: str) -> model.Message:
    """Return a message just sent. The response has neither its text nor the time."""
    fields = message_fields(response.object(), provider, own)
    fields |= {"body": body, "direction": model.Direction.OUTBOUND}
    fields["sender"] = fields["sender"] or own
    fields["recipient"] = fields["recipient"] or to
    return as_message(fields, response)


def message_fields(raw: Json, provider: str, own: str) -> dict[str, object]:
    """Return the unified fields of a message.

    Endpoints spell sender and recipient differently. This is plain code instead of a model of the
    body, since listings hold thousands of messages.
    """
    get = raw.get
    sender = _text(get("from_") or get("fromNumber") or get("from") or get("from_number"))
    recipient = _text(get("to") or get("toNumber") or get("to_number"))
    direction = _DIRECTIONS.get(str(get("direction"))) or model.Direction.UNKNOWN
    if direction is model.Direction.UNKNOWN:
        # Older responses leave it out.
        if sender == own:
            direction = model.Direction.OUTBOUND
        elif sender or recipient == own:
            # In a group the recipient is the group.
            direction = model.Direction.INBOUND
    said = get("status")
    if said is None and direction is model.Direction.INBOUND:
        said = "received"
    media = get("mediaUrls") or get("media_urls") or get("mediaUrl") or ()
    code, reason = get("errorCode"), get("failureReason")
    error = None
    if code or reason:
        error = {"code": code and str(code), "message": reason and str(reason)}
    return {
        "id": _text(get("id")),
        "provider": provider,
        "number": own,
        "sender": sender,
        "recipient": recipient,
        "body": get("body") or "",
        "direction": direction,
        "status": _MESSAGE_STATUS.get(str(said)) or model.MessageStatus.UNKNOWN,
        "channel": _CHANNELS.get(str(get("channel"))) or model.Channel.UNKNOWN,
        "sent_at": moment(raw),
        "media": [media] if isinstance(media, str) else media,
        "error": error,
        "raw": raw,
    }


def _text(value: JsonValue) -> JsonValue:
    """Return a number as text; some endpoints send one where text is due."""
    return str(value) if type(value) is int else value


def moment(raw: Json) -> datetime | None:
    """Return when a message was sent.

    The documented form is read without validation, since listings are long.
    """
    text = raw.get("receivedAt")
    if isinstance(text, str):
        try:
            if (moment := datetime.fromisoformat(text)).tzinfo is UTC:
                return moment
        except ValueError:
            pass
    try:
        return _Dated.model_validate(raw).received_at
    except ValidationError:
        return None


def placed(response: Response, provider: str, own: str, to: str, agent: str) -> model.Call:
    raw = response.object()
    call = read(Call, raw, response)
    return model.Call(
        id=call.id,
        provider=provider,
        number=own,
        sender=call.from_number or own,
        recipient=call.to_number or to,
        direction=model.Direction.OUTBOUND,
        status=CALL_STATUS.get(call.status or "", model.CallStatus.UNKNOWN),
        agent=call.agent_id or agent,
        started_at=call.started_at,
        raw=raw,
    )
