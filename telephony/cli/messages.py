"""``telephony messages``: read and send texts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from telephony import InvalidRequestError
from telephony.cli.changes import carry_out, confirmed
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, moment, progress, say, table

app: typer.Typer = typer.Typer(
    help="Read and send texts.",
    no_args_is_help=True,
    epilog=examples(
        "telephony messages list +14155550123",
        "telephony messages list +14155550123 --after 2026-05-01 --json",
        "telephony messages send +14155550123 +14155550199 'Ready at five.'",
    ),
)


@app.command(
    "list",
    epilog=examples(
        "telephony messages list +14155550123",
        "telephony messages list +14155550123 --after 2026-05-01 --limit 500",
        "telephony messages list +14155550123 --provider twilio --json",
    ),
)
def list_(
    number: NumberArgument,
    profile: ProviderOption = None,
    after: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only texts of this time or later, ISO 8601.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only texts before this time, ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option(help="The most to show.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the texts of a number, newest first. Times are in UTC."""
    with connect(profile) as provider:
        found = progress(
            provider.list_messages(
                number, after=_time(after, "after"), before=_time(before, "before"), limit=limit
            ),
            "messages",
        )
    if as_json:
        document(found)
        return
    rows = [(moment(m.sent_at), m.sender or "", m.recipient or "", m.status, m.body) for m in found]
    table(("TIME", "FROM", "TO", "STATUS", "TEXT"), rows, empty="There are no messages.")


@app.command(
    epilog=examples(
        "telephony messages send +14155550123 +14155550199 'Ready at five.'",
        "telephony messages send +14155550123 +14155550199 Hello --yes --json",
        "telephony messages send +14155550123 72255 --media https://example.com/1.png",
    )
)
def send(
    number: NumberArgument,
    to: Annotated[
        str, typer.Argument(metavar="TO", help="Who receives it: E.164, or a short code.")
    ],
    body: Annotated[str, typer.Argument(metavar="TEXT", help="May be left out with --media.")] = "",
    profile: ProviderOption = None,
    media: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="An attachment. Repeatable.")
    ] = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send a text from a number. Vendors charge for it."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        sent = carry_out(
            provider,
            partial(provider.send_message, number, to, body, media=media or (), options=fields),
            confirmed(f"Send a text from {number} to {to} through {provider.name}?", yes),
        )
    if as_json:
        document(sent)
        return
    say(f"Sent a text to {sent.recipient or to}.")
    facts(
        [
            ("id", sent.id),
            ("from", sent.sender),
            ("to", sent.recipient),
            ("status", sent.status),
            ("channel", sent.channel),
        ]
    )


def _time(text: str | None, argument: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"`{argument}` is not a time.", argument=argument, hint="Write 2026-05-01T09:00:00Z."
        ) from None
    # A time without an offset is UTC, like the times that are shown.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
