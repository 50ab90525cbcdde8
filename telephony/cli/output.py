"""Tables for people, and one JSON document for programs."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from telephony import (
    ConfigurationError,
    registry,
)

T = TypeVar("T")

# Vendors' and callers' words are printed as they are: "[/b]" in a message is no markup.
console: Console = Console(highlight=False, markup=False, emoji=False)
errors: Console = Console(stderr=True, highlight=False, markup=False, emoji=False)

# Nor do they control the terminal: an escape sequence in a message is replaced.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
del _CONTROLS[ord("\t")], _CONTROLS[ord("\n")]

_ROOM = 80  # columns: what a number, the longest id and some words beside them need
_STACKED = 60  # columns: below, each row is shown as lines of its own
_NARROWEST = 20


def prepare() -> None:
    """Make printing safe: no terminal turns a change that was made into an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for one in (console, errors):
        one.width = max(one.width, _NARROWEST)


def arguments(given: Sequence[str]) -> list[str]:
    """Return the command's arguments as text, whatever the locale is.

    Raises:
        ConfigurationError: one of them is not UTF-8.
    """
    try:
        return [os.fsencode(one).decode() if not one.isascii() else one for one in given]
    except UnicodeError:
        raise ConfigurationError("An argument is not text in UTF-8.") from None


def say(text: str) -> None:
    """Print a line of the result."""
    console.file.write(f"{text}\n")
    console.file.flush()


class Notes(logging.Handler):
    """Print the library's warnings on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"note: {plain(record.getMessage())}")


def note(text: str) -> None:
    """Print a line on stderr, beside the result."""
    errors.file.write(f"{text}\n")
    errors.file.flush()


def plain(text: str) -> str:
    """Return other people's text without control characters."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def document(value: BaseModel | Sequence[BaseModel] | Mapping[str, object]) -> None:
    """Print the JSON document of a result; the fields are those of the model."""
    if isinstance(value, BaseModel):
        body: object = value.model_dump(mode="json")
    elif isinstance(value, Mapping):
        body = dict(value)
    else:
        body = [item.model_dump(mode="json") for item in value]
    say(as_json(body, console, indent=2))


def as_json(body: object, out: Console, indent: int | None = None) -> str:
    """Return JSON that `out` can encode, with escapes where it must."""
    text = json.dumps(body, ensure_ascii=False, indent=indent)
    try:
        text.encode(out.encoding)
    except (UnicodeEncodeError, LookupError):
        return json.dumps(body, indent=indent)
    return text


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, gap: int = 2
) -> None:
    """Print rows under their headings, or say that there are none."""
    if console.width < _STACKED:
        _stacked(columns, rows, empty)
        return
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    # Part of a number or of an id is of no use. Where there is no room for both, rich would leave
    # out the end of each.
    whole = {"NUMBER", "FROM", "TO"} | ({"ID"} if console.width >= _ROOM else set())
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in rows:
        grid.add_row(*map(plain, row))
    if grid.row_count:
        console.print(grid)
    else:
        errors.print(empty)


def _stacked(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print each row as lines of its own, for narrow terminals."""
    names = [column.lower() for column in columns]
    found = list(rows)
    for place, row in enumerate(found):
        if place:
            say("")
        facts(zip(names, row, strict=True))
    if not found:
        errors.print(empty)


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print names and values, without those that are unknown."""
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
    with errors.status(f"reading {what}", spinner="line") as status:
        for item in items:
            found.append(item)
            if len(found) % 100 == 0:
                status.update(f"reading {what}: {len(found)} so far")
    return found


def missing_vendors(sandboxes: Mapping[str, str] | None = None) -> None:
    """Name on stderr the vendors that cannot be used yet, and how to get them.

    Args:
        sandboxes: why the sandbox cannot play some of them.
    """
    for text in {**registry.missing(), **(sandboxes or {})}.values():
        note(f"Not shown: {text}")


def moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else ""
