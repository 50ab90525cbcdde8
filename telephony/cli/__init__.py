"""The command `telephony`. Nothing of it is imported by the library."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from telephony._version import __version__


def main() -> None:
    """Run the command line; without its packages, say how to get them."""
    try:
        code = _run(sys.argv[1:])
    except ModuleNotFoundError as missing:
        if missing.name not in {"typer", "rich"}:
            raise
        sys.exit(
            f"The command line needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[cli]'"
        )
    except KeyboardInterrupt:
        # Before there is a command: nothing was asked of any vendor.
        sys.stderr.write("Interrupted: nothing was done.\n")
        code = 130
    sys.exit(code)


def print_version() -> None:
    """Print the version, at once."""
    sys.stdout.write(f"telephony {__version__}\n")
    sys.stdout.flush()


def _run(given: Sequence[str]) -> int:
    if given == ["--version"]:
        # Typer takes five times as long to load as Python. Where this cannot be written, the
        # application says so.
        with suppress(OSError):
            print_version()
            return 0
    from telephony.cli.app import run

    return run(given)
