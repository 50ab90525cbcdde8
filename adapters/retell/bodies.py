"""Retell AI's numbers, and the way from them into the unified model and back.

A number has no id: its E.164 is the key. Unset fields are null or missing, times are milliseconds.
Source: docs.retellai.com (API reference, OpenAPI); retell-sdk 6.2.
"""

from __future__ import annotations

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.idempotency import add_digest, split_digest
from telephony.reading import Body, Id, Time, moment, read, read_or_none
from telephony.redaction import revealed
from telephony.wire import Json, Response

from . import assignment, secrets

CUSTOM = "custom"
_SIP = "sip:sip.retellai.com;transport=tcp"
_POINT = (
    f"Retell has changed nothing at the carrier: point the trunk's origination at {_SIP}, and link "
    "the number to that trunk, so that calls reach it."
)
_OWN = {"retell-twilio", "retell-telnyx"}


class Trunk(Body):
    """The way out of an imported number."""

    termination_uri: str | None = None
    auth_username: str | None = None
    transport: str | None = None


class Number(assignment.Routes, kw_only=True):
    phone_number: Id
    phone_number_type: str | None = None
    nickname: str | None = None
    sip_outbound_trunk_config: Trunk | None = None
    last_modification_timestamp: Time = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        texts = self.inbound_sms_webhook_url or any(
            map(self.agents, ("inbound_sms_agents", "outbound_sms_agents"))
        )
        # Whether a number may text is not shown, but only one that may has an agent for it.
        channels = {model.Channel.VOICE, *({model.Channel.SMS} if texts else ())}
        label, mark = split_digest(self.nickname)
        found = model.PhoneNumber(
            id=self.phone_number,
            number=self.phone_number,
            provider=provider,
            label=label,
            mark=mark,
            channels=frozenset(channels),
            assignment=self.target(),
            carrier=self._carrier(provider),
            updated_at=moment(self.last_modification_timestamp),
        )
        return secrets.kept_out(found, raw)

    def _carrier(self, provider: str) -> model.CarrierAccount | None:
        kind = self.phone_number_type
        if not kind:
            return None
        return model.CarrierAccount(
            id=None, provider=provider, kind="sip_trunk" if kind == CUSTOM else kind
        )


class _Nicknamed(Body):
    nickname: str | None = None


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(Number, response.content, response).normalized(provider, response.content)


def imported(found: model.PhoneNumber) -> model.PhoneNumber:
    """Return a number just imported, with what is left to do."""
    return found.model_copy(update={"notices": (_POINT,)})


def nickname(number: model.PhoneNumber) -> str | None:
    """Return the label as Retell stores it, with the key of the purchase."""
    found = read_or_none(_Nicknamed, number.raw)
    return found.nickname if found else None


def named(body: Json, key: str | None) -> Json:
    """Return a body whose nickname ends in the digest of the purchase's key, if there is one."""
    wanted = body.get("nickname")
    if key is None or not (wanted is None or isinstance(wanted, str)):
        return body
    return {**body, "nickname": add_digest(wanted, key)}


def imported_from(trunk: model.SipTrunk) -> Json:
    """Return the fields of an import that say how the number is reached."""
    return _trunk(trunk, "sip_trunk_auth_username", "sip_trunk_auth_password")


def moved_to(trunk: model.SipTrunk) -> Json:
    """Return the fields that change how an imported number is reached: two have other names."""
    return _trunk(trunk, "auth_username", "auth_password")


def _trunk(trunk: model.SipTrunk, username: str, password: str) -> Json:
    if trunk.address is None:
        raise InvalidRequestError(
            "Retell reaches the number through the trunk's address.",
            argument="source",
            hint="Give SipTrunk(address=…), such as xyz.pstn.twilio.com.",
        )
    others = {
        name: getattr(trunk, name)
        for name in (
            "media_encryption", "allowed_addresses", "allowed_numbers", "inbound_username",
            "inbound_password", "pin", "destination_country", "name",
        )
    }  # fmt: skip
    unknown = [name for name, value in others.items() if value not in (None, ())]
    if unknown:
        raise InvalidRequestError(
            f"Retell's trunks have no {' and no '.join(f'`{name}`' for name in unknown)}.",
            argument="source",
            hint="Leave it out: Retell keeps address, username, password and transport.",
        )
    return {
        "termination_uri": trunk.address,
        "transport": trunk.transport.upper() if trunk.transport else None,
        username: trunk.username,
        password: revealed(trunk.password) if trunk.password is not None else None,
    }


def released(number: model.PhoneNumber) -> model.Release:
    """Return the result of a release, which depends on where the number came from."""
    kind = number.carrier.kind if number.carrier else None
    own, kept = kind in _OWN, kind == "sip_trunk"
    outcome = CarrierOutcome.KEPT if kept else CarrierOutcome.UNKNOWN
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.RELEASED if own else outcome,
        reversible=kept if own or kept else None,
        how_to_undo="Import it again with import_number()." if kept else None,
        raw=number.raw,
    )
