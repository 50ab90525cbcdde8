"""Which operations wait for each other: those of a number, and of numbers that share an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

from msgspec.structs import replace

from telephony.fleet.planning.held import Held
from telephony.fleet.planning.ops import Op


def arranged(planned: Iterable[Op], held: Held) -> tuple[Op, ...]:
    """Return operations by lane; those of a number stay in their order.

    Args:
        planned: operations of which each is in a lane of its number or order alone.
        held: which of them share an object.
    """
    ops = sorted(planned, key=attrgetter("lane"))
    lanes = _lanes(ops, held)
    if not lanes:
        return tuple(ops)
    joined = (replace(op, lane=lanes[op.lane]) if op.lane in lanes else op for op in ops)
    return tuple(sorted(joined, key=attrgetter("lane")))


def _lanes(ops: Iterable[Op], held: Held) -> Mapping[str, str]:
    """Return the lanes of the numbers that share an object at some vendor with others of these."""
    shared = [
        (profile, holdings)
        for profile, holdings in held.by_profile.items()
        if profile in held.offers and held.offers[profile].shared
    ]
    if not shared:
        return {}
    first: dict[str, str] = {}

    def root(number: str) -> str:
        while first.get(number, number) != number:
            number = first[number]
        return number

    objects: dict[tuple[str, str], str] = {}
    for number in sorted({op.lane for op in ops}):
        for profile, holdings in shared:
            holding = holdings.get(number)
            if holding is None or not holding.id.endswith(f"/{number}"):
                continue
            other = objects.setdefault((profile, holding.id.removesuffix(f"/{number}")), number)
            low, high = sorted((root(other), root(number)))
            first[high] = low
    return {number: root(number) for number in first}
