"""The commands by name, each imported when it is used: all of them take a third of a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Command

# Functions of the same name in these modules of `telephony.cli`, with their `EXAMPLES`.
_SINGLE = ("call", "targets", "providers", "demo")
# Modules of the same name, with their `app`.
_GROUPS = ("numbers", "messages", "calls", "carriers", "config", "webhooks", "sandbox", "fleet")


class CommandGroup(TyperGroup):
    """The group of all commands; only its help imports all of them."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]  # typer's own
        self.commands: Mapping[str, Command] = _Commands()  # type: ignore[assignment]  # typer only reads it

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(self.commands)


class _Commands(Mapping[str, "Command"]):
    def __getitem__(self, name: str) -> Command:
        if name not in (*_SINGLE, *_GROUPS):
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter((*_SINGLE, *_GROUPS))

    def __len__(self) -> int:
        return len(_SINGLE) + len(_GROUPS)


@cache
def _load(name: str) -> Command:
    module = import_module(f"telephony.cli.{name}")
    holder = typer.Typer(rich_markup_mode=None)
    if name in _SINGLE:
        holder.command(name, epilog=module.EXAMPLES)(getattr(module, name))
    else:
        holder.add_typer(module.app, name=name)
    return typer.main.get_group(holder).commands[name]
