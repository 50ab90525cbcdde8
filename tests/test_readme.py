"""The README is a promise: its examples run, and its table is the adapters' own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from telephony.matrix import markdown, outcomes_markdown
from telephony.registry import available
from telephony.testing.matrix import situation

PATH = Path(__file__).parent.parent / "README.md"
README = PATH.read_text("utf-8")
BLOCKS = re.findall(r"(?:<!-- example: (\w+) -->\n)?```python\n(.*?)```", README, re.DOTALL)
PLAIN = [code for name, code in BLOCKS if not name]
NAMED = {name: code for name, code in BLOCKS if name}


@pytest.mark.parametrize(("name", "made"), [("matrix", markdown), ("outcomes", outcomes_markdown)])
def test_its_tables_are_made_from_code(name, made):
    readme = PATH.read_text("utf-8")
    before, written, after = re.split(rf"<!-- /?{name} -->\n", readme)
    if "TELEPHONY_WRITE_README" in os.environ:
        PATH.write_text(f"{before}<!-- {name} -->\n{made()}\n<!-- /{name} -->\n{after}", "utf-8")
    else:
        assert written.strip() == made(), "run `make readme`"


@pytest.fixture
def run(telephony_sandbox, tmp_path):
    def run(code, *arguments):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            cwd=tmp_path, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], **telephony_sandbox.environment()},
        )  # fmt: skip

    return run


@pytest.mark.parametrize("code", PLAIN)
def test_its_examples_run(run, code):
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_its_fixtures_example_passes(tmp_path):
    (tmp_path / "test_example.py").write_text(NAMED["fixtures"])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("vendor", sorted(available()))
def test_the_same_script_runs_at_every_vendor(run, telephony_sandbox, telephony_connect, vendor):
    made = situation(telephony_connect(vendor), telephony_sandbox, vendor)
    target = made.sample.target
    name = next(iter(vars(target).values())) or target.sms_url

    done = run(NAMED["swap"], vendor, made.number, name)

    assert done.returncode == 0, done.stderr
    assert "assign_number: " in done.stdout
    assert telephony_connect(vendor).get_number(made.number).assignment is None
