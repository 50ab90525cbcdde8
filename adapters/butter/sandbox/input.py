"""What Butter AI takes: the bodies of requests."""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel, Field, JsonValue
from starlette.requests import Request

from telephony.sandbox.endpoints import E164, RequestReader, cut, fastapi_errors
from telephony.sandbox.vendor import Json

from .refusals import invalid


class Import(BaseModel):
    phone_number: E164
    provider: Literal["twilio", "sip"]
    supports_inbound: bool = False
    supports_outbound: bool = False
    integration_id: str | None = None
    sip_trunk_name: str | None = None
    sip_username: str | None = None
    sip_password: str | None = None
    sip_server_address: str | None = None
    inbound_room_name: str | None = None
    inbound_pin: str | None = Field(default=None, min_length=4, max_length=10)
    media_encryption: Literal["disable", "allow", "require"] = "allow"


class Assign(BaseModel):
    phone_number_id: str


class Credentials(BaseModel):
    provider: Literal["twilio"]
    account_sid: str = Field(min_length=1)
    auth_token: str = Field(min_length=1)


class Link(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    credentials: Credentials


class Rotate(BaseModel):
    name: str | None = Field(default=None, min_length=1, max_length=100)
    credentials: Credentials | None = None


class Call(BaseModel):
    call_to: E164
    call_from: E164
    agent_id: str
    prompt_variables: dict[str, JsonValue] | None = None


class CallList(BaseModel):
    limit: int = Field(default=50, ge=1, le=100)


class AgentList(BaseModel):
    limit: int = Field(default=10, ge=1, le=50)


reader: RequestReader = RequestReader(
    malformed=lambda message: invalid("body", "", message),
    invalid=fastapi_errors,
)


def page(found: list[Json], request: Request, size: int, *, total: int | None = None) -> Json:
    """Return a page with the cursor of the next."""
    cursor, start = request.query_params.get("cursor"), 0
    if cursor is not None:
        try:
            start = int(base64.b64decode(cursor, validate=True))
        except ValueError:
            raise invalid("query", "cursor", "Input is not a cursor") from None
    rows, more = cut(found, start, size)
    return {
        "success": True,
        "data": list[JsonValue](rows),
        "pagination": {
            "next_cursor": base64.b64encode(str(start + size).encode()).decode() if more else None,
            "has_more": more,
            "page_size": len(rows),
            **({} if total is None else {"total_count": total}),
        },
    }
