"""What AgentPhone takes: the bodies and queries of requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from telephony.sandbox.endpoints import E164, RequestReader, cut, fastapi_errors
from telephony.sandbox.vendor import Json

from .refusals import invalid

# A number, a short code, an e-mail address or a group.
_ADDRESS = r"^(\+?[\d\s().-]{3,20}|[^@\s]+@[^@\s]+|grp_\w+)$"


class _Input(BaseModel):
    """Spelled in camelCase, as everything but messages is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)


class Paging(_Input):
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0)


class CallFilter(Paging):
    status: str | None = None
    direction: str | None = None
    type: str | None = None
    search: str | None = None


class MessagePaging(_Input):
    limit: int = Field(default=50, ge=1, le=200)
    before: datetime | None = None
    after: datetime | None = None


class Search(_Input):
    area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    city: str | None = None
    state: str | None = None
    country: str = "US"
    limit: int = Field(default=20, ge=1, le=100)


class Purchase(_Input):
    country: str = "US"
    area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    agent_id: str | None = None
    type: str = "sms"
    external_id: str | None = None
    expires_at: datetime | None = None


class Attachment(_Input):
    number_id: str


class NewAgent(_Input):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", alias_generator=to_camel)

    name: str = Field(min_length=1)


class NewCall(_Input):
    agent_id: str
    to_number: E164
    from_number_id: str | None = None
    system_prompt: str | None = None
    variables: dict[str, str] | None = None


class Outgoing(BaseModel):
    """The one body in snake_case."""

    body: str
    to_number: str = Field(pattern=_ADDRESS)
    number_id: str
    media_urls: list[str] | None = Field(default=None, max_length=20)
    reply_to_message_id: str | None = None


class Webhook(_Input):
    url: str = Field(pattern="^https?://")
    context_limit: int = Field(default=10, ge=0, le=50)
    timeout: int = Field(default=30, ge=5, le=120)


reader: RequestReader = RequestReader(malformed=invalid, invalid=partial(fastapi_errors, echo=True))


def page(found: Sequence[Json], wanted: Paging) -> Json:
    """Return a page by offset, as everything but messages has them."""
    rows, more = cut(found, wanted.offset, wanted.limit)
    return {"data": list[JsonValue](rows), "hasMore": more, "total": len(found)}
