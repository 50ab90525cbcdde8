"""The plan: what is declared, compared with what is held. No I/O, and no clock."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate

from telephony.fleet.declared.model import Declared, Order, Row
from telephony.fleet.planning.held import Held, UnplannableError
from telephony.fleet.planning.lanes import arranged
from telephony.fleet.planning.number import Number, relabelled
from telephony.fleet.planning.ops import Op, Snapshot, Verb
from telephony.fleet.planning.plan import Finding, Offer, Plan
from telephony.fleet.planning.safety import unsafe

_EXAMPLES = 3


def plan(
    declared: Declared,
    snapshot: Snapshot,
    offers: Mapping[str, Offer],
    *,
    only: str | None = None,
) -> Plan:
    """Return what has to be done so that the vendors hold what is declared.

    Args:
        declared: the fleet's files.
        snapshot: what its profiles hold.
        offers: what its profiles can do, by name.
        only: a pattern such as ``+1415*``: other numbers and orders are left out.
    """
    work = _Work(Held(declared, snapshot, offers))
    chosen = re.compile(translate(only)).match if only is not None else None
    rows = declared.rows if chosen is None else [row for row in declared.rows if chosen(row.number)]
    for row in rows:
        work.follow(row)
    declares = {row.number for row in declared.rows}
    for order in declared.orders:
        number = work.held.bought(order.order, order.owner) if work.is_open(order.owner) else None
        if number in declares or (chosen and not chosen(number or order.order)):
            continue
        work.order(order, number)
        if number is not None:
            declares.add(number)
    if chosen is None:
        work.count_unowned(declares)
    ops = arranged(work.planned, work.held)
    return Plan.made(
        ops=ops,
        problems=tuple(sorted(work.findings())),
        notices=tuple(sorted(work.notices())),
        unsafe=tuple(sorted(unsafe(ops, work.held))),
        policy=declared.policy.digest,
        basis=snapshot.basis,
    )


class _Work:
    """What was planned so far."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.planned: list[Op] = []
        self._problems: list[Finding] = []
        self._left_out: defaultdict[str, list[str]] = defaultdict(list)
        self._kept: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._answered: set[tuple[str | bool | None, ...]] = set()
        self._gone: list[Finding] = []

    def is_open(self, *profiles: str) -> bool:
        return not any(profile in self.held.closed for profile in profiles)

    def follow(self, row: Row) -> None:
        signature = self.held.signature(row)
        if signature in self._answered:
            self._label(row)
            return
        if not self._is_planned(row.number, row.owner, row.answer_at):
            return
        number = self._followed(row)
        self._take(row.number, number)
        said = number.problems or number.kept
        if signature and not said and all(op.verb is Verb.LABEL for op in number.ops):
            self._answered.add(signature)

    def _label(self, row: Row) -> None:
        """Plan the label alone of a number that is held."""
        owner, number = row.owner, row.number
        try:
            op = relabelled(self.held, owner, number, self.held.at(owner, number), row.label)
        except UnplannableError as problem:
            self._unplannable(number, problem)
            return
        if op is not None:
            self.planned.append(op)

    def order(self, order: Order, number: str | None) -> None:
        """Plan an order, of which `number` was bought already; it is empty until it is active."""
        if not self._is_planned(order.order, order.owner, order.answer_at):
            return
        if number is None:
            bought = Number(self.held, order.owner, "", order.order)
            bought.buy(order)
            self._take(order.order, bought)
        elif self.held.at(order.owner, number) is None:
            message = (
                f"It was bought as {number}, which is not held any more: remove its line."
                if number
                else "It is bought, and the vendor has yet to activate it: plan again later."
            )
            self._gone.append(Finding(number=order.order, profile=order.owner, message=message))
        else:
            row = Row(number, order.owner, order.label, order.answer_at, order.answer_to)
            self._take(number, self._followed(row))

    def _followed(self, row: Row) -> Number:
        number = Number(self.held, row.owner, row.number)
        number.follow(row)
        return number

    def _is_planned(self, key: str, owner: str, answer_at: str) -> bool:
        held = self.held
        for profile in (owner, answer_at):
            if profile in held.closed:
                self._left_out[profile].append(key)
                return False
        if key in held.twice:
            message = "It is held twice there: release one of the two."
            self._problems.append(Finding(number=key, profile=held.twice[key], message=message))
            return False
        return True

    def _take(self, key: str, number: Number) -> None:
        self.planned += number.ops
        for problem in number.problems:
            self._unplannable(key, problem)
        for kept in number.kept:
            self._kept[kept].append(key)

    def _unplannable(self, key: str, problem: UnplannableError) -> None:
        self._problems.append(Finding(number=key, profile=problem.profile, message=problem.message))

    def count_unowned(self, declared: set[str]) -> None:
        for profile in self.held.policy.profiles:
            unowned = [one for one in self.held.by_profile[profile] if one not in declared]
            if unowned:
                words = "held here, but in no file: `telephony fleet dump` writes them down"
                self._kept[profile, words] = unowned

    def findings(self) -> Iterator[Finding]:
        yield from self._problems
        for profile, reason in self.held.closed.items():
            left_out = self._left_out.get(profile, ())
            message = f"{reason}. {_counted(left_out)} left out." if left_out else f"{reason}."
            yield Finding(number="", profile=profile, message=message)

    def notices(self) -> Iterator[Finding]:
        yield from self._gone
        for (profile, words), numbers in self._kept.items():
            yield Finding(number="", profile=profile, message=f"{_counted(numbers)} {words}.")


def _counted(numbers: Iterable[str]) -> str:
    found = sorted(numbers)
    shown = ", ".join(found[:_EXAMPLES]) + (", …" if len(found) > _EXAMPLES else "")
    return f"{shown} is" if len(found) == 1 else f"{len(found):,} ({shown}) are"
