"""``telephony calls``: the calls received and placed, and what was said in them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from telephony import InvalidRequestError
from telephony.cli.changes import carry_out
from telephony.cli.examples import examples
from telephony.cli.options import (
    AfterOption,
    BeforeOption,
    JsonOption,
    LimitOption,
    OptionalNumberArgument,
    ProviderOption,
    connect,
    time_of,
)
from telephony.cli.output import document, errors, moment, progress, say, table
from telephony.cli.printed import call_length, print_call

app: typer.Typer = typer.Typer(
    help="Look at calls, end them, and read or hear what was said.",
    no_args_is_help=True,
    epilog=examples(
        "telephony calls list +14155550123",
        "telephony calls show call_123",
        "telephony calls transcript call_123",
    ),
)

_ENDINGS = {
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave"), ".wav"),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), ".mp3"),
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}
CallArgument = Annotated[str, typer.Argument(metavar="ID", help="See `calls list`.")]


@app.command(
    "list",
    epilog=examples(
        "telephony calls list",
        "telephony calls list +14155550123 --after 2026-05-01 --limit 500",
        "telephony calls list --provider twilio --json",
    ),
)
def list_(
    number: OptionalNumberArgument = None,
    profile: ProviderOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List the calls of a number, or of all, newest first. Times are in UTC."""
    with connect(profile) as provider:
        found = progress(
            provider.list_calls(
                number, after=time_of(after, "after"), before=time_of(before, "before"), limit=limit
            ),
            "calls",
        )
    if as_json:
        document(found)
        return
    # Two lines a call: one would not hold two numbers and the longest id.
    rows = [
        (
            moment(call.started_at).replace(" ", "\n"),
            f"{call.sender or ''}\n-> {call.recipient or ''}",
            f"{call.status}\n{call_length(call)}",
            call.id,
        )
        for call in found
    ]
    table(("TIME", "FROM -> TO", "STATUS", "ID"), rows, empty="There are no calls.")


@app.command(
    epilog=examples(
        "telephony calls show call_123",
        "telephony calls show call_123 --provider twilio",
        "telephony calls show call_123 --json",
    )
)
def show(call: CallArgument, profile: ProviderOption = None, as_json: JsonOption = False) -> None:
    """Show one call as it is now."""
    with connect(profile) as provider:
        found = provider.get_call(call)
    if as_json:
        document(found)
    else:
        print_call(found, "")


@app.command(
    epilog=examples(
        "telephony calls end call_123",
        "telephony calls end call_123 --provider twilio",
        "telephony calls end call_123 --json",
    )
)
def end(call: CallArgument, profile: ProviderOption = None, as_json: JsonOption = False) -> None:
    """Hang up, or cancel a call that has not begun."""
    with connect(profile) as provider:
        ended = carry_out(provider, partial(provider.end_call, call))
    if as_json:
        document(ended)
    else:
        print_call(ended, f"Ended {call} at {ended.provider}.")


@app.command(
    epilog=examples(
        "telephony calls transcript call_123",
        "telephony calls transcript call_123 --provider cartesia",
        "telephony calls transcript call_123 --json",
    )
)
def transcript(
    call: CallArgument, profile: ProviderOption = None, as_json: JsonOption = False
) -> None:
    """Show what was said in a call. Times are in UTC."""
    with connect(profile) as provider:
        found = provider.get_transcript(call)
    if as_json:
        document(found)
        return
    rows = [(turn.at.strftime("%H:%M:%S") if turn.at else "", turn) for turn in found.turns]
    table(
        ("TIME", "WHO", "WORDS"),
        [(at, turn.speaker, turn.text) for at, turn in rows],
        empty="Nothing was transcribed.",
    )


@app.command(
    epilog=examples(
        "telephony calls recording call_123",
        "telephony calls recording call_123 --to monday.wav",
        "telephony calls recording call_123 --provider twilio --json",
    )
)
def recording(
    call: CallArgument,
    profile: ProviderOption = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write; default: named by the id, in the working directory.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Save the recording of a call to a file that only you can read."""
    _check_free(to, replace)
    with connect(profile) as provider, errors.status("fetching the recording", spinner="line"):
        found = provider.get_recording(call)
    if to is None:
        to = Path(re.sub(r"[^\w.-]", "_", call) + _ENDINGS.get(found.media_type, ".audio"))
        _check_free(to, replace)
    path = found.save(to)
    if as_json:
        size = len(found.content)
        document({"path": str(path), "media_type": found.media_type, "bytes": size, "call": call})
    else:
        say(f"Saved the recording of {call} to {path} ({found.media_type}).")


def _check_free(to: Path | None, replace: bool) -> None:
    if to is not None and to.exists() and not replace:
        raise InvalidRequestError(
            f"There is a file {to} already.",
            argument="replace",
            hint="Name another, or add --replace.",
        )
