"""Many numbers at many vendors, declared in files: planned, applied, moved and looked at.

import telephony.fleet as fleet

with fleet.open("fleet.toml") as numbers:
plan = numbers.plan()
run = numbers.apply(plan)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import telephony
from telephony.fleet.applying.board import Progress as Progress
from telephony.fleet.applying.running import Run as Run
from telephony.fleet.asynchronous import AsyncFleet as AsyncFleet
from telephony.fleet.blocking import Fleet as Fleet
from telephony.fleet.dumping import dump as dump
from telephony.fleet.errors import FileProblem as FileProblem
from telephony.fleet.errors import FleetError as FleetError
from telephony.fleet.errors import UnsafePlanError as UnsafePlanError
from telephony.fleet.journal.protocol import Entry as Entry
from telephony.fleet.journal.protocol import Move as Move
from telephony.fleet.journal.protocol import MoveState as MoveState
from telephony.fleet.journal.protocol import RunRecord as RunRecord
from telephony.fleet.journal.protocol import RunState as RunState
from telephony.fleet.journal.protocol import State as State
from telephony.fleet.observed.joined import Drift as Drift
from telephony.fleet.observed.joined import Place as Place
from telephony.fleet.opened import Files
from telephony.fleet.planning.ops import Op as Op
from telephony.fleet.planning.ops import Verb as Verb
from telephony.fleet.planning.plan import Finding as Finding
from telephony.fleet.planning.plan import Plan as Plan
from telephony.fleet.planning.plan import Unsafe as Unsafe
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider

FILE_NAME = "fleet.toml"
_AWAKE = 0.5  # seconds


def open(  # noqa: A001 - read as fleet.open
    path: str | os.PathLike[str] = FILE_NAME,
    *,
    connect: Callable[[str], PhoneNumberProvider] = telephony.connect,
) -> Fleet:
    """Open a fleet; use it with ``with``. Nothing is read or sent yet.

    Args:
        path: the fleet.toml. The journal is where it says, by default beside it.
        connect: returns the provider of a profile; by default the profiles are telephony.toml's.

    Example:
        with fleet.open("fleet.toml") as numbers:
            print(numbers.plan().counts)
    """
    return Fleet(Path(path), connect)


def work(
    path: str | os.PathLike[str] = FILE_NAME,
    *,
    name: str | None = None,
    connect: Callable[[str], PhoneNumberProvider] = telephony.connect,
    until: threading.Event | None = None,
) -> None:
    """Do what is applied anywhere with ``engine = "dbos"``, until interrupted.

    Each machine runs one such process. One account of a vendor is worked on by one of them at a
    time, so more of them help where there are more accounts.

    Args:
        path: the fleet.toml, the same on every machine.
        name: by which `take_over` finds what it had begun if it dies; None: host and process.
        connect: returns the provider of a profile.
        until: once it is set, nothing more is begun and this returns.

    Raises:
        FleetError: fleet.toml names no database, or it cannot be used.

    Example:
        fleet.work("fleet.toml", name="eu-1")
    """
    files = Files(Path(path))
    policy = files.policy()
    url = files.several_machines(policy)
    if url is None:
        raise FleetError(f'{path}: write engine = "dbos" in [fleet]; with "local" apply works.')
    from telephony.fleet.engines import dbos

    machine = dbos.Machine(
        name or dbos.machine_name(),
        url,
        connect,
        lambda: files.sources(policy),
        files.concurrency(policy),
    )
    ended = until or threading.Event()
    try:
        # A signal that another thread received is handled when this one wakes up.
        while not ended.wait(_AWAKE):
            pass
    finally:
        machine.close()


def take_over(path: str | os.PathLike[str] = FILE_NAME, *, worker: str) -> int:
    """Give out anew what a dead `work` process had begun; return how many parts of runs.

    Args:
        path: the fleet.toml.
        worker: the name that the dead process had.

    Raises:
        FleetError: it is not dead, as it holds an account; or fleet.toml names no database, or
            that cannot be used.

    Example:
        fleet.take_over("fleet.toml", worker="eu-1")
    """
    files = Files(Path(path))
    url = files.several_machines(files.policy())
    if url is None:
        raise FleetError(f'{path}: only engine = "dbos" has workers; use resume instead.')
    from telephony.fleet.engines import dbos

    return dbos.take_over(worker, url)


def open_async(
    path: str | os.PathLike[str] = FILE_NAME,
    *,
    connect: Callable[[str], AsyncPhoneNumberProvider] = telephony.connect_async,
) -> AsyncFleet:
    """Open a fleet with asyncio; use it with ``async with``. Otherwise as `open`.

    Args:
        path: the fleet.toml.
        connect: returns the provider of a profile.

    Example:
        async with fleet.open_async("fleet.toml") as numbers:
            print((await numbers.plan()).counts)
    """
    return AsyncFleet(Path(path), connect)
