"""The commands, their help, and the exit code of a failure.

Exit codes: 0 ok, 1 general, 2 usage or configuration, 3 authentication, 4 not found, 5 conflict,
6 unsupported, 7 rate limited, 8 outcome unknown, 9 unavailable or timed out, 10 the fleet differs,
11 a plan is unsafe or has problems, 12 it is partly applied, 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

import telephony
from telephony.cli import print_version
from telephony.cli.changes import Declined, Interrupted, finished
from telephony.cli.commands import CommandGroup
from telephony.cli.examples import examples
from telephony.cli.failures import INTERRUPTED, fail, fail_otherwise
from telephony.cli.output import Notes, arguments, prepare

app: typer.Typer = typer.Typer(
    name="telephony",
    cls=CommandGroup,
    help="Phone numbers and messages at every vendor, with one set of commands.\n\n"
    "New here? Run `telephony demo`: no account and no configuration needed.\n\n"
    "Exit codes: 0 ok, 1 general, 2 usage or configuration, 3 authentication, 4 not found, "
    "5 conflict, 6 unsupported, 7 rate limited, 8 outcome unknown, 9 unavailable or timed out, "
    "10 the fleet differs, 11 its plan is unsafe or has problems, 12 partly applied, "
    "130 interrupted. With --json an error is a JSON document on stderr.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=examples(
        "telephony demo",
        "telephony config init",
        "telephony numbers list --provider cartesia --json",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print_version()
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


def run(given: Sequence[str]) -> int:
    """Run a command and return its exit code; print an error on stderr."""
    prepare()
    logging.getLogger("telephony").addHandler(Notes(logging.WARNING))
    wants_json = "--json" in takewhile(lambda one: one != "--", given)
    fail_as = partial(fail_otherwise, wants_json=wants_json)
    try:
        code = app(args=arguments(given), prog_name="telephony", standalone_mode=False)
        sys.stdout.flush()
    except telephony.TelephonyError as error:
        return fail(error, wants_json=wants_json)
    except typer.TyperException as error:
        if wants_json:
            return fail_as("UsageError", error.format_message(), error.exit_code)
        error.show()  # type: ignore[attr-defined]  # what typer raises of it has one
        return error.exit_code
    except Interrupted as interrupted:
        return fail_as("Interrupted", str(interrupted), INTERRUPTED)
    except typer.Abort:  # Ctrl-C at a question
        return fail_as("Interrupted", "Interrupted: nothing was done.", INTERRUPTED)
    except Declined:
        return fail_as("Declined", "Not confirmed: nothing was done.", 1)
    except BrokenPipeError:
        _discard_output()  # the reader is gone, as in `| head`
        return 1
    except OSError as error:
        _discard_output()
        return fail_as("OutputError", f"The output cannot be written: {error}. {_state()}", 1)
    if code == INTERRUPTED:
        return fail_as("Interrupted", f"Interrupted. {_state()}", INTERRUPTED)
    return code or 0


def _discard_output() -> None:
    # Python would try to write the rest again while it exits, and print another error.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _state() -> str:
    """Say whether a change was made before the failure."""
    done = finished()
    return f"`telephony {done}` was done." if done else "Nothing was changed at any vendor."
