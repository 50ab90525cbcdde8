"""Run what the pages say and the programs of examples/, with the sandbox as the vendors."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import inherited

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(python, telephony_sandbox, tmp_path, monkeypatch):
    """Run Python in a folder of its own; the profiles of its telephony.toml are the sandbox."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        environment = {**inherited(), **telephony_sandbox.environment(profiles=None)}
        return python(*arguments, cwd=tmp_path, env=environment)

    return run


@pytest.fixture
def program(fork, tmp_path, telephony_sandbox):
    """Run an example as a process in a folder of this test, with the sandbox as its vendors.

    `dies` is the count of lines before whose execution it is killed.
    """

    def run(name, *arguments, stdin="", dies=None, sandbox=telephony_sandbox, **variables):
        quick = {f"TELEPHONY_{vendor.upper()}_BACKOFF": "0" for vendor in sandbox.vendors}
        environment = {**sandbox.environment(), **quick, **variables}
        arguments = [str(EXAMPLES / name), *map(str, arguments)]
        return fork(*arguments, cwd=tmp_path, env=environment, stdin=stdin, dies=dies)

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
