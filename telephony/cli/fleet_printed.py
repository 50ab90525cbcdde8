"""Print runs, places and moves of a fleet for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from telephony.cli.output import console, facts, plain, say, table

if TYPE_CHECKING:
    from telephony.fleet import Entry, Move, Place, Run

_SHOWN = 20
_WIDEST = 100
_STATES = (
    ("refused", "by the vendor, or before any request"),
    ("failed", "resuming tries them again"),
    ("unknown", "they may have been done, so they are not repeated"),
    ("changed", "somebody else changed them: plan again"),
)
_RUN_STATES = {"partly": "not finished"}
_DRIFT = {
    "points_elsewhere": "its owner sends the calls elsewhere",
    "answered_twice": "two profiles are set to answer it",
    "nobody": "nothing answers its calls",
    "unowned": "no owner of the fleet holds it",
    "stale_import": "a profile holds it that does not answer it",
    "label": "its label is not the declared one",
}


def print_run(run: Run) -> None:
    """Print how a run stands, what is not done, and how to go on."""
    name = run.id[:12]
    counted = ", ".join(f"{count:,} {state}" for state, count in run.counts.items() if count)
    say(f"Run {name} is {_RUN_STATES.get(run.state, run.state)}: {counted or 'nothing to do'}.")
    for state, meaning in _STATES:
        found: Sequence[Entry] = getattr(run, state)
        if found:
            say(f"\n{state.capitalize()} ({len(found):,}): {meaning}")
            _lines((f"{one.op.id}: {one.why}" for one in found[:_SHOWN]), indent="  ")
            if len(found) > _SHOWN:
                say(f"  … and {len(found) - _SHOWN:,} more: --json has them all")
    for account, reason in run.paused.items():
        _lines([f"{account} was left alone: {reason}."])
    if run.refused or run.changed:
        say("\nFor what was refused or changed: correct the files and plan again.")
    if run.state != "finished":
        say(f"\nTo continue the run: telephony fleet resume {name}")
    if run.unknown:
        say("If that settles nothing, check at the vendor, then add --repeat-unknown.")


def print_places(places: Sequence[Place], *, empty: str) -> None:
    """Print where numbers are: one with all that is known of it, more of them as a table."""
    if len(places) == 1:
        (place,) = places
        held = [one for one in (place.owner, *place.answerers) if one is not None]
        drift = [f"{one}: {_DRIFT[one]}" for one in place.drift]
        facts(
            [
                ("number", place.number),
                ("label", place.owner.label if place.owner else None),
                ("owner", place.owner.profile if place.owner else "none of the fleet's"),
                ("a call goes", place.path or "unknown: no profile shows it"),
                *((f"at {one.profile}", _assigned(one.assignment)) for one in held),
                ("drift", "\n".join(drift) or "none"),
            ]
        )
    else:
        rows = ((one.number, one.path or _held(one), ", ".join(one.drift)) for one in places)
        table(("NUMBER", "A CALL GOES", "DRIFT"), rows, empty=empty)


def _line(move: Move) -> str:
    """Return what a moved number's line says of who answers it."""
    targets = [op.after for op in move.make if op.profile == move.to and op.after]
    answer_to = f", answer_to={targets[-1]}" if targets else ""
    return f"answer_at={move.to}{answer_to}"


def print_move(move: Move) -> None:
    """Print how a move stands, and what to do next."""
    again = f"telephony fleet move {move.number} --to {move.to}"
    match move.state:
        case "moved" | "retired":
            gone = " The former answerer has given it up." if move.state == "retired" else ""
            say(f"Moved: {move.to} answers {move.number}.{gone}")
            say(f"Update its line: {_line(move)}.")
            say("Otherwise the next plan moves it back.")
            if move.state == "moved":
                say(f"To undo it: telephony fleet move --back {move.id}")
        case "rolled_back":
            why = f" {move.reason}" if move.reason else ""
            _lines([f"Undone: {move.number} is answered as before.{why}"])
        case "left":
            _lines([f"Not undone: {move.number}. {move.reason} See: telephony fleet where"])
        case _:
            _lines([f"Not finished: the move of {move.number} is {move.state}. {move.reason}"])
            say(f"To continue: {again}")
            say(f"To undo:     telephony fleet move --back {move.id}")


def print_moves(moves: Iterable[Move]) -> None:
    """Print moves, a line each."""
    rows = ((one.id, one.number, one.owner, one.to, str(one.state)) for one in moves)
    table(("MOVE", "NUMBER", "OWNER", "TO", "STATE"), rows, empty="No number was moved yet.")


def _assigned(assignment: str) -> str:
    return "nothing answers" if assignment == "-" else assignment


def _held(place: Place) -> str:
    return f"(held at {', '.join(one.profile for one in place.answerers)})"


def _lines(texts: Iterable[str], indent: str = "") -> None:
    for text in texts:
        width = min(console.width, _WIDEST)
        hanging = f"{indent}  " if indent else ""
        say(textwrap.fill(plain(text), width, initial_indent=indent, subsequent_indent=hanging))
