"""Print numbers and releases for people."""

from __future__ import annotations

from telephony import Call, CarrierOutcome, PhoneNumber, Release
from telephony.cli.output import console, document, facts, moment, plain, say
from telephony.cli.wording import on_the_command_line
from telephony.targets import target_text

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


def print_call(call: Call, done: str) -> None:
    """Print what was done, and the call below it."""
    if done:
        say(done)
    facts(
        [
            ("id", call.id),
            ("from", call.sender),
            ("to", call.recipient),
            ("direction", call.direction),
            ("agent", call.agent),
            ("status", call.status),
            ("started", moment(call.started_at)),
            ("answered", moment(call.answered_at)),
            ("ended", moment(call.ended_at)),
            ("lasted", call_length(call)),
            ("reason", call.reason),
        ]
    )


def call_summary(call: Call) -> str:
    """Return how far a call has got, as a part of a line."""
    facts = [f"after {length}" if (length := call_length(call)) else "", call.reason or ""]
    known = ", ".join(filter(None, facts))
    return plain(f"{call.status} ({known})" if call.ended_at and known else str(call.status))


def call_length(call: Call) -> str:
    """Return how long a call lasted, such as ``1:05``."""
    if call.duration is None:
        return ""
    minutes, seconds = divmod(round(call.duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


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
