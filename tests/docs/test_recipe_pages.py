"""The terminal sessions of the recipes' pages, typed as they stand; what they show is compared.

`…` in what a command shows stands for anything in its line, and alone for any lines. A block below
``<!-- terminal: NAME -->`` is a terminal of its own, whose last command keeps running.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ..conftest import inherited
from ..systems import SHELL
from .pages import DOCS, ROOT, blocks

PAGES = sorted(page for page in DOCS.glob("recipes/*.md") if page.stem != "index")
pytestmark = SHELL

SANDBOX = [
    "telephony sandbox",
    "telephony sandbox --webhook 'http://127.0.0.1:8000/webhooks/{provider}'",
]
POINT = 'eval "$(telephony sandbox env)"'
READY = {"application": "Uvicorn running", "worker": "ready."}
# Not every machine has the real one.
CURL = f"""#!{sys.executable}
import argparse, pathlib, sys, urllib.request
known = argparse.ArgumentParser()
known.add_argument("url")
known.add_argument("-X", dest="method", default="GET")
known.add_argument("-H", dest="header", default="accept: */*")
known.add_argument("-d", dest="data", default="")
given = known.parse_args()
data = given.data
if data.startswith("@"):
    data = pathlib.Path(data[1:]).read_text()
headers = dict([given.header.split(": ")])
request = urllib.request.Request(given.url, data.encode() or None, headers, method=given.method)
opener = urllib.request.build_opener()
opener.process_response.pop("http", None)  # it shows errors, too
sys.stdout.write(opener.open(request).read().decode())
"""


@dataclass(frozen=True)
class Machine:
    environment: dict[str, str]
    ports: dict[str, str]
    exports: Path

    @property
    def sandbox(self):
        return f"http://127.0.0.1:{self.ports['4010']}"


class Terminal:
    """A shell in which one command after the other is typed."""

    def __init__(self, folder, environment, ports, exports=None):
        self._ports, self._exports = ports, exports
        self.process = subprocess.Popen(
            ["/bin/sh"], cwd=folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._status = 0

    def type(self, command):
        # It prints the same every time, and takes a while.
        command = command.replace(POINT, f". {self._exports}")
        for port, free in self._ports.items():
            command = command.replace(port, free)
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def shown(self, command, *, as_it_is=False):
        """Return what a command shows, with the ports of the page, and its exit code."""
        self.type(f"(exit {self._status}); {command}\nprintf '\\n<%s>\\n' $?")
        lines = []
        for line in self.process.stdout:
            if found := re.fullmatch(r"<(\d+)>\n", line):
                self._status = int(found[1])
                break
            lines.append(line)
        text = "".join(lines).removesuffix("\n")
        if not as_it_is:
            for port, free in self._ports.items():
                text = text.replace(free, port)
        return text, self._status

    def close(self):
        self.process.stdin.close()
        with suppress(ProcessLookupError):  # nothing runs in it any more
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Run a sandbox; return what is installed beside it, and where the ports are."""
    commands = tmp_path_factory.mktemp("bin")
    (commands / "curl").write_text(CURL)
    (commands / "curl").chmod(0o755)
    ports = {"4010": _free_port(), "8000": _free_port()}
    places = [commands, Path(sys.executable).parent, os.environ["PATH"]]
    environment = {
        **inherited(),
        "PATH": os.pathsep.join(map(str, places)),
        "COLUMNS": "200",
        "TELEPHONY_SANDBOX_PORT": ports["4010"],
    }
    sandbox = Terminal(commands, environment, ports)
    sandbox.type(f"{SANDBOX[1]} --port 4010")
    assert any("Ctrl-C stops it" in line for line in sandbox.process.stdout)
    env = Terminal(commands, environment, ports)
    (commands / "exports").write_text(env.shown("telephony sandbox env", as_it_is=True)[0])
    yield Machine(environment, ports, commands / "exports")
    env.close()
    sandbox.close()


@pytest.fixture
def terminal(machine, tmp_path):
    """Open terminals in a folder in which the examples are, as in a checkout."""
    (tmp_path / "examples").mkdir()
    for program in (ROOT / "examples").glob("*.py"):
        (tmp_path / "examples" / program.name).symlink_to(program)
    httpx.post(f"{machine.sandbox}/_sandbox/reset")
    with ExitStack() as opened:

        def start():
            made = Terminal(tmp_path, machine.environment, machine.ports, machine.exports)
            opened.callback(made.close)
            return made

        yield start


@contextmanager
def passing_time(sandbox):
    """Let time pass faster for the calls of a sandbox."""
    over = threading.Event()

    def pass_time():
        with httpx.Client() as client:
            while not over.wait(0.1):
                client.post(f"{sandbox}/_sandbox/cartesia/clock", json={"seconds": 5})

    thread = threading.Thread(target=pass_time)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def session(code):
    """Return each command of a terminal session with what it shows."""
    parts = re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]
    return [
        (command, shown.strip()) for command, _, shown in (part.partition("\n") for part in parts)
    ]


def alike(expected, shown):
    """Return whether a command shows what the page says."""
    lines = [
        "(?s:.*)" if line == "…" else ".*".join(map(re.escape, line.split("…")))
        for line in expected.splitlines()
    ]
    return re.fullmatch(r"\n".join(lines).replace(r"(?s:.*)\n", r"(?s:.*\n)?"), shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_commands_work_as_written(page, machine, terminal):
    """One sandbox serves all pages."""
    last = terminal()
    for block in blocks(page):
        if block.language != "console":
            continue
        commands = session(block.code)
        if block.name == "sandbox":
            ((command, _),) = commands
            assert command in SANDBOX
            continue
        if block.use == "terminal":
            serving = terminal()
            for command, _ in commands:
                serving.type(command)
            assert any(READY[block.name] in line for line in serving.process.stdout)
            continue
        for nth, (command, expected) in enumerate(commands):
            with passing_time(machine.sandbox) if "call_and" in command else nullcontext():
                shown, status = last.shown(command)
            following = [each for each, _ in commands[nth + 1 : nth + 2]]
            assert status == 0 or following == ["echo $?"], f"{command}\n{shown}"
            assert not expected or alike(expected, shown.strip()), f"{command}\n{shown}"
