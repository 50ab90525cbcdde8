"""Run what the pages say, with the sandbox as the vendors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def run(telephony_sandbox, tmp_path, monkeypatch):
    """Run Python in a folder of its own; the profiles of its telephony.toml are the sandbox."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], **telephony_sandbox.environment(profiles=None)},
        )  # fmt: skip

    return run
