"""What Cartesia takes: the bodies of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from telephony.sandbox.endpoints import E164, RequestReader, cut
from telephony.sandbox.vendor import Json

from .refusals import invalid


class Import(BaseModel):
    label: str
    number: E164
    provider: dict[str, JsonValue]
    agent_id: str | None = None


class Provision(BaseModel):
    label: str
    agent_id: str | None = None


class Twilio(BaseModel):
    type: Literal["twilio"]
    account_sid: str
    api_key_sid: str
    api_key_secret: str
    region: Literal["us1", "ie1", "au1"] = "us1"
    label: str | None = Field(default=None, min_length=1)


class _Credentials(BaseModel):
    username: str
    password: str | None = None


class _Inbound(BaseModel):
    credentials: _Credentials | None = None
    allowed_addresses: list[str] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: Literal["disabled", "allowed", "required"] | None = None


class _Outbound(BaseModel):
    address: str | None = None
    transport: Literal["tcp", "tls"] | None = None
    destination_country: str | None = None
    media_encryption: Literal["disabled", "allowed", "required"] | None = None
    credentials: _Credentials | None = None


class SipTrunk(BaseModel):
    type: Literal["sip_trunk"]
    label: str | None = Field(default=None, min_length=1)
    inbound: _Inbound | None = None
    outbound: _Outbound | None = None


class _Callee(BaseModel):
    to_number: E164
    metadata: dict[str, JsonValue] | None = None


class NewCalls(BaseModel):
    from_number_id: str
    agent_id: str
    outbound_calls: list[_Callee] = Field(min_length=1)
    ringing_timeout_seconds: int = Field(default=60, ge=5, le=80)
    max_call_duration_minutes: int | None = None


class CallFilter(BaseModel):
    agent_id: str | None = None
    start_time_gte: AwareDatetime | None = None
    start_time_lte: AwareDatetime | None = None
    expand: Literal["transcript"] | None = None


class WebhookChange(BaseModel):
    url: str | None = Field(default=None, pattern="^https?://")
    secret: str | None = Field(default=None, min_length=1)
    display_name: str | None = None


class Webhook(WebhookChange):
    url: str = Field(pattern="^https?://")
    secret: str = Field(min_length=1)


class Paging(BaseModel):
    limit: int = Field(default=10, ge=1, le=100)
    starting_after: str | None = None


reader: RequestReader = RequestReader(
    malformed=invalid,
    invalid=lambda _, errors: invalid(
        f"{'.'.join(map(str, errors[0]['loc']))}: {errors[0]['msg']}"
    ),
)


def page(found: list[Json], query: Mapping[str, str]) -> tuple[list[Json], bool]:
    """Return the page after the id that the query names, and whether more follow."""
    wanted = reader.value(Paging, query, "query")
    ids = [None, *(row["id"] for row in found)]
    if wanted.starting_after not in ids:
        raise invalid("starting_after is not an id of this list")
    return cut(found, ids.index(wanted.starting_after), wanted.limit)
