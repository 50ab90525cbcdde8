"""Butter AI's bodies, and the way from them into the unified model and back.

Unknown fields and values are tolerated: the vendor versions nothing.
Source: docs.getbutter.ai/api-reference (introduction, phone-numbers, agents, integrations, calls).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import AliasChoices, Field, JsonValue, SecretStr

from telephony import model
from telephony.errors import InvalidRequestError
from telephony.model import Id
from telephony.reading import Body, Moment, read, rows
from telephony.redaction import revealed
from telephony.wire import Json, Response, unreadable

from . import errors

_PIN_LENGTH = range(4, 11)
_LONGEST_NAME = 100
_MEDIA_ENCRYPTION = {"disabled": "disable", "allowed": "allow", "required": "require"}
_NUMBER_STATUS = {
    "free": model.NumberStatus.ACTIVE,
    "assigned": model.NumberStatus.ACTIVE,
}
_CALL_STATUS = {
    "queued": model.CallStatus.QUEUED,
    # The call is on its way, and not known to ring yet.
    "initiated": model.CallStatus.QUEUED,
    "calling": model.CallStatus.QUEUED,
    "ringing": model.CallStatus.RINGING,
    "in_progress": model.CallStatus.IN_PROGRESS,
    "completed": model.CallStatus.COMPLETED,
    "busy": model.CallStatus.BUSY,
    "no_answer": model.CallStatus.NO_ANSWER,
    "failed": model.CallStatus.FAILED,
    "canceled": model.CallStatus.CANCELED,
}
_SECRET = re.compile(r"password|secret|token|pin$", re.IGNORECASE)


class Number(Body):
    # The introduction calls every entity's key `id`; the endpoints' own pages do not.
    id: Id = Field(validation_alias=AliasChoices("phone_number_id", "id"))
    phone_number: str
    provider: str | None = None
    status: str | None = None
    assigned_agent_id: str | None = None
    # Shown in the response to an import, not in the list.
    integration_id: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None

    def normalized(self, provider: str, raw: Json) -> model.PhoneNumber:
        agent = self.assigned_agent_id
        return model.PhoneNumber(
            id=self.id,
            number=self.phone_number,
            provider=provider,
            status=_NUMBER_STATUS.get(_word(self.status), model.NumberStatus.UNKNOWN),
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(agent) if agent else None,
            carrier=self._carrier(provider),
            created_at=self.created_at,
            updated_at=self.updated_at,
            raw=raw,
        )

    def _carrier(self, provider: str) -> model.CarrierAccount | None:
        # Only Twilio numbers have an integration.
        word = self.provider or ("twilio" if self.integration_id else None)
        if word is None:
            return None
        kind = "sip_trunk" if word == "sip" else word
        return model.CarrierAccount(id=self.integration_id or None, provider=provider, kind=kind)


class Pagination(Body):
    next_cursor: str | None = None
    has_more: bool | None = None

    @property
    def ends(self) -> bool:
        return self.has_more is False or not (self.has_more or self.next_cursor)


class NumberPage(Body):
    pagination: Pagination = Field(default_factory=Pagination)


class Agent(Body):
    """The agent in the responses to an assignment and to its end."""

    name: str | None = Field(default=None, validation_alias=AliasChoices("agent_name", "name"))


class Integration(Body):
    """A linked carrier account."""

    id: Id | None = Field(default=None, validation_alias=AliasChoices("integration_id", "id"))
    name: str | None = None
    provider: str | None = None


class Placed(Body):
    call_sid: Id
    sender: str | None = Field(default=None, validation_alias="from")
    recipient: str | None = Field(default=None, validation_alias="to")
    agent_id: str | None = None
    status: str | None = None


# --- Responses -----------------------------------------------------------------------------------


def _body(response: Response) -> Json:
    """Return the body, unless a status of success comes with an error in it."""
    body = response.object()
    if body.get("success") is False:
        raise InvalidRequestError(
            errors.said(body) or "Butter AI says that it did not succeed",
            status=response.status,
            attempts=response.attempts,
            raw=errors.shown(body),
        )
    return body


def _object(response: Response, entity: str) -> Json:
    """Return the entity of a response: `data`, or the entity's own key in an older version."""
    body = _body(response)
    value = body.get("data") or body.get(entity)
    if not isinstance(value, dict):
        raise unreadable(response, f"The response has no usable {entity}")
    return value


def number(response: Response, provider: str) -> model.PhoneNumber:
    raw = _object(response, "phone_number")
    return read(Number, raw, response).normalized(provider, _without_secrets(raw))


def number_page(response: Response, provider: str) -> tuple[list[model.PhoneNumber], Pagination]:
    body = _body(response)
    listed = body.get("data")
    values = body.get("phone_numbers") if listed is None else listed
    found = [
        number.normalized(provider, _without_secrets(raw))
        for number, raw in rows(Number, values, response)
    ]
    return found, read(NumberPage, body, response).pagination


def agent(response: Response, agent_id: str) -> model.Agent:
    """Return the agent that a number was assigned to or taken from."""
    return model.Agent(agent_id, read(Agent, _object(response, "agent"), response).name)


def answered_by(number: model.PhoneNumber, agent: model.Agent | None) -> model.PhoneNumber:
    """Return `number` as the list will show it; the response shows the agent only."""
    raw = {
        **number.raw,
        "status": "assigned" if agent else "free",
        "assigned_agent_id": agent.id if agent else None,
    }
    return number.model_copy(update={"assignment": agent, "raw": raw})


def one_way(number: model.PhoneNumber, **wanted: bool) -> tuple[str, ...]:
    """Return a notice for each direction `wanted` that the number does not support."""
    return tuple(
        f"Butter AI does not let this number {verb}: remove it in its dashboard, then import it "
        f"again with {way}=True."
        for way, verb in (("inbound", "receive calls"), ("outbound", "place calls"))
        if wanted.get(way) and number.raw.get(f"supports_{way}") is False
    )


def carrier(
    response: Response, provider: str, *, known: str | None = None, account: str | None = None
) -> model.CarrierAccount:
    """Return a linked carrier: the one with the id `known`, or one just linked.

    Butter AI does not show the `account` it was linked with.
    """
    raw = _object(response, "integration")
    found = read(Integration, raw, response)
    link = found.id or known
    if link is None:
        raise unreadable(response, "The response has no usable integration_id")
    return model.CarrierAccount(
        id=link,
        provider=provider,
        # Nothing else can be linked.
        kind=found.provider or "twilio",
        label=found.name,
        account=account,
        raw=_without_secrets(raw),
    )


def call(response: Response, provider: str, number: str, to: str, agent: str) -> model.Call:
    """Return a call just placed. Its fields are at the top of the response, not under `data`."""
    body = _body(response)
    parts = [part for part in (body.get("data"), body.get("call")) if isinstance(part, dict)]
    inner = next((part for part in parts if part.get("call_sid")), body)
    placed = read(Placed, inner, response)
    return model.Call(
        id=placed.call_sid,
        provider=provider,
        number=number,
        sender=placed.sender or number,
        recipient=placed.recipient or to,
        status=_CALL_STATUS.get(_word(placed.status), model.CallStatus.UNKNOWN),
        agent=placed.agent_id or agent,
        raw=inner,
    )


def _word(status: str | None) -> str:
    """Return a status in one spelling: some pages have ``in-progress``, others ``in_progress``."""
    return (status or "").lower().replace("-", "_")


def _without_secrets(raw: Json) -> Json:
    """Return a body without credentials, which Butter AI may show at undocumented places."""
    return {key: _cleared(value) for key, value in raw.items() if not _SECRET.search(key)}


def _cleared(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_cleared(element) for element in value]
    return _without_secrets(value) if isinstance(value, dict) else value


# --- Requests ------------------------------------------------------------------------------------


def source(value: model.Source, *, outbound: bool) -> Json:
    """Return the fields of an import that name the source of the number."""
    if isinstance(value, model.LinkedCarrier):
        return {"provider": "twilio", "integration_id": value.id}
    if isinstance(value, model.SipTrunk):
        return {"provider": "sip", **_sip_trunk(value, outbound=outbound)}
    raise TypeError(f"not a source at Butter AI: {type(value).__name__}")


def _sip_trunk(trunk: model.SipTrunk, *, outbound: bool) -> Json:
    unsupported: Mapping[str, object] = {
        "transport": trunk.transport,
        "allowed_addresses": trunk.allowed_addresses,
        "allowed_numbers": trunk.allowed_numbers,
        "inbound_username": trunk.inbound_username,
        "inbound_password": trunk.inbound_password,
        "destination_country": trunk.destination_country,
    }
    for name, value in unsupported.items():
        if value:
            raise _bad_source(f"Butter AI's SIP trunks have no `{name}`.", "Leave it out.")
    if outbound and trunk.address is None:
        raise _bad_source(
            "A SIP trunk that places calls needs an `address`.",
            "Give SipTrunk(…) the carrier's host, or import with outbound=False.",
        )
    if trunk.pin is not None and len(revealed(trunk.pin)) not in _PIN_LENGTH:
        raise _bad_source("`pin` has not 4 to 10 characters.", "Choose another.")
    return {
        "sip_trunk_name": trunk.name,
        "sip_server_address": trunk.address,
        "sip_username": trunk.username,
        "sip_password": _clear(trunk.password),
        "inbound_pin": _clear(trunk.pin),
        "media_encryption": _MEDIA_ENCRYPTION.get(trunk.media_encryption or ""),
    }


def _bad_source(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="source", hint=hint)


def twilio(account: model.TwilioAccount, argument: str) -> Json:
    """Return the credentials of a Twilio account: its auth token, never an API key."""
    if account.auth_token is None:
        raise InvalidRequestError(
            "Butter AI links a Twilio account by its auth token.",
            argument=argument,
            hint="Give TwilioAccount(…) an `auth_token`.",
        )
    for name in ("api_key_sid", "api_key_secret", "region"):
        if getattr(account, name) is not None:
            raise InvalidRequestError(
                f"Butter AI's link to Twilio has no `{name}`.",
                argument=argument,
                hint="Leave it out.",
            )
    return {
        "provider": "twilio",
        "account_sid": account.account_sid,
        "auth_token": revealed(account.auth_token),
    }


def name(label: str | None, account: model.TwilioAccount) -> str:
    """Return the name of a linked account, which Butter AI requires."""
    if label is not None and len(label) > _LONGEST_NAME:
        raise InvalidRequestError(
            f"`label` is longer than {_LONGEST_NAME} characters.", argument="label"
        )
    return label or account.account_sid


def _clear(secret: SecretStr | str | None) -> str | None:
    return None if secret is None else revealed(secret)


def agrees(number: model.PhoneNumber, body: Json) -> bool:
    """Return whether a number is what `body` requested, as far as Butter AI shows it."""
    return all(number.raw.get(key) in (None, value) for key, value in body.items())
