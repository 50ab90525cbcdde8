"""`telephony call`, `calls` and `targets`, as processes."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import wave
from pathlib import Path

import pytest

from telephony.sandbox.calls import RINGS
from tests.systems import INTERRUPT

OTHER = "+14155550199"


@pytest.fixture
def number(acme_cli):
    bought = acme_cli("numbers", "buy", "--assign", "line_1", "--yes", "--json")
    assert bought.returncode == 0, bought.stderr
    return json.loads(bought.stdout)["number"]


@pytest.fixture
def placed(acme_cli, number):
    done = acme_cli("call", number, OTHER, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["id"]


def test_a_call_is_listed_shown_and_ended(acme, acme_cli, number, placed):
    acme.advance(RINGS + 5)
    listed = acme_cli("calls", "list", number)
    assert placed in listed.stdout, listed.stderr
    assert f"-> {OTHER}" in listed.stdout
    assert max(map(len, listed.stdout.splitlines())) <= 80
    shown = acme_cli("calls", "show", placed)
    assert re.search("status +in_progress", shown.stdout)
    ended = acme_cli("calls", "end", placed)
    assert ended.stdout.startswith(f"Ended {placed} at acme.")
    assert re.search("lasted +0:05", ended.stdout)
    again = acme_cli("calls", "end", placed, "--json")
    assert json.loads(again.stdout)["status"] == "completed"
    assert json.loads(again.stdout)["duration"] == 5
    everything = acme_cli("calls", "list", "--json")
    assert [call["id"] for call in json.loads(everything.stdout)] == [placed]
    assert acme_cli("calls", "list", "--after", "2199-01-01").stdout == ""


def test_what_was_said_is_shown_and_heard(acme, acme_cli, placed, tmp_path):
    missing = acme_cli("calls", "recording", placed)
    assert (missing.returncode, missing.stdout) == (4, "")
    acme.advance(3600)
    said = acme_cli("calls", "transcript", placed)
    assert re.search(r"\d\d:\d\d:\d\d +caller +Is five okay\?", said.stdout), said.stderr
    turns = json.loads(acme_cli("calls", "transcript", placed, "--json").stdout)["turns"]
    assert [turn["speaker"] for turn in turns] == ["agent", "caller", "agent"]

    saved = acme_cli("calls", "recording", placed)
    assert f"to {placed}.wav (audio/wav)" in saved.stdout, saved.stderr
    with wave.open(io.BytesIO((tmp_path / "work" / f"{placed}.wav").read_bytes())) as sound:
        assert sound.getnframes() > 0
    refused = acme_cli("calls", "recording", placed)
    assert (refused.returncode, "--replace" in refused.stderr) == (2, True)
    elsewhere = acme_cli("calls", "recording", placed, "--to", "monday.wav", "--json")
    assert Path(tmp_path / "work" / json.loads(elsewhere.stdout)["path"]).stat().st_size > 1000
    assert acme_cli("calls", "recording", placed, "--replace").returncode == 0


def test_a_call_can_be_waited_for(acme, acme_command, number):
    with subprocess.Popen(
        **acme_command("call", number, OTHER, "--wait", "--yes"), stdout=subprocess.PIPE
    ) as waiting:
        shown = []
        for line in waiting.stdout:
            shown.append(line)
            if line.endswith(" ringing\n"):
                acme.advance(RINGS)
            elif line.endswith(" in_progress\n"):
                acme.advance(3600)
    assert waiting.returncode == 0
    assert shown[0] == f"Placed a call to {OTHER}.\n"
    assert [line.split()[1] for line in shown[-3:]] == ["ringing", "in_progress", "completed"]
    assert "(after 0:30, hung up)" in shown[-1]


def test_json_of_a_call_that_is_waited_for_is_the_call_as_it_ended(acme, acme_command, number):
    with subprocess.Popen(
        **acme_command("call", number, OTHER, "--wait", "--yes", "--json"), stdout=subprocess.PIPE
    ) as waiting:
        while not acme.state.ledger or acme.state.ledger[-1].kind != "call":
            assert waiting.poll() is None
        acme.advance(3600)
        text, _ = waiting.communicate(timeout=60)
    assert json.loads(text)["status"] == "completed"


@INTERRUPT
def test_an_interrupt_while_waiting_says_that_the_call_goes_on(acme_command, number):
    with subprocess.Popen(
        **acme_command("call", number, OTHER, "--wait", "--yes"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as waiting:
        for line in waiting.stdout:
            if line.endswith(" ringing\n"):
                break
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "the call goes on" in said
    assert "telephony calls end c_" in said


def test_what_goes_with_a_call_is_sent_and_a_key_calls_once(acme, acme_cli, number):
    words = ("call", number, OTHER, "--yes", "--json", "--key", "ticket-88")
    first = acme_cli(*words, "--metadata", "ticket=88", "--timeout", "20")
    assert json.loads(first.stdout)["raw"]["tags"] == {"ticket": "88"}, first.stderr
    assert json.loads(first.stdout)["raw"]["ring"] == 20
    assert json.loads(acme_cli(*words).stdout)["id"] == json.loads(first.stdout)["id"]
    assert [entry.kind for entry in acme.state.ledger].count("call") == 1
    refused = acme_cli("call", number, OTHER, "--yes", "--url", "https://example.com/")
    assert refused.returncode == 6
    assert "call with --url is not offered" in refused.stderr
    assert "Leave --url out." in refused.stderr


def test_targets_are_listed_and_the_nearest_is_named(acme_cli, number):
    listed = acme_cli("targets")
    assert re.search("agent +Front desk +line_1", listed.stdout), listed.stderr
    assert json.loads(acme_cli("targets", "--limit", "1", "--json").stdout) == [
        {"id": "line_1", "name": "Front desk", "kind": "agent"}
    ]
    wrong = acme_cli("numbers", "assign", number, "lime_2")
    assert wrong.returncode == 4
    assert "The nearest that exists is line_2 (Night desk)." in wrong.stderr


def test_what_a_vendor_has_not_is_refused_with_what_to_do(acme_cli, number):
    for words, said in (
        (["messages", "show", "m_1"], "`telephony providers` shows which vendors have it"),
        (["messages", "list"], "`telephony providers`"),
    ):
        refused = acme_cli(*words)
        assert (refused.returncode, said in refused.stderr) == (6, True), refused.stderr
