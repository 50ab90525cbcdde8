"""The pages that are followed in several terminals, followed in several processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.systems import SHELL

from .pages import DOCS, README, ROOT, named

POINT = 'eval "$(telephony sandbox env)"'
READY = {POINT, ". .venv/bin/activate"}


@pytest.fixture
def followed():
    """Follow the walk of a page in a folder; return what the commands of the last terminal show."""
    with ExitStack() as running:
        yield lambda page, folder: _follow(named(page, "walk"), folder, running)


def _follow(walk, folder, running):
    ports = {"4010": _free_port(), "8000": _free_port()}
    bin_ = Path(sys.executable).parent
    environment = {
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "COLUMNS": "200",
        "TELEPHONY_SANDBOX_PORT": ports["4010"],
    }

    def lines(terminal):
        text = walk[terminal]
        for port, free in ports.items():
            text = text.replace(port, free)
        return text.strip().splitlines()

    def start(command, ready):
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], cwd=folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        running.enter_context(process)
        running.callback(process.terminate)
        assert any(ready in line for line in process.stdout), command

    def shell(command):
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (sandbox,) = lines("sandbox")
    start(f"{sandbox} --port {ports['4010']}", "Ctrl-C stops it")
    variables = shell(f"{POINT} && env -0").split("\0")
    environment |= dict(variable.split("=", 1) for variable in variables if variable)
    *_, application = lines("application")
    start(application, "Uvicorn running")
    return [_curl(line) or shell(line) for line in lines("text") if line not in READY]


def _curl(command):
    """Return what curl would print, which not every machine has."""
    return httpx.get(command.split()[1]).text if command.startswith("curl ") else None


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@SHELL
@pytest.mark.parametrize("page", [README, DOCS / "quickstart.md"], ids=lambda page: page.stem)
def test_a_number_answers_a_text(followed, tmp_path, page):
    (tmp_path / "bot.py").write_text(named(page, "file")["bot"])

    _bought, received, listed = followed(page, tmp_path)

    assert ": 200" in received
    replied, asked = listed.splitlines()[1:]
    assert replied.endswith("You wrote: Is my order ready?")
    assert asked.rstrip().endswith(" Is my order ready?")


@SHELL
def test_the_guide_to_webhooks_shows_the_same_message_twice(followed):
    _bought, received, by_webhook, listed = followed(DOCS / "guides" / "webhooks.md", ROOT)

    assert ": 200" in received
    (message,), (same,) = json.loads(by_webhook), json.loads(listed)
    assert message["body"] == "Is my order ready?"
    assert message.pop("raw") != same.pop("raw")
    assert message == same
