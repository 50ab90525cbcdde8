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
from pathlib import Path

import httpx
import pytest

from .pages import DOCS, ROOT, blocks

PAGES = sorted(page for page in DOCS.glob("recipes/*.md") if page.stem != "index")
READY = {"sandbox": "Ctrl-C stops it", "application": "Uvicorn running", "worker": "ready."}
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


class Terminal:
    """A shell in which one command after the other is typed."""

    def __init__(self, folder, environment, ports):
        self._ports = ports
        self.process = subprocess.Popen(
            ["/bin/sh"], cwd=folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._status = 0

    def type(self, command):
        for port, free in self._ports.items():
            command = command.replace(port, free)
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def shown(self, command):
        """Return what a command shows, and its exit code."""
        self.type(f"(exit {self._status}); {command}\nprintf '\\n<%s>\\n' $?")
        lines = []
        for line in self.process.stdout:
            if found := re.fullmatch(r"<(\d+)>\n", line):
                self._status = int(found[1])
                break
            lines.append(line)
        text = "".join(lines).removesuffix("\n")
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


@pytest.fixture
def terminal(tmp_path):
    """Open terminals in a folder in which the examples are, as in a checkout."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "curl").write_text(CURL)
    (commands / "curl").chmod(0o755)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "examples").mkdir()
    for program in (ROOT / "examples").glob("*.py"):
        (checkout / "examples" / program.name).symlink_to(program)
    ports = {"4010": _free_port(), "8000": _free_port()}
    environment = {
        "PATH": os.pathsep.join(
            map(str, [commands, Path(sys.executable).parent, os.environ["PATH"]])
        ),
        "COLUMNS": "200",
        "TELEPHONY_SANDBOX_PORT": ports["4010"],
    }
    with ExitStack() as opened:

        def start():
            made = Terminal(checkout, environment, ports)
            opened.callback(made.close)
            return made

        start.sandbox = f"http://127.0.0.1:{ports['4010']}"
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
def test_its_commands_work_as_written(page, terminal):
    last = terminal()
    for block in blocks(page):
        if block.language != "console":
            continue
        commands = session(block.code)
        if block.use == "terminal":
            serving = terminal()
            for command, _ in commands:
                serving.type(
                    f"{command} --port 4010" if command.startswith("telephony sandbox") else command
                )
            assert any(READY[block.name] in line for line in serving.process.stdout)
            continue
        for nth, (command, expected) in enumerate(commands):
            with passing_time(terminal.sandbox) if "call_and" in command else nullcontext():
                shown, status = last.shown(command)
            following = [each for each, _ in commands[nth + 1 : nth + 2]]
            assert status == 0 or following == ["echo $?"], f"{command}\n{shown}"
            assert not expected or alike(expected, shown.strip()), f"{command}\n{shown}"
