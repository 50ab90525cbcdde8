"""What Cartesia's emulation takes, and how it refuses the rest."""

from __future__ import annotations

import uuid
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from telephony.sandbox.vendor import Json, Refusal

_E164 = r"^\+[1-9]\d{6,14}$"

_M = TypeVar("_M", bound=BaseModel)


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Import(_In):
    label: str
    number: str = Field(pattern=_E164)
    provider: dict[str, JsonValue]
    agent_id: str | None = None


class Provision(_In):
    label: str
    agent_id: str | None = None


class Twilio(_In):
    type: Literal["twilio"]
    account_sid: str
    api_key_sid: str
    api_key_secret: str
    region: Literal["us1", "ie1", "au1"] = "us1"
    label: str | None = Field(default=None, min_length=1)


class _Credentials(_In):
    username: str
    password: str | None = None


class _Inbound(_In):
    credentials: _Credentials | None = None
    allowed_addresses: list[str] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: Literal["disabled", "allowed", "required"] | None = None


class _Outbound(_In):
    address: str | None = None
    transport: Literal["tcp", "tls"] | None = None
    destination_country: str | None = None
    media_encryption: Literal["disabled", "allowed", "required"] | None = None
    credentials: _Credentials | None = None


class SipTrunk(_In):
    type: Literal["sip_trunk"]
    label: str | None = Field(default=None, min_length=1)
    inbound: _Inbound | None = None
    outbound: _Outbound | None = None


class _Callee(_In):
    to_number: str = Field(pattern=_E164)
    metadata: dict[str, JsonValue] | None = None


class Calls(_In):
    from_number_id: str
    agent_id: str
    outbound_calls: list[_Callee] = Field(min_length=1)
    ringing_timeout_seconds: int = Field(default=60, ge=5, le=80)
    max_call_duration_minutes: int | None = None


def checked(model: type[_M], body: Json) -> _M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def invalid(message: str) -> Refusal:
    return refusal(400, "Invalid request", message)


def refusal(status: int, title: str, message: str = "", *, code: str | None = None) -> Refusal:
    request_id = str(uuid.uuid4())
    body: Json = {
        "error_code": code,
        "title": title,
        "message": message or title,
        "request_id": request_id,
    }
    return Refusal(status, body, {"x-request-id": request_id})
