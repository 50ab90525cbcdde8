"""Recording, in processes of its own: a sandbox stands for the vendor, with an account in use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telephony.testing.leaks import leaks_in
from tests.conftest import inherited

from . import tape
from .scenarios import SCENARIOS

REPLAY = Path(__file__).parent / "test_replay.py"
OURS = {
    "TELEPHONY_RECORD_NUMBER": "+14158675309",
    "TELEPHONY_RECORD_CALLEE": "+14158675310",
    "TELEPHONY_RECORD_TARGET": "agent_of_ours",
    "TELEPHONY_RECORD_OTHER_TARGET": "agent_of_ours_too",
    "TWILIO_ACCOUNT_SID": "AC" + "ab" * 16,
    "TWILIO_API_KEY": "SK" + "cd" * 16,
    "TWILIO_API_SECRET": "the-real-secret-at-twilio",
}
# Of a call as it is at one moment, which only the sandbox has when it is needed.
STAGED = {"get_call", "end_call", "end_call.ended", "get_transcript", "get_recording"}
CARTESIAS = {str(s).partition("/")[2] for s in SCENARIOS if s.vendor == "cartesia"}


@pytest.fixture
def run(tmp_path):
    """Pytest over the recordings of Cartesia, which are kept in a folder of their own."""

    def run(*arguments, **environment):
        kept = inherited()
        return subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cartesia/",
                *arguments, str(REPLAY),
            ],
            cwd=REPLAY.parent.parent.parent,
            env={**kept, **environment, "TELEPHONY_CASSETTES": str(tmp_path)},
            capture_output=True,
            text=True,
        )  # fmt: skip

    return run


@pytest.fixture
def account(telephony_sandbox):
    """Return what reaches an account at "the vendor", and the number that it holds."""
    settings = telephony_sandbox.settings("cartesia")
    account = telephony_sandbox.vendors["cartesia"].account
    account.agents.clear()
    account.agents |= {"agent_of_ours": "Ours", "agent_of_ours_too": "Ours too"}
    return {"CARTESIA_API_KEY": settings["api_key"], "CARTESIA_BASE_URL": settings["base_url"]}


def recorded(folder):
    return {file.stem for file in folder.glob("cartesia/*.yaml")}


def texts(folder):
    return "".join(file.read_text("utf-8") for file in folder.glob("cartesia/*.yaml"))


def test_without_credentials_the_sandbox_is_recorded(run, tmp_path):
    done = run("--record-mode=all")
    assert done.returncode == 0, done.stdout
    assert recorded(tmp_path) == CARTESIAS
    assert {tape.Tape.read(f).against for f in tmp_path.glob("*/*.yaml")} == {"sandbox"}

    done = run()
    assert done.returncode == 0, done.stdout


def test_with_credentials_the_vendor_is_only_read(
    run, account, telephony_sandbox, telephony_connect, tmp_path
):
    telephony_connect("cartesia").provision_number(label="Desk")

    done = run("--record-mode=all", **account)

    assert done.returncode == 0, done.stdout
    assert recorded(tmp_path) == {
        "list_numbers",
        "list_numbers.bad_key",
        "list_numbers.rate_limited",
        "get_number",
        "get_number.unknown_id",
        "list_calls",
        "list_targets",
        *STAGED,
    }
    assert {entry.kind for entry in telephony_sandbox.ledger("cartesia")} == {"purchase"}
    assert tape.Tape.read(tmp_path / "cartesia/get_number.yaml").against.startswith("127.0.0.1")
    assert tape.Tape.read(tmp_path / "cartesia/list_numbers.rate_limited.yaml").against == "sandbox"
    assert account["CARTESIA_BASE_URL"] not in texts(tmp_path)


def test_with_permission_to_spend_everything_is_recorded_and_released(
    run, account, telephony_sandbox, telephony_connect, tmp_path
):
    provider = telephony_connect("cartesia")
    kept = provider.provision_number(label="Desk")

    done = run("--record-mode=all", **account, **OURS, TELEPHONY_RECORD_SPEND="yes")

    assert done.returncode == 0, done.stdout
    assert recorded(tmp_path) == CARTESIAS
    assert [number.id for number in provider.list_numbers()] == [kept.id]
    assert list(provider.list_carriers()) == []
    assert {entry.number for entry in telephony_sandbox.ledger("cartesia", "import")} == {
        OURS["TELEPHONY_RECORD_NUMBER"]
    }
    everything = texts(tmp_path)
    for ours in (*OURS.values(), account["CARTESIA_BASE_URL"]):
        assert ours not in everything
    assert leaks_in(tmp_path) == {}

    done = run()
    assert done.returncode == 0, done.stdout


def test_a_recording_that_fails_leaves_the_old_one(run, account, telephony_sandbox, tmp_path):
    assert run("--record-mode=all", "-k", "cartesia/list").returncode == 0
    before = texts(tmp_path)

    unreachable = {**account, "CARTESIA_BASE_URL": "http://127.0.0.1:9"}
    done = run("--record-mode=all", "-k", "cartesia/list and not limited", **unreachable)

    assert done.returncode == 1
    assert texts(tmp_path) == before
