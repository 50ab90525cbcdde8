"""Every command with its arguments and options, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from telephony.cli.app import app
from telephony.cli.failures import EXIT_CODES, INTERRUPTED, OF_A_FLEET

Command = TyperCommand | TyperGroup

_NUMBER = re.compile(r" <(int|float)( range)?>")


def reference() -> str:
    """Return a section for each group, with one for each of its commands."""
    groups = [(name, one) for name, one in _below("telephony", typer.main.get_command(app))]
    single = [(name, one) for name, one in groups if not isinstance(one, TyperGroup)]
    lines = ["## Single commands", ""]
    for name, command in single:
        lines += _command(name, command)
    for name, group in groups:
        if isinstance(group, TyperGroup):
            lines += [f"## {name}", "", *_help(group), ""]
            for each, command in _below(name, group):
                lines += _command(each, command)
    return "\n".join(lines)


def options() -> str:
    """Return the options of `telephony` itself."""
    return "\n".join(_parameters("telephony", typer.main.get_command(app), TyperOption))


def exit_codes() -> str:
    """Return the exit codes, with the errors that each stands for."""
    meanings: dict[int, list[str]] = {}
    for kind, code in EXIT_CODES:
        meanings.setdefault(code, []).append(f"{{py:exc}}`~telephony.{kind.__name__}`")
    meanings[2].append("a usage error")
    meanings[1].append("you declined, or the output could not be written")
    for code, meaning in OF_A_FLEET.items():
        meanings.setdefault(code, []).append(meaning)
    lines = ["| exit code | after |", "| --- | --- |", "| 0 | success |"]
    lines += [f"| {code} | {', '.join(meanings[code])} |" for code in sorted(meanings)]
    return "\n".join([*lines, f"| {INTERRUPTED} | Ctrl-C |"])


def _below(name: str, group: Command) -> Iterator[tuple[str, Command]]:
    context = typer.Context(group, info_name=name)
    for each in group.list_commands(context):
        yield f"{name} {each}", group.get_command(context, each)


def _command(name: str, command: Command) -> Iterator[str]:
    yield from (f"### {name}", "", *_help(command), "")
    usage = command.get_usage(typer.Context(command, info_name=name)).removeprefix("Usage: ")
    yield from ("```text", usage, "```", "")
    yield from _parameters(name, command, TyperArgument)
    yield from _parameters(name, command, TyperOption)
    yield from _examples(command)


def _help(command: Command) -> Iterator[str]:
    yield (command.help or "").replace("\b\n", "")


def _parameters(
    name: str, command: Command, kind: type[TyperArgument | TyperOption]
) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    for parameter in command.params:
        shown = parameter.get_help_record(context)
        if isinstance(parameter, kind) and shown is not None:
            written, meaning = shown
            value = "" if isinstance(parameter, TyperArgument) else " TEXT"
            yield f"`{_NUMBER.sub(' N', written).replace(' <str>', value)}`"
            yield f": {meaning.replace('  [', ' [').replace('[', chr(92) + '[')}"
            yield ""


def _examples(command: Command) -> Iterator[str]:
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    commands = [line for line in lines if line.startswith(("telephony", "eval"))]
    if commands:
        yield from ("```console", *(f"$ {line}" for line in commands), "```", "")
