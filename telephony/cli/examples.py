"""The examples at the end of every help."""

from __future__ import annotations


def examples(*commands: str) -> str:
    """Return the epilog of a command: one line for each example."""
    lines = "\n".join(f"  {command}" for command in commands)
    # The first line keeps the others from being wrapped.
    return f"\b\nExamples:\n{lines}"
