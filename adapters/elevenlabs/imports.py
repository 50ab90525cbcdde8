"""Importing numbers, each at most once, with the credentials of their carrier.

What ElevenLabs responds to a second import is not documented, so a number is looked for first.
Source: SDK 2.78.0 (create_*_phone_number_request).
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from telephony import model
from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
    UnsupportedOperationError,
    reclassified,
)
from telephony.redaction import revealed
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    first,
    merged,
    path,
    reconciled,
)

from . import bodies, paging

NUMBERS = "/v1/convai/phone-numbers"
# A version of its own, below that of everything else.
_LIST = "/v1/convai/v2/phone-numbers"

_NO_AGENT = "The number is not assigned: a verified caller id, not bought, takes no agent."
_TEXTS = (
    "ElevenLabs answers its texts too, and has set its messaging URL at Twilio: with "
    "options={'enable_sms': False} an import leaves texts where they are."
)
# A region of Twilio's is reached by an edge, which must be named.
_EDGES = {"us1": "ashburn", "ie1": "dublin", "au1": "sydney"}


def numbers(
    provider: str, *, number: str | None = None, limit: int | None = None
) -> Listing[model.PhoneNumber]:
    """List the numbers of the workspace, or those with this E.164."""
    params = [("page_size", str(paging.size(limit)))]
    return paging.pages(
        _LIST,
        [*params, ("phone_number", number)] if number else params,
        lambda response: bodies.number_page(response, provider),
        id_of=lambda found: found.id,
    )


def find(number: str | None, provider: str) -> Operation[model.PhoneNumber | None]:
    """Return the number with this E.164. How exactly the filter compares is not documented."""
    listing = numbers(provider, number=number)
    return (yield from first(listing, lambda found: found.number == number))


def get(id_: str, provider: str) -> Operation[model.PhoneNumber]:
    return bodies.number((yield Request.get(path(f"{NUMBERS}/{{}}", id_))), provider)


def import_(
    number: str,
    provider: str,
    *,
    source: model.Source | None,
    label: str | None,
    agent: str | None,
    inbound: bool,
    outbound: bool,
    options: Options,
) -> Operation[model.PhoneNumber]:
    wanted: Json = {
        "phone_number": number,
        "label": label or number,
        **_source(source, provider, inbound=inbound, outbound=outbound),
        "agent_id": agent,
    }
    body = merged(wanted, options)
    if (yield from find(number, provider)) is not None:
        raise ConflictError(
            "The number is imported already",
            hint="See get_number(), then assign_number() or update_number().",
        )
    try:
        made = bodies.imported((yield Request.post(NUMBERS, body)))
    except OutcomeUnknownError as lost:
        # It was not there a moment ago, so what agrees with the request is its result.
        found = yield from reconciled(find(number, provider), lost)
        if found is None or not _agrees(found, body):
            raise
        return _with_notices(found, body)
    try:
        read = yield from get(made, provider)
    except ProviderError as unread:
        raise reclassified(
            unread,
            OutcomeUnknownError,
            hint=f"The number IS imported, as {made}: get_number() reads it.",
        ) from unread
    return _with_notices(read, body)


def _with_notices(made: model.PhoneNumber, body: Json) -> model.PhoneNumber:
    """Return a number just imported, with what the caller may not expect of it."""
    notices: tuple[str, ...] = ()
    texts = body.get("provider") == "twilio" and body.get("enable_sms") is not False
    if body.get("agent_id") != _agent_id(made):
        notices = (_NO_AGENT,)
    elif texts and made.raw.get("supports_inbound") is not False:
        notices = (_TEXTS,)
    return made.model_copy(update={"notices": notices})


def _agrees(found: model.PhoneNumber, body: Json) -> bool:
    shown = (found.raw.get("provider"), found.raw.get("label"), _agent_id(found))
    return shown == (body.get("provider"), body.get("label"), body.get("agent_id"))


def _agent_id(number: model.PhoneNumber) -> str | None:
    return number.assignment.id if isinstance(number.assignment, model.Agent) else None


# --- Where a number comes from -------------------------------------------------------------------


def _source(source: model.Source | None, provider: str, *, inbound: bool, outbound: bool) -> Json:
    if source is None:
        raise InvalidRequestError(
            "`source` is missing: ElevenLabs cannot know which carrier holds the number.",
            argument="source",
            hint="Give source=TwilioAccount(…) or SipTrunk(…).",
        )
    if isinstance(source, model.SipTrunk):
        return _of_trunk(source, inbound=inbound, outbound=outbound)
    if not isinstance(source, model.TwilioAccount):
        raise TypeError(f"not a source at ElevenLabs: {type(source).__name__}")
    if not (inbound and outbound):
        raise UnsupportedOperationError(
            provider,
            "import_number from Twilio for one direction",
            "Twilio's number works in each direction that Twilio allows: limit it there.",
        )
    return _of_twilio(source)


def _of_twilio(account: model.TwilioAccount) -> Json:
    if account.auth_token is None:
        raise _bad_source(
            "ElevenLabs needs the auth token of a Twilio account, to check Twilio's signatures.",
            "Give TwilioAccount(…) an `auth_token`, beside the API key if there is one.",
        )
    if (account.api_key_sid is None) != (account.api_key_secret is None):
        raise _bad_source(
            "One half of Twilio's API key is missing.",
            "Give TwilioAccount(…) `api_key_sid` and `api_key_secret`, or neither.",
        )
    token = revealed(account.auth_token)
    fields: Json = {"provider": "twilio", "sid": account.account_sid, "token": token}
    if account.api_key_sid is not None:
        fields |= {
            "sid": account.api_key_sid,
            "token": _clear(account.api_key_secret),
            "account_auth_token": token,
        }
    if account.region is not None:
        edge = _EDGES.get(account.region)
        if edge is None:
            raise _bad_source(
                f"ElevenLabs does not reach Twilio's region {account.region!r}.",
                f"Give one of {', '.join(_EDGES)}.",
            )
        fields["region_config"] = {
            "region_id": account.region,
            "token": token,
            "edge_location": edge,
        }
    return fields


def _of_trunk(trunk: model.SipTrunk, *, inbound: bool, outbound: bool) -> Json:
    if outbound and trunk.address is None:
        raise _bad_source(
            "A SIP trunk that places calls needs an `address`.",
            "Give SipTrunk(…) the carrier's host, or import with outbound=False.",
        )
    sides = trunk_sides(trunk)
    return {
        "provider": "sip_trunk",
        "inbound_trunk_config": sides.get("inbound_trunk_config", {}) if inbound else None,
        "outbound_trunk_config": sides.get("outbound_trunk_config") if outbound else None,
    }


def trunk_sides(trunk: model.SipTrunk) -> Json:
    """Return the fields of each direction that `trunk` describes."""
    unsupported: Mapping[str, object] = {
        "pin": trunk.pin,
        "destination_country": trunk.destination_country,
        "name": trunk.name,
    }
    for name, value in unsupported.items():
        if value:
            raise _bad_source(f"ElevenLabs's SIP trunks have no `{name}`.", "Leave it out.")
    incomplete = {
        ("username", "address"): trunk.username and not trunk.address,
        ("transport", "address"): trunk.transport and not trunk.address,
        ("password", "username"): trunk.password and not trunk.username,
        ("inbound_password", "inbound_username"): (
            trunk.inbound_password and not trunk.inbound_username
        ),
    }
    for (given, missing), wrong in incomplete.items():
        if wrong:
            raise _bad_source(
                f"The `{given}` of a SIP trunk needs its `{missing}`.", "Give both, or neither."
            )
    login = trunk.inbound_username
    inbound = merged(
        {
            "allowed_addresses": list(trunk.allowed_addresses) or None,
            "allowed_numbers": list(trunk.allowed_numbers) or None,
            "credentials": _login(login, trunk.inbound_password) if login else None,
            "media_encryption": trunk.media_encryption,
        },
        {},
    )
    outbound = merged(
        {
            "address": trunk.address,
            "transport": trunk.transport,
            "media_encryption": trunk.media_encryption,
            "credentials": _login(trunk.username, trunk.password) if trunk.username else None,
        },
        {},
    )
    return merged(
        {
            "inbound_trunk_config": inbound or None,
            "outbound_trunk_config": outbound if trunk.address else None,
        },
        {},
    )


def _login(username: str, password: SecretStr | str | None) -> Json:
    return merged({"username": username, "password": _clear(password)}, {})


def _clear(secret: SecretStr | str | None) -> str | None:
    return None if secret is None else revealed(secret)


def _bad_source(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="source", hint=hint)
