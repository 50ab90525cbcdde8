"""``telephony demo``: the life of a number at every vendor, without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from telephony import ConfigurationError
from telephony.cli.options import JsonOption
from telephony.cli.output import console, document, errors, table


def demo(
    vendors: Annotated[
        list[str] | None, typer.Argument(metavar="VENDOR...", help="Default: all installed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Live a number's whole life at every vendor: no account, no configuration, no cost.

    Starts the sandbox and goes through it with the real adapters over real HTTP.
    """
    try:
        from telephony.sandbox import Sandbox
        from telephony.sandbox.tour import STEPS, tour
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The demo needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    with Sandbox(vendors or None) as sandbox:
        if not as_json:
            console.print(
                "The telephony sandbox plays every vendor on this machine, and the real adapters\n"
                "talk to it over HTTP. Nothing leaves the machine and nothing costs money.\n"
            )
        results = {}
        for vendor in sandbox.vendors:
            with errors.status(f"a number's life at {vendor}"):
                results[vendor] = tour(sandbox, vendor)
    if as_json:
        document({vendor: dict(steps) for vendor, steps in results.items()})
    else:
        rows = [(step, *(str(steps[step]) for steps in results.values())) for step in STEPS]
        table(("STEP", *(vendor.upper() for vendor in results)), rows, empty="No vendor.", gap=1)
        console.print("\n- : not offered by the vendor. See `telephony providers` for the reasons.")
    if any("failed" in outcome for steps in results.values() for outcome in steps.values()):
        raise typer.Exit(1)
