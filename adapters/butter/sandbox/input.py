"""What Butter AI takes: the bodies of requests."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from starlette.requests import Request

from telephony.sandbox.vendor import Json, Refusal, body_of

from .refusals import invalid

_E164 = r"^\+[1-9]\d{6,14}$"

_M = TypeVar("_M", bound=BaseModel)


class Import(BaseModel):
    phone_number: str = Field(pattern=_E164)
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
    call_to: str = Field(pattern=_E164)
    call_from: str = Field(pattern=_E164)
    agent_id: str
    prompt_variables: dict[str, JsonValue] | None = None


async def json_of(request: Request) -> Json:
    return await body_of(request, lambda said: invalid("body", "", said))


def checked(model: type[_M], body: Json) -> _M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        detail: list[JsonValue] = [
            {"loc": ["body", *found["loc"]], "msg": found["msg"], "type": found["type"]}
            for found in error.errors(include_input=False, include_url=False)
        ]
        raise Refusal(422, {"detail": detail}) from None
