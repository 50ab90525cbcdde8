"""Tables for people, one JSON document for programs, errors in a line or two."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from telephony import (
    Agent,
    Application,
    Room,
    Split,
    Target,
    TelephonyError,
    Trunk,
    Webhook,
)

T = TypeVar("T")

# What the vendors and their callers wrote is text: "[/b]" in a message is no markup.
console = Console(highlight=False, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

# Nor does it steer the terminal: an escape sequence in a message is shown, not obeyed.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
del _CONTROLS[ord("\t")], _CONTROLS[ord("\n")]

_ROOM = 80  # columns: what a number, the longest id and some words beside them need


def fail(error: TelephonyError) -> None:
    """Say what went wrong and what to do next."""
    text = plain(" ".join(str(error).split()))
    errors.print(f"error: {text}", style="red", soft_wrap=True)


def plain(text: str) -> str:
    """Text of other people, without what a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def document(value: BaseModel | Sequence[BaseModel] | dict[str, object]) -> None:
    """Print the JSON document of a result; the fields are those of the model."""
    if isinstance(value, BaseModel):
        body: object = value.model_dump(mode="json")
    elif isinstance(value, dict):
        body = value
    else:
        body = [item.model_dump(mode="json") for item in value]
    typer.echo(json.dumps(body, ensure_ascii=False, indent=2))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, gap: int = 2
) -> None:
    """Print rows under their headings, or say that there are none."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    # An E.164 number or an id that is cut in two is of no use to anyone. Where there is no room for
    # both, rich would leave out the end of each.
    whole = {"NUMBER", "FROM", "TO"} | ({"ID"} if console.width >= _ROOM else set())
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in rows:
        grid.add_row(*map(plain, row))
    if grid.row_count:
        console.print(grid)
    else:
        errors.print(empty)


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print the facts of one thing, unknown ones left out."""
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            grid.add_row(name, plain(value))
    console.print(grid)


def progress(items: Iterator[T], what: str) -> list[T]:
    """Collect a listing, counting on stderr while it goes on (at a terminal only)."""
    if not sys.stderr.isatty():
        return list(items)
    found: list[T] = []
    with errors.status(f"reading {what}") as status:
        for item in items:
            found.append(item)
            if len(found) % 100 == 0:
                status.update(f"reading {what}: {len(found)} so far")
    return found


def said(target: Target | None) -> str:
    """An assignment in a few words."""
    match target:
        case None:
            return ""
        case Agent(id=agent, name=name):
            return f"agent {name} ({agent})" if name and name != agent else f"agent {agent}"
        case Webhook(voice_url=voice, sms_url=sms):
            parts = (("voice", voice), ("sms", sms))
            return ", ".join(f"{kind} {url}" for kind, url in parts if url)
        case Application(id=application):
            return f"application {application}"
        case Trunk(id=trunk):
            return f"trunk {trunk}"
        case Room(name=room):
            return f"room {room}"
        case Split(voice=calls, sms=texts):
            return f"calls: {said(calls) or 'nothing'}; texts: {said(texts) or 'nothing'}"


def moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else ""
