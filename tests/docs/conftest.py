"""Run what the pages say, with the sandbox as the vendors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def run(telephony_sandbox, tmp_path):
    """Run a program, or with `module` that module, as a user would: in a folder of its own."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], **telephony_sandbox.environment(), **environment},
        )  # fmt: skip

    return run
