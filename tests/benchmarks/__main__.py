"""``python -m tests.benchmarks``: measure everything, print it, write it down."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from time import perf_counter

from . import calls, fleet, machines, memory, planning, rate, report, startup
from .report import Row, row
from .server import COUNT, serving
from .sides import LISTINGS, Items

RUNS = 7
_FEW = COUNT * 2 // 5


def taken(sides: Mapping[str, Callable[[], float]], runs: int = RUNS) -> dict[str, list[float]]:
    """Return each side's result of every run; they take turns, so that they meet the same noise."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            gc.collect()
            found[name].append(side())
    return found


def timed(items: Items) -> Callable[[], float]:
    def run() -> float:
        start = perf_counter()
        count = sum(1 for _ in items())
        assert count >= COUNT
        return perf_counter() - start

    return run


def listings(url: str) -> Iterator[Row]:
    for listing in LISTINGS:
        with ExitStack() as stack:
            sides = {
                side: timed(stack.enter_context(getattr(listing, side)(url)))
                for side in ("ours", "sdk", "floor")
            }
            # The answers are made, schemas are built.
            taken(sides, 1)
            yield row(f"list {COUNT:,} {listing.name}", "ms", taken(sides))


def peaks(url: str) -> Iterator[Row]:
    for index, listing in enumerate(LISTINGS):
        for count in (_FEW, COUNT, *([memory.KEPT] if "Twilio" in listing.name else [])):
            sides = {
                side: [memory.taken(url, index, side, count)] for side in ("ours", "sdk", "floor")
            }
            kept = ", kept" if count == memory.KEPT else ""
            yield row(f"memory, {count:,} {listing.name}{kept}", "MB", sides)


def single(url: str) -> Iterator[Row]:
    with calls.getting(url) as sides:
        taken(sides, 1)
        runs = taken(sides)
    yield row("one get_number, blocking", "ms", runs)
    asynchronous = {"ours": runs["async ours"], "floor": runs["async floor"]}
    yield row("one get_number, asyncio", "ms", asynchronous)
    with calls.importing(url) as imports:
        took = taken({"ours": imports, "floor": lambda: calls.IDEAL})
    yield row(f"{calls.IMPORTS:,} imports, {calls.IN_FLIGHT} at once", "s", took)


def rates() -> Iterator[Row]:
    for name, run in rate.reading():
        yield row(name, "s", taken({"ours": run, "floor": lambda: rate.IDEAL}, 1))


def planned() -> Iterator[Row]:
    with planning.written() as path:
        sides = planning.reading(path)
        taken(sides, 1)
        yield row(f"fleet: read {planning.DECLARED:,} rows", "s", taken(sides))
        for every, differ in ((1000, "0.1 %"), (1, "all")):
            ours = {"ours": planning.planning(path, every=every)}
            yield row(f"fleet: plan them, {differ} differ", "s", taken(ours))
        peak: float = planning.memory(path)
        yield row("fleet: memory of both", "MB", {"ours": [peak]})


def applied() -> Iterator[Row]:
    count, limit = f"{fleet.OPERATIONS:,}", f"{fleet.PER_SECOND}/s"
    for way, run in fleet.instant():
        took = taken({"ours": run, "floor": lambda: fleet.WANTED})
        yield row(f"{count} journalled operations, {way}", "s", took)
    for way, run in fleet.labelling():
        took = taken({"ours": run, "floor": lambda: fleet.IDEAL}, 1)
        yield row(f"{count} labels, {limit}, {way}", "s", took)
    labels, accounts = f"{machines.ACCOUNTS * machines.EACH:,} labels", machines.ACCOUNTS
    shared = f"{labels}, {accounts} accounts, {machines.MACHINES} machines, DBOS"
    yield row(shared, "s", {"ours": [machines.applied()]})
    for many, peak in fleet.growth():
        yield row(f"memory, applying {many:,}", "MB", {"ours": [peak()]})


def starts() -> Iterator[Row]:
    for name, statements in startup.statements().items():
        sides = {side: lambda code=code: startup.seconds(code) for side, code in statements.items()}
        taken(sides, 1)
        yield row(name, "ms", taken(sides))
    sides = {"ours": startup.version, "floor": startup.interpreter}
    yield row("`telephony --version`", "ms", taken(sides))


def main() -> None:
    rows: list[Row] = []
    with serving() as url:
        for measured in (
            listings(url),
            single(url),
            rates(),
            planned(),
            applied(),
            starts(),
            peaks(url),
        ):
            for each in measured:
                rows.append(each)
                print(each.name, file=sys.stderr)  # noqa: T201 - it takes minutes
    report.save(rows, RUNS)
    print(report.table(rows))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
