"""What Butter AI's emulation takes, and how it refuses what it does not."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.requests import Request

from telephony.sandbox.vendor import Json, Refusal, body_of

_E164 = r"^\+[1-9]\d{6,14}$"

_M = TypeVar("_M", bound=BaseModel)


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Import(_In):
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


class Assign(_In):
    phone_number_id: str


class Credentials(_In):
    provider: Literal["twilio"]
    account_sid: str = Field(min_length=1)
    auth_token: str = Field(min_length=1)


class Link(_In):
    name: str = Field(min_length=1, max_length=100)
    credentials: Credentials


class Rotate(_In):
    name: str | None = Field(default=None, min_length=1, max_length=100)
    credentials: Credentials | None = None


class Call(_In):
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


def invalid(place: str, field: str, message: str) -> Refusal:
    detail: Json = {"loc": [place, field], "msg": message, "type": "value_error"}
    return Refusal(422, {"detail": [detail]})


def refusal(status: int, detail: str) -> Refusal:
    return Refusal(status, {"detail": detail})


def importable(body: Json) -> None:
    """What the import page lists under 400; what is left is a matter of the schema, 422."""
    for field in ("phone_number", "provider"):
        if not body.get(field):
            raise refusal(400, f"{field} is required")
    if body["provider"] not in ("twilio", "sip"):
        raise refusal(400, "Invalid provider")
    if body["provider"] == "twilio" and not body.get("integration_id"):
        raise refusal(400, "integration_id is required for twilio")
    wants_address = body["provider"] == "sip" and body.get("supports_outbound")
    if wants_address and not body.get("sip_server_address"):
        raise refusal(400, "sip_server_address is required for outbound calls")
