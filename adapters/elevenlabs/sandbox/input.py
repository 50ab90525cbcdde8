"""What ElevenLabs takes: the bodies and queries of requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, JsonValue, RootModel
from starlette.requests import Request

from telephony.sandbox.endpoints import E164, RequestReader, cut, fastapi_errors
from telephony.sandbox.vendor import Json, Refusal

Encryption = Literal["disabled", "allowed", "required"]


class _Login(BaseModel):
    username: str
    password: str | None = None


class Inbound(BaseModel):
    allowed_addresses: list[str] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: Encryption = "allowed"
    credentials: _Login | None = None
    remote_domains: list[str] | None = None
    attributes_to_headers: dict[str, str] | None = None


class Outbound(BaseModel):
    address: str = Field(min_length=1)
    transport: Literal["auto", "udp", "tcp", "tls"] = "auto"
    media_encryption: Encryption = "allowed"
    headers: dict[str, str] | None = None
    credentials: _Login | None = None
    enabled_codecs: list[str] | None = None
    attributes_to_headers: dict[str, str] | None = None


class _Region(BaseModel):
    region_id: Literal["us1", "ie1", "au1"]
    token: str
    edge_location: Literal[
        "ashburn", "dublin", "frankfurt", "sao-paulo", "singapore", "sydney", "tokyo", "umatilla",
        "roaming",
    ]  # fmt: skip


class _New(BaseModel):
    label: str
    agent_id: str | None = None


class NewTwilio(_New):
    provider: Literal["twilio"]
    phone_number: E164
    sid: str = Field(pattern="^(AC|SK)")
    token: str = Field(min_length=1)
    account_auth_token: str | None = None
    region_config: _Region | None = None
    enable_sms: bool = True


class NewTrunk(_New):
    provider: Literal["sip_trunk"]
    phone_number: str = Field(min_length=1)
    inbound_trunk_config: Inbound | None = None
    outbound_trunk_config: Outbound | None = None


class NewExotel(_New):
    provider: Literal["exotel"]
    phone_number: str = Field(min_length=1)
    account_sid: str
    api_key: str
    api_token: str
    api_subdomain: Literal["api.in.exotel.com", "api.exotel.com"]
    app_id: str
    applet_url: str | None = None


class NewNumber(RootModel[Annotated[NewTwilio | NewTrunk | NewExotel, Discriminator("provider")]]):
    """One of the three kinds."""


class Change(BaseModel):
    agent_id: str | None = None
    label: str | None = None
    inbound_trunk_config: Inbound | None = None
    outbound_trunk_config: Outbound | None = None
    livekit_stack: Literal["standard", "static"] | None = None
    store_sip_messages: bool | None = None
    environment: str | None = None
    branch_id: str | None = None


class NumberList(BaseModel):
    page_size: int = Field(default=30, ge=1, le=100)
    cursor: str | None = None
    search: str | None = None
    label: str | None = None
    phone_number: str | None = None
    provider: str | None = None
    agent_id: str | None = None


class AgentList(BaseModel):
    page_size: int = Field(default=30, ge=1, le=100)
    cursor: str | None = None


class ConversationList(BaseModel):
    page_size: int = Field(default=30, ge=1, le=100)
    cursor: str | None = None
    agent_id: str | None = None
    call_start_after_unix: int | None = None
    call_start_before_unix: int | None = None


class _CallConfig(BaseModel):
    ringing_timeout_secs: int | None = Field(default=None, ge=1)
    twilio_call_recording_enabled: bool | None = None


class _ClientData(BaseModel):
    dynamic_variables: dict[str, JsonValue] | None = None


class NewCall(BaseModel):
    agent_id: str
    agent_phone_number_id: str
    to_number: E164
    conversation_initiation_client_data: _ClientData | None = None
    call_recording_enabled: bool | None = None
    telephony_call_config: _CallConfig | None = None


class _Hmac(BaseModel):
    auth_type: Literal["hmac"]
    name: str = Field(min_length=1)
    webhook_url: str = Field(pattern="^https?://")
    request_headers: dict[str, str] | None = None


class NewWebhook(BaseModel):
    settings: _Hmac


class WebhookChange(BaseModel):
    is_disabled: bool
    name: str
    retry_enabled: bool | None = None


class Routing(BaseModel):
    post_call_webhook_id: str | None = None
    events: (
        list[
            Literal[
                "transcript", "audio", "call_initiation_failure", "answering_machine_detection",
                "unredacted_transcript", "unredacted_audio",
            ]
        ]
        | None
    ) = None  # fmt: skip
    transcript_format: Literal["json", "opentelemetry"] | None = None
    exclude_transcript: bool | None = None
    send_audio: bool | None = None


class SettingsChange(BaseModel):
    webhooks: Routing | None = None


def _unprocessable(message: str) -> Refusal:
    return Refusal(422, {"detail": [{"type": "json_invalid", "loc": ["body"], "msg": message}]})


reader: RequestReader = RequestReader(
    malformed=_unprocessable,
    invalid=lambda where, errors: fastapi_errors(where, errors, echo=True),
)


def page(found: list[Json], request: Request, size: int, name: str) -> Json:
    """Return a page of rows, under their name, with the cursor of the next."""
    cursor = request.query_params.get("cursor", "0")
    if not cursor.isdecimal():
        raise _unprocessable("cursor is not valid")
    start = int(cursor)
    part, more = cut(found, start, size)
    return {
        name: list[JsonValue](part),
        "next_cursor": str(start + size) if more else None,
        "has_more": more,
    }
