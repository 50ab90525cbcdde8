"""What a webhook tells, the same for every vendor; and how one arrives and is answered.

Everything is immutable. `raw` is the vendor's own body, and stays out of the repr with the texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import from_json

from telephony.errors import InvalidRequestError
from telephony.model import Call, Message, MessageError, MessageStatus, Raw, Utc


class Event(BaseModel):
    """One thing that happened.

    Attributes:
        id: the same for every delivery of the same event, made only of what the vendor vouches for.
        provider: the configured name of the provider it came from.
        occurred_at: None where the vendor does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: str
    provider: str
    occurred_at: Utc | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class MessageReceived(Event):
    """A number received a text.

    `message` is what `list_messages` gives for it; a fact that the webhook leaves out is None, and
    `message.raw` is the webhook's.
    """

    message: Message


class MessageStatusChanged(Event):
    """A text that was sent got on, or did not."""

    message_id: str
    status: MessageStatus
    error: MessageError | None = None


class CallStarted(Event):
    """A call began: it rings, is dialled or is answered, whichever the vendor tells first."""

    call: Call


class CallTurn(Event):
    """Somebody spoke in a call, and the vendor waits to be told what to say.

    Attributes:
        text: what was heard.
    """

    call: Call
    text: str = Field(repr=False)


class CallEnded(Event):
    """A call is over; `call.status` says how it went."""

    call: Call


class UnknownEvent(Event):
    """Anything else that the vendor tells.

    Attributes:
        kind: the vendor's word for it.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived.

    Attributes:
        method: in capitals.
        url: whole, with query, as the vendor called it.
        headers: names in lower case.
        received_at: aware; what the age of a signature is measured against.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime

    def object(self) -> dict[str, JsonValue]:
        """The body as a JSON object. Raises `InvalidRequestError`."""
        try:
            value = from_json(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise InvalidRequestError("The webhook's body is not a JSON object.", argument="body")
        return value

    def digest(self) -> str:
        """Names a body that has no id of its own."""
        return hashlib.sha256(self.body).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What a vendor is answered, with status 200."""

    content_type: str = "text/plain"
    body: bytes = field(default=b"", repr=False)


Reply: TypeAlias = str | Mapping[str, JsonValue] | None
"""What a handler may return: a JSON object, or a text in whatever language the vendor reads."""
