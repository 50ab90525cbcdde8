"""Cartesia's bodies, and the way from them into the unified model and back.

Unknown fields and unknown `type` values are tolerated: within a version Cartesia may add both.
Source: docs.cartesia.ai/api-reference/agents/phone-numbers and …/agents/providers.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue, SecretStr

from telephony import errors, model
from telephony.capabilities import CarrierOutcome
from telephony.marks import unmarked
from telephony.reading import items, read
from telephony.redaction import revealed
from telephony.wire import Json, Response


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Agent(_Body):
    id: str
    name: str | None = None


class Carrier(_Body):
    """A "provider" in Cartesia's words: a linked carrier account, or Cartesia itself."""

    type: str
    id: str | None = None
    account_sid: str | None = None
    region: str | None = None
    label: str | None = None

    def normalized(self, provider: str, raw: JsonValue) -> model.CarrierAccount:
        return model.CarrierAccount(
            id=self.id,
            provider=provider,
            kind=self.type,
            label=self.label,
            account=self.account_sid,
            region=self.region,
            raw=raw if isinstance(raw, dict) else {},
        )


class Number(_Body):
    id: str
    number: str
    label: str | None = None
    agent: Agent | None = None
    # Absent from the answer to a purchase, where it can only be Cartesia itself.
    provider: Carrier | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def normalized(self, provider: str, raw: Json) -> model.PhoneNumber:
        carrier = self.provider or Carrier(type="cartesia")
        return model.PhoneNumber(
            id=self.id,
            number=self.number,
            provider=provider,
            label=unmarked(self.label),
            # Cartesia keeps no status: a number is there and works, or is not there.
            status=model.NumberStatus.ACTIVE,
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(self.agent.id, self.agent.name) if self.agent else None,
            carrier=carrier.normalized(provider, raw.get("provider")),
            created_at=self.created_at,
            updated_at=self.updated_at,
            raw=raw,
        )


class NumberPage(_Body):
    data: list[JsonValue]
    has_more: bool = False


class Placed(_Body):
    """One item of the answer to an outbound call; each succeeds or fails by itself."""

    number: str | None = None
    agent_call_id: str | None = None
    error: JsonValue = None


class _Error(_Body):
    error_code: str | None = None
    title: str | None = None
    message: str | None = None
    request_id: str | None = None
    doc_url: str | None = None
    unreachable_numbers: list[JsonValue] = []


def number(response: Response, provider: str) -> model.PhoneNumber:
    raw = response.object()
    return read(Number, raw, response).normalized(provider, raw)


def number_page(response: Response, provider: str) -> tuple[list[model.PhoneNumber], bool]:
    page = read(NumberPage, response.json(), response)
    found = [
        read(Number, raw, response).normalized(provider, raw)
        for raw in page.data
        if isinstance(raw, dict)
    ]
    return found, page.has_more


def carrier(response: Response, provider: str) -> model.CarrierAccount:
    raw = response.object()
    return read(Carrier, raw, response).normalized(provider, raw)


def carriers(response: Response, provider: str) -> list[model.CarrierAccount]:
    """Documented as a bare array; an envelope with `data` is taken too."""
    body = response.json()
    found = items(body.get("data") if isinstance(body, dict) else body, response)
    return [read(Carrier, raw, response).normalized(provider, raw) for raw in found]


def placed(response: Response) -> Placed:
    """The outcome of the one call that was asked for."""
    calls = items(response.object().get("calls"), response)
    return read(Placed, calls[0] if calls else None, response)


def source(value: model.Source) -> Json:
    """Where a number is to be imported from."""
    if isinstance(value, model.LinkedCarrier):
        return {"id": value.id}
    if isinstance(value, model.TwilioAccount):
        body: Json = {"type": "twilio", "account_sid": value.account_sid}
        return body | ({"region": value.region} if value.region else {})
    raise TypeError(f"not a source at Cartesia: {type(value).__name__}")


def twilio(account: model.TwilioAccount) -> Json:
    """The credentials of a Twilio account: an API key, never the auth token."""
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
    """A SIP trunk: `outbound` where calls go somewhere, `inbound` where anything limits callers.

    A change of an `existing` trunk leaves out what cannot change and keeps what it does not name.
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
    if not inbound and not outbound:
        raise _wrong("The SIP trunk says nothing.", "Give an `address`, or who may call in.")
    sides = {"inbound": inbound, "outbound": outbound}
    return {"type": "sip_trunk", **{name: side for name, side in sides.items() if side}}


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
        raise _wrong("The SIP trunk has no `address` to call.", "Give one, or leave its login out.")
    return side


def _credentials(
    username: str | None,
    password: SecretStr | str | None,
    prefix: str,
    existing: model.CarrierAccount | None,
) -> Json:
    """Both parts; a change may leave the password out, which keeps it."""
    if username is None or (password is None and existing is None):
        raise _wrong(
            "Half of the SIP trunk's login is missing.",
            f"Give both `{prefix}username` and `{prefix}password`.",
        )
    body: Json = {"username": username}
    return body | ({"password": revealed(password)} if password is not None else {})


def _wrong(message: str, hint: str) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(message, argument="account", hint=hint)


def released(number: model.PhoneNumber, raw: Json) -> model.Release:
    """What deleting did, which depends on where the number came from."""
    own = number.carrier is not None and number.carrier.kind == "cartesia"
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.RELEASED if own else CarrierOutcome.KEPT,
        reversible=not own,
        how_to_undo=None if own else "Import it again with import_number().",
        raw=raw,
    )


def error(response: Response) -> errors.ProviderError:
    """JSON since 2026-03-01; before that plain text of the form ``Title: Message``."""
    try:
        body = response.object()
        said = _Error.model_validate(body)
    except (errors.InvalidResponseError, errors.OutcomeUnknownError, ValueError):
        body, said = {}, _Error(message=_plain(response))
    text = ": ".join(part for part in (said.title, said.message) if part)
    if said.unreachable_numbers:
        text += f" ({len(said.unreachable_numbers)} numbers cannot be reached)"
    return errors.class_for(response.status)(
        text or "Cartesia refused the request",
        code=said.error_code,
        request_id=said.request_id,
        # The numbers of an account are nobody's business in a log.
        raw={key: value for key, value in body.items() if key != "unreachable_numbers"} or None,
    )


def _plain(response: Response) -> str | None:
    """The text of an old error; a page from a proxy says nothing worth showing."""
    text = response.content.decode("utf-8", "replace").strip()
    return None if not text or text.startswith(("<", "{", "[")) else text
