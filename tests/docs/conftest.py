"""Run what the pages say and the programs of examples/, with the sandbox as the vendors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..conftest import inherited

EXAMPLES = Path(__file__).parents[2] / "examples"
FORKED = Path(__file__).parent / "forked.py"


@pytest.fixture
def run(telephony_sandbox, tmp_path, monkeypatch):
    """Run Python in a folder of its own; the profiles of its telephony.toml are the sandbox."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path, capture_output=True, text=True,
            env={**inherited(), **telephony_sandbox.environment(profiles=None)},
        )  # fmt: skip

    return run


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def _forks(_telephony_server):
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    _telephony_server.reset()  # it connects to every vendor
    environment = {**os.environ, "PYTHONWARNINGS": "error", **_telephony_server.environment()}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, FORKED], env=environment, **pipes) as forks:
        assert forks.stdout.readline() == "ready\n"
        yield forks
        forks.stdin.close()


@pytest.fixture
def program(_forks, tmp_path, telephony_sandbox):
    """Run an example as a process in a folder of this test, with the sandbox as its vendors.

    `dies` is the count of lines before whose execution it is killed.
    """
    files = [tmp_path / name for name in ("stdin.txt", "stdout.txt", "stderr.txt")]

    def run(name, *arguments, stdin="", dies=None, sandbox=telephony_sandbox, **variables):
        for file, text in zip(files, [stdin, "", ""], strict=True):
            file.write_text(text)
        quick = {f"TELEPHONY_{vendor.upper()}_BACKOFF": "0" for vendor in sandbox.vendors}
        job = {
            "program": str(EXAMPLES / name),
            "arguments": list(map(str, arguments)),
            "environment": {**sandbox.environment(), **quick, **variables},
            "folder": str(tmp_path),
            "files": list(map(str, files)),
            "dies": dies,
        }
        print(json.dumps(job), file=_forks.stdin, flush=True)
        code = int(_forks.stdout.readline())
        return Done(code, files[1].read_text(), files[2].read_text())

    return run


@contextlib.contextmanager
def _served(name, folder, variables):
    """Start an example under uvicorn; yields its process and URL."""
    arguments = ["--app-dir", EXAMPLES, f"{name}:app", "--port", "0", "--no-access-log"]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "uvicorn", *arguments],
        cwd=folder,
        env={**inherited(), **variables},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in process.stderr:
                if found := re.search(r"running on (\S+)", line):
                    yield process, found[1]
                    return
            raise AssertionError(f"{name} does not start")
        finally:
            process.terminate()


@pytest.fixture
def service(tmp_path, telephony_sandbox):
    """Start an example under uvicorn, where the vendors send their webhooks until the test ends."""
    with contextlib.ExitStack() as running:

        def start(name, folder=tmp_path):
            served = _served(name, folder, telephony_sandbox.environment())
            process, url = running.enter_context(served)
            telephony_sandbox.send_webhooks(f"{url}/webhooks/{{provider}}")
            return process, url

        yield start


@pytest.fixture(scope="module")
def tenants_url(tmp_path_factory, _telephony_server):
    """Serve the example with several tenants, of whom there are none yet."""
    folder = tmp_path_factory.mktemp("tenants")
    with _served("tenants", folder, _telephony_server.environment()) as (_, url):
        yield url, folder
