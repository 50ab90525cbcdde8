"""Buying a number: what is refused before money is spent, and what the result is called.

Source: docs.agentphone.ai/api-reference/numbers, create number.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from telephony.errors import InvalidRequestError, UnsupportedOperationError
from telephony.model import PhoneNumber
from telephony.reading import EARLIEST
from telephony.wire import Json, Options

_COUNTRIES = frozenset({"US", "CA"})
_SHOWN = 5


def check(
    provider: str,
    *,
    number: str | None,
    country: str,
    area_code: str | None,
    key: str | None,
    options: Options,
) -> None:
    """Raise an error for what AgentPhone would refuse, ignore or do differently."""
    if number is not None:
        raise UnsupportedOperationError(
            provider,
            "provision_number with number",
            "AgentPhone picks the number: give `area_code`.",
        )
    if country not in _COUNTRIES:
        raise UnsupportedOperationError(
            provider, f"provision_number with country={country}", "Here it can be: US or CA."
        )
    if area_code is not None and len(area_code) != 3:
        raise InvalidRequestError(
            "`area_code` has not three digits.", argument="area_code", hint="Write it like 415."
        )
    if key is not None and "externalId" in options:
        raise InvalidRequestError(
            "`externalId` in `options` is where AgentPhone keeps the `idempotency_key`.",
            argument="options",
            hint="Give one of them.",
        )


def random_mark() -> str:
    """Return a random value to store in `externalId` for a purchase without a key."""
    return secrets.token_hex(12)


def find_mark(mark: str, held: Iterable[PhoneNumber]) -> PhoneNumber | None:
    """Return the number of the purchase with this `externalId`, its only proof."""
    return next((number for number in held if number.mark == mark), None)


def unknown_hint(held: Iterable[PhoneNumber], body: Json, key: str | None) -> str:
    """Return the hint for a purchase that left no proof: which numbers it may have bought.

    The area code does not count: the vendor takes another where it has none. Nor does the agent: a
    purchase may come without it.
    """
    candidates = sorted(
        (
            number
            for number in held
            if number.country in (None, body["country"])
            and number.mark in (None, "", body.get("externalId"))
        ),
        key=lambda number: number.created_at or EARLIEST,
        reverse=True,
    )
    ids = ", ".join(f"{number.number} ({number.id})" for number in candidates[:_SHOWN])
    found = (
        f"It may have bought one of these, newest first: {ids}."
        if ids
        else "No number that it may have bought is there now, but one may yet appear."
    )
    if key is not None:
        return f"{found} Look first; the same call with the same key buys only if none has the key."
    return f"{found} Look at list_numbers() before buying again; next time give an idempotency_key."


def notices(bought: PhoneNumber, area_code: str | None, key: str | None) -> tuple[str, ...]:
    """Return what the buyer should know about the number, such as another area code."""
    found = list(bought.notices)
    if area_code is not None and not bought.number.startswith(f"+1{area_code}"):
        found.append(f"Area code {area_code} was not available; this is {bought.number[2:5]}.")
    if key is not None and bought.mark != key:
        found.append("AgentPhone did not confirm the key: it may not find this number again.")
    return tuple(found)
