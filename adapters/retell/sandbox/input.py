"""What Retell AI takes: the bodies and queries of requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictBool, StrictInt

from telephony.sandbox.endpoints import E164, RequestReader
from telephony.sandbox.vendor import Json

from .refusals import invalid

_STRICT = ConfigDict(strict=True)


class _Weighted(BaseModel):
    agent_id: str = Field(min_length=1)
    weight: float = Field(gt=0, le=1)
    agent_version: str | int | None = None


def _whole(agents: list[_Weighted] | None) -> list[_Weighted] | None:
    if agents and abs(sum(agent.weight for agent in agents) - 1) > 1e-6:
        raise ValueError("total weights must add up to 1")
    return agents


Agents: TypeAlias = Annotated[list[_Weighted] | None, AfterValidator(_whole)]
Url: TypeAlias = Annotated[str | None, Field(pattern="^https?://")]
Transport: TypeAlias = Literal["TLS", "TCP", "UDP"] | None
Countries: TypeAlias = list[Annotated[str, Field(pattern="^[A-Z]{2}$")]] | None


class _Number(BaseModel):
    model_config: ClassVar[ConfigDict] = _STRICT
    nickname: str | None = None
    inbound_agents: Agents = None
    outbound_agents: Agents = None
    inbound_webhook_url: Url = None
    allowed_inbound_country_list: Countries = None
    allowed_outbound_country_list: Countries = None
    transport: Transport = None


class Purchase(_Number):
    country_code: Literal["US", "CA"] = "US"
    area_code: StrictInt | None = Field(default=None, ge=200, le=999)
    phone_number: E164 | None = None
    toll_free: StrictBool = False
    number_provider: Literal["twilio", "telnyx"] = "twilio"
    fallback_number: str | None = None


class Import(_Number):
    phone_number: str = Field(min_length=1)
    termination_uri: str = Field(min_length=1)
    sip_trunk_auth_username: str | None = None
    sip_trunk_auth_password: str | None = None
    codecs: list[str] | None = None
    ignore_e164_validation: StrictBool = True


class NumberChange(_Number):
    inbound_sms_agents: Agents = None
    outbound_sms_agents: Agents = None
    inbound_sms_webhook_url: Url = None
    fallback_number: str | None = None
    termination_uri: str | None = None
    auth_username: str | None = None
    auth_password: str | None = None
    codecs: list[str] | None = None


class NewCall(BaseModel):
    model_config: ClassVar[ConfigDict] = _STRICT
    from_number: str
    to_number: E164
    override_agent_id: str | None = None
    agent_override: dict[str, JsonValue] | None = None
    metadata: dict[str, JsonValue] | None = None
    retell_llm_dynamic_variables: dict[str, str] | None = None
    custom_sip_headers: dict[str, str] | None = None
    idempotency_key: str | None = None


class AgentChange(BaseModel):
    model_config: ClassVar[ConfigDict] = _STRICT
    agent_name: str | None = None
    webhook_url: Url = None
    webhook_events: list[str] | None = None
    webhook_timeout_ms: int | None = None


class Paging(BaseModel):
    limit: int = Field(default=50, ge=1, le=1000)
    pagination_key: str | None = None
    sort_order: Literal["ascending", "descending"] = "descending"


class _Text(BaseModel):
    type: Literal["string"]
    op: Literal["eq", "ne", "sw", "ew", "co"]
    value: str

    def lets(self, value: JsonValue) -> bool:
        text = str(value)
        return {
            "eq": text == self.value,
            "ne": text != self.value,
            "sw": text.startswith(self.value),
            "ew": text.endswith(self.value),
            "co": self.value in text,
        }[self.op]


class _Enum(BaseModel):
    type: Literal["enum"]
    op: Literal["in"]
    value: list[str]

    def lets(self, value: JsonValue) -> bool:
        return value in self.value


class _Count(BaseModel):
    type: Literal["number"]
    op: Literal["eq", "ne", "gt", "ge", "lt", "le"]
    value: float

    def lets(self, value: JsonValue) -> bool:
        if not isinstance(value, int | float):
            return False
        return {
            "eq": value == self.value,
            "ne": value != self.value,
            "gt": value > self.value,
            "ge": value >= self.value,
            "lt": value < self.value,
            "le": value <= self.value,
        }[self.op]


class _Range(BaseModel):
    type: Literal["range"]
    op: Literal["bt"]
    value: tuple[float, float]

    def lets(self, value: JsonValue) -> bool:
        low, high = self.value
        return isinstance(value, int | float) and low <= value <= high


class CallFilter(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    from_number: _Text | None = None
    to_number: _Text | None = None
    call_status: _Enum | None = None
    call_type: _Enum | None = None
    direction: _Enum | None = None
    start_timestamp: _Range | _Count | None = Field(default=None, discriminator="type")


class ChatFilter(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    agent_number: _Text | None = None
    user_number: _Text | None = None
    chat_type: _Enum | None = None
    chat_status: _Enum | None = None


class CallListing(Paging):
    filter_criteria: CallFilter = CallFilter()


class ChatListing(Paging):
    filter_criteria: ChatFilter = ChatFilter()


reader: RequestReader = RequestReader(
    malformed=invalid,
    invalid=lambda _, errors: invalid(
        "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors)
    ),
)


def kept(wanted: BaseModel) -> Json:
    """Return the fields that were given."""
    found: Json = wanted.model_dump(exclude_unset=True, mode="json")
    return found


def lets(criteria: BaseModel, row: Json) -> bool:
    """Return whether every filter lets a row through."""
    filters = ((name, getattr(criteria, name)) for name in type(criteria).model_fields)
    return all(each is None or each.lets(row.get(name)) for name, each in filters)


def page(rows: Sequence[Json], wanted: Paging, key_of: Callable[[Json], str]) -> Json:
    """Return a page of rows, which are newest first; its key names the last row of the page.

    A key whose row is gone is refused.
    """
    ordered = list(rows)
    if wanted.sort_order == "ascending":
        ordered.reverse()
    start = 0
    if wanted.pagination_key is not None:
        keys = [key_of(row) for row in ordered]
        if wanted.pagination_key not in keys:
            raise invalid("pagination_key: invalid")
        start = keys.index(wanted.pagination_key) + 1
    shown = ordered[start : start + wanted.limit]
    more = start + wanted.limit < len(ordered)
    last: Json = {"pagination_key": key_of(shown[-1])} if shown else {}
    return {"items": list[JsonValue](shown), "has_more": more, **last}
