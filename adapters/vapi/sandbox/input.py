"""What Vapi takes: the bodies and queries of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from telephony.sandbox.endpoints import E164, RequestReader
from telephony.sandbox.vendor import Json

from .refusals import invalid, refusal

M = TypeVar("M", bound=BaseModel)
Name: TypeAlias = Annotated[str, Field(max_length=40)]


class _Camel(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel, populate_by_name=False
    )


class _Server(_Camel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")
    url: str | None = Field(default=None, pattern="^https?://")


class _Common(_Camel):
    """What every number may have; null clears it. Further fields are accepted and kept out."""

    name: Name | None = None
    assistant_id: str | None = Field(default=None, min_length=1)
    squad_id: str | None = Field(default=None, min_length=1)
    workflow_id: str | None = Field(default=None, min_length=1)
    server: _Server | None = None
    fallback_destination: JsonValue = None
    hooks: list[JsonValue] | None = None


class _Own(_Common):
    provider: Literal["vapi"]
    number_desired_area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    sip_uri: str | None = Field(default=None, pattern="^sip:")
    authentication: dict[str, JsonValue] | None = None


class _Twilio(_Common):
    provider: Literal["twilio"]
    number: E164
    twilio_account_sid: str
    twilio_auth_token: str | None = None
    twilio_api_key: str | None = None
    twilio_api_secret: str | None = None
    sms_enabled: bool = True


class _Linked(_Common):
    provider: Literal["vonage", "telnyx"]
    number: E164
    credential_id: str


class _Byo(_Common):
    provider: Literal["byo-phone-number"]
    number: str | None = Field(default=None, min_length=3, max_length=40)
    credential_id: str
    number_e164_check_enabled: bool = Field(default=True, alias="numberE164CheckEnabled")


_NEW: TypeAdapter[_Own | _Twilio | _Linked | _Byo] = TypeAdapter(
    Annotated[_Own | _Twilio | _Linked | _Byo, Field(discriminator="provider")]
)


class NumberChange(_Common):
    provider: str | None = None
    credential_id: str | None = None
    twilio_account_sid: str | None = None
    twilio_auth_token: str | None = None
    twilio_api_key: str | None = None
    twilio_api_secret: str | None = None
    sms_enabled: bool | None = None


class _Customer(_Camel):
    number: E164 | None = None
    sip_uri: str | None = Field(default=None, pattern="^sip:")
    extension: str | None = Field(default=None, max_length=10)
    name: Name | None = None

    @model_validator(mode="after")
    def _reachable(self) -> _Customer:
        if self.number is None and self.sip_uri is None:
            raise ValueError("number or sipUri is required")
        return self


class NewCall(_Camel):
    phone_number_id: str
    customer: _Customer
    assistant_id: str | None = None
    squad_id: str | None = None
    workflow_id: str | None = None
    assistant_overrides: dict[str, JsonValue] | None = None
    squad_overrides: dict[str, JsonValue] | None = None
    workflow_overrides: dict[str, JsonValue] | None = None
    name: Name | None = None


class AssistantChange(_Camel):
    name: Name | None = None
    server: _Server | None = None


class _Gateway(_Camel):
    ip: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    netmask: int | None = Field(default=None, ge=24, le=32)
    inbound_enabled: bool = True
    outbound_enabled: bool = True
    outbound_protocol: Literal["udp", "tcp", "tls", "tls/srtp"] | None = None


class _Trunk(_Camel):
    provider: Literal["byo-sip-trunk"]
    gateways: list[_Gateway] = Field(min_length=1)
    outbound_authentication_plan: dict[str, JsonValue] | None = None
    outbound_leading_plus_enabled: bool | None = None
    name: Name | None = None


class _Vonage(_Camel):
    provider: Literal["vonage"]
    api_key: str = Field(min_length=1)
    api_secret: str = Field(min_length=1)
    name: Name | None = None


class _Telnyx(_Camel):
    provider: Literal["telnyx"]
    api_key: str = Field(min_length=1)
    name: Name | None = None


_CREDENTIAL: TypeAdapter[_Trunk | _Vonage | _Telnyx] = TypeAdapter(
    Annotated[_Trunk | _Vonage | _Telnyx, Field(discriminator="provider")]
)


class ByTime(_Camel):
    """The query of a listing that is paged by time."""

    limit: int = Field(default=100, ge=0, le=1000)
    created_at_gt: datetime | None = None
    created_at_lt: datetime | None = None
    created_at_ge: datetime | None = None
    created_at_le: datetime | None = None


class ByPage(ByTime):
    search: str = Field(default="", max_length=100)
    page: int = Field(default=1, ge=1)
    sort_order: Literal["ASC", "DESC"] = "DESC"
    sort_by: Literal["createdAt", "duration", "cost"] = "createdAt"


reader: RequestReader = RequestReader(
    malformed=invalid,
    invalid=lambda _, errors: refusal(
        400, *(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors)
    ),
)


def new_number(body: Json) -> Json:
    """Return the fields of a new number, as they are kept."""
    return _one_of(_NEW, body)


def credential(body: Json) -> Json:
    """Return the fields of credentials, as they are kept."""
    return _one_of(_CREDENTIAL, body)


def _one_of(kinds: TypeAdapter[M], body: Json) -> Json:
    try:
        return kept(kinds.validate_python(body))
    except ValidationError as error:
        raise reader.invalid("body", error.errors(include_url=False)) from None


def kept(wanted: BaseModel) -> Json:
    """Return the fields that were given, in Vapi's spelling."""
    found: Json = wanted.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return found


def page(found: list[Json], query: ByTime) -> list[Json]:
    """Return what a query of times lets through, the newest first."""
    return by_creation(found, query)[: query.limit]


def by_creation(found: list[Json], query: ByTime) -> list[Json]:
    def wanted(thing: Json) -> bool:
        at = datetime.fromisoformat(str(thing["createdAt"]))
        return (
            (query.created_at_gt is None or at > query.created_at_gt)
            and (query.created_at_lt is None or at < query.created_at_lt)
            and (query.created_at_ge is None or at >= query.created_at_ge)
            and (query.created_at_le is None or at <= query.created_at_le)
        )

    # Reversed first, so that of two of the same moment the later one comes first too.
    return sorted(filter(wanted, found[::-1]), key=lambda n: str(n["createdAt"]), reverse=True)
