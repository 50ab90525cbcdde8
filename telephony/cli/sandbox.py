"""``telephony sandbox``: the vendors' APIs on loopback, and things that happen there."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from typer.core import TyperGroup

from telephony import ConfigurationError, InvalidRequestError, NotFoundError, UnavailableError
from telephony.cli.output import said

PORT = 4010
_PORT_VARIABLE = "TELEPHONY_SANDBOX_PORT"
_PATIENCE = 120.0  # longer than all tries of a webhook take


class _ServingByDefault(TyperGroup):
    """``telephony sandbox …`` is ``telephony sandbox serve …``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # what typer makes is its own Context
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ServingByDefault,
    help="Serve the vendors' documented APIs on loopback, for developing and testing.\n\n"
    "Nothing leaves this machine and nothing costs money; all is forgotten when it stops. "
    "`serve` may be left out: `telephony sandbox --port 4010`.",
)


@app.command()
def serve(
    vendors: Annotated[
        list[str] | None, typer.Argument(metavar="VENDOR...", help="Default: all installed.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = PORT,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the vendors send their webhooks, signed as theirs are; {provider} in it "
            "becomes the vendor's name.",
        ),
    ] = None,
    webhook_backoff: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Before a webhook that failed is sent again.", min=0.0
        ),
    ] = 0.5,
) -> None:
    """Serve the vendors' APIs until stopped."""
    try:
        from telephony.sandbox import Sandbox
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The sandbox needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    server = Sandbox(vendors or None, port=port, webhook=webhook, webhook_backoff=webhook_backoff)
    typer.echo(f"# The telephony sandbox, for developing and testing: {server.url}")
    typer.echo("#   where each vendor is, and what its numbers can be assigned to:")
    for name, vendor in server.vendors.items():
        typer.echo(f"#   {server.base_url(name):<34} {said(vendor.sample.target)}")
    typer.echo("# Point `telephony` at it from another terminal:")
    for name, value in server.environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo(f"export {_PORT_VARIABLE}={server.url.rpartition(':')[2]}")
    typer.echo("# Let a number of yours receive a text, or a call:")
    typer.echo('#   telephony sandbox receive +1… --from +14155550199 "hello"')
    typer.echo("#   telephony sandbox receive +1… --from +14155550199 --call")
    typer.echo("# Ctrl-C stops it.")
    server.run()


@app.command()
def receive(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="E.164, of a number you hold.")],
    text: Annotated[str | None, typer.Argument(metavar="TEXT")] = None,
    sender: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="Who texts or calls, E.164.")
    ] = "+14155550199",
    call: Annotated[bool, typer.Option("--call", help="A call instead of a text.")] = False,
    vendor: Annotated[
        str | None, typer.Option(help="Which vendor's number; default: the first that holds it.")
    ] = None,
    port: Annotated[
        int, typer.Option(help="Where the sandbox listens.", envvar=_PORT_VARIABLE)
    ] = PORT,
) -> None:
    """Let a number receive a text or a call, in a sandbox that is running."""
    if (text is None) is not call:
        raise InvalidRequestError(
            "A number receives a text or a call.", argument="text", hint="Give TEXT, or --call."
        )
    import httpx

    from telephony.numbers import e164

    sender = e164(sender, argument="sender")
    control = f"http://127.0.0.1:{port}/_sandbox"
    what = "calls" if call else "messages"
    reasons: list[str] = []
    try:
        with httpx.Client(timeout=_PATIENCE, trust_env=False) as client:
            served = list(client.get(control).json()["vendors"])
            if vendor and vendor not in served:
                raise NotFoundError(
                    f"The sandbox does not serve {vendor!r}", hint=f"It has: {', '.join(served)}."
                )
            for name in [vendor] if vendor else served:
                answer = client.post(
                    f"{control}/{name}/{what}", json={"to": number, "from": sender, "body": text}
                )
                if answer.status_code == 200:
                    typer.echo(f"{name}: {answer.json()['id']}")
                    for webhook in answer.json()["webhooks"]:
                        status = webhook["status"] or "not delivered"
                        typer.echo(f"webhook {webhook['url']}: {status}")
                    return
                reasons.append(answer.json()["error"])
    except (httpx.TransportError, ValueError, KeyError) as error:
        raise UnavailableError(
            f"There is no sandbox at port {port}",
            hint="Start one with `telephony sandbox`, or name its --port.",
        ) from error
    raise NotFoundError(f"{number} receives no {what}: {'; '.join(reasons)}", hint="")
