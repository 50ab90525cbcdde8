"""``telephony sandbox``: serve the vendors' APIs on loopback, and use a sandbox that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from telephony import ConfigurationError, InvalidRequestError, NotFoundError, UnavailableError
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import document, missing_vendors, note, plain, say
from telephony.config.shell import evaluated, exported
from telephony.settings import is_loopback
from telephony.targets import target_text

if TYPE_CHECKING:
    from telephony.sandbox import Arrival

PORT = 4010
_PORT_VARIABLE = "TELEPHONY_SANDBOX_PORT"
_TIMEOUT = 120.0  # longer than all deliveries of a webhook take

PortOption = Annotated[
    int, typer.Option(help="The port that the sandbox listens on.", envvar=_PORT_VARIABLE)
]


class _ServingByDefault(TyperGroup):
    """``telephony sandbox …`` is ``telephony sandbox serve …``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # what typer makes is its own Context
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app: typer.Typer = typer.Typer(
    cls=_ServingByDefault,
    help="Serve the vendors' APIs on loopback, to develop and test.\n\n"
    "Nothing leaves this machine and nothing costs money. The state is lost when it stops. "
    "`serve` may be left out: `telephony sandbox --port 4010`.",
    epilog=examples(
        "telephony sandbox",
        'eval "$(telephony sandbox env)"',
        "telephony sandbox receive +16505550100 'Is it ready?'",
    ),
)


@app.command(
    epilog=examples(
        "telephony sandbox serve",
        "telephony sandbox serve cartesia twilio --port 4010",
        "telephony sandbox serve --webhook http://localhost:8000/webhooks/{provider}",
    )
)
def serve(
    vendors: Annotated[
        list[str] | None, typer.Argument(metavar="VENDOR", help="Default: all installed.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            help="0 picks a free one. Each vendor also has its own port, from the next one on.",
            min=0,
            max=65535,
        ),
    ] = PORT,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where to send webhooks, signed as each vendor signs them. {provider} in it "
            "stands for the vendor's name.",
        ),
    ] = None,
    webhook_backoff: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="How long to wait before the first retry of a webhook.", min=0.0
        ),
    ] = 0.5,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print requests.")] = False,
) -> None:
    """Serve the vendors' APIs until stopped. Prints each request on stderr."""
    try:
        from telephony.sandbox import Sandbox
        from telephony.sandbox.installed import missing as missing_sandboxes
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The sandbox needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    server = Sandbox(
        vendors or None,
        port=port,
        webhook=webhook,
        webhook_backoff=webhook_backoff,
        real_time=True,
        on_response=None if quiet else _log,
    )
    say(f"# The telephony sandbox, for developing and testing: {server.url}")
    say("# Open it in a browser to see the numbers, text and call them, and switch faults on.")
    say("# Each vendor is below it, and on a port of its own; its numbers can be assigned to:")
    for name, vendor in server.vendors.items():
        say(f"#   {name:<11} {server.root_url(name)}")
        say(f"#               {target_text(vendor.sample.target)}")
    if not vendors:
        missing_vendors(missing_sandboxes())
    say("# Point `telephony`, and the vendors' own tools, at it from another terminal with")
    say(f"#   {evaluated(f'telephony sandbox env --port {_number(server.url)}')}")
    say("# which sets:")
    for name, value in server.environment().items():
        say(exported(name, value))
    say(exported(_PORT_VARIABLE, _number(server.url)))
    say("# Let a number of yours receive a text, or a call:")
    say('#   telephony sandbox receive +1… --from +14155550199 "hello"')
    say("#   telephony sandbox receive +1… --from +14155550199 --call")
    say("# Ctrl-C stops it.")
    server.run()


@app.command(
    epilog=examples(
        'eval "$(telephony sandbox env)"',
        "telephony sandbox env --profile support",
        "telephony sandbox env --port 4010 --json",
    )
)
def env(
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A profile of telephony.toml to point at the sandbox. Repeatable. Default: every "
            "profile whose vendor is served.",
        ),
    ] = None,
    port: PortOption = PORT,
    as_json: JsonOption = False,
) -> None:
    """Print the variables that point a shell at a running sandbox."""
    import httpx

    from telephony.sandbox import environment

    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            served = client.get(f"http://127.0.0.1:{port}/_sandbox").json()
        settings, own = served["vendors"], served["own"]
    except (httpx.TransportError, ValueError, KeyError) as error:
        raise _no_sandbox(port) from error
    variables: dict[str, str] = {}
    for name, values in settings.items():
        variables |= environment.of_profile(name, values) | own[name]
    for name, vendor in environment.adapters_of(profile or None, settings).items():
        variables |= environment.of_profile(name, settings[vendor])
    variables[_PORT_VARIABLE] = str(port)
    if as_json:
        document({**variables})
        return
    for name, value in variables.items():
        say(exported(name, value))


@app.command(
    epilog=examples(
        "telephony sandbox receive +16505550100 'Is it ready?'",
        "telephony sandbox receive +16505550100 --from +14155550199 --call",
        "telephony sandbox receive +16505550100 STOP --vendor twilio",
    )
)
def receive(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="A number that you hold there, E.164.")
    ],
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text to receive.")] = None,
    sender: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="Who texts or calls, E.164.")
    ] = "+14155550199",
    call: Annotated[bool, typer.Option("--call", help="Receive a call instead of a text.")] = False,
    vendor: Annotated[
        str | None,
        typer.Option(help="The vendor that holds the number; default: the first that does."),
    ] = None,
    port: PortOption = PORT,
) -> None:
    """Let a number receive a text or a call in a running sandbox."""
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
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            served = list(client.get(control).json()["vendors"])
            if vendor and vendor not in served:
                raise NotFoundError(
                    f"The sandbox does not serve {vendor!r}", hint=f"It has: {', '.join(served)}."
                )
            for name in [vendor] if vendor else served:
                response = client.post(
                    f"{control}/{name}/{what}", json={"to": number, "from": sender, "body": text}
                )
                if response.status_code == 200:
                    say(f"{name}: {response.json()['id']}")
                    for turn in response.json().get("turns", ()):
                        say(f"{turn['speaker']}: {turn['text']}")
                    for webhook in response.json()["webhooks"]:
                        status = webhook["status"] or _undelivered(webhook["url"])
                        say(f"webhook {webhook['url']}: {status}")
                    return
                reasons.append(response.json()["error"])
    except (httpx.TransportError, ValueError, KeyError) as error:
        raise _no_sandbox(port) from error
    raise NotFoundError(
        f"{number} receives no {what}: {'; '.join(reasons)}",
        hint="`telephony numbers list` shows a vendor's numbers, `numbers buy` gets one.",
    )


def _undelivered(url: str) -> str:
    if is_loopback(url):
        return "not delivered: there is no response at this URL"
    return "not delivered: the sandbox sends webhooks to this machine only"


def _log(request: Arrival) -> None:
    at = time.strftime("%H:%M:%S")
    status = request.status or "cut off"
    note(plain(f"{at} {request.vendor:<11} {request.method:<6} {request.path} {status}"))


def _number(url: str) -> str:
    return url.rpartition(":")[2]


def _no_sandbox(port: int) -> UnavailableError:
    return UnavailableError(
        f"There is no sandbox at port {port}",
        hint="Start one with `telephony sandbox`, or name its --port.",
    )
