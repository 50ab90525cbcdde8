"""Tables of the README and of the guides, built from what the adapters declare."""

from __future__ import annotations

import contextlib

from telephony import registry
from telephony.capabilities import Capability, Level, Outcome, Support, support_of
from telephony.errors import ConfigurationError

SIGNS = {Level.FULL: "yes", Level.PARTIAL: "partly", Level.NONE: "-"}
_MAIN = {
    "buy": Capability.PROVISION_NUMBER,
    "import": Capability.IMPORT_NUMBER,
    "assign": Capability.ASSIGN_NUMBER,
    "release": Capability.RELEASE_NUMBER,
    "read texts": Capability.LIST_MESSAGES,
    "send texts": Capability.SEND_MESSAGE,
    "call": Capability.PLACE_CALL,
    "transcript": Capability.GET_TRANSCRIPT,
    "recording": Capability.GET_RECORDING,
    "webhooks": Capability.PARSE_WEBHOOK,
}


def matrix() -> dict[str, dict[Capability, Support]]:
    """Return how far each vendor offers each operation, for every adapter that can be loaded."""
    rows: dict[str, dict[Capability, Support]] = {}
    for name in registry.available():
        with contextlib.suppress(ConfigurationError):
            declared = registry.load(name).capabilities
            rows[name] = {one: support_of(declared, one) for one in Capability}
    return rows


def summary_markdown() -> str:
    """Return how far each vendor offers the main operations, as the README's table."""
    lines = [
        f"| | {' | '.join(_MAIN)} |",
        f"| --- |{' --- |' * len(_MAIN)}",
    ]
    for name, supports in matrix().items():
        signs = (SIGNS[supports[capability].level] for capability in _MAIN.values())
        lines.append(f"| `{name}` | {' | '.join(signs)} |")
    return "\n".join(lines)


def kinds_markdown() -> str:
    """Return what each vendor's numbers come from and go to, as the table of the guide."""
    lines = ["| | imported from | carriers linked | assigned to |", "| --- | --- | --- | --- |"]
    for name in matrix():
        adapter = registry.load(name)
        kinds = (adapter.sources, adapter.carriers, adapter.targets)
        cells = (", ".join(f"`{kind.__name__}`" for kind in each) or "-" for each in kinds)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


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
