"""What became of a change whose response was lost: what is proven, and what is possible.

Source: docs.cartesia.ai/api-reference/agents/phone-numbers and …/agents/providers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from telephony.errors import OutcomeUnknownError, ProviderError, reclassified
from telephony.idempotency import find_digest
from telephony.model import Agent, CarrierAccount, PhoneNumber, TwilioAccount
from telephony.wire import Json

_EVER = datetime.min.replace(tzinfo=UTC)
_SHOWN = 5


def stored_label(number: PhoneNumber) -> str | None:
    """Return the label as Cartesia stores it, with the key of the purchase."""
    label = number.raw.get("label")
    return label if isinstance(label, str) else None


def find_purchase(owned: Iterable[PhoneNumber], key: str) -> PhoneNumber | None:
    """Return the number of the purchase with this key, its only proof."""
    return next((number for number in owned if find_digest(stored_label(number)) == key), None)


def unknown_hint(owned: Iterable[PhoneNumber], body: Json) -> str:
    """Return the hint after a purchase without a key: the numbers that it may have brought."""
    candidates = sorted(
        (
            number
            for number in owned
            if stored_label(number) == body["label"]
            and _agent_id(number) in (None, body.get("agent_id"))
        ),
        key=lambda number: number.created_at or _EVER,
        reverse=True,
    )
    ids = ", ".join(number.id for number in candidates[:_SHOWN])
    found = (
        f"It may have bought one of {ids} (newest first): compare with what you know."
        if ids
        else "No number with this label is there now, but one may yet appear: look again."
    )
    return f"{found} Give an idempotency_key next time: with one, the same call finds its number."


def outcome_unknown(failure: ProviderError) -> OutcomeUnknownError:
    """Return the error for an import that cannot be read back: even a refused one may be done."""
    if isinstance(failure, OutcomeUnknownError):
        return failure
    return reclassified(
        failure,
        OutcomeUnknownError,
        hint="It may be imported all the same: see get_number() before you import it again.",
    )


def is_imported(found: PhoneNumber, body: Json) -> bool:
    """Return whether a number is what `body` requested, as far as Cartesia shows it.

    With another label, carrier or agent it was there before.
    """
    shown, requested = found.raw.get("provider"), body["provider"]
    carrier = shown if isinstance(shown, dict) else {}
    return (
        stored_label(found) == body["label"]
        and _agent_id(found) in (None, body.get("agent_id"))
        and isinstance(requested, dict)
        and all(carrier.get(key) in (None, value) for key, value in requested.items())
    )


def is_linked(found: CarrierAccount, account: TwilioAccount) -> bool:
    """Return whether a link has these credentials: Cartesia shows the ends of its key.

    A link with another key was there before, and keeps it.
    """
    shown = found.raw.get("api_key_sid")
    ends = re.split(r"[^0-9A-Za-z]+", shown if isinstance(shown, str) else "")
    key = account.api_key_sid or ""
    return (
        (found.account, found.region) == (account.account_sid, account.region or "us1")
        and any(ends)
        and key.startswith(ends[0])
        and key.endswith(ends[-1])
    )


def _agent_id(number: PhoneNumber) -> str | None:
    return number.assignment.id if isinstance(number.assignment, Agent) else None
