"""A real browser, a real `telephony sandbox`, and a real application, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ..conftest import inherited

EXAMPLES = Path(__file__).parents[2] / "examples"
ELSEWHERE = "evil.example"
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    # A name of somebody else's that leads here, as in DNS rebinding.
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)


@pytest.fixture(scope="session")
def chromium():
    """Return a browser; each page of it is in a context of its own."""
    found = os.environ.get("TELEPHONY_CHROMIUM") or shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed: `make real` brings it where it can")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class RunningSandbox:
    """A sandbox in another process.

    Attributes:
        environment: what points programs at it.
        client: requests from it.
    """

    url: str
    environment: dict[str, str]
    client: httpx.Client


@pytest.fixture(scope="session")
def _running_sandbox():
    command = [sys.executable, "-m", "telephony", "sandbox", "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited()) as process:
        try:
            url, exported = "", {}
            for line in process.stdout:
                if "sandbox, for developing" in line:
                    url = line.split()[-1]
                if line.startswith("export "):
                    name, _, value = line.removeprefix("export ").strip().partition("=")
                    exported[name] = value.strip("'")
                if "Ctrl-C" in line:
                    break
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
                yield RunningSandbox(url, exported, client)
        finally:
            process.terminate()


@pytest.fixture
def sandbox(_running_sandbox):
    """Return the sandbox, as new."""
    _running_sandbox.client.post("/_sandbox/reset")
    yield _running_sandbox
    _running_sandbox.client.delete("/_sandbox/faults")


@pytest.fixture
def bot(sandbox, tmp_path):
    """Run the example that takes bookings by text; return where its webhooks go."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "sms_bot:app"]
    shell = {
        **inherited(),
        **sandbox.environment,
        "SMS_BOT_DATABASE": str(tmp_path / "bot.sqlite"),
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--port", str(port)], env=shell, **quiet) as process:
        try:
            _until_listening(port, process)
            yield f"http://localhost:{port}/webhooks/{{provider}}"
        finally:
            process.terminate()


def _until_listening(port, process):
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail("the application did not start")


@pytest.fixture
def browse(chromium, sandbox):
    """Open a page of the sandbox; it may request nothing from elsewhere, and log no error."""
    with contextlib.ExitStack() as opened:
        problems = []

        def open_page(path="/", *, errors=False, **options):
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
            opened.callback(context.close)
            context.set_default_timeout(30_000)
            page = context.new_page()
            if not errors:
                page.on("console", lambda said: _keep(problems, said.type, said.text))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: _keep_foreign(problems, sandbox.url, request.url))
            page.goto(sandbox.url + path)
            return page

        yield open_page
        assert problems == []


def _keep(problems, kind, text):
    if kind in {"error", "warning"}:
        problems.append(text)


def _keep_foreign(problems, url, requested):
    if not requested.startswith(url):
        problems.append(f"requested {requested}")
