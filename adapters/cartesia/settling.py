"""What became of a purchase or an import that nobody heard the end of."""

from __future__ import annotations

from telephony.model import Agent, PhoneNumber
from telephony.wire import Json


def stored_label(number: PhoneNumber) -> str | None:
    """The label as Cartesia keeps it, with the mark of the purchase."""
    label = number.raw.get("label")
    return label if isinstance(label, str) else None


def bought(
    before: dict[str, PhoneNumber], after: dict[str, PhoneNumber], label: str
) -> PhoneNumber | None:
    """The number that a purchase has brought; None when that is not certain."""
    new = [
        number
        for number in after.values()
        if number.id not in before and stored_label(number) == label
    ]
    return new[0] if len(new) == 1 else None


def imported(found: PhoneNumber, body: Json) -> bool:
    """Whether a number that is there is what `body` asked for, as far as Cartesia shows it; with
    another label, carrier or agent it was there before."""
    agent = found.assignment.id if isinstance(found.assignment, Agent) else None
    shown, asked = found.raw.get("provider"), body["provider"]
    carrier = shown if isinstance(shown, dict) else {}
    return (
        stored_label(found) == body["label"]
        and agent in (None, body.get("agent_id"))
        and isinstance(asked, dict)
        and all(carrier.get(key, value) == value for key, value in asked.items())
    )
