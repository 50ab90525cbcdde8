"""The options that many commands share, and how they open a connection."""

from __future__ import annotations

from datetime import UTC, datetime
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
OptionalNumberArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="NUMBER", help="E.164, such as +14155550123, or the vendor's id; default: all."
    ),
]
AfterOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only those at this time or later, ISO 8601.")
]
BeforeOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only those before this time, ISO 8601.")
]
LimitOption: TypeAlias = Annotated[int, typer.Option(help="Show at most this many.", min=1)]
KeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Your name for it: run again with the same key, it is not done twice.",
    ),
]


def connect(name: str | None) -> telephony.Provider:
    return telephony.connect(name)


def vendor_options(pairs: list[str] | None) -> Options:
    """Return ``KEY=VALUE`` pairs as a mapping."""
    options: dict[str, JsonValue] = {}
    for key, value in text_pairs(pairs, "option").items():
        try:
            options[key] = from_json(value)
        except ValueError:
            options[key] = value
    return options


def text_pairs(pairs: list[str] | None, option: str) -> dict[str, str]:
    """Return ``KEY=TEXT`` pairs as a dict."""
    found: dict[str, str] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InvalidRequestError(
                f"`--{option} {pair}` is not KEY=VALUE.",
                argument=option,
                hint=f"Write: --{option} key=value",
            )
        found[key] = value
    return found


def time_of(text: str | None, argument: str) -> datetime | None:
    """Return a time on the command line; one without an offset is UTC, like those shown."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"`{argument}` is not a time.", argument=argument, hint="Write 2026-05-01T09:00:00Z."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
