"""``telephony fleet where``, ``move`` and ``moves``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from telephony import InvalidRequestError
from telephony.cli.changes import confirmed, note_finished
from telephony.cli.examples import examples
from telephony.cli.failures import PARTLY, UNSAFE
from telephony.cli.fleet_opened import (
    FLEET,
    CachedOption,
    FleetOption,
    duration,
    opened,
    print_json,
)
from telephony.cli.fleet_printed import print_move, print_moves, print_places
from telephony.cli.options import JsonOption, YesOption
from telephony.cli.output import errors, note, plain
from telephony.numbers import is_e164

if TYPE_CHECKING:
    from telephony.fleet import Move

WHERE = examples(
    "telephony fleet where +14155550123",
    "telephony fleet where '+1415*' --cached 10m",
    "telephony fleet where --drift",
)
MOVE = examples(
    "telephony fleet move +14155550123 --to rooms --target reception",
    "telephony fleet move +14155550123 --to rooms --hold 10m --retire --yes",
    "telephony fleet move --back +14155550123",
)
MOVES = examples(
    "telephony fleet moves",
    "telephony fleet moves --json",
    "telephony fleet moves --fleet eu/fleet.toml",
)


def where(
    numbers: Annotated[
        list[str] | None,
        typer.Argument(metavar="NUMBER", help="Numbers, or patterns such as '+1415*'."),
    ] = None,
    file: FleetOption = FLEET,
    cached: CachedOption = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Only numbers about which the profiles disagree.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who owns and answers numbers, and drift.

    Drift is where the profiles disagree about a number. Exits with 11 if a profile could not be
    read: what it holds is then missing.
    """
    reading = errors.status("reading what the profiles hold", spinner="line")
    with opened(file, wants_json=as_json) as fleet, reading:
        found = fleet.where(*numbers or (), cached=cached)
    shown = [place for place in found if place.drift or not drift]
    if as_json:
        print_json(shown)
    else:
        none = f"No number of {len(found):,} has drifted." if drift else "No such number is held."
        print_places(shown, empty=none)
    for profile, why in fleet.unreadable.items():
        note(f"note: {profile} could not be read, so what it holds is missing here: {plain(why)}.")
    if fleet.unreadable:
        raise typer.Exit(UNSAFE)


def move(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="E.164, such as +14155550123.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="PROFILE", help="The profile that is to answer it.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            help="What answers it there, such as an agent's id; default: what answers already."
        ),
    ] = "",
    hold: Annotated[
        timedelta,
        typer.Option(
            metavar="TIME",
            parser=duration,
            help="How long to watch the owner's routing before the former answerer is unassigned.",
        ),
    ] = "0s",  # type: ignore[assignment]  # typer parses the default
    retire: Annotated[
        bool,
        typer.Option(
            "--retire", help="The former answerer gives the number up. Its owner keeps it."
        ),
    ] = False,
    back: Annotated[
        str | None, typer.Option(metavar="MOVE", help="Undo a move: its id, or the number.")
    ] = None,
    file: FleetOption = FLEET,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let another profile answer a number.

    Callers notice no gap. A move that fails is undone; one that was interrupted continues when it
    is run again. Exits with 12 if the number was not moved, or the move is not finished.
    """
    if (number is None) == (back is None) or (number is None) != (to is None):
        raise typer.BadParameter(
            "Give NUMBER --to PROFILE to move a number, or --back MOVE alone.", param_hint="NUMBER"
        )
    if number is not None and not is_e164(number):
        raise InvalidRequestError(
            "`number` is not in E.164 form.", argument="number", hint="Write it like +14155550123."
        )
    if back is not None and not back:
        raise typer.BadParameter("Give the move's id, or its number.", param_hint="--back")
    with opened(file, wants_json=as_json) as fleet:
        if number is None or to is None:
            confirmed(f"Undo the move {back}?", yes)()
            working = errors.status(f"undoing {back}", spinner="line")
        else:
            confirmed(f"Let {to} answer {number}?", yes)()
            working = errors.status(f"moving {number} to {to}", spinner="line")
        with working:
            if number is None or to is None:
                done = fleet.move_back(_id_of(back, fleet.moves()))
            else:
                done = fleet.move(number, to=to, target=target, hold=hold, retire=retire)
        note_finished("fleet move")
    if as_json:
        print_json(done)
    else:
        print_move(done)
    wanted = ("rolled_back",) if back else ("moved", "retired")
    if done.state not in wanted:
        raise typer.Exit(PARTLY)


def _id_of(given: str | None, moves: Iterable[Move]) -> str | None:
    """Return the id of the last move of a number."""
    return next((one.id for one in moves if one.number == given), given)


def moves(file: FleetOption = FLEET, as_json: JsonOption = False) -> None:
    """Show all moves, the latest first. Sends nothing."""
    with opened(file, wants_json=as_json) as fleet:
        found = fleet.moves()
    if as_json:
        print_json(found)
    else:
        print_moves(found)
