"""The options that many commands share, and how they open a connection."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer
from pydantic import JsonValue
from pydantic_core import from_json

import telephony
from telephony import InvalidRequestError
from telephony.wire import Options

ProviderOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        "-p",
        metavar="NAME",
        help="A profile of telephony.toml, or an adapter such as cartesia.",
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
YesOption: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")
]
OptionOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="KEY=VALUE",
        help="A field of the vendor's own request body; VALUE is JSON or text. Repeatable.",
    ),
]
NumberArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NUMBER", help="E.164, such as +14155550123, or the vendor's id.")
]


def connect(name: str | None) -> telephony.Provider:
    return telephony.connect(name)


def vendor_options(pairs: list[str] | None) -> Options:
    """Return ``KEY=VALUE`` pairs as a mapping."""
    options: dict[str, JsonValue] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InvalidRequestError(
                f"`--option {pair}` is not KEY=VALUE.",
                argument="option",
                hint="Write: -o key=value",
            )
        try:
            options[key] = from_json(value)
        except ValueError:
            options[key] = value
    return options
