"""Reading and planning a fleet: 100,000 numbers declared, 200,000 held at four profiles.

The share that differs is 1 in 1,000, as after some days; or all of them.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from telephony import Agent
from telephony.capabilities import Capability
from telephony.fleet.declared.files import load
from telephony.fleet.planning.diff import plan
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.planning.plan import Offer

DECLARED = 100_000
_TOML = """
[owners.carrier]
[answerers.support]
via = "self"
[answerers.rooms]
via = { trunk = "TK1" }
"""
_ROUTES = {"support": "webhook:https://support.example/voice", "rooms": "trunk:TK1"}


@contextmanager
def written() -> Iterator[Path]:
    """Write the fleet's files and yield the path of fleet.toml."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "numbers").mkdir()
        (folder / "fleet.toml").write_text(_TOML)
        with (folder / "numbers" / "all.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("number", "owner", "label", "answer_at", "answer_to", "state"))
            rows.writerows(
                (number, "carrier", f"Line {index}", answerer, f"agent_{index % 50}", "active")
                for index, number, answerer in _numbers()
            )
        yield folder / "fleet.toml"


def reading(path: Path) -> Mapping[str, Callable[[], float]]:
    """Return what reads the files, and what only parses them."""

    def floor() -> int:
        with (path.parent / "numbers" / "all.csv").open(newline="") as file:
            return sum(1 for _ in csv.reader(file))

    return {"ours": lambda: _seconds(lambda: load(path)), "floor": lambda: _seconds(floor)}


def planning(path: Path, *, every: int) -> Callable[[], float]:
    """Return what makes a plan where one label of `every` differs."""
    declared, snapshot, offers = load(path), _snapshot(every), _offers()
    differ = DECLARED // every
    assert len(plan(declared, snapshot, offers).ops) == differ
    return lambda: _seconds(lambda: plan(declared, snapshot, offers))


def memory(path: Path) -> int:
    """Return the bytes of a fresh process that reads and plans, at its worst moment; on Linux."""
    command = [sys.executable, "-m", "tests.benchmarks.planning", str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def _numbers() -> Iterator[tuple[int, str, str]]:
    for index in range(DECLARED):
        yield index, f"+1415{2_000_000 + index}", "rooms" if index % 2 else "support"


def _snapshot(every: int) -> Snapshot:
    def holdings() -> Iterator[Holding]:
        for index, number, answerer in _numbers():
            yield Holding(
                profile="carrier",
                id=f"PN{index:032}",
                number=number,
                label=f"Line {index}" if index % every else "Another",
                assignment=_ROUTES[answerer],
            )
            yield Holding(
                profile=answerer,
                id=f"{index:024}",
                number=number,
                assignment=f"agent:agent_{index % 50}",
            )

    return Snapshot(holdings=tuple(holdings()), unreadable={}, previous={"carrier": DECLARED})


def _offers() -> Mapping[str, Offer]:
    kinds = {
        "carrier": ({"webhook", "trunk"}, {}),
        "support": ({"agent"}, {"twilio": "self_wired"}),
        "rooms": ({"agent"}, {"sip_trunk": "pointed"}),
    }
    return {
        profile: Offer(
            profile=profile,
            vendor=profile,
            account=profile,
            capabilities=frozenset(Capability),
            instead={},
            targets=frozenset(targets),
            sources=frozenset(),
            ingress=ingress,
            target=Agent,
        )
        for profile, (targets, ingress) in kinds.items()
    }


if __name__ == "__main__":
    plan(load(Path(sys.argv[1])), _snapshot(1000), _offers())
    # Linux counts what a process was before it became this one into `ru_maxrss`, but not into this.
    status = Path("/proc/self/status").read_text("utf-8")
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(peak.split()[1]) * 1024)  # noqa: T201 - how the parent learns of it
