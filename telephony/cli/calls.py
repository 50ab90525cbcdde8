"""``telephony call``: call someone from a number."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from telephony.cli.changes import carry_out, confirmed
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, say

EXAMPLES = examples(
    "telephony call +14155550123 +14155550199",
    "telephony call +14155550123 +14155550199 --agent agent_reception --yes",
    "telephony call +14155550123 +14155550199 --url https://example.com/voice",
)


def call(
    number: NumberArgument,
    to: Annotated[str, typer.Argument(metavar="TO", help="Who is called, E.164.")],
    profile: ProviderOption = None,
    agent: Annotated[
        str | None,
        typer.Option(
            help="The agent that speaks; default: the one that the number is assigned to."
        ),
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where Twilio asks what to say.")] = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Call someone from a number. Vendors charge for it."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        placed = carry_out(
            provider,
            partial(provider.place_call, number, to, agent=agent, url=url, options=fields),
            confirmed(f"Call {to} from {number} through {provider.name}?", yes),
        )
    if as_json:
        document(placed)
        return
    say(f"Placed a call to {placed.recipient or to}.")
    facts(
        [
            ("id", placed.id),
            ("from", placed.sender),
            ("to", placed.recipient),
            ("agent", placed.agent),
            ("status", placed.status),
        ]
    )
