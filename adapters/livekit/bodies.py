"""LiveKit's messages, and the way from them into the unified model and back.

LiveKit has no object for a phone number: a number is a string on an inbound trunk, on an outbound
trunk, or on both. Unknown fields and enum values are tolerated.
Source: the protobuf definitions in livekit-protocol, docs.livekit.io/sip.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeAlias, TypeVar

from livekit.protocol.sip import (
    SIPInboundTrunkInfo,
    SIPMediaConfig,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
    SIPTransport,
)
from pydantic import Field, JsonValue, SecretStr

from telephony import model, reading
from telephony.errors import InvalidRequestError
from telephony.numbers import is_e164
from telephony.reading import Body, Moment
from telephony.redaction import revealed
from telephony.wire import Json, Response, unreadable

TRUNK_ID, RULE_ID = "sip_trunk_id", "sip_dispatch_rule_id"

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
_SECRETS = frozenset({"auth_password", "pin"})
_COMPARED = (
    "numbers", "name", "metadata", "address", "auth_username", "allowed_addresses",
    "allowed_numbers",
)  # fmt: skip


class _Trunk(Body):
    id: str = Field(min_length=1, validation_alias=TRUNK_ID)
    name: str | None = None
    numbers: tuple[str, ...] = ()
    # A server of one's own never fills them in.
    created_at: Moment | None = None
    updated_at: Moment | None = None


class InboundTrunk(_Trunk):
    pass


class OutboundTrunk(_Trunk):
    pass


class _Rooms(Body):
    """The room that a rule leads to, or the prefix of new ones."""

    room_name: str | None = None
    room_prefix: str | None = None
    pin: str | None = None


class _Kinds(Body):
    """One of them is set. In the order in which LiveKit prefers them."""

    dispatch_rule_direct: _Rooms | None = None
    dispatch_rule_individual: _Rooms | None = None
    dispatch_rule_callee: _Rooms | None = None


class _Agent(Body):
    agent_name: str | None = None


class _RoomConfig(Body):
    agents: tuple[_Agent, ...] = ()


class DispatchRule(Body):
    id: str = Field(min_length=1, validation_alias=RULE_ID)
    trunk_ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    inbound_numbers: tuple[str, ...] = ()
    rule: _Kinds | None = None
    room_config: _RoomConfig | None = None

    @property
    def agent(self) -> str | None:
        """The agent that is sent into the room first."""
        agents = self.room_config.agents if self.room_config else ()
        return next((one.agent_name for one in agents if one.agent_name), None)

    @property
    def room(self) -> str | None:
        """The one room that it leads to, if it does not open new ones."""
        direct = self.rule.dispatch_rule_direct if self.rule else None
        return direct.room_name or None if direct else None

    @property
    def pin(self) -> str:
        kinds = vars(self.rule).values() if self.rule else ()
        return next((kind.pin or "" for kind in kinds if kind is not None), "")

    @property
    def priority(self) -> tuple[int, str]:
        """Its place among rules for the same call, as livekit-server sorts them.

        Rules for some numbers come first, then those with a PIN, then by kind and room.
        """
        kinds = list(vars(self.rule).values()) if self.rule else []
        rank = next((place for place, kind in enumerate(kinds) if kind is not None), None)
        if rank is None:
            return 10_000, ""
        general = 1000 * (not self.inbound_numbers) + 1000 * (not self.numbers)
        room = kinds[rank].room_name or kinds[rank].room_prefix or ""
        return rank + (0 if self.pin else 100) + general, room


class Dispatch(Body):
    """The dispatch of an agent into a room."""

    id: str = Field(min_length=1)


class Participant(Body):
    """The participant that a call creates in its room."""

    id: str = Field(min_length=1, validation_alias="sip_call_id")


_Kept: TypeAlias = InboundTrunk | OutboundTrunk | DispatchRule | Dispatch | Participant
B = TypeVar("B", bound=_Kept)
L = TypeVar("L", InboundTrunk, OutboundTrunk, DispatchRule)


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
        """Its id at LiveKit."""
        return self.info.id

    @cached_property
    def shown(self) -> Json:
        """The object without the passwords and PINs that the server repeats."""
        return _shown(self.raw)


Inbound = Stored[InboundTrunk]
Outbound = Stored[OutboundTrunk]
Rule = Stored[DispatchRule]


def stored(kind: type[B], response: Response, raw: JsonValue) -> Stored[B]:
    """Return `raw`, a part of the response, as what it describes. Raises as `read` does."""
    return Stored(reading.read(kind, raw, response), raw if isinstance(raw, dict) else {})


def listed(kind: type[L], response: Response) -> list[Stored[L]]:
    """Return the items of a listing. LiveKit puts empty ones where an id is unknown."""
    body = response.object()
    # A server may leave out what is empty; another object than that is no listing.
    if body and "items" not in body:
        raise unreadable(response, "The response is no listing")
    items = reading.items(body.get("items"), response)
    name = RULE_ID if kind is DispatchRule else TRUNK_ID
    known = [item for item in items if item and (not isinstance(item, dict) or item.get(name))]
    return [Stored(info, raw) for info, raw in reading.rows(kind, known, response)]


# --- Numbers -------------------------------------------------------------------------------------


def normalized(text: str) -> str:
    """Return a number on a trunk as LiveKit compares it: E.164, if it is a number."""
    if text[:1] == "+" and text[1:].isdecimal() and text.isascii():
        return text
    if not _WRITTEN.fullmatch(text):
        return text
    return "+" + _PUNCTUATION.sub("", text).removeprefix("+")


def entries_on(trunk: Inbound | Outbound) -> list[str]:
    """Return what a trunk carries, each once: numbers, and names or patterns such as ``*``."""
    return list(dict.fromkeys(normalized(text) for text in trunk.info.numbers))


def numbers_on(trunk: Inbound | Outbound) -> list[str]:
    """Return the telephone numbers of a trunk, each once."""
    return [text for text in entries_on(trunk) if is_e164(text)]


def created_by(trunk: Inbound | Outbound, wanted: Json) -> bool:
    """Return whether a trunk is what the request `wanted` creates, as far as servers show it.

    Another client may have created one for the same number at the same moment.
    """
    return all((trunk.raw.get(name) or None) == (wanted.get(name) or None) for name in _COMPARED)


def spellings(trunk: Inbound | Outbound, number: str) -> list[str]:
    """Return how `number` is written on a trunk."""
    return [text for text in trunk.info.numbers if normalized(text) == number]


def _shown(raw: Json) -> Json:
    return {
        key: _shown(value) if value and isinstance(value, dict) else value
        for key, value in raw.items()
        if key not in _SECRETS
    }


# --- Trunks to make ------------------------------------------------------------------------------


def inbound_trunk(number: str, source: model.SipTrunk, label: str | None) -> SIPInboundTrunkInfo:
    """Return a trunk that receives calls to `number`."""
    for address in source.allowed_addresses:
        _check_address(address)
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
    """Return a trunk that places calls from `number`."""
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


def _check_address(address: str) -> None:
    """Refuse an entry that protects nothing.

    LiveKit compares a host name with the From header, which the caller writes, and accepts every
    caller if it can read none of the entries.
    """
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise InvalidRequestError(
            "An entry of `allowed_addresses` is not an IP address or a network: LiveKit compares "
            "host names with a header that the caller writes.",
            argument="source",
            hint="Give the addresses that the carrier publishes, such as 192.0.2.0/24.",
        ) from None


def _media(source: model.SipTrunk) -> SIPMediaConfig | None:
    if source.media_encryption is None:
        return None
    return SIPMediaConfig(encryption=_ENCRYPTION[source.media_encryption])


def _secret(value: SecretStr | str | None) -> str:
    return revealed(value) if value is not None else ""
