"""What AgentPhone takes: the bodies and queries of requests."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from telephony.sandbox.vendor import Refusal, body_of

from .refusals import invalid

_M = TypeVar("_M", bound=BaseModel)

_E164 = r"^\+[1-9]\d{6,14}$"
# A number, a short code, an e-mail address or a group.
_ADDRESS = r"^(\+?[\d\s().-]{3,20}|[^@\s]+@[^@\s]+|grp_\w+)$"


class _In(BaseModel):
    """camelCase on the wire, as everywhere but with messages."""

    model_config: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)


class Paging(_In):
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0)


class CallFilter(Paging):
    status: str | None = None
    direction: str | None = None
    type: str | None = None
    search: str | None = None


class MessagePaging(_In):
    limit: int = Field(default=50, ge=1, le=200)
    before: datetime | None = None
    after: datetime | None = None


class Search(_In):
    area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    city: str | None = None
    state: str | None = None
    country: str = "US"
    limit: int = Field(default=20, ge=1, le=100)


class Purchase(_In):
    country: str = "US"
    area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    agent_id: str | None = None
    type: str = "sms"
    external_id: str | None = None
    expires_at: datetime | None = None


class Attachment(_In):
    number_id: str


class NewAgent(_In):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", alias_generator=to_camel)

    name: str = Field(min_length=1)


class Dialled(_In):
    agent_id: str
    to_number: str = Field(pattern=_E164)
    from_number_id: str | None = None
    system_prompt: str | None = None
    variables: dict[str, str] | None = None


class Outgoing(BaseModel):
    """The one body in snake_case."""

    body: str
    to_number: str = Field(pattern=_ADDRESS)
    agent_id: str | None = None
    number_id: str | None = None
    from_number: str | None = None
    media_urls: list[str] | None = Field(default=None, max_length=20)
    reply_to_message_id: str | None = None


class Webhook(_In):
    url: str = Field(pattern="^https?://")
    context_limit: int = Field(default=10, ge=0, le=50)
    timeout: int = Field(default=30, ge=5, le=120)


def checked_query(model: type[_M], request: Request) -> _M:
    return _checked(model, dict(request.query_params), "query")


async def checked_body(model: type[_M], request: Request) -> _M:
    return _checked(model, await body_of(request, invalid), "body")


def _checked(model: type[_M], given: object, where: str) -> _M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # What FastAPI answers, the echo of the input included.
        wrong: list[JsonValue] = [
            {
                "loc": [where, *each["loc"]],
                "msg": each["msg"],
                "type": each["type"],
                "input": str(each["input"]),
            }
            for each in error.errors(include_url=False, include_context=False)
        ]
        raise Refusal(422, {"detail": wrong}) from None
