"""The memory that a listing takes in a fresh process, with and without keeping its items."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from itertools import islice

from .sides import LISTINGS, Items

KEPT = 100_000


def taken(url: str, index: int, side: str, count: int) -> int:
    """Return the bytes at the worst moment of listing `count` items; of `KEPT`, all are kept."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", url, str(index), side, str(count)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(url: str, index: int, side: str, count: int) -> int:
    with getattr(LISTINGS[index], side)(url) as items:
        # What is imported and built once is not what a listing takes.
        next(iter(items()))
        gc.collect()
        tracemalloc.start()
        if count == KEPT:
            return _kept(items)
        for _ in islice(items(), count):
            pass
        return tracemalloc.get_traced_memory()[1]


def _kept(items: Items) -> int:
    found: list[object] = []
    while len(found) < KEPT:
        found += items()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


if __name__ == "__main__":
    where, which, who, many = sys.argv[1:]
    print(measure(where, int(which), who, int(many)))  # noqa: T201 - how the parent learns of it
