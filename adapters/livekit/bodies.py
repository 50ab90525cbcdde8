"""LiveKit's messages, and the way from them into the unified model and back.

LiveKit has no object for a phone number: a number is a string on an inbound trunk, on an outbound
trunk, or on both. Unknown fields and enum values are tolerated.
Source: the protobuf definitions in livekit-protocol, docs.livekit.io/sip.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Generic, TypeVar

import msgspec
from pydantic import JsonValue, SecretStr

from telephony import model, reading
from telephony.errors import InvalidRequestError
from telephony.numbers import is_e164
from telephony.raw import parsed
from telephony.reading import Body, Id, Rows, Time
from telephony.redaction import revealed
from telephony.wire import Json, Response, unreadable

TRUNK_ID, RULE_ID = "sip_trunk_id", "sip_dispatch_rule_id"

# None is the server's own default, which is not sent.
_TRANSPORTS = {"udp": "SIP_TRANSPORT_UDP", "tcp": "SIP_TRANSPORT_TCP", "tls": "SIP_TRANSPORT_TLS"}
_ENCRYPTION = {
    "disabled": "SIP_MEDIA_ENCRYPT_DISABLE",
    "allowed": "SIP_MEDIA_ENCRYPT_ALLOW",
    "required": "SIP_MEDIA_ENCRYPT_REQUIRE",
}
_WRITTEN = re.compile(r"\+?[\d\- ()]+", re.ASCII)
_PUNCTUATION = re.compile(r"[- ()]")
_SECRETS = frozenset({"auth_password", "pin"})
_COMPARED = (
    "numbers", "name", "metadata", "address", "auth_username", "allowed_addresses",
    "allowed_numbers",
)  # fmt: skip


class _Kept(Body):
    def __repr__(self) -> str:
        # Passwords and PINs are among the fields.
        return type(self).__name__


class _Trunk(_Kept, kw_only=True):
    id: Id = msgspec.field(name=TRUNK_ID)
    name: str | None = None
    numbers: tuple[str, ...] = ()
    # A server of one's own never fills them in.
    created_at: Time = None
    updated_at: Time = None
    auth_password: object = None

    @property
    def has_secret(self) -> bool:
        return bool(self.auth_password)


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

    @property
    def all(self) -> tuple[_Rooms | None, ...]:
        return self.dispatch_rule_direct, self.dispatch_rule_individual, self.dispatch_rule_callee


class _Agent(Body):
    agent_name: str | None = None


class _RoomConfig(Body):
    agents: tuple[_Agent, ...] = ()


class DispatchRule(_Kept, kw_only=True):
    id: Id = msgspec.field(name=RULE_ID)
    trunk_ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    inbound_numbers: tuple[str, ...] = ()
    rule: _Kinds | None = None
    room_config: _RoomConfig | None = None

    @property
    def agent(self) -> str | None:
        """The agent that is sent into the room first."""
        for one in self.room_config.agents if self.room_config else ():
            if one.agent_name:
                return one.agent_name
        return None

    @property
    def room(self) -> str | None:
        """The one room that it leads to, if it does not open new ones."""
        direct = self.rule.dispatch_rule_direct if self.rule else None
        return direct.room_name or None if direct else None

    @property
    def pin(self) -> str:
        kinds = self.rule.all if self.rule else ()
        return next((kind.pin or "" for kind in kinds if kind is not None), "")

    @property
    def has_secret(self) -> bool:
        return any(kind is not None and kind.pin for kind in (self.rule.all if self.rule else ()))

    @property
    def priority(self) -> tuple[int, str]:
        """Its place among rules for the same call, as livekit-server sorts them.

        Rules for some numbers come first, then those with a PIN, then by kind and room.
        """
        for rank, kind in enumerate(self.rule.all if self.rule else ()):
            if kind is not None:
                general = 1000 * (not self.inbound_numbers) + 1000 * (not self.numbers)
                room = kind.room_name or kind.room_prefix or ""
                return rank + (0 if self.pin else 100) + general, room
        return 10_000, ""


class Dispatch(Body):
    """The dispatch of an agent into a room."""

    id: Id


class Placed(Body):
    """The response to placing a call."""

    id: Id = msgspec.field(name="sip_call_id")


B = TypeVar("B", InboundTrunk, OutboundTrunk, DispatchRule)
K = TypeVar("K", bound=InboundTrunk | OutboundTrunk | DispatchRule, covariant=True)


class Stored(msgspec.Struct, Generic[K], gc=False):
    """Something kept at LiveKit.

    Attributes:
        info: to read from.
        content: its JSON as it was received.
        shown: its JSON without the passwords and PINs that the server repeats.
    """

    info: K
    content: bytes
    shown: bytes

    def __repr__(self) -> str:
        return f"Stored({self.id!r})"

    @property
    def id(self) -> str:
        """Its id at LiveKit."""
        return self.info.id

    @property
    def raw(self) -> Json:
        """The object to send back changed: what a replacement leaves out would be erased."""
        found = parsed(self.content)
        return found if isinstance(found, dict) else {}


Inbound = Stored[InboundTrunk]
Outbound = Stored[OutboundTrunk]
Rule = Stored[DispatchRule]


class _Listing(Body):
    items: Rows = None


class _Named(Body):
    """As much of an item as says whether there is one."""

    trunk: object = msgspec.field(default=None, name=TRUNK_ID)
    rule: object = msgspec.field(default=None, name=RULE_ID)


_named = msgspec.json.Decoder(_Named | None).decode


def stored(kind: type[B], response: Response) -> Stored[B]:
    """Return what the response describes. Raises as `read` does."""
    return _stored(reading.read(kind, response.content, response), response.content)


def listed(kind: type[B], response: Response) -> list[Stored[B]]:
    """Return the items of a listing."""
    rows = reading.rows(kind, _items(response), response)
    return [
        _stored(info, content) if info.has_secret else Stored(info, content, content)
        for info, content in rows
    ]


def found(kind: type[B], response: Response) -> list[Stored[B]]:
    """Return the items of a listing by ids. LiveKit puts empty ones where an id is unknown."""
    known = [value for value in _items(response) if _is_named(value)]
    return [_stored(info, content) for info, content in reading.rows(kind, known, response)]


def _items(response: Response) -> list[msgspec.Raw]:
    values = reading.read(_Listing, response.content, response).items
    # A server may leave out what is empty; another object than that is no listing.
    if values is None and response.object().keys() - {"items"}:
        raise unreadable(response, "The response is no listing")
    return values or []


def _stored(info: B, content: bytes) -> Stored[B]:
    shown = msgspec.json.encode(_shown(parsed(content))) if info.has_secret else content
    return Stored(info, content, shown)


def _is_named(value: msgspec.Raw) -> bool:
    """Return whether an item has an id, or is none of LiveKit's at all."""
    try:
        found = _named(value)
    except msgspec.DecodeError:
        return True
    return found is not None and bool(found.trunk or found.rule)


def shown(content: bytes) -> JsonValue:
    """Return the JSON of something kept, without the empty places of secrets."""
    return _shown(parsed(content))


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
    written = trunk.info.numbers
    if len(written) == 1 and is_e164(written[0]):  # nearly all of them
        return [*written]
    return [text for text in entries_on(trunk) if is_e164(text)]


def created_by(trunk: Inbound | Outbound, wanted: Json) -> bool:
    """Return whether a trunk is what the request `wanted` creates, as far as servers show it.

    Another client may have created one for the same number at the same moment.
    """
    raw = trunk.raw
    return all((raw.get(name) or None) == (wanted.get(name) or None) for name in _COMPARED)


def spellings(trunk: Inbound | Outbound, number: str) -> list[str]:
    """Return how `number` is written on a trunk."""
    return [text for text in trunk.info.numbers if normalized(text) == number]


def _shown(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    return {key: _shown(inside) for key, inside in value.items() if key not in _SECRETS}


# --- Trunks to make ------------------------------------------------------------------------------


def inbound_trunk(number: str, source: model.SipTrunk, label: str | None) -> Json:
    """Return a trunk that receives calls to `number`."""
    for address in source.allowed_addresses:
        _check_address(address)
    return given(
        name=label,
        numbers=[number],
        allowed_addresses=[*source.allowed_addresses],
        allowed_numbers=[*source.allowed_numbers],
        auth_username=source.inbound_username,
        auth_password=_secret(source.inbound_password),
        media=_media(source),
    )


def outbound_trunk(number: str, source: model.SipTrunk, label: str | None) -> Json:
    """Return a trunk that places calls from `number`."""
    return given(
        name=label,
        address=source.address,
        transport=_TRANSPORTS.get(source.transport or ""),
        numbers=[number],
        auth_username=source.username,
        auth_password=_secret(source.password),
        destination_country=source.destination_country,
        media=_media(source),
    )


def given(**fields: JsonValue) -> Json:
    """Return the fields that are set, as protobuf writes them: what is empty is not."""
    return {name: value for name, value in fields.items() if value}


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


def _media(source: model.SipTrunk) -> Json | None:
    if source.media_encryption is None:
        return None
    return {"encryption": _ENCRYPTION[source.media_encryption]}


def _secret(value: SecretStr | str | None) -> str | None:
    return revealed(value) if value is not None else None
