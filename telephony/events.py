"""The events that webhooks report, the same for every vendor; and requests and responses.

Everything is immutable. `raw` is the vendor's own body, and stays out of the repr with the texts.
Events are written to JSON with their `type` and read back as the same class:
``TypeAdapter(Event).validate_json(event.model_dump_json()) == event``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from telephony.errors import InvalidRequestError
from telephony.model import Call, Message, MessageError, MessageStatus, Raw, Utc
from telephony.raw import parsed


class _Event(BaseModel):
    """An event that a vendor reported.

    Attributes:
        id: the same for every delivery of the same event, made only of what the signature covers.
        provider: the configured name of the provider it came from.
        occurred_at: None where the vendor does not say.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: str
    provider: str
    occurred_at: Utc | None = None
    raw: Raw = Field(default_factory=dict, repr=False)

    def __hash__(self) -> int:
        return hash((type(self), self.provider, self.id))


class MessageReceived(_Event):
    """A number received a text.

    `message` is as `list_messages` returns it; what the webhook leaves out is None, and
    `message.raw` is the webhook's.

    Attributes:
        message: the text.
    """

    type: Literal["message_received"] = Field(default="message_received", repr=False)
    message: Message


class MessageStatusChanged(_Event):
    """The status of a sent text changed.

    Attributes:
        message_id: the vendor's id of the text.
        status: how far it has got.
        error: why it was not delivered.
    """

    type: Literal["message_status_changed"] = Field(default="message_status_changed", repr=False)
    message_id: str
    status: MessageStatus
    error: MessageError | None = None


class CallStarted(_Event):
    """A call began: dialled, ringing or answered, whichever the vendor reports first.

    Attributes:
        call: as far as the vendor describes it then.
    """

    type: Literal["call_started"] = Field(default="call_started", repr=False)
    call: Call


class CallTurn(_Event):
    """The caller spoke, and the vendor waits for a reply.

    Attributes:
        call: the call that goes on.
        text: what the caller said, transcribed.
    """

    type: Literal["call_turn"] = Field(default="call_turn", repr=False)
    call: Call
    text: str = Field(repr=False)


class CallEnded(_Event):
    """A call ended; `call.status` says how.

    Attributes:
        call: with its final status.
    """

    type: Literal["call_ended"] = Field(default="call_ended", repr=False)
    call: Call


class UnknownEvent(_Event):
    """Anything else that the vendor reports.

    Attributes:
        kind: the vendor's name for it.
    """

    type: Literal["unknown"] = Field(default="unknown", repr=False)
    kind: str


Event: TypeAlias = Annotated[
    MessageReceived | MessageStatusChanged | CallStarted | CallTurn | CallEnded | UnknownEvent,
    Field(discriminator="type"),
]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived.

    Attributes:
        method: in capitals.
        url: complete, with its query, as the vendor called it.
        headers: names in lower case.
        body: as it arrived, not decoded.
        received_at: aware; a signature's age is measured against it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime

    def object(self) -> dict[str, JsonValue]:
        """Return the body as a JSON object. Raises `InvalidRequestError`."""
        try:
            value = parsed(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise InvalidRequestError("The webhook's body is not a JSON object.", argument="body")
        return value

    def digest(self) -> str:
        """Return a name for a body that has no id of its own."""
        return hashlib.sha256(self.body).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The body of a response with status 200, such as TwiML.

    Attributes:
        content_type: of the body.
        body: sent as it is.
    """

    content_type: str = "text/plain"
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to the person at the other end, at any vendor.

    It is texted after a `MessageReceived`, and spoken in a `CallTurn` or a `CallStarted`.

    Attributes:
        text: the words.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageToSend:
    """A reply to send with `send_message`, at a vendor that takes none in the response."""

    number: str
    to: str
    body: str = field(repr=False)


HandlerResult: TypeAlias = Reply | str | WebhookResponse | Mapping[str, JsonValue] | None
"""What a handler may return.

A `Reply`, or a plain text, which means the same; a `WebhookResponse` or a dict (sent as JSON) in
the vendor's own language; None for no reply.
"""
