"""Linked carrier accounts: Twilio accounts and SIP trunks, "providers" in Cartesia's words.

Source: docs.cartesia.ai/api-reference/agents/providers.
"""

from __future__ import annotations

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.model import (
    CarrierAccount,
    CarrierCredentials,
    LinkedCarrier,
    PhoneNumber,
    SipTrunk,
    TwilioAccount,
)
from telephony.wire import (
    Batch,
    Listing,
    Operation,
    Options,
    Request,
    collect,
    deleted,
    merged,
    path,
    reconciled,
)

from . import bodies, reconciliation

_CARRIERS = "/agents/phone-numbers/providers"


def listed(provider: str) -> Listing[CarrierAccount]:
    response = yield Request.get(_CARRIERS)
    yield Batch(bodies.carriers(response, provider))


def link(
    account: CarrierCredentials, label: str | None, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Link once.

    Account and region of a Twilio link are unique, so after a lost response it is looked for; a SIP
    trunk has nothing unique, so its outcome stays unknown.
    """
    account = _linkable(account)
    if isinstance(account, SipTrunk):
        body = bodies.sip_trunk(account)
        body["label"] = label or account.name or account.address or "SIP trunk"
        response = yield Request.post(_CARRIERS, merged(body, options))
        return bodies.carrier(response, provider)
    body = {**bodies.twilio(account), "label": label}
    try:
        response = yield Request.post(_CARRIERS, merged(body, options))
        return bodies.carrier(response, provider)
    except ConflictError as linked:
        linked.hint = "It is linked already: change its credentials with rotate_carrier()."
        raise
    except OutcomeUnknownError as lost:
        for found in (yield from reconciled(collect(listed(provider)), lost)):
            if reconciliation.is_linked(found, account):
                return found
        raise


def rotate(
    carrier: str, credentials: CarrierCredentials, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Replace the credentials. Cartesia tests them, and applies all of them or none."""
    credentials = _linkable(credentials)
    found = yield from _get(carrier, provider)
    if isinstance(credentials, TwilioAccount):
        if found.account not in (None, credentials.account_sid):
            raise InvalidRequestError(
                "A linked carrier cannot move to another Twilio account.",
                argument="credentials",
                hint="Link the other account with link_carrier() and import from there.",
            )
        body = bodies.twilio(credentials)
        del body["account_sid"]
        if found.region:
            # Cartesia takes a region that is left out for us1, and so would move the link there.
            body.setdefault("region", found.region)
    else:
        body = bodies.sip_trunk(credentials, found)
    response = yield Request.patch(path(f"{_CARRIERS}/{{}}", carrier), merged(body, options))
    return bodies.carrier(response, provider)


def unlink(carrier: str, provider: str, options: Options) -> Operation[CarrierAccount]:
    found = yield from _get(carrier, provider)
    try:
        yield from deleted(Request.delete(path(f"{_CARRIERS}/{{}}", carrier), json=dict(options)))
    except ConflictError as used:
        used.hint = "Release the numbers that were imported from it first."
        raise
    return found


def only(provider: str) -> Operation[LinkedCarrier]:
    """Return the linked account if there is exactly one."""
    ids = [carrier.id for carrier in (yield from collect(listed(provider))) if carrier.id]
    if len(ids) == 1:
        return LinkedCarrier(ids[0])
    raise InvalidRequestError(
        f"{len(ids) or 'No'} carrier accounts are linked, and none is named.",
        argument="source",
        hint="Give source=LinkedCarrier(id); list_carriers() and link_carrier() have the ids.",
    )


def with_notice(imported: PhoneNumber) -> Operation[PhoneNumber]:
    """Return `imported` with a notice if its SIP trunk works in one direction only."""
    held = imported.carrier
    if held is None or held.id is None or held.kind != "sip_trunk":
        return imported
    try:
        trunk = yield from _get(held.id, imported.provider)
    except ProviderError:
        return imported  # the import itself is done
    notice = bodies.one_way(trunk)
    return imported.model_copy(update={"notices": (notice,) if notice else ()})


def _get(carrier: str, provider: str) -> Operation[CarrierAccount]:
    response = yield Request.get(path(f"{_CARRIERS}/{{}}", carrier))
    return bodies.carrier(response, provider)


def _linkable(account: CarrierCredentials) -> TwilioAccount | SipTrunk:
    if isinstance(account, TwilioAccount | SipTrunk):
        return account
    raise TypeError(f"not a carrier at Cartesia: {type(account).__name__}")
