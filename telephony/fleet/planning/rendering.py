"""A plan for people: for a terminal of 80 columns, and for a pull request's comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.targets import NOTHING, UNCOVERED, texts_alone

if TYPE_CHECKING:
    from telephony.fleet.planning.plan import Finding, Plan

_WIDTH = 80
_LINES = 50
_LONGEST = 60_000
"""What a comment can hold at GitHub is 65,536 characters."""
_DIGEST = 12
_CELL = 20
_NOUNS: Mapping[Verb, tuple[str, str]] = {
    Verb.BUY: ("purchase", "purchases"),
    Verb.LABEL: ("label", "labels"),
    Verb.IMPORT: ("import", "imports"),
    Verb.ASSIGN: ("assignment", "assignments"),
    Verb.ROUTE: ("route", "routes"),
    Verb.CHECK: ("check", "checks"),
    Verb.UNASSIGN: ("unassignment", "unassignments"),
    Verb.DETACH: ("detachment", "detachments"),
    Verb.RELEASE: ("release", "releases"),
}


def text(plan: Plan, *, lines: int = _LINES) -> str:
    """Return the plan in lines of at most 80 columns.

    Args:
        plan: what to show.
        lines: how many operations of a verb, problems and notices to show at most.
    """
    shown = _wrapped(f"Plan {plan.digest[:_DIGEST]}: {_summary(plan)}.", "")
    if plan.ops:
        shown += ["", *_table(_rows(plan, lines))]
    for title, found in (("Problems", plan.problems), ("Notices", plan.notices)):
        if found:
            shown += ["", f"{title} ({len(found):,})"]
            for one in found[:lines]:
                shown += _wrapped(_finding(one), "  ")
            shown += _more(len(found) - lines, "  ")
    if plan.unsafe:
        shown += ["", "Needs a flag"]
        for reason in plan.unsafe:
            shown += _wrapped(f"{reason.reason} {reason.remedy}", "  ")
    return "\n".join(shown) + "\n"


def markdown(plan: Plan) -> str:
    """Return the plan for a pull request's comment: fewer than 60,000 characters."""
    lines = _LINES
    while True:
        made = "\n".join(_markdown(plan, lines))
        if len(made) < _LONGEST or not lines:
            return made if len(made) < _LONGEST else f"{made[: _LONGEST - 80]}\n\n… and more.\n"
        lines //= 2


def _markdown(plan: Plan, lines: int) -> Iterator[str]:
    yield f"### Fleet plan `{plan.digest[:_DIGEST]}`"
    yield ""
    yield f"**{_summary(plan)}.**"
    yield from _section(
        "Needs a flag", [f"{one.reason} {one.remedy}" for one in plan.unsafe], lines
    )
    released = [op.number for op in plan.ops if op.verb is Verb.RELEASE]
    if released:
        yield f"\n#### Released for good ({len(released):,})\n"
        yield ", ".join(f"`{number}`" for number in released)
    yield from _section("Problems", [_escaped(_finding(one)) for one in plan.problems], lines)
    for verb in plan.counts:
        ops = [op for op in plan.ops if op.verb is verb]
        if verb is Verb.RELEASE:
            continue
        yield f"\n#### {_NOUNS[verb][1].capitalize()} ({len(ops):,})\n"
        if not lines:
            continue
        yield "| number | where | change |"
        yield "| --- | --- | --- |"
        for op in ops[:lines]:
            yield f"| {_code(op.number or op.lane)} | {_code(op.profile)} | {_code(_change(op))} |"
        yield from (f"\n{line}" for line in _more(len(ops) - lines))
    yield from _section("Notices", [_escaped(_finding(one)) for one in plan.notices], lines)
    yield ""


def _section(title: str, found: Sequence[str], lines: int) -> Iterator[str]:
    if not found:
        return
    yield f"\n#### {title} ({len(found):,})\n"
    yield from (f"- {one}" for one in found[:lines])
    yield from (f"- {line}" for line in _more(len(found) - lines))


def _summary(plan: Plan) -> str:
    counted = [f"{count:,} {_NOUNS[verb][count != 1]}" for verb, count in plan.counts.items()] or [
        "nothing to do"
    ]
    for found, one, many in (
        (plan.problems, "problem", "problems"),
        (plan.notices, "notice", "notices"),
    ):
        if found:
            counted.append(f"{len(found):,} {one if len(found) == 1 else many}")
    return ", ".join(counted)


def _finding(one: Finding) -> str:
    where = " at ".join(part for part in (one.number, one.profile) if part)
    return f"{where}: {one.message}" if where else one.message


def _change(op: Op) -> str:
    match op.verb:
        case Verb.BUY:
            return f"{op.country or ''} {op.area_code or ''}".strip()
        case Verb.LABEL:
            return f"{op.before or NOTHING} → {op.after}"
        case Verb.IMPORT | Verb.CHECK:
            return op.after or NOTHING
        case Verb.ROUTE if op.after == UNCOVERED:
            return f"without {op.before}"
        case Verb.ASSIGN | Verb.ROUTE:
            if op.before is None and (texts := texts_alone(op.after or NOTHING)):
                return f"texts to {texts}"
            if op.before == op.after:
                return f"{op.after}, once more"
            return f"{op.before} → {op.after}" if op.before else op.after or NOTHING
    return op.before or ""


# --- Lines ---------------------------------------------------------------------------------------


def _rows(plan: Plan, lines: int) -> Iterator[tuple[str, str, str, str]]:
    yield "DO", "NUMBER", "WHERE", "CHANGE"
    for verb, count in plan.counts.items():
        ops = [op for op in plan.ops if op.verb is verb]
        for op in ops[:lines]:
            yield verb, op.number or op.lane, op.profile, _change(op)
        for line in _more(count - lines):
            yield verb, line, "", ""


def _table(rows: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    found = list(rows)
    widths = [min(max(len(row[place]) for row in found), _CELL) for place in range(3)]
    widths.append(_WIDTH - sum(widths) - 6)
    for row in found:
        cells = zip(row, widths, strict=True)
        yield "  ".join(_cut(_plain(cell), width).ljust(width) for cell, width in cells).rstrip()


def _more(count: int, indent: str = "") -> list[str]:
    return [f"{indent}… and {count:,} more"] if count > 0 else []


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _plain(line: str) -> str:
    """Return a vendor's text without what would change a terminal or begin another line."""
    return "".join(char if char.isprintable() else "�" for char in line)


def _wrapped(line: str, indent: str) -> list[str]:
    import textwrap  # only for what people read

    return textwrap.wrap(
        _plain(line), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  "
    )


def _code(line: str) -> str:
    """Return a text that Markdown does not read, as it may be a vendor's or a customer's."""
    plain = _cut(_plain(line).replace("`", "'"), 100).replace("|", "\\|")
    return f"`{plain}`" if plain.strip() else ""


def _escaped(line: str) -> str:
    escaped = "".join(f"\\{char}" if char in "\\`*_[]<>|@#" else char for char in _plain(line))
    return _cut(escaped, 300)
