"""``telephony call``: call someone from a number, and follow the call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

import telephony
from telephony import Call, Capability, NotFoundError, UnsupportedOperationError
from telephony.cli.changes import Interrupted, carry_out, confirmed
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    KeyOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    text_pairs,
    vendor_options,
)
from telephony.cli.output import document, say
from telephony.cli.printed import call_summary, print_call

EXAMPLES = examples(
    "telephony call +14155550123 +14155550199",
    "telephony call +14155550123 +14155550199 --agent agent_reception --wait",
    "telephony call +14155550123 +14155550199 --url https://example.com/voice",
)
_PAUSE = 1.0  # seconds between two looks at a call


def call(
    number: NumberArgument,
    to: Annotated[str, typer.Argument(metavar="TO", help="The number to call, E.164.")],
    profile: ProviderOption = None,
    agent: Annotated[
        str | None,
        typer.Option(
            help="The agent that speaks; default: the one that the number is assigned to."
        ),
    ] = None,
    url: Annotated[str | None, typer.Option(help="The URL that Twilio asks what to say.")] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long to let it ring.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=TEXT", help="A value to store with the call. Repeatable."),
    ] = None,
    key: KeyOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the call until it ends.")] = False,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Call someone from a number. Vendors charge for it."""
    change = {
        "agent": agent,
        "url": url,
        "metadata": text_pairs(metadata, "metadata") or None,
        "timeout": timeout,
        "idempotency_key": key,
        "options": vendor_options(option),
    }
    with connect(profile) as provider:
        if wait and not provider.supports(Capability.GET_CALL):
            note = provider.capabilities[Capability.GET_CALL].note
            raise UnsupportedOperationError(provider.name, Capability.GET_CALL, note)
        placed = carry_out(
            provider,
            partial(provider.place_call, number, to, **change),  # type: ignore[arg-type]
            confirmed(f"Call {to} from {number} through {provider.name}?", yes),
        )
        if not as_json:
            print_call(placed, f"Placed a call to {placed.recipient or to}.")
        now = placed
        try:
            for now in _states(provider, placed) if wait else ():
                if not as_json:
                    say(f"{time.strftime('%H:%M:%S')} {call_summary(now)}")
            if wait and not (as_json or now.status.is_final):
                say(f"{time.strftime('%H:%M:%S')} ended")
        except KeyboardInterrupt:
            raise Interrupted(
                "Interrupted: the call goes on. "
                f"End it with `telephony calls end {placed.id} --provider {provider.name}`."
            ) from None
        finally:
            if as_json:
                document(now)


def _states(provider: telephony.Provider, placed: Call) -> Iterator[Call]:
    """Yield the call whenever its status changes, until it has ended."""
    shown, now = None, placed
    while True:
        if now.status != shown:
            shown = now.status
            yield now
        if now.status.is_final or now.ended_at is not None:
            return
        time.sleep(_PAUSE)
        try:
            now = provider.get_call(placed)
        except NotFoundError:
            return  # some vendors know a call only while it lasts
