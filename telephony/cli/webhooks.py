"""``telephony webhooks``: receive the vendors' webhooks, and verify captured ones."""

from __future__ import annotations

import base64
import socket
from contextlib import ExitStack, suppress
from typing import Annotated, ClassVar, Literal

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from telephony import ConfigurationError, webhooks
from telephony.cli import endpoints
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption, ProviderOption, connect
from telephony.cli.output import document, plain
from telephony.model import Utc
from telephony.webhooks import (
    CallEnded,
    CallStarted,
    CallTurn,
    Event,
    MessageReceived,
    MessageStatusChanged,
    UnknownEvent,
)

app: typer.Typer = typer.Typer(
    help="Set where a vendor sends webhooks, receive and verify them.",
    no_args_is_help=True,
    epilog=examples(
        "telephony webhooks set https://example.com/webhooks/agentphone",
        "telephony webhooks listen --provider agentphone",
        "telephony webhooks verify captured.json",
    ),
)


class Captured(BaseModel):
    """A webhook in a file.

    Attributes:
        body: as it arrived; `encoding` is ``base64`` where it is not text.
        received_at: when it arrived, for signatures that grow stale; default: now.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    method: str = "POST"
    url: str
    headers: dict[str, str]
    body: str = ""
    encoding: Literal["text", "base64"] = "text"
    received_at: Utc | None = None

    def content(self) -> bytes:
        if self.encoding == "text":
            return self.body.encode()
        return base64.b64decode(self.body, validate=True)


@app.command(
    epilog=examples(
        "telephony webhooks listen",
        "telephony webhooks listen --provider agentphone --provider twilio",
        "telephony webhooks listen --port 8080 --json",
    )
)
def listen(
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider", "-p", metavar="NAME", help="Whose webhooks to receive. Repeatable."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per line.")
    ] = False,
) -> None:
    """Receive webhooks, verify them, and print the events."""
    try:
        import uvicorn
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"Listening needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing

    async def show(event: Event) -> None:
        typer.echo(event.model_dump_json() if as_json else line(event))

    with ExitStack() as opened:
        providers = [opened.enter_context(connect(name)) for name in provider or (None,)]
        application = webhooks.asgi(providers, show)
        listener = opened.enter_context(_listener(host, port))
        port = listener.getsockname()[1]
        for one in providers:
            typer.echo(f"# http://{host}:{port}/webhooks/{one.name}", err=True)
        typer.echo("# Ctrl-C stops it.", err=True)
        config = uvicorn.Config(application, log_level="warning", access_log=False)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


@app.command(
    epilog=examples(
        "telephony webhooks verify captured.json",
        "telephony webhooks verify captured.json --provider twilio --json",
        "telephony webhooks verify - < captured.json",
    )
)
def verify(
    file: Annotated[
        typer.FileText, typer.Argument(metavar="FILE", help="A JSON file, or - for standard input.")
    ],
    profile: ProviderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a captured webhook, or name the check that fails.

    FILE holds an object with "method", "url" (complete, as the vendor called it), "headers" and
    "body"; also "encoding": "base64" if the body is not text, and "received_at" if it was
    received in the past.
    """
    try:
        captured = Captured.model_validate_json(file.read())
        body = captured.content()
    except ValueError as error:
        what = "it cannot be decoded"
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            what = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        raise ConfigurationError(f"{file.name} holds no captured webhook: {what}.") from None
    with connect(profile) as provider:
        events = webhooks.parse(
            provider,
            method=captured.method,
            url=captured.url,
            headers=captured.headers,
            body=body,
            received_at=captured.received_at,
        )
    if as_json:
        document(events)
        return
    typer.echo(f"The webhook is {provider.adapter.vendor}'s.")
    for event in events:
        typer.echo(line(event))


def line(event: Event) -> str:
    """Return an event as one line."""
    return " ".join(plain(_text(event)).splitlines())


def _text(event: Event) -> str:
    at = event.occurred_at.strftime("%Y-%m-%d %H:%M:%S ") if event.occurred_at else ""
    what = f"{at}{event.provider} {type(event).__name__}"
    match event:
        case MessageReceived(message=message):
            return f"{what} {message.sender} -> {message.recipient}: {message.body}"
        case MessageStatusChanged(message_id=message_id, status=status):
            return f"{what} {message_id} {status}"
        case CallTurn(call=call, text=text):
            return f"{what} {call.sender} -> {call.recipient}: {text}"
        case CallStarted(call=call) | CallEnded(call=call):
            return f"{what} {call.sender} -> {call.recipient} {call.status} ({call.id})"
        case UnknownEvent(kind=kind):
            return f"{what} {kind}"


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port} cannot be listened on: {error.strerror}. Choose another port, or 0 for "
            "any."
        ) from error


app.command("get", epilog=endpoints.GET_EXAMPLES)(endpoints.get)
app.command("set", epilog=endpoints.SET_EXAMPLES)(endpoints.set_)
