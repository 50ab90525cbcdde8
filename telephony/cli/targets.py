"""``telephony targets``: what a number can be assigned to."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import TypeAdapter

from telephony import Room, Split, Target, Webhook
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption, ProviderOption, connect
from telephony.cli.output import console, progress, say, table
from telephony.targets import target_text

EXAMPLES = examples(
    "telephony targets",
    "telephony targets --provider cartesia",
    "telephony targets --provider twilio --json",
)


def targets(
    profile: ProviderOption = None,
    limit: Annotated[int | None, typer.Option(help="Show at most this many.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """List what a number can be assigned to.

    Agents, applications, trunks and rooms, whichever the vendor has. A URL needs no listing.
    """
    with connect(profile) as provider:
        found = progress(provider.list_targets(limit=limit), "targets")
    if as_json:
        say(TypeAdapter(list[Target]).dump_json(found, indent=2).decode(console.encoding))
        return
    table(("KIND", "NAME", "ID"), map(_row, found), empty="There is nothing to assign a number to.")


def _row(target: Target) -> tuple[str, str, str]:
    match target:
        case Room(name=name):
            return target.kind, name, name
        case Webhook() | Split():
            return target.kind, "", target_text(target)
        case _:
            return target.kind, target.name or "", target.id
