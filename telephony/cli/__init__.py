"""The command `telephony`. Nothing of it is imported by the library."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; without its packages, say how to get them."""
    try:
        from telephony.cli.app import run

        code = run(sys.argv[1:])
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
