"""Buying a number: what is refused before money is spent, and what is said of the result."""

from __future__ import annotations

from collections.abc import Iterable

from telephony.errors import InvalidRequestError, UnsupportedOperationError
from telephony.model import PhoneNumber
from telephony.wire import Json, Options

_COUNTRIES = frozenset({"US", "CA"})


def check(
    provider: str,
    *,
    number: str | None,
    country: str,
    area_code: str | None,
    key: str | None,
    options: Options,
) -> None:
    """Refuse what AgentPhone would not honour, or would quietly do in another way."""
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


def tagged(held: Iterable[PhoneNumber], key: str) -> PhoneNumber | None:
    """The number that was bought with the key."""
    return next((number for number in held if number.raw.get("externalId") == key), None)


def settled(
    before: dict[str, PhoneNumber], after: dict[str, PhoneNumber], body: Json
) -> PhoneNumber | None:
    """The number that a purchase whose answer was lost has brought; None when that is not certain.

    The area code does not count: the vendor takes another where it has none.
    """
    tag = body.get("externalId")
    new = [number for number in after.values() if number.id not in before]
    if isinstance(tag, str) and (found := tagged(new, tag)):
        return found
    fitting = [
        number
        for number in new
        if number.country in (None, body["country"]) and number.raw.get("externalId") in (None, tag)
    ]
    return fitting[0] if len(fitting) == 1 else None


def notices(bought: PhoneNumber, area_code: str | None, key: str | None) -> tuple[str, ...]:
    """What the buyer should know of how the request was met."""
    found: list[str] = []
    if area_code is not None and not bought.number.startswith(f"+1{area_code}"):
        found.append(f"Area code {area_code} was not to be had; this is {bought.number[2:5]}.")
    if key is not None and bought.raw.get("externalId") != key:
        found.append("AgentPhone did not confirm the key: it may not find this number again.")
    return tuple(found)
