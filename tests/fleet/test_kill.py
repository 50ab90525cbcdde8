"""A process that dies while it applies a plan; the next one goes on with what it wrote down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from telephony.fleet.applying.running import apply, resume, resume_async, status
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import RunState, State
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.sandbox import Fault

# Applies a plan, and gets a signal at the given moment: before or after the nth commit, before the
# nth request is sent or after its response has arrived. Without an order it imports once, and forks
# a process for each line that it reads.
APPLIER = """
import asyncio, json, os, signal, sys
import telephony
from telephony.adapters import cartesia, livekit, twilio
from telephony.fleet.applying.running import apply, apply_async
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.planning.plan import Plan

order = {}
seen = dict.fromkeys(["before commit", "after commit", "before request", "after request"], 0)


def reach(moment):
    if order["moment"] == moment:
        seen[moment] += 1
        if seen[moment] == order["nth"] + 1:
            os.kill(os.getpid(), getattr(signal, order.get("signal", "SIGKILL")))


async def areach(moment):
    reach(moment)


class Journal(SqliteJournal):
    def _commit(self, rows):
        reach("before commit")
        super()._commit(rows)
        reach("after commit")


def run():
    blocking = order["mode"] == "blocking"
    connect = telephony.connect if blocking else telephony.connect_async
    hooks = {
        hook: (lambda _, at=at: reach(at)) if blocking else (lambda _, at=at: areach(at))
        for hook, at in [("on_request", "before request"), ("on_response", "after request")]
    }
    providers = {
        profile: connect(profile, adapter=adapter, **order["settings"][profile], **hooks)
        for profile, adapter in order["profiles"].items()
    }
    plan, journal = Plan.from_json(order["plan"]), Journal(order["journal"])
    source = telephony.SipTrunk(**order["source"])
    given = (plan, providers, journal)
    if blocking:
        apply(*given, sources={"rooms": source})
    else:
        asyncio.run(apply_async(*given, sources={"rooms": source}))


if sys.argv[1:]:
    order |= json.loads(sys.argv[1])
    run()
    sys.exit()
for line in sys.stdin:
    child = os.fork()
    if not child:
        order |= json.loads(line)
        run()
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
# Which of the moments: every one, every second, every third. What a request finds before it is sent
# is what the one before it left. The operations of asyncio are the same; what differs is how a
# commit and a call are waited for.
MOMENTS = [
    ("blocking", "before commit", 1),
    ("blocking", "after commit", 1),
    ("blocking", "before request", 3),
    ("blocking", "after request", 1),
    ("asyncio", "after commit", 1),
    ("asyncio", "after request", 2),
]


class Appliers:
    """Processes that apply a plan, as they are ordered."""

    def __init__(self, process):
        self._process = process

    def run(self, **order):
        """Return the exit code of a new one; below zero: the signal that ended it."""
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@pytest.fixture
def appliers():
    command = [sys.executable, "-c", APPLIER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        yield Appliers(process)


def order_of(world, plan, path, mode):
    source = world.sources["rooms"]
    return {
        "mode": mode,
        "plan": plan.to_json(),
        "journal": str(path),
        "settings": world.settings,
        "profiles": world.profiles,
        "source": {
            "address": source.address,
            "username": source.username,
            "password": source.password.get_secret_value(),
        },
    }


def resumed(world, plan, path, mode, providers):
    """Go on in this process; return the run."""
    journal = SqliteJournal(path)
    try:
        if mode == "blocking":
            return resume(plan.digest, providers, journal, sources=world.sources)

        async def go_on():
            async with world.connected_async() as connected:
                return await resume_async(plan.digest, connected, journal, sources=world.sources)

        return asyncio.run(go_on())
    finally:
        journal.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mode", "moment", "step"), MOMENTS)
def test_a_plan_is_applied_once_however_often_its_process_is_killed(
    world, providers, appliers, tmp_path, mode, moment, step
):
    plan = world.plan(world.begin(providers))
    order = order_of(world, plan, tmp_path / "undisturbed", mode)
    assert appliers.run(**order, moment="never", nth=0) == 0
    ledger, held = world.ledger(), world.held(providers)
    assert sum(map(len, ledger.values())) == 5

    for nth in range(0, 100, step):
        world.begin(providers)
        path = tmp_path / f"{nth}.sqlite"
        order["journal"] = str(path)
        code = appliers.run(**order, moment=moment, nth=nth)
        if code == 0:
            break  # it has no further such moment
        assert code == -signal.SIGKILL
        if path.exists():
            run = resumed(world, plan, path, mode, providers)
            assert run.state is RunState.FINISHED, f"{moment} {nth + 1}: {run}"
        assert world.ledger() == ledger, f"{moment} {nth + 1}"
        assert world.held(providers) == held, f"{moment} {nth + 1}"
    assert nth > 12


def test_two_processes_do_not_apply_at_once(world, providers, tmp_path, mode):
    plan = world.plan(world.begin(providers))
    path = tmp_path / "fleet.sqlite"
    order = order_of(world, plan, path, mode) | {"moment": "after request", "signal": "SIGSTOP"}
    order["nth"] = 3
    first = subprocess.Popen([sys.executable, "-c", APPLIER, json.dumps(order)])
    try:
        _, code = os.waitpid(first.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(code)
        journal = SqliteJournal(path)
        assert status(journal, plan.digest).state is RunState.RUNNING
        refused = rf"already: process {first.pid} on .*Nothing was sent"
        with pytest.raises(FleetError, match=refused):
            apply(plan, providers, journal, sources=world.sources)
        with pytest.raises(FleetError, match=refused):
            resume(plan.digest, providers, journal, sources=world.sources)
    finally:
        first.send_signal(signal.SIGCONT)
        assert first.wait() == 0
    assert sum(map(len, world.ledger().values())) == 5
    run = apply(plan, providers, journal, sources=world.sources)
    assert run.state is RunState.FINISHED
    assert sum(map(len, world.ledger().values())) == 5
    journal.close()


@pytest.mark.parametrize("nth", [0, 6, 14])
def test_an_interrupted_run_finishes_what_is_under_way(world, providers, tmp_path, mode, nth):
    plan = world.plan(world.begin(providers))
    path = tmp_path / "fleet.sqlite"
    order = order_of(world, plan, path, mode)
    order |= {"moment": "before request", "signal": "SIGINT", "nth": nth}
    applier = subprocess.run(
        [sys.executable, "-c", APPLIER, json.dumps(order)], capture_output=True, text=True
    )
    assert applier.returncode == -signal.SIGINT
    assert f"telephony fleet resume {plan.digest[:12]}" in applier.stderr

    journal = SqliteJournal(path)
    run = status(journal, plan.digest)
    journal.close()
    assert run.state is RunState.PARTLY
    assert run.left
    assert set(run.counts) <= {State.DONE, State.PLANNED}
    run = resumed(world, plan, path, mode, providers)
    assert run.state is RunState.FINISHED
    assert sum(map(len, world.ledger().values())) == 5


def test_an_interrupted_run_waits_for_its_slowest_request(world, providers, tmp_path, mode):
    plan = world.plan(world.begin(providers))
    path = tmp_path / "fleet.sqlite"
    order = order_of(world, plan, path, mode)
    order |= {"moment": "before request", "signal": "SIGINT", "nth": 0}
    world.sandbox.fail(Fault(kind="slow_headers", vendor="twilio", method="POST", seconds=1.5))
    applier = subprocess.run(
        [sys.executable, "-c", APPLIER, json.dumps(order)], capture_output=True, text=True
    )
    assert applier.returncode == -signal.SIGINT
    journal = SqliteJournal(path)
    run = status(journal, plan.digest)
    journal.close()
    assert State.STARTED not in run.counts
    assert run.counts[State.DONE] >= 1
