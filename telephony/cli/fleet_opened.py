"""A fleet as its commands open it: the options they share, its failures, and progress."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from telephony import ConfigurationError
from telephony.cli.changes import Interrupted
from telephony.cli.failures import UNSAFE, fail_otherwise
from telephony.cli.output import as_json, console, errors, note, plain, say

if TYPE_CHECKING:
    from telephony.fleet import Fleet
    from telephony.fleet import Progress as Reached
    from telephony.fleet.errors import FileProblem

_WRONG = 2
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Return a duration such as ``10m``; units are s, m, h and d."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration. Write it like 30s, 10m, 2h or 1d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


FleetOption: TypeAlias = Annotated[
    Path, typer.Option("--fleet", metavar="FILE", help="The fleet.toml to use.")
]
CachedOption: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(
        metavar="TIME",
        parser=duration,
        help="Use the last listings if they are not older than this, such as 10m.",
    ),
]
FLEET = Path("fleet.toml")


@contextmanager
def opened(file: Path, *, wants_json: bool) -> Iterator[Fleet]:
    """Open a fleet; what is wrong with it ends the command with its exit code."""
    from telephony import fleet

    with reported(file, wants_json=wants_json), fleet.open(file) as one:
        yield one


@contextmanager
def reported(file: Path | None = None, *, wants_json: bool) -> Iterator[None]:
    """Print every problem of a fleet's files, and what an interrupt left behind.

    Args:
        file: the fleet.toml, if one is needed.
        wants_json: whether errors are JSON.
    """
    from telephony.fleet import FleetError, UnsafePlanError

    if file is not None and not file.exists():
        raise ConfigurationError(
            f"There is no {file}. Write one from what the vendors hold with `telephony fleet "
            f"dump --to {file.parent}`, or name another with --fleet FILE."
        )
    try:
        yield
    except FleetError as error:
        code = UNSAFE if isinstance(error, UnsafePlanError) else _WRONG
        problems = [
            {"file": one.file, "line": one.line, "column": one.column, "message": one.message}
            for one in error.problems
        ]
        kind = type(error).__name__
        more = {"problems": problems} if problems else {}
        fail_otherwise(kind, error.message, code, wants_json=wants_json, more=more)
        if not wants_json:
            _list(error.problems)
        raise typer.Exit(code) from None
    except KeyboardInterrupt as error:
        notes = getattr(error, "__notes__", ["Nothing was changed at any vendor."])
        raise Interrupted(" ".join(("Interrupted.", *notes))) from None


def _list(problems: Sequence[FileProblem]) -> None:
    """Print problems: to a file or another program all of them, a line each."""
    from telephony.fleet.errors import briefly

    if not sys.stderr.isatty():
        for problem in problems:
            note(f"  {plain(str(problem))}")
        return
    for line in briefly(problems, "add 2>problems.txt to have them all in a file."):
        wrapped = textwrap.wrap(
            plain(line), errors.width - 2, subsequent_indent="  ", break_on_hyphens=False
        )
        note(textwrap.indent("\n".join(wrapped), "  "))


def print_json(value: object) -> None:
    """Print the one JSON document of a command."""
    import msgspec

    say(as_json(msgspec.to_builtins(value), console, indent=2))


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Show on stderr, at a terminal, how many numbers of each profile were read."""
    with _bars(SpinnerColumn(), TextColumn("reading {task.description}: {task.completed}")) as bars:
        tasks = {}

        def report(profile: str, count: int) -> None:
            if profile not in tasks:
                tasks[profile] = bars.add_task(profile, total=None)
            bars.update(tasks[profile], completed=count)

        yield report


@contextmanager
def applying() -> Iterator[Callable[[Reached], None]]:
    """Show on stderr, at a terminal, how far a run is."""
    columns = (
        TextColumn("applying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[others]}"),
    )
    with _bars(*columns) as bars:
        task = bars.add_task("", total=None, others="")

        def report(reached: Reached) -> None:
            others = [
                f"{count:,} {state}"
                for state, count in sorted(reached.counts.items())
                if state not in ("done", "planned", "started")
            ]
            bars.update(task, total=reached.total, completed=reached.done, others=", ".join(others))

        yield report


def _bars(*columns: SpinnerColumn | BarColumn | MofNCompleteColumn | TextColumn) -> Progress:
    return Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty())
