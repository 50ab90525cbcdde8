"""Cartesia's bodies, and the way from them into the unified model and back.

Unknown fields and unknown `type` values are tolerated: within a version Cartesia may add both.
Source: docs.cartesia.ai/api-reference/agents/phone-numbers and …/agents/providers.
"""

from __future__ import annotations

from msgspec import Raw
from pydantic import SecretStr

from telephony import errors, model
from telephony.capabilities import CarrierOutcome
from telephony.idempotency import split_digest
from telephony.raw import with_raw
from telephony.reading import Body, Id, Rows, Time, items, moment, read, read_or_none, rows
from telephony.redaction import revealed
from telephony.wire import Json, Response

_NULL = Raw(b"null")


class _Agent(Body):
    id: Id
    name: str | None = None


class _Envelope(Body):
    data: Rows = None


class _Carrier(Body):
    """A "provider" in Cartesia's words, as numbers show it: a linked account, or Cartesia."""

    id: Id | None = None
    type: str | None = None
    account_sid: str | None = None
    region: str | None = None
    label: str | None = None
    inbound: dict[str, object] | None = None
    outbound: dict[str, object] | None = None

    @property
    def kind(self) -> str | None:
        """The type, which some pages leave out for Twilio accounts."""
        if self.type:
            return self.type
        if self.account_sid:
            return "twilio"
        return "sip_trunk" if self.inbound or self.outbound else None

    def normalized(self, provider: str, raw: bytes | Raw) -> model.CarrierAccount:
        account = model.CarrierAccount(
            id=self.id,
            provider=provider,
            kind=self.kind or "unknown",
            label=self.label,
            account=self.account_sid,
            region=self.region,
        )
        return with_raw(account, raw)


class _Linked(_Carrier):
    """A linked account, as the routes of providers show it."""

    id: Id


class _Number(Body, kw_only=True):
    id: Id
    number: Id
    label: str | None = None
    agent: _Agent | None = None
    provider: Raw = _NULL
    created_at: Time = None
    updated_at: Time = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        label, mark = split_digest(self.label)
        found = model.PhoneNumber(
            id=self.id,
            number=self.number,
            provider=provider,
            label=label,
            mark=mark,
            # Cartesia keeps no status: a number is there and works, or is not there.
            status=model.NumberStatus.ACTIVE,
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(self.agent.id, self.agent.name) if self.agent else None,
            carrier=self._carrier(provider),
            created_at=moment(self.created_at),
            updated_at=moment(self.updated_at),
        )
        return with_raw(found, raw)

    def _carrier(self, provider: str) -> model.CarrierAccount | None:
        held = read_or_none(_Carrier, self.provider)
        known = held is not None and (held.kind or held.id)
        return held.normalized(provider, self.provider) if held and known else None


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(_Number, response.content, response).normalized(provider, response.content)


def bought(response: Response, provider: str) -> model.PhoneNumber:
    """Return a number just bought. Its `provider`, left out, is Cartesia itself."""
    own = model.CarrierAccount(id=None, provider=provider, kind="cartesia")
    made = number(response, provider)
    return made if made.carrier else made.model_copy(update={"carrier": own})


def numbers(found: Rows, response: Response, provider: str) -> list[model.PhoneNumber]:
    return [number.normalized(provider, raw) for number, raw in rows(_Number, found, response)]


def carrier(response: Response, provider: str) -> model.CarrierAccount:
    return read(_Linked, response.content, response).normalized(provider, response.content)


def carriers(response: Response, provider: str) -> list[model.CarrierAccount]:
    """Return linked carriers: a bare array in the documentation, or an envelope with `data`."""
    page = read_or_none(_Envelope, response.content)
    found = page.data if page else items(response.content, response)
    return [linked.normalized(provider, raw) for linked, raw in rows(_Linked, found, response)]


def source(value: model.Source) -> Json:
    """Return the `provider` of an import, the source of the number."""
    if isinstance(value, model.LinkedCarrier):
        return {"id": value.id}
    if isinstance(value, model.TwilioAccount):
        body: Json = {"type": "twilio", "account_sid": value.account_sid}
        return body | ({"region": value.region} if value.region else {})
    raise TypeError(f"not a source at Cartesia: {type(value).__name__}")


def twilio(account: model.TwilioAccount) -> Json:
    """Return the credentials of a Twilio account: an API key, never the auth token."""
    if account.api_key_sid is None or account.api_key_secret is None:
        raise errors.InvalidRequestError(
            "Cartesia links a Twilio account by an API key.",
            argument="account",
            hint="Give TwilioAccount(…) an `api_key_sid` and an `api_key_secret`.",
        )
    if account.auth_token is not None:
        raise errors.InvalidRequestError(
            "Cartesia does not take a Twilio auth token.",
            argument="account",
            hint="Leave `auth_token` out.",
        )
    return {
        "type": "twilio",
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": revealed(account.api_key_secret),
        **({"region": account.region} if account.region else {}),
    }


def sip_trunk(trunk: model.SipTrunk, existing: model.CarrierAccount | None = None) -> Json:
    """Return a SIP trunk.

    It places calls if it has an address, and receives calls if it says who may call in. A change of
    an `existing` trunk leaves out what cannot change, and keeps what it does not name.
    """
    outbound = _outbound(trunk, existing)
    inbound: Json = {}
    if trunk.inbound_username is not None or trunk.inbound_password is not None:
        inbound["credentials"] = _credentials(
            trunk.inbound_username, trunk.inbound_password, "inbound_", existing
        )
    if trunk.allowed_addresses:
        inbound["allowed_addresses"] = list(trunk.allowed_addresses)
    if trunk.allowed_numbers:
        inbound["allowed_numbers"] = list(trunk.allowed_numbers)
    if trunk.media_encryption is not None:
        for side in [side for side in (inbound, outbound) if side] or [inbound]:
            side["media_encryption"] = trunk.media_encryption
    if trunk.pin is not None:
        raise _wrong("Cartesia's SIP trunks have no PIN.", "Leave `pin` out.")
    if not inbound and not outbound and not (existing and trunk.name):
        raise _wrong(
            "The SIP trunk would neither place nor receive calls.",
            "Give an `address` to place them; to receive them, `allowed_addresses`, "
            "`allowed_numbers` or an inbound login.",
        )
    parts: Json = {"label": trunk.name, "inbound": inbound, "outbound": outbound}
    return {"type": "sip_trunk", **{name: part for name, part in parts.items() if part}}


def _outbound(trunk: model.SipTrunk, existing: model.CarrierAccount | None) -> Json:
    held = existing.raw.get("outbound") if existing else None
    fixed = held if isinstance(held, dict) else {}
    side: Json = {}
    if trunk.transport == "udp":
        raise _wrong("Cartesia reaches SIP trunks by tcp or tls.", "Change `transport`.")
    for name, wanted in (("address", trunk.address), ("transport", trunk.transport)):
        if fixed and wanted not in (None, fixed.get(name)):
            raise _wrong(f"The {name} of a linked SIP trunk is fixed.", "Link another trunk.")
    if not fixed and trunk.address is not None:
        side |= {"address": trunk.address, "transport": trunk.transport or "tcp"}
    if trunk.destination_country is not None:
        side["destination_country"] = trunk.destination_country
    if trunk.username is not None or trunk.password is not None:
        side["credentials"] = _credentials(trunk.username, trunk.password, "", existing)
    if (side or trunk.transport) and not fixed and trunk.address is None:
        raise _wrong(
            "The SIP trunk has no `address` to call.",
            "Give one to place calls, or leave `username`, "
            "`password`, `transport` and `destination_country` out.",
        )
    return side


def _credentials(
    username: str | None,
    password: SecretStr | str | None,
    prefix: str,
    existing: model.CarrierAccount | None,
) -> Json:
    """Return username and password; a change may leave the password out to keep it."""
    if username is None or (password is None and existing is None):
        raise _wrong(
            "The SIP trunk's login is incomplete.",
            f"Give both `{prefix}username` and `{prefix}password`.",
        )
    body: Json = {"username": username}
    return body | ({"password": revealed(password)} if password is not None else {})


def _wrong(message: str, hint: str) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(message, argument="account", hint=hint)


def one_way(trunk: model.CarrierAccount) -> str | None:
    """Return a notice about a SIP trunk that works in one direction only."""
    places, receives = (isinstance(trunk.raw.get(way), dict) for way in ("outbound", "inbound"))
    if places and not receives:
        return (
            "The SIP trunk of this number only places calls. To receive them, say who may call in: "
            "rotate_carrier(…, SipTrunk(allowed_addresses=…)), or an inbound login."
        )
    if receives and not places:
        return (
            "The SIP trunk of this number only receives calls. To place them, add an address: "
            "rotate_carrier(…, SipTrunk(address))."
        )
    return None


def released(number: model.PhoneNumber, raw: Json) -> model.Release:
    """Return the result of a deletion, which depends on where the number came from."""
    kind = number.carrier.kind if number.carrier else None
    own, kept = kind == "cartesia", kind in {"twilio", "sip_trunk"}
    outcome = CarrierOutcome.KEPT if kept else CarrierOutcome.UNKNOWN
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.RELEASED if own else outcome,
        reversible=kept if own or kept else None,
        how_to_undo="Import it again with import_number()." if kept else None,
        raw=raw,
    )
