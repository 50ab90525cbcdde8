"""LiveKit's messages, and the way from them into the unified model and back.

LiveKit has no object for a phone number: a number is a string on an inbound trunk, on an outbound
trunk, or on both. Unknown fields and enum values are tolerated.
Source: the protobuf definitions in livekit-protocol, docs.livekit.io/sip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Annotated, Generic, TypeAlias, TypeVar

from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleDirect,
    SIPDispatchRuleIndividual,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPMediaConfig,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
    SIPTransport,
)
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.reading import items, read
from telephony.redaction import revealed
from telephony.unchecked import unchecked
from telephony.wire import Json, Response

ROOM_PREFIX = "call-"

_TRANSPORTS = {
    None: SIPTransport.SIP_TRANSPORT_AUTO,
    "udp": SIPTransport.SIP_TRANSPORT_UDP,
    "tcp": SIPTransport.SIP_TRANSPORT_TCP,
    "tls": SIPTransport.SIP_TRANSPORT_TLS,
}
_ENCRYPTION = {
    "disabled": SIPMediaEncryption.SIP_MEDIA_ENCRYPT_DISABLE,
    "allowed": SIPMediaEncryption.SIP_MEDIA_ENCRYPT_ALLOW,
    "required": SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE,
}
_WRITTEN = re.compile(r"\+?[\d\- ()]+", re.ASCII)
_PUNCTUATION = re.compile(r"[- ()]")
_NO_ADDRESS = re.compile(r"[()+*;,\s]|://")
_VOICE = frozenset({model.Channel.VOICE})
_made_number = unchecked(model.PhoneNumber)
_SECRETS = frozenset({"auth_password", "pin"})


class _Body(BaseModel):
    """What is read of an answer. LiveKit's protobuf messages could be made of it, in thirty times
    the time: their reader of JSON is plain Python, and there may be thousands."""

    model_config = ConfigDict(frozen=True, defer_build=True)


# In the JSON of protobuf, null is another way to leave something out.
_Texts: TypeAlias = Annotated[list[str], BeforeValidator(lambda given: given or [])]


class _Trunk(_Body):
    id: str = Field(default="", validation_alias="sip_trunk_id")
    name: str | None = None
    numbers: _Texts = []
    # An own server never fills them in.
    created_at: datetime | None = None
    updated_at: datetime | None = None


class InboundTrunk(_Trunk):
    pass


class OutboundTrunk(_Trunk):
    pass


class _Room(_Body):
    """Where a rule of some kind leads to; only a direct one has the room's name."""

    room_name: str | None = None
    pin: str | None = None


class _Kinds(_Body):
    """One of them is set."""

    dispatch_rule_direct: _Room | None = None
    dispatch_rule_individual: _Room | None = None
    dispatch_rule_callee: _Room | None = None


class _Agent(_Body):
    agent_name: str | None = None


class _RoomConfig(_Body):
    agents: list[_Agent] | None = None


class DispatchRule(_Body):
    id: str = Field(default="", validation_alias="sip_dispatch_rule_id")
    trunk_ids: _Texts = []
    numbers: _Texts = []
    inbound_numbers: _Texts = []
    rule: _Kinds | None = None
    room_config: _RoomConfig | None = None

    @property
    def agent(self) -> str | None:
        """The agent that is sent into the room first."""
        agents = self.room_config.agents if self.room_config else None
        return (agents[0].agent_name or None) if agents else None

    @property
    def room(self) -> str | None:
        """The one room that it leads to, where it is so."""
        direct = self.rule.dispatch_rule_direct if self.rule else None
        return None if direct is None else direct.room_name or ""

    @property
    def pin(self) -> str:
        kinds = vars(self.rule).values() if self.rule else ()
        return next((kind.pin or "" for kind in kinds if kind is not None), "")


class Dispatch(_Body):
    """An agent that was sent into a room."""

    id: str = ""


class Participant(_Body):
    """Who is called."""

    id: str = Field(default="", validation_alias="sip_call_id")


_Kept: TypeAlias = InboundTrunk | OutboundTrunk | DispatchRule | Dispatch | Participant
B = TypeVar("B", bound=_Kept)


@dataclass(frozen=True)
class Stored(Generic[B]):
    """Something kept at LiveKit.

    Attributes:
        info: to read from.
        raw: as it was received, to send back changed: a replacement without the fields that `info`
            lacks would erase them.
    """

    info: B
    raw: Json = field(repr=False)

    @property
    def id(self) -> str:
        """LiveKit's id of it."""
        return self.info.id

    @cached_property
    def shown(self) -> Json:
        """What the server said without the passwords and PINs that it repeats."""
        return _shown(self.raw)


Inbound = Stored[InboundTrunk]
Outbound = Stored[OutboundTrunk]
Rule = Stored[DispatchRule]


def stored(kind: type[B], response: Response, raw: JsonValue) -> Stored[B]:
    """`raw`, a part of the answer, as what it is about. Raises as `read` does."""
    return Stored(read(kind, raw, response), raw if isinstance(raw, dict) else {})


def listed(kind: type[B], response: Response) -> list[Stored[B]]:
    """The items of a listing; LiveKit puts empty ones where an id is unknown."""
    body = response.object()
    # A server may leave out what is empty; another object than that is no listing.
    found = items(body.get("items"), response) if body else []
    kept = [stored(kind, response, item) for item in found if item is not None]
    return [one for one in kept if one.id]


# --- Numbers -------------------------------------------------------------------------------------


def normalized(text: str) -> str:
    """A number on a trunk as LiveKit compares it, which is E.164 where it is a number at all."""
    if text[:1] == "+" and text[1:].isdecimal() and text.isascii():
        return text
    if not _WRITTEN.fullmatch(text):
        return text
    return "+" + _PUNCTUATION.sub("", text).removeprefix("+")


def numbers_on(trunk: Inbound | Outbound) -> list[str]:
    """The numbers of a trunk, each once."""
    return list(dict.fromkeys(normalized(text) for text in trunk.info.numbers))


def spellings(trunk: Inbound | Outbound, number: str) -> list[str]:
    """How `number` is written on a trunk."""
    return [text for text in trunk.info.numbers if normalized(text) == number]


@dataclass(frozen=True, slots=True)
class Held:
    """A number with everything at LiveKit that concerns it.

    Attributes:
        number: E.164.
        inbound: the trunk that takes calls to it.
        outbound: the trunks that can place calls from it.
        rules: the dispatch rules that calls to it can meet.
    """

    number: str
    inbound: Inbound | None
    outbound: Sequence[Outbound]
    rules: Sequence[Rule]

    @property
    def trunk(self) -> Inbound | Outbound:
        """The trunk that the number goes by."""
        return self.inbound or self.outbound[0]

    @property
    def shared(self) -> bool:
        """Whether that trunk carries other numbers too."""
        return numbers_on(self.trunk) != [self.number]

    @property
    def id(self) -> str:
        """The trunk's id, with the number where that alone says too little."""
        return f"{self.trunk.id}/{self.number}" if self.shared else self.trunk.id

    def normalized(self, provider: str) -> model.PhoneNumber:
        info, rule = self.trunk.info, answering(self.rules)
        found: dict[str, object] = {
            "id": self.id,
            "number": self.number,
            "provider": provider,
            "label": info.name or None,
            # LiveKit keeps no status: a number is on a trunk, or is not.
            "status": model.NumberStatus.ACTIVE,
            "channels": _VOICE,
            "country": None,
            "assignment": target_of(rule),
            "carrier": None,
            "replaced": None,
            "notices": (),
            "created_at": _utc(info.created_at),
            "updated_at": _utc(info.updated_at),
            "raw": {
                "inbound_trunk": self.inbound.shown if self.inbound else None,
                "outbound_trunks": [trunk.shown for trunk in self.outbound],
                "dispatch_rules": [rule.shown for rule in self.rules],
            },
        }
        return _made_number(found)

    def released(self, provider: str) -> model.Release:
        return model.Release(
            id=self.id,
            number=self.number,
            provider=provider,
            at_carrier=CarrierOutcome.KEPT,
            reversible=True,
            how_to_undo="Import it again with import_number(); the carrier still holds it.",
            raw=self.normalized(provider).raw,
        )


def _shown(raw: Json) -> Json:
    return {
        key: _shown(value) if value and isinstance(value, dict) else value
        for key, value in raw.items()
        if key not in _SECRETS
    }


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


# --- What answers --------------------------------------------------------------------------------


def answering(rules: Sequence[Rule]) -> Rule | None:
    """The rule that a call meets, in the server's order: one for the trunk before one for all
    trunks, one for the number before one for all numbers. One for some callers only comes last."""

    def order(rule: Rule) -> tuple[bool, bool, bool]:
        info = rule.info
        return bool(info.inbound_numbers), not info.trunk_ids, not info.numbers

    return min(rules, key=order, default=None)


def target_of(rule: Rule | None) -> model.Target | None:
    """The agent that a rule sends into the room, or else the one room that it leads to. A rule that
    opens rooms for whichever agent comes by itself has no target to name."""
    if rule is None:
        return None
    if rule.info.agent is not None:
        return _agent(rule.info.agent)
    return None if rule.info.room is None else model.Room(rule.info.room)


@lru_cache(maxsize=256)
def _agent(name: str) -> model.Agent:
    # A few answer thousands of numbers.
    return model.Agent(name)


def new_rule(
    target: model.Target, *, name: str, trunk_ids: list[str], numbers: list[str], pin: str = ""
) -> SIPDispatchRuleInfo:
    """A rule that lets `target` answer: an agent in a room for each caller, or one room for all."""
    info = SIPDispatchRuleInfo(name=name, trunk_ids=trunk_ids, numbers=numbers)
    if isinstance(target, model.Room):
        direct = SIPDispatchRuleDirect(room_name=target.name, pin=pin)
        info.rule.CopyFrom(SIPDispatchRule(dispatch_rule_direct=direct))
    elif isinstance(target, model.Agent):
        own = SIPDispatchRuleIndividual(room_prefix=ROOM_PREFIX, pin=pin)
        info.rule.CopyFrom(SIPDispatchRule(dispatch_rule_individual=own))
        agents = [RoomAgentDispatch(agent_name=target.id)]
        info.room_config.CopyFrom(RoomConfiguration(agents=agents))
    else:
        raise TypeError(f"not a target at LiveKit: {type(target).__name__}")
    return info


# --- Trunks to make ------------------------------------------------------------------------------


def inbound_trunk(number: str, source: model.SipTrunk, label: str | None) -> SIPInboundTrunkInfo:
    """A trunk that takes calls to `number`."""
    for address in source.allowed_addresses:
        # The server ignores such entries, and lets everybody in when it has ignored all of them.
        if _NO_ADDRESS.search(address):
            raise InvalidRequestError(
                "An entry of `allowed_addresses` is not an address, a network or a host name.",
                argument="source",
            )
    return SIPInboundTrunkInfo(
        name=label or "",
        numbers=[number],
        allowed_addresses=source.allowed_addresses,
        allowed_numbers=source.allowed_numbers,
        auth_username=source.inbound_username or "",
        auth_password=_secret(source.inbound_password),
        media=_media(source),
    )


def outbound_trunk(number: str, source: model.SipTrunk, label: str | None) -> SIPOutboundTrunkInfo:
    """A trunk that places calls from `number`."""
    return SIPOutboundTrunkInfo(
        name=label or "",
        numbers=[number],
        address=source.address or "",
        transport=_TRANSPORTS[source.transport],
        destination_country=source.destination_country or "",
        auth_username=source.username or "",
        auth_password=_secret(source.password),
        media=_media(source),
    )


def _media(source: model.SipTrunk) -> SIPMediaConfig | None:
    if source.media_encryption is None:
        return None
    return SIPMediaConfig(encryption=_ENCRYPTION[source.media_encryption])


def _secret(value: SecretStr | str | None) -> str:
    return revealed(value) if value is not None else ""
