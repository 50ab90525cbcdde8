"""Linked Twilio accounts, "integrations" in Butter AI's words.

Source: docs.getbutter.ai/api-reference/integrations.
"""

from __future__ import annotations

from telephony.errors import ConflictError, OutcomeUnknownError, ProviderError, reclassified
from telephony.model import CarrierAccount, CarrierCredentials, TwilioAccount
from telephony.wire import Json, Operation, Options, Request, deleted, merged, path

from . import bodies, sources

_CARRIERS = "/api/integrations"


def link(
    account: CarrierCredentials, label: str | None, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Link once. Butter AI does not list links, so a lost response leaves the outcome unknown."""
    twilio = _twilio(account)
    body: Json = {
        "name": sources.name(label, twilio),
        "credentials": sources.twilio(twilio, "account"),
    }
    try:
        response = yield Request.post(_CARRIERS, merged(body, options))
        return bodies.carrier(response, provider, account=twilio.account_sid)
    except OutcomeUnknownError as lost:
        lost.hint = (
            "It may be linked: look among the integrations in Butter AI's dashboard before you "
            "link it again."
        )
        raise


def rotate(
    carrier: str, credentials: CarrierCredentials, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Replace all credentials of a link; its name stays."""
    twilio = _twilio(credentials)
    body: Json = {"credentials": sources.twilio(twilio, "credentials")}
    response = yield Request.put(path(f"{_CARRIERS}/{{}}", carrier), merged(body, options))
    return bodies.carrier(response, provider, known=carrier, account=twilio.account_sid)


def unlink(carrier: str, provider: str, options: Options) -> Operation[CarrierAccount]:
    """Delete a link."""
    request = Request.delete(path(f"{_CARRIERS}/{{}}", carrier), json=dict(options))
    try:
        response = yield from deleted(request)
    except ProviderError as failure:
        if failure.status not in (400, 409):
            raise
        # Which of the two means that the account is in use is not documented.
        raise reclassified(
            failure,
            ConflictError,
            hint="Remove the numbers that came from it first, in Butter AI's dashboard.",
        ) from failure
    if response is None:
        return CarrierAccount(id=carrier, provider=provider, kind="twilio")
    return bodies.carrier(response, provider, known=carrier)


def _twilio(account: CarrierCredentials) -> TwilioAccount:
    if not isinstance(account, TwilioAccount):
        raise TypeError(f"not a carrier at Butter AI: {type(account).__name__}")
    return account
