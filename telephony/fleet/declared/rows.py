"""The files of numbers and of orders, with every problem of all of them at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from telephony.errors import InvalidRequestError
from telephony.fleet.declared.lengths import Lengths, problem
from telephony.fleet.declared.model import ORDER_COLUMNS, ROW_COLUMNS, Order, Row
from telephony.fleet.declared.policy import Policy
from telephony.fleet.declared.tables import Table
from telephony.fleet.errors import FileProblem
from telephony.fleet.targets import NOTHING, target_of
from telephony.model import Agent
from telephony.registry import suggestion

RELEASED = "released"
_STATES = ("active", RELEASED)
_ROUTE = ("owner", "answer_at", "answer_to", "sms_to", "state")
_ORDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_AREA_CODE = re.compile(r"[0-9]{1,6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_WORD = Agent("")  # whatever the vendor makes of a plain word
_FILE = 1 << 32  # a place is a file's index and a line, in one number: there are many

Named: TypeAlias = tuple[Path, str]
"""A file's path, and its name in messages."""
_Problems: TypeAlias = Iterator[tuple[str, str]]
"""Columns, and what is wrong with them."""


def numbers(
    files: Iterable[Named], policy: Policy
) -> tuple[tuple[Row, ...], tuple[FileProblem, ...]]:
    """Read the files that declare numbers; return what is wrong with them beside the rows."""
    rows: list[Row] = []
    lengths = Lengths()
    checked: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {}
    places = _Places()
    for table in _tables(files, ROW_COLUMNS, ("number",), places):
        named, routed = table.picker(("number", "label")), table.picker(_ROUTE)
        for line, cells in table.rows():
            number, label = named(cells)
            route = routed(cells)
            found = checked.get(route)
            if found is None:
                found = checked[route] = route, tuple(_misrouted(route, policy))
            # Most rows have the same route as others: they share its texts.
            (owner, answer_at, answer_to, sms_to, state), wrong = found
            for column, message in wrong:
                table.problem(line, column, message)
            said = problem(number, lengths) or places.taken(number, line)
            if said:
                table.problem(line, "number", said)
            if not is_label(label):
                table.problem(line, "label", _mislabelled(label))
            elif label and not owner:
                table.problem(line, "owner", _unowned("what has the label"))
            rows.append(
                Row(number, owner, label.strip(), answer_at, answer_to, sms_to, state == RELEASED)
            )
    return tuple(rows), places.problems()


def orders(
    files: Iterable[Named], policy: Policy
) -> tuple[tuple[Order, ...], tuple[FileProblem, ...]]:
    """Read the files that declare purchases; return what is wrong with them beside the orders."""
    found: list[Order] = []
    places = _Places()
    for table in _tables(files, ORDER_COLUMNS, ORDER_COLUMNS[:3], places):
        ordered = table.picker(ORDER_COLUMNS)
        for line, cells in table.rows():
            order = Order(*ordered(cells))
            said = places.taken(order.order, line)
            if said:
                table.problem(line, "order", said)
            for column, message in _misordered(order, policy):
                table.problem(line, column, message)
            found.append(order)
    return tuple(found), places.problems()


def is_label(text: str) -> bool:
    """Return whether a text can be declared as a label; an empty one leaves it alone."""
    return text != NOTHING and (text.isprintable() or not _CONTROL.search(text))


class _Places:
    """Where each number or order is declared, over all files."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self._seen: dict[str, int] = {}

    def taken(self, key: str, line: int) -> str:
        """Return what is wrong when a number or an order is declared once more."""
        place = (len(self.tables) - 1) * _FILE + line
        first = self._seen.setdefault(key, place)
        if first == place:
            return ""
        file, at = divmod(first, _FILE)
        return f"{key} is declared in {self.tables[file].name}:{at} already: remove one."

    def problems(self) -> tuple[FileProblem, ...]:
        return tuple(problem for table in self.tables for problem in table.problems)


def _tables(
    files: Iterable[Named], columns: Sequence[str], required: Sequence[str], places: _Places
) -> Iterator[Table]:
    for path, name in files:
        table = Table(path, name, columns, required)
        places.tables.append(table)
        yield table


def _misrouted(route: tuple[str, ...], policy: Policy) -> _Problems:
    owner, answer_at, answer_to, sms_to, state = route
    if owner and owner not in policy.owners:
        yield "owner", _unknown(owner, "owners", policy.owners)
    if state and state not in _STATES:
        near = suggestion(state, _STATES)
        yield "state", f"{state[:40]!r} is not a state.{near} Write active or released."
    if not owner and (state == RELEASED or sms_to):
        what = "what is released" if state == RELEASED else "what answers texts"
        yield "owner", _unowned(what)
    yield from _misanswered(owner, answer_at, answer_to, policy)
    if sms_to:
        said = _mistargeted(sms_to)
        if not said and sms_to.startswith(("trunk:", '{"kind":"split"')):
            said = "A trunk answers calls only: name an agent, an application or a URL."
        if said:
            yield "sms_to", said


def _misanswered(owner: str, answer_at: str, answer_to: str, policy: Policy) -> _Problems:
    if answer_at not in ("", NOTHING, owner) and answer_at not in policy.answerers:
        yield "answer_at", _unknown(answer_at, "answerers", policy.answerers)
    if answer_to and not answer_at:
        yield "answer_at", f"It is empty: name the profile that {answer_to[:40]!r} belongs to."
    elif answer_to not in ("", NOTHING) and answer_at == NOTHING:
        yield "answer_to", "`answer_at` says that nothing answers: leave it empty."
    elif answer_to and (said := _mistargeted(answer_to)):
        yield "answer_to", said


def _misordered(order: Order, policy: Policy) -> _Problems:
    if not _ORDER.fullmatch(order.order):
        yield (
            "order",
            f"{order.order[:40]!r} is not an order id: use up to 64 letters, digits, dots, "
            "hyphens and underscores.",
        )
    if order.owner not in policy.owners:
        yield "owner", _unknown(order.owner, "owners", policy.owners)
    if not _COUNTRY.fullmatch(order.country):
        yield "country", f"{order.country[:40]!r} is not an ISO 3166 code: write it like US."
    if order.area_code and not _AREA_CODE.fullmatch(order.area_code):
        yield "area_code", f"{order.area_code[:40]!r} is not made of digits: write it like 415."
    if not is_label(order.label):
        yield "label", _mislabelled(order.label)
    if order.answer_at == NOTHING:
        yield "answer_at", "A number that is bought has no answerer yet: leave it empty."
    yield from _misanswered(order.owner, order.answer_at, order.answer_to, policy)


def _mistargeted(text: str) -> str:
    if _CONTROL.search(text):
        return "What answers is one line of text: remove what is not printable."
    try:
        target_of(text, lambda _: _WORD)
    except InvalidRequestError as error:
        return f"{error.message}. {error.hint}"
    return ""


def _unknown(profile: str, table: str, known: Iterable[str]) -> str:
    if not profile:
        return f"It is empty: name one of [{table}.…] in fleet.toml."
    near = suggestion(profile, known)
    return f"fleet.toml has no [{table}.{profile[:40]}].{near} Add it there, or name another."


def _unowned(what: str) -> str:
    return f"It is empty: name the profile that holds {what} at its carrier."


def _mislabelled(label: str) -> str:
    if label == NOTHING:
        return "A label cannot be removed: write another, or leave it empty to keep it."
    return "A label is one line of text: remove what is not printable."
