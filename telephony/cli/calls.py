"""``telephony call``"""

from __future__ import annotations

from typing import Annotated

import typer

from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    confirm,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts


def call(
    number: NumberArgument,
    to: Annotated[str, typer.Argument(metavar="TO", help="E.164.")],
    provider: ProviderOption = None,
    agent: Annotated[
        str | None, typer.Option(help="Who speaks. Default: the agent the number is assigned to.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the vendor asks what to say, at vendors that do.")
    ] = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Call someone from a number. Vendors charge for it."""
    with connect(provider) as vendor:
        confirm(f"Call {to} from {number} through {vendor.name}?", yes)
        placed = vendor.place_call(number, to, agent=agent, url=url, options=vendor_options(option))
    if as_json:
        document(placed)
        return
    facts(
        [
            ("id", placed.id),
            ("from", placed.sender),
            ("to", placed.recipient),
            ("agent", placed.agent),
            ("status", placed.status),
        ]
    )
