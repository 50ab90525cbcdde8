"""The README is a promise: its examples run, and its table is the adapters' own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from telephony import Capability, Level
from telephony._tables import markdown, outcomes_markdown
from telephony.registry import available
from telephony.testing.fault_matrix import set_up

ROOT = Path(__file__).parents[2]
PATH = ROOT / "README.md"
README = PATH.read_text("utf-8")
BLOCKS = re.findall(r"(?:<!-- example: (\w+) -->\n)?```python\n(.*?)```", README, re.DOTALL)
NAMED = {name: code for name, code in BLOCKS if name}


@pytest.mark.parametrize(("name", "made"), [("matrix", markdown), ("outcomes", outcomes_markdown)])
def test_its_tables_are_made_from_code(name, made):
    readme = PATH.read_text("utf-8")
    before, written, after = re.split(rf"<!-- /?{name} -->\n", readme)
    if "TELEPHONY_WRITE_README" in os.environ:
        PATH.write_text(f"{before}<!-- {name} -->\n{made()}\n<!-- /{name} -->\n{after}", "utf-8")
    else:
        assert written.strip() == made(), "run `make readme`"


def test_its_fixtures_example_passes(tmp_path):
    (tmp_path / "test_example.py").write_text(NAMED["fixtures"])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_its_cassettes_example_records_and_replays(telephony_sandbox, telephony_connect, tmp_path):
    telephony_connect("cartesia").provision_number(label="Desk")
    (tmp_path / "test_example.py").write_text(NAMED["cassettes"])
    settings = telephony_sandbox.settings("cartesia")
    vendor = {"PATH": os.environ["PATH"], "CARTESIA_BASE_URL": settings["base_url"]}
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


@pytest.mark.parametrize("vendor", sorted(available()))
def test_the_same_script_runs_at_every_vendor(run, telephony_sandbox, telephony_connect, vendor):
    made = set_up(telephony_connect(vendor), telephony_sandbox, vendor)
    target = made.sample.target
    name = next(iter(vars(target).values())) or target.sms_url

    done = run("-c", NAMED["swap"], vendor, made.number, name)

    assert done.returncode == 0, done.stderr
    assert "assign_number: " in done.stdout
    assert telephony_connect(vendor).get_number(made.number).assignment is None


@pytest.mark.parametrize("vendor", sorted(available()))
def test_a_call_is_followed_to_its_end_at_every_vendor_that_can(
    run, telephony_sandbox, telephony_connect, vendor
):
    provider = telephony_connect(vendor)
    if provider.capabilities[Capability.GET_CALL].level is not Level.FULL:
        return
    made = set_up(provider, telephony_sandbox, vendor)
    provider.assign_number(made.number, made.sample.target)
    url = [made.sample.call_url] if made.sample.call_url else []
    with ThreadPoolExecutor() as threads:
        talking = threads.submit(
            run, "-c", NAMED["call"], vendor, made.number, "+14155550199", *url
        )
        while not telephony_sandbox.ledger(vendor, "call"):
            assert not talking.done(), talking.result().stderr
            time.sleep(0.01)
        telephony_sandbox.advance(vendor, 3600)
        done = talking.result()

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("completed ")
    if provider.supports(Capability.GET_TRANSCRIPT):
        assert "caller: Is five okay?" in done.stdout
