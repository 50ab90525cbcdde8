"""``telephony fleet dump`` and ``import``: write the files of a fleet."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

import telephony
from telephony import ConfigurationError, InvalidRequestError
from telephony import config as configuration
from telephony.cli.examples import examples
from telephony.cli.fleet_opened import print_json, reading, reported
from telephony.cli.options import JsonOption
from telephony.cli.output import note, say
from telephony.numbers import is_region

DUMP = examples(
    "telephony fleet dump --to .",
    "telephony fleet dump carrier support --to /tmp/fleet",
    "telephony fleet dump twilio --to . --json",
)
IMPORT = examples(
    "telephony fleet import --from book.csv --number-column Phone --owner carrier",
    "telephony fleet import --from book.csv --label-column Name --country US",
    "telephony fleet import --from book.csv --out numbers/book.csv",
)


def dump(
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write fleet.toml and numbers/*.csv.")
    ],
    profiles: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROFILE", help="Default: all in telephony.toml."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the files of a fleet as it is now.

    A plan made from them is empty. Changes nothing at any vendor, and overwrites no file.
    """
    names = profiles or [*configuration.find().providers]
    if not names:
        raise ConfigurationError(
            "There is no telephony.toml with profiles: write one with `telephony config init`, or "
            "name adapters, such as `telephony fleet dump twilio cartesia --to DIR`."
        )
    from telephony import fleet

    held: dict[str, int] = {}
    with reported(wants_json=as_json), ExitStack() as closing:
        providers = {name: closing.enter_context(telephony.connect(name)) for name in names}
        with reading() as report:

            def count(profile: str, found: int) -> None:
                held[profile] = found
                report(profile, found)

            files = [str(path) for path in fleet.dump(providers, to, report=count)]
    if as_json:
        print_json({"files": files, "held": held})
        return
    for profile in sorted(held):
        say(
            f"{profile} holds {'1 number' if held[profile] == 1 else f'{held[profile]:,} numbers'}."
        )
    for path in files:
        say(f"Wrote {path}")
    at = "" if to == Path() else f" --fleet {to / 'fleet.toml'}"
    note(f"Edit them and see what that changes: telephony fleet plan{at}")


def import_(
    source: Annotated[
        Path, typer.Option("--from", metavar="CSV", help="The file to read, with a header row.")
    ],
    number_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of the numbers.")
    ] = "number",
    label_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the labels.")
    ] = None,
    target_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of what answers, such as agents' ids."),
    ] = None,
    country: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="The country whose national notation to read, such as US."
        ),
    ] = None,
    owner: Annotated[
        str,
        typer.Option(metavar="PROFILE", help="The profile that holds all of them at the carrier."),
    ] = "",
    answer_at: Annotated[
        str, typer.Option(metavar="PROFILE", help="The profile that answers all of them.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; default: print it.")
    ] = None,
) -> None:
    """Turn another CSV file into a file of numbers.

    Sends nothing, and overwrites no file.
    """
    from telephony.fleet.declared.files import csv_of
    from telephony.fleet.declared.foreign import rows_of
    from telephony.fleet.declared.model import Row

    if country is not None and not is_region(country):
        raise InvalidRequestError(
            "`country` is not an ISO 3166 code.", argument="country", hint="Write it like US."
        )
    named = {"number": number_column, "label": label_column, "answer_to": target_column}
    columns = {ours: its for ours, its in named.items() if its is not None}
    with reported(wants_json=False):
        same = Row("", owner=owner, answer_at=answer_at)
        rows = rows_of(source, columns, same, region=country)
    written = csv_of(rows)
    if out is None:
        say(written.rstrip("\n"))
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(written)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}.") from error
    note(f"Wrote {len(rows):,} numbers to {out}. Look at what they change: telephony fleet plan")
