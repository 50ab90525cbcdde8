"""``telephony messages``: read and send texts."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from telephony import Message
from telephony.cli.changes import carry_out, confirmed
from telephony.cli.examples import examples
from telephony.cli.options import (
    AfterOption,
    BeforeOption,
    JsonOption,
    KeyOption,
    LimitOption,
    NumberArgument,
    OptionalNumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    time_of,
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
    number: OptionalNumberArgument = None,
    profile: ProviderOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List the texts of a number, or of all, newest first. Times are in UTC."""
    with connect(profile) as provider:
        found = progress(
            provider.list_messages(
                number, after=time_of(after, "after"), before=time_of(before, "before"), limit=limit
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
        "telephony messages show SM123",
        "telephony messages show msg_123 --provider agentphone",
        "telephony messages show SM123 --json",
    )
)
def show(
    message: Annotated[str, typer.Argument(metavar="ID", help="The vendor's id of the text.")],
    profile: ProviderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one text as it is now."""
    with connect(profile) as provider:
        found = provider.get_message(message)
    if as_json:
        document(found)
    else:
        _print(found, "")


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
    key: KeyOption = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send a text from a number. Vendors charge for it."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        sent = carry_out(
            provider,
            partial(
                provider.send_message,
                number,
                to,
                body,
                media=media or (),
                idempotency_key=key,
                options=fields,
            ),
            confirmed(f"Send a text from {number} to {to} through {provider.name}?", yes),
        )
    if as_json:
        document(sent)
    else:
        _print(sent, f"Sent a text to {sent.recipient or to}.")


def _print(message: Message, done: str) -> None:
    if done:
        say(done)
    error = message.error
    facts(
        [
            ("id", message.id),
            ("from", message.sender),
            ("to", message.recipient),
            ("time", moment(message.sent_at)),
            ("status", message.status),
            ("channel", message.channel),
            ("text", message.body),
            ("attached", "\n".join(message.media)),
            ("error", " ".join(filter(None, [error.code, error.message])) if error else None),
        ]
    )
