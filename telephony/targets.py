"""What a number can be assigned to, and where one comes from."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, SecretStr
from pydantic.dataclasses import dataclass

from telephony.redaction import MASK


def _hidden(secret: SecretStr | str) -> SecretStr:
    hidden = SecretStr(secret) if isinstance(secret, str) else secret
    if hidden.get_secret_value() == MASK:
        raise ValueError("this secret is masked, as JSON and logs show it: give the secret itself")
    return hidden


Secret: TypeAlias = Annotated[SecretStr | str, AfterValidator(_hidden)]
"""Given as text or as a `SecretStr`, kept as the latter."""

_INPUT = ConfigDict(extra="forbid", defer_build=True, hide_input_in_errors=True)


# --- What a number can be assigned to ------------------------------------------------------------


@dataclass(frozen=True, config=_INPUT)
class Agent:
    """A voice or messaging agent, by the vendor's id, or by its name where that is its id.

    `name` is the display name where the vendor states it. It makes no other agent of it: agents of
    one id are equal.

    Attributes:
        id: the vendor's id of it.
        name: its display name, where the vendor states it.
    """

    id: str
    name: str | None = field(default=None, compare=False)
    kind: Literal["agent"] = Field(default="agent", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class Webhook:
    """URLs that handle calls and messages. None leaves one as it is.

    Attributes:
        voice_url: the URL that says what to do with a call.
        sms_url: the URL that gets texts.
    """

    voice_url: str | None = None
    sms_url: str | None = None
    kind: Literal["webhook"] = Field(default="webhook", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class Application:
    """A named set of webhooks kept at the vendor. `name` takes no part in equality.

    Attributes:
        id: the vendor's id of it.
        name: its display name, where the vendor states it.
    """

    id: str
    name: str | None = field(default=None, compare=False)
    kind: Literal["application"] = Field(default="application", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class Trunk:
    """A SIP trunk kept at the vendor. `name` takes no part in equality.

    Attributes:
        id: the vendor's id of it.
        name: its display name, where the vendor states it.
    """

    id: str
    name: str | None = field(default=None, compare=False)
    kind: Literal["trunk"] = Field(default="trunk", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class Room:
    """One fixed room that every call to the number joins.

    Attributes:
        name: of the room.
    """

    name: str
    kind: Literal["room"] = Field(default="room", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class Split:
    """Separate targets for calls and for texts; None: no target.

    It describes both, so assigning it restores exactly how a number was configured.

    Attributes:
        voice: what handles calls.
        sms: what handles texts.
        overruled: URLs that the number keeps, unused while a trunk or an application handles its
            calls or texts instead; None leaves them as they are.
    """

    voice: Agent | Webhook | Application | Trunk | Room | None = None
    sms: Agent | Webhook | Application | Room | None = None
    overruled: Webhook | None = None
    kind: Literal["split"] = Field(default="split", kw_only=True, repr=False)


Target: TypeAlias = Agent | Webhook | Application | Trunk | Room | Split


def target_text(target: Target | None) -> str:
    """Return an assignment in a few words."""
    match target:
        case None:
            return ""
        case Agent(id=agent, name=name):
            return f"agent {name} ({agent})" if name and name != agent else f"agent {agent}"
        case Webhook(voice_url=voice, sms_url=sms):
            parts = (("voice", voice), ("sms", sms))
            return ", ".join(f"{kind} {url}" for kind, url in parts if url)
        case Application(id=application):
            return f"application {application}"
        case Trunk(id=trunk):
            return f"trunk {trunk}"
        case Room(name=room):
            return f"room {room}"
        case Split(voice=calls, sms=texts):
            voice, sms = target_text(calls) or "nothing", target_text(texts) or "nothing"
            return f"calls: {voice}; texts: {sms}"


# --- Where a number comes from, and carrier accounts ---------------------------------------------


@dataclass(frozen=True, config=_INPUT)
class LinkedCarrier:
    """A carrier account that is already linked, by the id that `link_carrier` returned.

    Attributes:
        id: the vendor's id of the link.
    """

    id: str
    kind: Literal["linked_carrier"] = Field(default="linked_carrier", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class TwilioAccount:
    """A Twilio account that holds numbers for another vendor.

    Attributes:
        account_sid: ``AC…``.
        region: ``us1``, ``ie1`` or ``au1``; it belongs to the credentials, not to the number.
        api_key_sid: ``SK…``, with `api_key_secret`, at vendors that link by API key.
        api_key_secret: the secret of `api_key_sid`.
        auth_token: the account's own token, at vendors that link by it.
    """

    account_sid: str
    region: str | None = None
    api_key_sid: str | None = None
    api_key_secret: Secret | None = None
    auth_token: Secret | None = None
    kind: Literal["twilio"] = Field(default="twilio", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class VonageAccount:
    """A Vonage account that holds numbers for another vendor, with the API key to link it by.

    Attributes:
        api_key: it names the account.
        api_secret: its secret.
    """

    api_key: str
    api_secret: Secret
    kind: Literal["vonage"] = Field(default="vonage", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class TelnyxAccount:
    """A Telnyx account that holds numbers for another vendor, with the API key to link it by.

    Attributes:
        api_key: ``KEY…``.
    """

    api_key: Secret
    kind: Literal["telnyx"] = Field(default="telnyx", kw_only=True, repr=False)


@dataclass(frozen=True, config=_INPUT)
class SipTrunk:
    """A carrier reached by SIP.

    A trunk without `address` only receives calls. At some vendors one without
    `allowed_addresses`, `allowed_numbers` and `inbound_username` only places them.

    Attributes:
        address: where outbound calls go, a host or host:port. None: inbound only.
        username: for outbound calls, with `password`.
        password: for outbound calls, with `username`.
        transport: ``tcp``, ``tls``, ``udp`` or None for the vendor's default.
        media_encryption: SRTP ``disabled``, ``allowed``, ``required``; None: the vendor's default.
        allowed_addresses: IP addresses or networks that calls may come from; empty: any.
        allowed_numbers: callers that are accepted; empty: any.
        inbound_username: what the carrier must authenticate with, with `inbound_password`.
        inbound_password: what the carrier must authenticate with.
        pin: digits that a caller must enter.
        destination_country: ISO 3166 code of where calls leave the vendor's network.
        name: the trunk's display name, at vendors that keep one.
    """

    address: str | None = None
    username: str | None = None
    password: Secret | None = None
    transport: Literal["tcp", "tls", "udp"] | None = None
    media_encryption: Literal["disabled", "allowed", "required"] | None = None
    allowed_addresses: tuple[str, ...] = ()
    allowed_numbers: tuple[str, ...] = ()
    inbound_username: str | None = None
    inbound_password: Secret | None = None
    pin: Secret | None = None
    destination_country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    name: str | None = None
    kind: Literal["sip_trunk"] = Field(default="sip_trunk", kw_only=True, repr=False)


CarrierCredentials: TypeAlias = TwilioAccount | VonageAccount | TelnyxAccount | SipTrunk
Source: TypeAlias = LinkedCarrier | CarrierCredentials
