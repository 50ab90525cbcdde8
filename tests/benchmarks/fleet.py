"""Applying a plan: as fast as the journal, and as fast as a vendor lets it, without growing."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter

import telephony
from telephony import PhoneNumber
from telephony.fleet.applying.running import Run, apply, apply_async, resume
from telephony.fleet.journal.protocol import RunState
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.plan import Plan
from telephony.sandbox import Sandbox

OPERATIONS, PER_SECOND, AT_ONCE = 10_000, 200, 100
WANTED = OPERATIONS / 3_000
IDEAL = 2 * OPERATIONS / PER_SECOND
"""A label is read and written: two requests."""
_FEW = OPERATIONS * 2 // 5
_VENDOR = "cartesia"
_KNOWN = {"requests_per_second": PER_SECOND, "deadline": None}


class _Instant:
    """A provider whose vendor takes no time."""

    account = "benchmark"

    class adapter:  # noqa: N801
        vendor = "Instant"

    _changed = PhoneNumber(id="n", number="+14155550100", provider="instant")

    def update_number(self, **_: object) -> PhoneNumber:
        return self._changed


class _InstantAsync(_Instant):
    async def update_number(self, **_: object) -> PhoneNumber:
        return self._changed


def plan(count: int) -> Plan:
    """Return a plan that changes so many labels, each in a lane of its own."""
    ops = (
        Op(
            id=f"label/{at}", verb=Verb.LABEL, profile=_VENDOR, lane=str(at),
            number=f"+1415{at:07}", holding=f"n_{at}", before="Old", after="New",
        )
        for at in range(count)
    )  # fmt: skip
    return Plan.made(ops=tuple(ops), problems=(), notices=(), unsafe=(), policy="")


@contextmanager
def journal() -> Iterator[SqliteJournal]:
    # On the disk that the project is on: /tmp may be memory.
    with (
        tempfile.TemporaryDirectory(dir=sys.prefix, ignore_cleanup_errors=True) as folder,
        closing(SqliteJournal(Path(folder) / "fleet.sqlite")) as opened,
    ):
        yield opened


@contextmanager
def limited() -> Iterator[dict[str, object]]:
    """Serve a vendor that takes so many requests a second; return what connects to it."""
    command = [sys.executable, "-m", "tests.benchmarks.fleet", "serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield {**json.loads(process.stdout.readline()), **_KNOWN}
        process.stdin.close()


def serve() -> None:
    with Sandbox([_VENDOR]) as sandbox:
        settings = sandbox.settings(_VENDOR)
        with telephony.connect(_VENDOR, **settings) as provider:
            provider.provision_number(label="Old")
        held = sandbox.vendors[_VENDOR].account.numbers
        ((_, one),) = held.items()
        for at in range(OPERATIONS):
            held[f"n_{at}"] = {**one, "id": f"n_{at}", "number": f"+1415{at:07}"}
        sandbox.limit(_VENDOR, PER_SECOND)
        print(json.dumps(settings), flush=True)  # noqa: T201 - how the parent learns of it
        sys.stdin.read()


def _threads(wanted: Plan, provider: telephony.Provider) -> Run:
    with journal() as opened:
        return apply(wanted, {_VENDOR: provider}, opened, concurrency={_VENDOR: AT_ONCE})


async def _tasks(wanted: Plan, provider: telephony.AsyncProvider) -> Run:
    with journal() as opened:
        return await apply_async(
            wanted, {_VENDOR: provider}, opened, concurrency={_VENDOR: AT_ONCE}
        )


def _timed(run: Callable[[], Run]) -> float:
    start = perf_counter()
    done = run()
    took = perf_counter() - start
    assert done.state is RunState.FINISHED, done.counts
    return took


def instant() -> Iterator[tuple[str, Callable[[], float]]]:
    """Return what is measured and its function: the seconds until all is done and written down."""
    wanted = plan(OPERATIONS)
    yield "threads", lambda: _timed(lambda: _threads(wanted, _Instant()))
    yield "tasks", lambda: _timed(lambda: asyncio.run(_tasks(wanted, _InstantAsync())))


def labelling() -> Iterator[tuple[str, Callable[[], float]]]:
    """As `instant`, over HTTP to a vendor with a limit."""
    wanted = plan(OPERATIONS)

    def threads() -> float:
        with limited() as settings, telephony.connect(_VENDOR, **settings) as provider:
            return _timed(lambda: _threads(wanted, provider))

    async def connected(settings: dict[str, object]) -> Run:
        async with telephony.connect_async(_VENDOR, **settings) as provider:
            return await _tasks(wanted, provider)

    def tasks() -> float:
        with limited() as settings:
            return _timed(lambda: asyncio.run(connected(settings)))

    yield "threads", threads
    yield "tasks", tasks


def growth() -> Iterator[tuple[int, Callable[[], float]]]:
    """Return how many operations, and a function: the bytes at the worst moment of doing them."""
    for count in (_FEW, OPERATIONS):

        def run(count: int = count) -> float:
            command = [sys.executable, "-m", "tests.benchmarks.fleet", "memory", str(count)]
            return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        yield count, run


def memory(count: int) -> int:
    with journal() as opened:
        opened.begin("run", plan(count).ops)
        gc.collect()
        tracemalloc.start()
        peaks: list[int] = []
        resume(
            "run", {_VENDOR: _Instant()}, opened, concurrency={_VENDOR: AT_ONCE},
            progress=lambda _: peaks.append(tracemalloc.get_traced_memory()[1]),
        )  # fmt: skip
        # The last one is from before the result was made, which lists every operation.
        return peaks[-1]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        print(memory(int(sys.argv[2])))  # noqa: T201 - how the parent learns of it
