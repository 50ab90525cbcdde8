"""``telephony providers``: what each vendor offers, read from the adapters themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from telephony import Capability, _tables
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import console, document, missing_vendors, table

_GAP = 2  # between columns
EXAMPLES = examples(
    "telephony providers",
    "telephony providers --outcomes",
    "telephony providers --json",
)


def providers(
    outcomes: Annotated[
        bool,
        typer.Option("--outcomes", help="Show what happens when the response to a change is lost."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what each installed vendor offers."""
    missing_vendors()
    if outcomes:
        _outcomes(as_json)
        return
    rows = _tables.matrix()
    if as_json:
        document(
            {
                name: {
                    str(capability): {"level": support.level, "note": support.note}
                    for capability, support in supports.items()
                }
                for name, supports in rows.items()
            }
        )
        return
    for names in _fitting(list(rows)):
        table(
            ("OPERATION", *(name.upper() for name in names)),
            [
                (str(each), *(_tables.SIGNS[rows[name][each].level] for name in names))
                for each in Capability
            ],
            empty="No adapter is installed.",
        )
        console.print()
    notes = [
        f"{name} {capability}: {support.note}"
        for name, supports in rows.items()
        for capability, support in supports.items()
        if support.note
    ]
    for note in notes:
        console.print(note)


def _fitting(vendors: list[str]) -> Iterator[list[str]]:
    """Yield the vendors in groups of which each fits beside the names of the operations."""
    room = console.width - max(map(len, Capability))
    group: list[str] = []
    for vendor in vendors:
        taken = sum(len(each) + _GAP for each in [*group, vendor])
        if group and taken > room:
            yield group
            group = []
        group.append(vendor)
    if group:
        yield group


def _outcomes(as_json: bool) -> None:
    declared = _tables.outcomes()
    if as_json:
        document(
            {name: {str(c): asdict(o) for c, o in rows.items()} for name, rows in declared.items()}
        )
        return
    table(
        ("VENDOR", "OPERATION", "RETRIED", "AFTER A LOST RESPONSE"),
        [
            (name, str(capability), "yes" if outcome.retried else "no", outcome.resolution)
            for name, rows in declared.items()
            for capability, outcome in rows.items()
        ],
        empty="No adapter is installed.",
    )
