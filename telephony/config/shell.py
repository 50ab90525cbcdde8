"""The shell's own words for setting an environment variable."""

from __future__ import annotations

import os
import shlex

# Git Bash and its like are POSIX shells on Windows, and set MSYSTEM.
POWERSHELL: bool = os.name == "nt" and "MSYSTEM" not in os.environ


def exported(variable: str, value: str | None = None, *, powershell: bool = POWERSHELL) -> str:
    """Return the line that sets a variable; without a value, the line to complete.

    Args:
        powershell: for Windows' shell instead of a POSIX one.
    """
    if not powershell:
        return f"export {variable}={'…' if value is None else shlex.quote(value)}"
    quoted = "…" if value is None else value.replace("'", "''")
    return f"$env:{variable} = '{quoted}'"


def evaluated(command: str, *, powershell: bool = POWERSHELL) -> str:
    """Return the line that sets the variables which a command prints."""
    return f"{command} | Out-String | Invoke-Expression" if powershell else f'eval "$({command})"'
