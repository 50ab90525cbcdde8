"""How a number is bought for an order, at most once."""

from __future__ import annotations

from collections.abc import Generator

from msgspec.structs import replace

from telephony.errors import (
    NotFoundError,
    OutcomeUnknownError,
    TelephonyError,
    UnsupportedOperationError,
)
from telephony.fleet.applying.steps import (
    Call,
    Find,
    Save,
    Step,
    Steps,
    cleared,
    done,
    ended,
    state_after,
)
from telephony.fleet.journal.protocol import Entry, State
from telephony.fleet.planning.ops import Op
from telephony.idempotency import key_digest
from telephony.model import AvailableNumber, PhoneNumber


def bought(entry: Entry, op: Op) -> Steps:
    """Buy a number for an order, at most once.

    The order is the idempotency key, which makes the provider look before it buys, and read back
    what it can after a lost response. Where the vendor keeps no keys, one of the numbers that it
    offers is written down first, and exactly that one is bought.
    """
    if entry.state is State.UNKNOWN:
        found = yield from _brought(entry, op)
        return entry if found is None else (yield from done(entry, found))
    started = replace(cleared(entry), state=State.STARTED)
    yield Save(started, entry.state)
    try:
        if not started.number:
            try:
                return (yield from done(started, (yield _purchase(op))))
            except UnsupportedOperationError as no_keys:
                chosen = yield from _chosen(op, no_keys)
            started = replace(started, number=chosen)
            yield Save(started, State.STARTED)
        return (yield from done(started, (yield _purchase(op, started.number))))
    except OutcomeUnknownError as lost:
        return (yield from ended(started, State.UNKNOWN, lost))
    except TelephonyError as error:
        # Another one is chosen when the run is resumed.
        return (yield from ended(replace(started, number=""), state_after(error), error))


def _brought(entry: Entry, op: Op) -> Generator[Step, object, PhoneNumber | None]:
    """Return the number that a purchase of unknown outcome has brought, if that can be read."""
    try:
        if entry.number:
            found = yield Call(op.profile, "get_number", {"number": entry.number})
        else:
            found = yield Find(op.profile, key_digest(op.order or ""))
    except TelephonyError:
        return None
    return found if isinstance(found, PhoneNumber) else None


def _purchase(op: Op, number: str | None = None) -> Call:
    wanted = {"country": op.country or "US", "area_code": op.area_code}
    which = {"number": number} if number else wanted
    named = {"label": op.after, "idempotency_key": op.order}
    return Call(op.profile, "provision_number", {**which, **named})


def _chosen(op: Op, no_keys: UnsupportedOperationError) -> Generator[Step, object, str]:
    """Return the first number that the vendor offers.

    Raises:
        UnsupportedOperationError: it cannot be asked: `no_keys`.
        NotFoundError: it offers none.
    """
    wanted = {"country": op.country or "US", "area_code": op.area_code, "limit": 1}
    try:
        offered = yield Call(op.profile, "search_numbers", wanted)
    except UnsupportedOperationError:
        raise no_keys from None
    assert isinstance(offered, list)  # noqa: S101 - for the type checker
    for one in offered:
        if isinstance(one, AvailableNumber):
            return one.number
    raise NotFoundError(
        "The vendor offers no such number now", hint="Change the order's area code."
    )
