"""Buying and importing numbers, each at most once.

Vapi knows no idempotency keys. A purchase is proven by the key in the number's name, an import by
the number, which was not there before.
"""

from __future__ import annotations

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    UnsupportedOperationError,
)
from telephony.idempotency import find_digest
from telephony.model import LinkedCarrier, PhoneNumber, Source, Target, TwilioAccount
from telephony.wire import Json, Operation, Options, Request, first, merged, reconciled

from . import assignment, bodies, carriers, paging

NUMBERS = "/phone-number"
# What shows that a number is the one that was to be imported.
_PROOF = ("provider", "number", "twilioAccountSid", "credentialId", "name", *assignment.AGENTS)


def buy(
    provider: str,
    *,
    number: str | None,
    country: str,
    area_code: str | None,
    label: str | None,
    assign_to: Target | None,
    key: str | None,
    options: Options,
) -> Operation[PhoneNumber]:
    if number is not None or country != "US":
        raise UnsupportedOperationError(
            provider,
            "provision_number with number or another country",
            "Vapi gives out US numbers of its own choice; buy elsewhere and import.",
        )
    if area_code is not None and len(area_code) != 3:
        raise InvalidRequestError(
            "An area code of Vapi's numbers has three digits.", argument="area_code"
        )
    if key is not None:
        held = yield from _bought(provider, key)
        if held is not None:
            return held
    wanted: Json = {"provider": "vapi", "name": label, "numberDesiredAreaCode": area_code}
    body = bodies.named(merged(wanted | assignment.chosen(assign_to), options), key)
    try:
        return bodies.created((yield Request.post(NUMBERS, body)), provider)
    except OutcomeUnknownError as lost:
        if key is None:
            lost.hint = (
                "It may have been bought: compare list_numbers() with what you know. Give an "
                "idempotency_key next time: with one, the same call finds its number."
            )
            raise
        lost.hint = (
            "Wait a moment, then make the same call with the same idempotency_key: it looks before "
            "it buys."
        )
        made = yield from reconciled(_bought(provider, key), lost)
        if made is None:
            raise
        return made


def import_(
    number: str,
    provider: str,
    *,
    source: Source | None,
    label: str | None,
    assign_to: Target | None,
    options: Options,
) -> Operation[PhoneNumber]:
    """Import a number that Vapi does not have yet.

    What Vapi responds to a second import is not documented, so the number is looked for first.
    """
    if source is None:
        source = yield from carriers.only(provider)
    fields = yield from origin(source, provider)
    wanted = {**fields, "number": number, "name": label, **assignment.chosen(assign_to)}
    body = bodies.named(merged(wanted, options), None)
    if (yield from find(number, provider)) is not None:
        raise _imported_already()
    try:
        return bodies.created((yield Request.post(NUMBERS, body)), provider)
    except ConflictError as taken:
        taken.hint = _imported_already().hint
        raise
    except OutcomeUnknownError as lost:
        found = yield from reconciled(find(number, provider), lost)
        if found is None or any(found.raw.get(key) != body.get(key) for key in _PROOF):
            raise
        return found


def find(number: str | None, provider: str) -> Operation[PhoneNumber | None]:
    """Return the number with this E.164. The search also finds parts of numbers and names."""
    listing = paging.numbers(provider, search=number)
    return (yield from first(listing, lambda found: found.number == number))


def _bought(provider: str, key: str) -> Operation[PhoneNumber | None]:
    listing = paging.numbers(provider, search=key)
    return (yield from first(listing, lambda found: find_digest(stored_name(found)) == key))


def stored_name(number: PhoneNumber) -> str | None:
    """Return the name as Vapi stores it, with the key of the purchase."""
    name = number.raw.get("name")
    return name if isinstance(name, str) else None


def origin(source: Source, provider: str) -> Operation[Json]:
    """Return the fields that say where a number is to come from."""
    if isinstance(source, TwilioAccount):
        return bodies.twilio(source)
    if not isinstance(source, LinkedCarrier):
        raise TypeError(f"not a source at Vapi: {type(source).__name__}")
    linked = yield from carriers.get(source.id, provider)
    return {"provider": carriers.number_kind(linked), "credentialId": source.id}


def _imported_already() -> ConflictError:
    return ConflictError(
        "The number is imported already",
        hint="See get_number(), then assign_number() or update_number().",
    )
