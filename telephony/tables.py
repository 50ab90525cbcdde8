"""The capability matrix, made from what the adapters say of themselves."""

from __future__ import annotations

import contextlib

from telephony import registry
from telephony.capabilities import Capability, Level, Outcome, Support, support_of
from telephony.errors import ConfigurationError

SIGNS = {Level.FULL: "yes", Level.PARTIAL: "partly", Level.NONE: "-"}


def matrix() -> dict[str, dict[Capability, Support]]:
    """For every adapter whose packages are installed, how far its vendor offers each operation."""
    rows: dict[str, dict[Capability, Support]] = {}
    for name in registry.available():
        with contextlib.suppress(ConfigurationError):
            declared = registry.load(name).capabilities
            rows[name] = {one: support_of(declared, one) for one in Capability}
    return rows


def markdown() -> str:
    """The matrix as the table in the README, with the notes as a list below it."""
    rows = matrix()
    lines = [
        f"| operation | {' | '.join(rows)} |",
        f"| --- |{' --- |' * len(rows)}",
    ]
    notes: list[str] = []
    for capability in Capability:
        cells = []
        for name, supports in rows.items():
            support = supports[capability]
            cells.append(SIGNS[support.level])
            if support.level is Level.PARTIAL:
                notes.append(f"- {name} `{capability}`: {support.note}.")
        lines.append(f"| `{capability}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "Partly means:", "", *notes])


def outcomes() -> dict[str, dict[Capability, Outcome]]:
    """For every adapter of the matrix, what becomes of each change whose answer is lost."""
    return {
        name: {
            capability: registry.load(name).outcomes[capability]
            for capability in Capability
            if capability in registry.load(name).outcomes
        }
        for name in matrix()
    }


def outcomes_markdown() -> str:
    """The outcomes as the table in the README."""
    lines = [
        "| vendor | operation | sent again | how a lost answer is settled |",
        "| --- " * 4 + "|",
    ]
    for name, declared in outcomes().items():
        lines += [
            f"| {name} | `{capability}` | {'yes' if outcome.repeatable else 'no'} "
            f"| {outcome.settled} |"
            for capability, outcome in declared.items()
        ]
    return "\n".join(lines)
