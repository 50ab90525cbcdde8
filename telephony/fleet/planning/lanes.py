"""Which operations wait for each other: those of a number, and of numbers that share an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from telephony.fleet.planning.held import Held
from telephony.fleet.planning.ops import Op


def arranged(planned: Mapping[str, Iterable[Op]], held: Held) -> Iterator[Op]:
    """Yield the operations of numbers and orders by lane.

    A lane has the name of the first of its numbers.
    """
    lanes = _lanes(planned, held)
    for number in sorted(planned, key=lambda number: (lanes.get(number, number), number)):
        lane = lanes.get(number, number)
        for op in planned[number]:
            yield op if op.lane == lane else replace(op, lane=lane)


def _lanes(numbers: Iterable[str], held: Held) -> Mapping[str, str]:
    """Return the lanes of the numbers that share an object at some vendor with others of these."""
    shared = [
        (profile, holdings)
        for profile, holdings in held.by_profile.items()
        if profile in held.offers and held.offers[profile].shared
    ]
    first: dict[str, str] = {}

    def root(number: str) -> str:
        while first.get(number, number) != number:
            number = first[number]
        return number

    objects: dict[tuple[str, str], str] = {}
    for number in sorted(numbers):
        for profile, holdings in shared:
            holding = holdings.get(number)
            if holding is None or not holding.id.endswith(f"/{number}"):
                continue
            other = objects.setdefault((profile, holding.id.removesuffix(f"/{number}")), number)
            low, high = sorted((root(other), root(number)))
            first[high] = low
    return {number: root(number) for number in first}
