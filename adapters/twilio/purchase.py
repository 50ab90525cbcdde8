"""Buying a number, at most once.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.idempotency import find_digest
from telephony.model import AvailableNumber, PhoneNumber
from telephony.wire import Json, Operation, Options, first, reconciled

from . import bodies
from .errors import TAKEN
from .inventory import Inventory


def check(options: Options) -> None:
    """Raise `InvalidRequestError` for an option that an argument exists for."""
    for field in ("PhoneNumber", "AreaCode", "FriendlyName"):
        if field in options:
            raise InvalidRequestError(
                f"`options` has {field}.",
                argument="options",
                hint="Give `number`, `area_code` or `label` instead.",
            )


@dataclass(frozen=True)
class Wanted:
    """What to buy: an exact `number`, or the first offer.

    Attributes:
        name: the label as Twilio stores it.
        key: the stored form of the idempotency key, which `name` ends with.
        like: what the number begins with, where known.
        body: the form, without the number.
    """

    number: str | None
    name: str | None
    key: str | None
    like: str | None
    body: Json


def provision(
    inventory: Inventory, wanted: Wanted, offers: Operation[list[AvailableNumber]]
) -> Operation[PhoneNumber]:
    """Buy a number, or return the one that an earlier purchase with the same key brought.

    Raises:
        ConflictError: the account holds the wanted number already.
    """
    if wanted.key is not None and wanted.name is not None:
        held = yield from find_earlier(inventory, wanted.key, wanted.name, wanted.like)
        if held is not None:
            return held
    if wanted.number is None:
        return (yield from buy_first(inventory, (yield from offers), wanted.key, wanted.body))
    if (yield from inventory.find(wanted.number)) is not None:
        raise ConflictError(
            "The account holds this number already", hint="Adopt it with import_number()."
        )
    return (yield from buy(inventory, wanted.number, wanted.key, wanted.body))


def find_earlier(
    inventory: Inventory, key: str, name: str, like: str | None
) -> Operation[PhoneNumber | None]:
    """Return the number that a purchase with this key brought.

    It has this name, or was renamed since; then only numbers that begin with `like` are read.
    """
    for filters in ({"FriendlyName": name}, {"PhoneNumber": like}):
        found = yield from first(inventory.all(filters), lambda held: _has_key(held, key))
        if found is not None:
            return found
    return None


def buy(inventory: Inventory, number: str, key: str | None, body: Json) -> Operation[PhoneNumber]:
    """Buy an exact number.

    After a lost response only the key proves that the number is from this purchase: another user of
    the account may have bought it meanwhile. Of two purchases with one key at once, the second is
    refused the number and returns the first one's.
    """
    try:
        return (yield from inventory.add(number, body))
    except ConflictError as refusal:
        if refusal.code != TAKEN or key is None:
            raise
        found = yield from reconciled(inventory.find(number), refusal)
        if found is None or not _has_key(found, key):
            raise
        return found
    except OutcomeUnknownError as lost:
        found = yield from reconciled(inventory.find(number), lost)
        if found is not None and key is not None and _has_key(found, key):
            return found
        lost.hint = (
            f"The account holds {number} now, as {found.id}, but another purchase may have "
            "brought it: compare with what you know. Give an idempotency_key next time: with "
            "one, the same call finds its number."
            if found
            else f"The account does not hold {number} now, but it may yet appear: look again "
            "before you buy another."
        )
        raise


def buy_first(
    inventory: Inventory, candidates: Iterable[AvailableNumber], key: str | None, body: Json
) -> Operation[PhoneNumber]:
    """Buy the first of some numbers that is still available."""
    unavailable: ProviderError = NotFoundError(
        "Twilio offers no such number now", hint="Try another area code, or none."
    )
    for candidate in candidates:
        try:
            return (yield from buy(inventory, candidate.number, key, body))
        except ConflictError as refusal:
            if refusal.code != TAKEN:
                raise
            unavailable = refusal
    raise unavailable


def _has_key(number: PhoneNumber, key: str) -> bool:
    return find_digest(bodies.stored_label(number)) == key
