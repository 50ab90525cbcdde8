"""Buying and importing numbers, each at most once.

Retell knows no idempotency keys here. A purchase is proven by the key in the number's nickname, or
by the number that was asked for; an import by the number and its trunk. Neither was there before.
Source: docs.retellai.com/api-references (create-phone-number, import-phone-number); retell-sdk 6.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    UnsupportedOperationError,
)
from telephony.idempotency import find_digest
from telephony.model import PhoneNumber, SipTrunk, Source, Target
from telephony.reading import read_or_none
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

from . import assignment, bodies, paging

NUMBER = "/get-phone-number/{}"
_COUNTRIES = frozenset({"US", "CA"})


def listed(provider: str, size: int = paging.PAGE) -> Listing[PhoneNumber]:
    def made(row: bodies.Number, raw: bytes) -> PhoneNumber:
        return row.normalized(provider, raw)

    request = paging.by_query("/v2/list-phone-numbers", size)
    return paging.pages(request, bodies.Number, made, lambda row: row.phone_number)


def get(number: str, provider: str) -> Operation[PhoneNumber]:
    return bodies.number((yield Request.get(path(NUMBER, number))), provider)


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
    _check(provider, country, area_code)
    wanted: Json = {
        "country_code": country,
        "area_code": None if area_code is None else int(area_code),
        "phone_number": number,
        "nickname": label,
        **assignment.chosen(assign_to),
    }
    body = bodies.named(merged(wanted, options), key)
    if key is not None and (held := (yield from _bought(provider, key))):
        return held
    if number is not None and (yield from _find(number, provider)):
        raise ConflictError("The number is in this account already")
    try:
        return bodies.number((yield Request.post("/create-phone-number", body)), provider)
    except OutcomeUnknownError as lost:
        if key is not None:
            lost.hint = (
                "Wait a moment, then make the same call with the same idempotency_key: it looks "
                "before it buys."
            )
            made = yield from reconciled(_bought(provider, key), lost)
        elif number is not None:
            made = yield from reconciled(_find(number, provider), lost)
        else:
            lost.hint = (
                "It may have been bought: compare list_numbers() with what you know. Give an "
                "idempotency_key next time: with one, the same call finds its number."
            )
            raise
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
    """Import a number that Retell does not have yet.

    What Retell responds to a second import is not documented, so the number is looked for first.
    """
    if not isinstance(source, SipTrunk):
        raise InvalidRequestError(
            "Retell reaches an imported number through a SIP trunk.",
            argument="source",
            hint="Give source=SipTrunk(address=…, username=…, password=…).",
        )
    wanted: Json = {
        "phone_number": number,
        **bodies.imported_from(source),
        "nickname": label,
        **assignment.chosen(assign_to),
    }
    body = merged(wanted, options)
    if (yield from _find(number, provider)) is not None:
        raise ConflictError(
            "The number is imported already",
            hint="See get_number(), then assign_number() or update_number().",
        )
    try:
        made = bodies.number((yield Request.post("/import-phone-number", body)), provider)
    except OutcomeUnknownError as lost:
        found = yield from reconciled(_find(number, provider), lost)
        if found is None or not _is_ours(found.raw, body):
            raise
        made = found
    return bodies.imported(made)


def _check(provider: str, country: str, area_code: str | None) -> None:
    """Raise an error for what Retell would refuse, or ignore."""
    if country not in _COUNTRIES:
        raise UnsupportedOperationError(
            provider, f"provision_number with country={country}", "Here it can be: US or CA."
        )
    if area_code is None:
        return
    if country != "US":
        raise UnsupportedOperationError(
            provider,
            f"provision_number with area_code and country={country}",
            "Retell chooses by area code in the US only: give `number`, or leave it out.",
        )
    if len(area_code) != 3:
        raise InvalidRequestError(
            "`area_code` has not three digits.", argument="area_code", hint="Write it like 415."
        )


def _find(number: str, provider: str) -> Operation[PhoneNumber | None]:
    try:
        return (yield from get(number, provider))
    except NotFoundError:
        return None


def _bought(provider: str, key: str) -> Operation[PhoneNumber | None]:
    return (
        yield from first(listed(provider), lambda found: find_digest(bodies.nickname(found)) == key)
    )


def _is_ours(found: Json, body: Mapping[str, JsonValue]) -> bool:
    """Return whether a number is what an import requested, as far as Retell shows it."""
    row = read_or_none(bodies.Number, found)
    trunk = (row and row.sip_outbound_trunk_config) or bodies.Trunk()
    shown = {
        "nickname": row and row.nickname,
        "termination_uri": trunk.termination_uri,
        "sip_trunk_auth_username": trunk.auth_username,
    }
    return (
        row is not None
        and row.phone_number_type == bodies.CUSTOM
        and all((shown[name] or None) == body.get(name) for name in shown)
    )
