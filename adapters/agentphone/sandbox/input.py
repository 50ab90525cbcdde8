"""What AgentPhone's sandbox takes and refuses: bodies, queries, pages and errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from telephony.sandbox.vendor import Json, Refusal, body_of

_M = TypeVar("_M", bound=BaseModel)

E164 = r"^\+[1-9]\d{6,14}$"
_PLACES: dict[str, Json] = {
    "312": {"city": "Chicago", "state": "IL", "rateCenter": "CHICAGO"},
    "416": {"city": "Toronto", "state": "ON", "rateCenter": "TORONTO"},
}
# A number, a short code, an e-mail address or a group.
_ADDRESS = r"^(\+?[\d\s().-]{3,20}|[^@\s]+@[^@\s]+|grp_\w+)$"


class _In(BaseModel):
    """camelCase on the wire, as everywhere but with messages."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


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
    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    name: str = Field(min_length=1)


class Dialled(_In):
    agent_id: str
    to_number: str = Field(pattern=E164)
    from_number_id: str | None = None
    system_prompt: str | None = None
    variables: dict[str, str] | None = None


class Outgoing(BaseModel):
    """The one body in snake_case."""

    model_config = ConfigDict(extra="ignore")

    body: str
    to_number: str = Field(pattern=_ADDRESS)
    agent_id: str | None = None
    number_id: str | None = None
    from_number: str | None = None
    media_urls: list[str] | None = Field(default=None, max_length=20)
    reply_to_message_id: str | None = None


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


def page(found: Sequence[Json], wanted: Paging) -> Json:
    end = wanted.offset + wanted.limit
    return {
        "data": list(found[wanted.offset : end]),
        "hasMore": end < len(found),
        "total": len(found),
    }


def number(number_id: str, e164: str, now: datetime, wanted: Purchase) -> Json:
    return {
        "id": number_id,
        "phoneNumber": e164,
        "country": wanted.country,
        "status": "active",
        "type": wanted.type,
        "agentId": wanted.agent_id,
        "createdAt": seconds(now),
        "externalId": wanted.external_id,
        "expiresAt": seconds(wanted.expires_at) if wanted.expires_at else None,
    }


def agent(agent_id: str, name: str, now: datetime) -> Json:
    return {
        "id": agent_id,
        "name": name,
        "description": None,
        "voiceMode": "hosted",
        "createdAt": seconds(now),
    }


def short(number: Json) -> Json:
    """A number as it stands inside an agent."""
    return {key: number[key] for key in ("id", "phoneNumber", "status", "type")}


def free(area: str, nth: int) -> Json:
    """A number that could be bought. Where it belongs is known of some areas only."""
    return {"phoneNumber": f"+1{area}5559{nth:03d}", "areaCode": area, **_PLACES.get(area, {})}


def sent(message: str, talk: str, sender: str, wanted: Outgoing, channel: str) -> Json:
    return {
        "id": message,
        "status": "sent",
        "channel": channel,
        "from_number": sender,
        "to_number": wanted.to_number,
        "conversation_id": talk,
        "media_urls": list[JsonValue](wanted.media_urls or ()),
        "reply_to_message_id": wanted.reply_to_message_id,
        "reply_parent_unresolved": None,
    }


def call(call_id: str, now: datetime, number: Json, wanted: Dialled) -> Json:
    return {
        "id": call_id,
        "agentId": wanted.agent_id,
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
        "fromNumber": number["phoneNumber"],
        "toNumber": wanted.to_number,
        "direction": "outbound",
        "status": "in-progress",
        "startedAt": seconds(now),
    }


def answered(call_id: str, now: datetime, number: Json, caller: str) -> Json:
    """A call that somebody made to a number, and is over."""
    return {
        "id": call_id,
        "agentId": number["agentId"],
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
        "fromNumber": caller,
        "toNumber": number["phoneNumber"],
        "direction": "inbound",
        "status": "completed",
        "startedAt": seconds(now),
        "endedAt": seconds(now),
        "durationSeconds": 0,
    }


def text(body: str) -> Json:
    """What a text that came in is made of."""
    return {"body": body, "channel": "sms", "mediaUrls": []}


def seconds(moment: datetime) -> str:
    """A time without a fraction, as numbers, agents and calls carry it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def invalid(message: str) -> Refusal:
    return refusal(400, message, code="VALIDATION_ERROR", kind="validation_error")


def over(status: int, message: str, code: str) -> Refusal:
    return refusal(status, message, code=code, kind="validation_error")


def too_many() -> Refusal:
    said: Json = {
        "message": "Too many requests",
        "type": "rate_limit_error",
        "code": "RATE_LIMIT_EXCEEDED",
    }
    return Refusal(429, {"error": said}, {"Retry-After": "1"})


def unknown(thing: str) -> Refusal:
    """Codes are documented for some things only; the others answer with a text."""
    if thing == "Phone number":
        return refusal(404, "Phone number not found", code="PHONE_NUMBER_NOT_FOUND")
    return Refusal(404, {"detail": f"{thing} not found"})


def refusal(
    status: int, message: str, *, code: str | None = None, kind: str = "invalid_request_error"
) -> Refusal:
    said: Json = {"message": message, "type": kind, **({"code": code} if code else {})}
    return Refusal(status, {"error": said})
