"""Capabilities, outcomes, errors and the proofs of webhooks, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from docstrings import sections

import telephony
from telephony import Capability, Level, Support, _tables, registry
from telephony.capabilities import FULL


def link(name: str) -> str:
    """Return a link to an operation's documentation."""
    method = "list_messages" if name == Capability.LIST_ALL_MESSAGES else name
    method = "telephony.webhooks.parse" if name == Capability.PARSE_WEBHOOK else method
    target = method if "." in method else f"telephony.Provider.{method}"
    role = "func" if "." in method else "meth"
    return f"{{py:{role}}}`{name} <{target}>`"


def vendor(name: str) -> str:
    """Return the vendor's own spelling of its name."""
    return registry.load(name).vendor


def capabilities() -> str:
    """Return how far each vendor offers each operation."""
    rows = _tables.matrix()
    lines = [
        f"| operation | {' | '.join(f'[{name}](../vendors/{name}.md)' for name in rows)} |",
        f"| --- |{' :-: |' * len(rows)}",
    ]
    for capability in Capability:
        cells = [
            f"[partly](#{_slug(name)})"
            if supports[capability].level is Level.PARTIAL
            else _tables.SIGNS[supports[capability].level]
            for name, supports in rows.items()
        ]
        lines.append(f"| {link(capability)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def notes() -> str:
    """Return, for each vendor, what is missing where it offers an operation in part."""
    return "\n".join(
        line
        for name, supports in _tables.matrix().items()
        for line in (
            f"### {vendor(name)}",
            "",
            *(
                f"- {link(capability)}: {support.note}."
                for capability, support in supports.items()
                if support.level is Level.PARTIAL
            ),
            "",
        )
    )


def of_vendor(name: str) -> str:
    """Return what one vendor offers fully, then what it lacks and what to do instead."""
    alike: dict[Support, list[str]] = {}
    for capability, support in _tables.matrix()[name].items():
        alike.setdefault(support, []).append(link(capability))
    lines = [f"In full: {', '.join(alike.pop(FULL, []))}.", ""]
    lines += [
        "| operation | offered | what is missing, or what to do instead |",
        "| --- " * 3 + "|",
    ]
    for support, operations in alike.items():
        offered = "no" if support.level is Level.NONE else _tables.SIGNS[support.level]
        lines.append(f"| {', '.join(operations)} | {offered} | {support.note} |")
    return "\n".join(lines)


def outcomes() -> str:
    """Return, for each vendor, what becomes of a change whose response is lost."""
    return "\n".join(
        line
        for name, declared in _tables.outcomes().items()
        for line in (
            f"## {vendor(name)}",
            "",
            "| operation | retried | after a lost response |",
            "| --- | --- | --- |",
            *(
                f"| {link(operation)} | {'yes' if outcome.retried else 'no'} "
                f"| {outcome.resolution} |"
                for operation, outcome in declared.items()
            ),
            "",
        )
    )


def errors() -> str:
    """Return the tree of errors, each with what happened."""
    return "\n".join(_tree(telephony.TelephonyError, 0))


def _tree(kind: type[BaseException], depth: int) -> Iterator[str]:
    happened = sections(kind.__doc__ or "")[""][0]
    yield f"{'  ' * depth}- {{py:exc}}`~telephony.{kind.__name__}`: {happened}"
    for one in kind.__subclasses__():
        if one.__name__ in telephony.__all__:
            yield from _tree(one, depth + 1)


def proofs() -> str:
    """Return what proves that a webhook is the vendor's."""
    lines = ["| vendor | proof |", "| --- | --- |"]
    for name in registry.available():
        adapter = registry.load(name)
        if adapter.webhook_proof:
            lines.append(f"| [{adapter.vendor}](../vendors/{name}.md) | {adapter.webhook_proof} |")
    return "\n".join(lines)


def _slug(name: str) -> str:
    return vendor(name).lower().replace(" ", "-")
