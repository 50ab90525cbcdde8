"""The capability matrix, built from what the adapters declare."""

from __future__ import annotations

import contextlib

from telephony import registry
from telephony.capabilities import Capability, Level, Outcome, Support, support_of
from telephony.errors import ConfigurationError

SIGNS = {Level.FULL: "yes", Level.PARTIAL: "partly", Level.NONE: "-"}


def matrix() -> dict[str, dict[Capability, Support]]:
    """Return how far each vendor offers each operation, for every adapter that can be loaded."""
    rows: dict[str, dict[Capability, Support]] = {}
    for name in registry.available():
        with contextlib.suppress(ConfigurationError):
            declared = registry.load(name).capabilities
            rows[name] = {one: support_of(declared, one) for one in Capability}
    return rows


def markdown() -> str:
    """Return the matrix as the table in the README, with the notes as a list below it."""
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
    """Return, for every adapter, what happens to each change whose response is lost."""
    return {
        name: {
            capability: registry.load(name).outcomes[capability]
            for capability in Capability
            if capability in registry.load(name).outcomes
        }
        for name in matrix()
    }


def outcomes_markdown() -> str:
    """Return the outcomes as the table in the README."""
    lines = [
        "| vendor | operation | retried | after a lost response |",
        "| --- " * 4 + "|",
    ]
    for name, declared in outcomes().items():
        lines += [
            f"| {name} | `{capability}` | {'yes' if outcome.retried else 'no'} "
            f"| {outcome.resolution} |"
            for capability, outcome in declared.items()
        ]
    return "\n".join(lines)
