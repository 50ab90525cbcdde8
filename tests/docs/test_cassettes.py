"""The guide's cassette is recorded without secrets, and replayed without a network."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import inherited

from .pages import DOCS, named

EXAMPLES = named(DOCS / "guides" / "testing.md", "example")


def test_the_cassettes_example_records_and_replays(telephony_sandbox, telephony_connect, tmp_path):
    telephony_connect("cartesia").provision_number(label="Desk")
    (tmp_path / "test_example.py").write_text(EXAMPLES["cassettes"])
    settings = telephony_sandbox.settings("cartesia")
    vendor = {**inherited(), "CARTESIA_BASE_URL": settings["base_url"]}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]

    recorded = subprocess.run(
        [*command, "--record-mode=once"], capture_output=True, text=True, cwd=tmp_path,
        env={**vendor, "CARTESIA_API_KEY": settings["api_key"]},
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stdout
    (cassette,) = tmp_path.rglob("*.yaml")
    assert settings["api_key"] not in cassette.read_text("utf-8")

    replayed = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=vendor)
    assert replayed.returncode == 0, replayed.stdout
    assert len(telephony_sandbox.requests("cartesia")) == 2  # one to provision, one to record
