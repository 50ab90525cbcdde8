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
from typing import Generic, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
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
from pydantic import JsonValue, SecretStr

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.wire import Json, Response, items, unreadable

M = TypeVar("M", bound=Message)

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
_SECRETS = frozenset({"auth_password", "pin"})


@dataclass(frozen=True, slots=True)
class Stored(Generic[M]):
    """Something kept at LiveKit.

    Attributes:
        info: to read from.
        raw: as it was received, to send back changed: a newer server has fields that `info` lacks,
            and a replacement without them would erase them.
    """

    info: M
    raw: Json = field(repr=False)

    @property
    def id(self) -> str:
        """LiveKit's id of it, which is its first field."""
        return str(getattr(self.info, self.info.DESCRIPTOR.fields[0].name))


Inbound = Stored[SIPInboundTrunkInfo]
Outbound = Stored[SIPOutboundTrunkInfo]
Rule = Stored[SIPDispatchRuleInfo]


def stored(kind: type[M], response: Response, raw: JsonValue) -> Stored[M]:
    """`raw`, a part of the answer, as a message.

    Raises:
        InvalidResponseError: it is something else.
        OutcomeUnknownError: the same, after a request that changes something.
    """
    if isinstance(raw, dict):
        try:
            return Stored(ParseDict(raw, kind(), ignore_unknown_fields=True), raw)
        except ParseError:
            pass
    raise unreadable(response, f"The answer is no {kind.DESCRIPTOR.name}")


def listed(kind: type[M], response: Response) -> list[Stored[M]]:
    """The items of a listing; LiveKit puts empty ones where an id is unknown."""
    body = response.object()
    # A server may leave out what is empty; another object than that is no listing.
    found = items(body.get("items"), response) if body else []
    read = [stored(kind, response, item) for item in found if item is not None]
    return [one for one in read if one.id]


# --- Numbers -------------------------------------------------------------------------------------


def normalized(text: str) -> str:
    """A number on a trunk as LiveKit compares it, which is E.164 where it is a number at all."""
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
        return model.PhoneNumber(
            id=self.id,
            number=self.number,
            provider=provider,
            label=info.name or None,
            # LiveKit keeps no status: a number is on a trunk, or is not.
            status=model.NumberStatus.ACTIVE,
            channels=frozenset({model.Channel.VOICE}),
            assignment=target_of(rule),
            created_at=_moment(info.created_at),
            updated_at=_moment(info.updated_at),
            raw={
                "inbound_trunk": shown(self.inbound.raw) if self.inbound else None,
                "outbound_trunks": [shown(trunk.raw) for trunk in self.outbound],
                "dispatch_rules": [shown(rule.raw) for rule in self.rules],
            },
        )

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


def shown(raw: Json) -> Json:
    """What the server said without the passwords and PINs that it repeats."""
    return {key: _shown(value) for key, value in raw.items() if key not in _SECRETS}


def _shown(value: JsonValue) -> JsonValue:
    return shown(value) if isinstance(value, dict) else value


def _moment(stamp: Timestamp) -> datetime | None:
    # An own server never fills them in.
    return stamp.ToDatetime(UTC) if stamp.ByteSize() else None


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
    agents = rule.info.room_config.agents
    if agents and agents[0].agent_name:
        return model.Agent(agents[0].agent_name)
    if rule.info.rule.HasField("dispatch_rule_direct"):
        return model.Room(rule.info.rule.dispatch_rule_direct.room_name)
    return None


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


def pin_of(rule: Rule) -> str:
    kind = rule.info.rule.WhichOneof("rule")
    return str(getattr(rule.info.rule, kind).pin) if kind else ""


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


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
