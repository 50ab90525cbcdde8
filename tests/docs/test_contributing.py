"""The diff in CONTRIBUTING adds an operation whole: it applies, and nothing else is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIFF = re.search(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)[1]
TRIED = """
import asyncio, inspect, telephony
from acme_telephony import Acme
from telephony.capabilities import Capability
from telephony.provider import AsyncProvider, Provider

settings = Acme.Settings(api_key="k", base_url="http://127.0.0.1:9", retries=0)
with Provider(Acme(settings, name="acme"), settings) as provider:
    assert provider.supports(Capability.PARK_NUMBER)
    try:
        provider.park_number("+14155550123")
    except telephony.UnavailableError:
        print("sent")
assert "busy" in inspect.getdoc(AsyncProvider.park_number)
assert inspect.iscoroutinefunction(AsyncProvider.park_number)

class Other(Acme):
    capabilities = {}

with Provider(Other(settings, name="other"), settings) as provider:
    try:
        provider.park_number("+14155550123")
    except telephony.UnsupportedOperationError as refused:
        print(refused)
"""


def test_the_diff_adds_an_operation_and_touches_nothing_else(tmp_path):
    for part in ("telephony", "scripts", "tests/example_adapter"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))

    found = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'tests' / 'example_adapter'}"}

    def run(*command, **options):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **found},
            **options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("git", "apply", "-", input=DIFF)
    run(sys.executable, "scripts/generate_providers.py")
    sent, refused = run(sys.executable, "-c", TRIED).splitlines()
    assert sent == "sent"
    assert refused.startswith("other: park_number is not offered by this vendor.")
