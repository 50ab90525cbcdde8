"""Compare the response to a purchase with what was asked for."""

from __future__ import annotations

from telephony.errors import OutcomeUnknownError
from telephony.model import PhoneNumber
from telephony.wire import Operation


def as_asked(
    purchase: Operation[PhoneNumber], number: str | None, key: str | None
) -> Operation[PhoneNumber]:
    """Run a purchase; what it returns has the number and the key that were asked for.

    A proxy that answers with an earlier response would otherwise pass an old number off as the new
    one, which the caller would then rename, route or release.

    Args:
        purchase: the adapter's.
        number: the exact number to buy, E.164; None: any.
        key: the stored form of the idempotency key; None: without one.

    Raises:
        OutcomeUnknownError: the response is about another number, or another purchase's.
    """
    bought = yield from purchase
    if number is not None and bought.number != number:
        raise _another(bought, f"not about {number}")
    if key is not None and bought.mark not in (None, key):
        raise _another(bought, "of a purchase with another idempotency_key")
    return bought


def _another(bought: PhoneNumber, which: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"The response is about {bought.number or bought.id}, {which}",
        hint="The purchase may have been made: see list_numbers(). With an idempotency_key, the "
        "same call finds its number.",
    )
