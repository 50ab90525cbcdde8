"""The commands, their help, and what a failure means to a shell.

Exit codes: 0 ok, 1 general, 2 usage or configuration, 3 authentication, 4 not found, 5 conflict,
6 unsupported, 7 rate limited, 8 outcome unknown, 9 unavailable or timed out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import telephony
from telephony.cli import (
    calls,
    carriers,
    config,
    demo,
    messages,
    numbers,
    providers,
    sandbox,
    webhooks,
)
from telephony.cli.output import fail

EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (telephony.ConfigurationError, 2),
    (telephony.InvalidRequestError, 2),
    (telephony.AuthenticationError, 3),
    (telephony.PermissionDeniedError, 3),
    (telephony.NotFoundError, 4),
    (telephony.ConflictError, 5),
    (telephony.UnsupportedOperationError, 6),
    (telephony.RateLimitedError, 7),
    (telephony.OutcomeUnknownError, 8),
    (telephony.UnavailableError, 9),
    (telephony.ProviderTimeoutError, 9),
    (telephony.TelephonyError, 1),
)

app = typer.Typer(
    name="telephony",
    help="Phone numbers and messages at every vendor, with one set of commands.\n\n"
    "New here? Run `telephony demo`: no account and no configuration needed.\n\n"
    "Exit codes: 0 ok, 1 general, 2 usage or configuration, 3 authentication, 4 not found, "
    "5 conflict, 6 unsupported, 7 rate limited, 8 outcome unknown, 9 unavailable or timed out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(numbers.app, name="numbers")
app.add_typer(messages.app, name="messages")
app.add_typer(carriers.app, name="carriers")
app.add_typer(config.app, name="config")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(sandbox.app, name="sandbox")
app.command("call")(calls.call)
app.command("providers")(providers.providers)
app.command("demo")(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"telephony {telephony.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001 - the callback did it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The telephony.toml to use, and to trust."),
    ] = None,
) -> None:
    if config is not None:
        os.environ["TELEPHONY_CONFIG"] = str(config)


def run() -> None:
    """Run the command line; an error is one or two lines on stderr, never a traceback."""
    try:
        app(prog_name="telephony")
    except telephony.TelephonyError as error:
        fail(error)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): nothing is left to say, to anybody.
        sys.stderr.close()
        sys.exit(1)
