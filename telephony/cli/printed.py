"""Print numbers and releases for people."""

from __future__ import annotations

from telephony import CarrierOutcome, PhoneNumber, Release
from telephony.cli.output import console, document, facts, moment, plain, say, target_text
from telephony.cli.wording import on_the_command_line

_CARRIER = {
    CarrierOutcome.RELEASED: "released: the number has left the account",
    CarrierOutcome.KEPT: "kept: the carrier still holds and bills the number",
    CarrierOutcome.UNKNOWN: "the vendor does not say",
}


def print_number(number: PhoneNumber, done: str, as_json: bool) -> None:
    """Print what was done, and the number below it."""
    if as_json:
        document(number)
        return
    if done:
        say(done)
    carrier = number.carrier
    facts(
        [
            ("number", number.number),
            ("id", number.id),
            ("label", number.label),
            ("status", number.status),
            ("carries", ", ".join(sorted(number.channels))),
            ("answered by", target_text(number.assignment) or "nothing"),
            ("previously", target_text(number.replaced)),
            ("carrier", f"{carrier.kind} {carrier.id or ''}".strip() if carrier else None),
            ("created", moment(number.created_at)),
        ]
    )
    for notice in number.notices:
        console.print(f"note: {plain(on_the_command_line(notice))}", style="yellow")


def print_release(released: Release) -> None:
    """Print a release: who still holds the number, and how to undo it."""
    undo = {True: "yes", False: "no", None: "the vendor does not say"}[released.reversible]
    facts(
        [
            ("carrier", _CARRIER[released.at_carrier]),
            ("can be undone", undo),
            ("until", moment(released.undo_until)),
            ("how", on_the_command_line(released.how_to_undo or "")),
        ]
    )
    for notice in released.notices:
        console.print(f"note: {plain(on_the_command_line(notice))}", style="yellow")
