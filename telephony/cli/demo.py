"""``telephony demo``: a number from purchase to release at every vendor, without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from telephony import ConfigurationError
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import console, document, errors, missing_vendors, table

_COLUMNS = ("VENDOR", "GET", "NUMBER", "LABEL", "ASSIGN", "TEXTS", "CALL", "FREE", "RELEASE")
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
        from telephony.sandbox.installed import missing as missing_sandboxes
        from telephony.sandbox.walkthrough import FAILED, tour
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
        table(_COLUMNS, map(_row, results, results.values()), empty="No vendor.", gap=1)
        for vendor, steps in results.items():
            for step, outcome in steps.items():
                if outcome.startswith(FAILED):
                    console.print(f"\n{vendor}: {step}: {outcome}")
        console.print("\n-    not offered by the vendor: `telephony providers` has the reasons")
        console.print("kept the number stays at the carrier that it was imported from")
    if not vendors:
        missing_vendors(missing_sandboxes())
    if any(outcome.startswith(FAILED) for steps in results.values() for outcome in steps.values()):
        raise typer.Exit(1)


def _row(vendor: str, steps: dict[str, str]) -> tuple[str, ...]:
    """Return what a vendor did in one line: with a line a step, eight vendors would not fit."""
    texts = {"in": steps["messages"], "out": steps["send text"]}
    done = [way for way, outcome in texts.items() if _short(outcome) == "done"]
    return (
        vendor,
        steps["get number"],
        steps["number"],
        _short(steps["label"]),
        steps["assign"].removeprefix("to "),
        ", ".join(done) or "-",
        steps["call"],
        _short(steps["unassign"]),
        steps["release"].partition(" ")[0],
    )


def _short(outcome: str) -> str:
    return outcome if outcome in {"-", "no", "left out"} else "done"
