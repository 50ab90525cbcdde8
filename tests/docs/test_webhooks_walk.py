"""The guide to webhooks, followed in three terminals."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx

from .pages import DOCS, ROOT, named

WALK = named(DOCS / "guides" / "webhooks.md", "walk")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_the_walk_through_webhooks_shows_the_same_message_twice(tmp_path):
    """Three terminals, as the guide has them, on ports that are free."""
    ports = {"4010": _free_port(), "8000": _free_port()}
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}

    def lines(terminal):
        text = WALK[terminal]
        for port, free in ports.items():
            text = text.replace(port, free)
        return text.strip().splitlines()

    def start(command):
        words = ["/bin/sh", "-c", f"exec {command}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return running.enter_context(subprocess.Popen(words, cwd=ROOT, env=environment, **pipes))

    with ExitStack() as running:
        (sandbox,) = lines("sandbox")
        first = start(f"{sandbox} --port {ports['4010']}")
        running.callback(first.terminate)
        for line in first.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                environment[name] = value.strip("'")
            if "Ctrl-C" in line:
                break
        _install, application = lines("application")
        second = start(application)
        running.callback(second.terminate)
        assert any("Uvicorn running" in line for line in second.stdout)

        shown = []
        for command in lines("text"):
            if command.startswith("curl "):
                shown.append(httpx.get(command.removeprefix("curl ")).text)
                continue
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            shown.append(done.stdout)

    _bought, received, by_webhook, listed = shown
    assert ": 200" in received
    (message,), (same,) = json.loads(by_webhook), json.loads(listed)
    assert message["body"] == "Is my order ready?"
    assert message.pop("raw") != same.pop("raw")
    assert message == same
