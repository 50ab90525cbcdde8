"""``telephony demo``: a number from purchase to release at every vendor, without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from telephony import ConfigurationError
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import console, document, errors, missing_vendors, table

EXAMPLES = examples(
    "telephony demo",
    "telephony demo cartesia twilio",
    "telephony demo --json",
)


def demo(
    vendors: Annotated[
        list[str] | None, typer.Argument(metavar="VENDOR", help="Default: all installed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a number from purchase to release at every vendor. Needs no account.

    Starts the sandbox and uses it through the real adapters over real HTTP.
    """
    try:
        from telephony.sandbox import Sandbox
        from telephony.sandbox.server import missing as missing_sandboxes
        from telephony.sandbox.walkthrough import STEPS, tour
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The demo needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    with Sandbox(vendors or None) as sandbox:
        if not as_json:
            console.print(
                "The telephony sandbox serves every vendor's API on this machine, and the real\n"
                "adapters talk to it over HTTP. Nothing leaves the machine, nothing costs money.\n"
            )
        results = {}
        for vendor in sandbox.vendors:
            with errors.status(f"trying {vendor}", spinner="line"):
                results[vendor] = tour(sandbox, vendor)
    if as_json:
        document({vendor: dict(steps) for vendor, steps in results.items()})
    else:
        rows = [(step, *(str(steps[step]) for steps in results.values())) for step in STEPS]
        table(("STEP", *(vendor.upper() for vendor in results)), rows, empty="No vendor.", gap=1)
        console.print("\n- : not offered by the vendor. See `telephony providers` for the reasons.")
    if not vendors:
        missing_vendors(missing_sandboxes())
    if any("failed" in outcome for steps in results.values() for outcome in steps.values()):
        raise typer.Exit(1)
