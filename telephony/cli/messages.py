"""``telephony messages``: read and send texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from telephony import InvalidRequestError
from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    confirm,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, moment, progress, table

app = typer.Typer(help="Read and send texts.", no_args_is_help=True)


@app.command("list")
def list_(
    number: NumberArgument,
    provider: ProviderOption = None,
    after: Annotated[
        str | None, typer.Option(metavar="TIME", help="This moment or later, ISO 8601.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Earlier than this moment, ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option(help="The most to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Texts that a number received and sent, newest first; times are in UTC."""
    with connect(provider) as vendor:
        found = progress(
            vendor.list_messages(
                number, after=_time(after, "after"), before=_time(before, "before"), limit=limit
            ),
            "messages",
        )
    if as_json:
        document(found)
        return
    rows = [(moment(m.sent_at), m.sender or "", m.recipient or "", m.status, m.body) for m in found]
    table(("TIME", "FROM", "TO", "STATUS", "TEXT"), rows, empty="There are no messages.")


@app.command()
def send(
    number: NumberArgument,
    to: Annotated[str, typer.Argument(metavar="TO", help="E.164 or a short code.")],
    body: Annotated[str, typer.Argument(metavar="TEXT")] = "",
    provider: ProviderOption = None,
    media: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="An attachment. Repeatable.")
    ] = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send a text from a number. Vendors charge for it."""
    with connect(provider) as vendor:
        confirm(f"Send a text from {number} to {to} through {vendor.name}?", yes)
        sent = vendor.send_message(
            number, to, body, media=media or (), options=vendor_options(option)
        )
    if as_json:
        document(sent)
        return
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
    # At a prompt, a time without an offset is taken as UTC, like the times that are shown.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
