"""Make changes at a vendor: check, confirm, and say what an interrupt left behind."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import telephony
from telephony._gate.invocation import Invocation
from telephony.capabilities import LOOK_IN, Capability
from telephony.cli.output import errors, note
from telephony.cli.wording import COMMANDS
from telephony.errors import ProviderError

T = TypeVar("T")


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Ctrl-C while a change was under way; the text says whether it may have been made."""


class Declined(Exception):  # noqa: N818
    """The user did not confirm."""


class _Finished:
    """The change that this process made, for when its result cannot be printed."""

    command = ""


def finished() -> str:
    """Return the command that made its change, or an empty string."""
    return _Finished.command


def note_finished(command: str) -> None:
    """Note the command that made its change, before its result is printed."""
    _Finished.command = command


def carry_out(
    provider: telephony.Provider,
    change: partial[T],
    confirm: Callable[[], None] | None = None,
) -> T:
    """Make a change, after every check that needs no request, and the confirmation.

    Args:
        provider: where to make it.
        change: a method of `provider` with its arguments.
        confirm: asks the user; raises `Declined` when the answer is no.
    """
    operation = Capability(change.func.__name__)
    _refuse(provider, operation, change)
    if confirm is not None:
        confirm()
    try:
        result = change()
    except KeyboardInterrupt:
        raise Interrupted(_interrupted(provider, operation)) from None
    note_finished(COMMANDS[operation])
    return result


def confirmed(question: str, yes: bool) -> Callable[[], None]:
    """Return a function that asks before something that costs money or cannot be undone."""

    def ask() -> None:
        if _answer(f"{question} [y/N]: ").lower() not in {"y", "yes"}:
            raise Declined

    return partial(_unless, yes, ask)


def confirmed_by_typing(question: str, wanted: str, yes: bool) -> Callable[[], None]:
    """Return a function that asks the user to type `wanted`."""

    def ask() -> None:
        if _answer(f"{question} Type {wanted} to continue: ") != wanted:
            raise Declined

    return partial(_unless, yes, ask)


def _refuse(provider: telephony.Provider, operation: Capability, change: partial[T]) -> None:
    """Raise what the checks, or the adapter before its first request, refuse."""
    bound = inspect.signature(change.func).bind(*change.args, **change.keywords)
    bound.apply_defaults()
    invocation: Invocation[object, T] = getattr(provider._operations, operation)(**bound.arguments)
    try:
        next(invocation.steps, None)
    except ProviderError as refusal:
        refusal.add_context(provider.name, operation, invocation.secrets, invocation.texts)
        raise
    finally:
        invocation.steps.close()


def _unless(yes: bool, ask: Callable[[], None]) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise telephony.ConfigurationError(
            "This needs a confirmation, and there is no terminal to ask at. Add --yes."
        )
    ask()


def _answer(question: str) -> str:
    errors.print(question, end="", soft_wrap=True)
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        note("")
    return line.strip()


def _interrupted(provider: telephony.Provider, operation: Capability) -> str:
    what = f"`telephony {COMMANDS[operation]}` may have been done at {provider.name}"
    if provider.adapter.outcomes[operation].retried:
        return f"Interrupted: {what}. It is safe to run it again."
    listing, _ = LOOK_IN.get(operation, (None, ""))
    if listing is not None and provider.supports(listing):
        command = f"`telephony {COMMANDS[listing]}`"
        return f"Interrupted: {what}. Look with {command} before you run it again."
    return f"Interrupted: {what}. Look at the vendor before you run it again."
