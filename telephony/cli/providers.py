"""``telephony providers``: what each vendor offers, read from the adapters themselves."""

from __future__ import annotations

from telephony.cli.options import JsonOption
from telephony.cli.output import console, document, table
from telephony.matrix import SIGNS, matrix


def providers(as_json: JsonOption = False) -> None:
    """What each installed vendor offers."""
    rows = matrix()
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
    capabilities = next(iter(rows.values()))
    table(
        ("OPERATION", *(name.upper() for name in rows)),
        [
            (str(capability), *(SIGNS[supports[capability].level] for supports in rows.values()))
            for capability in capabilities
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
        console.print(note, markup=False)
