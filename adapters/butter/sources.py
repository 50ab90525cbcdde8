"""The fields that name or link the carrier of a number. Source: docs.getbutter.ai/api-reference."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from telephony import model
from telephony.errors import InvalidRequestError
from telephony.redaction import revealed
from telephony.wire import Json

_PIN_LENGTH = range(4, 11)
_LONGEST_NAME = 100
_MEDIA_ENCRYPTION = {"disabled": "disable", "allowed": "allow", "required": "require"}


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
