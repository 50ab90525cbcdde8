"""The commands as processes: exit code, stdout and stderr."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from telephony import Capability
from telephony.sandbox import Fault
from tests.conftest import home, inherited
from tests.systems import TERMINAL

NUMBER = "+14155550142"


@pytest.fixture
def cli(python, telephony_sandbox, tmp_path):
    """Run `telephony …` against the sandbox, as a process without a terminal."""

    def run(*arguments, environment=None):
        variables = {
            **inherited(),
            "COLUMNS": "80",
            "TELEPHONY_PROVIDER": "cartesia",
            **telephony_sandbox.environment(),
            **(environment or {}),
        }
        return python("-m", "telephony", *arguments, cwd=tmp_path, env=variables)

    return run


@pytest.fixture
def imported(cli):
    linked = cli(
        "carriers", "link", "--twilio-account", "AC" + "0f" * 16, "--json",
        environment={"TWILIO_API_KEY": "SK" + "1a" * 16, "TWILIO_API_SECRET": "s"},
    )  # fmt: skip
    assert linked.returncode == 0, linked.stderr
    done = cli("numbers", "import", NUMBER, "--label", "Desk", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_number_from_import_to_release(cli, imported):
    assert imported["number"] == NUMBER
    updated = cli("numbers", "update", NUMBER, "--label", "Front desk").stdout
    assert updated.startswith(f"Updated {NUMBER} at cartesia.")
    assert "Front desk" in updated
    assert "Reception" in cli("numbers", "assign", NUMBER, "agent_reception").stdout
    listed = cli("numbers", "list").stdout
    assert NUMBER in listed
    assert "Front desk" in listed
    call = cli("call", NUMBER, "+14155550199", "--yes", "--json")
    assert json.loads(call.stdout)["agent"] == "agent_reception"
    assert re.search("answered by +nothing", cli("numbers", "unassign", NUMBER).stdout)
    released = cli("numbers", "release", NUMBER, "--yes")
    assert released.returncode == 0
    assert released.stdout.startswith(f"Released {NUMBER} at cartesia.")
    assert "kept: the carrier still holds and bills the number" in released.stdout
    assert "`telephony numbers import`" in released.stdout
    assert cli("numbers", "list").stdout == ""


def test_numbers_are_searched_by_kind_and_channel(cli):
    def search(*words):
        done = cli("numbers", "search", "-p", "twilio", "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert {n["kind"] for n in search("--kind", "toll_free", "--limit", "3")} == {"toll_free"}
    mobile = search("--country", "GB", "--kind", "mobile", "--channel", "sms", "--channel", "voice")
    assert mobile
    assert all({"sms", "voice"} <= {*n["channels"]} for n in mobile)
    shown = cli("numbers", "search", "-p", "twilio", "--kind", "toll_free").stdout
    assert re.search(r"\+18\d{9} +toll_free", shown)
    refused = cli("numbers", "search", "-p", "livekit", "--kind", "mobile")
    assert (refused.returncode, "--kind mobile" in refused.stderr) == (6, True)
    unknown = cli("numbers", "search", "-p", "twilio", "--kind", "moblie")
    assert (unknown.returncode, "'mobile'" in unknown.stderr) == (2, True)


def test_numbers_are_listed_by_carrier(cli, imported):
    bought = json.loads(cli("numbers", "buy", "--yes", "--json").stdout)["number"]
    account = imported["carrier"]["id"]
    for carrier, wanted in (("twilio", [NUMBER]), (account, [NUMBER]), ("cartesia", [bought])):
        done = cli("numbers", "list", "--carrier", carrier, "--json")
        assert [n["number"] for n in json.loads(done.stdout)] == wanted
    both = cli("numbers", "list", "--carrier", "other")
    assert (both.returncode, both.stdout) == (0, "")
    assert "no numbers of this carrier" in both.stderr


def test_the_source_of_a_number_is_updated(cli, imported):
    second = cli(
        "carriers", "link", "--twilio-account", "AC" + "1e" * 16, "--json",
        environment={"TWILIO_API_KEY": "SK" + "1a" * 16, "TWILIO_API_SECRET": "s3cret"},
    )  # fmt: skip
    account = json.loads(second.stdout)["id"]
    assert account != imported["carrier"]["id"]
    updated = cli("numbers", "update", NUMBER, "--carrier", account, "--label", "Sales")
    assert updated.returncode == 0, updated.stderr
    now = json.loads(cli("numbers", "show", NUMBER, "--json").stdout)
    assert (now["carrier"]["id"], now["label"]) == (account, "Sales")
    refused = cli("numbers", "update", "+14155550100", "--carrier", "ca_1", "-p", "twilio")
    assert refused.returncode == 6
    assert "Leave --carrier, --twilio-account or --sip-address out" in refused.stderr
    empty = cli("numbers", "update", NUMBER)
    assert (empty.returncode, "nothing to change" in empty.stderr) == (2, True)


def test_json_is_one_document_and_nothing_else(cli, imported):
    for arguments in (
        ["numbers", "list"], ["numbers", "show", NUMBER], ["carriers", "list"],
        ["providers"], ["config", "check", "cartesia"],
    ):  # fmt: skip
        done = cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["numbers", "show", "+14155550111"], 4, "knows no such number"),
        (["numbers", "show", "415 555"], 2, "E.164"),
        (["messages", "list", NUMBER], 6, "voice only"),
        (["numbers", "list", "-p", "cartesai"], 2, "Did you mean 'cartesia'"),
        (["numbers", "import", "+14155550177"], 2, "--carrier"),
        (["numbers", "buy"], 2, "Add --yes"),
        (["numbers", "release", NUMBER], 2, "Add --yes"),
        (["call", NUMBER, "+14155550199"], 2, "Add --yes"),
        (["numbers", "assign", NUMBER, "x", "-o", "nonsense"], 2, "key=value"),
        (["messages", "list", NUMBER, "--after", "yesterday"], 2, "2026-05-01"),
        (["carriers", "link"], 2, "--twilio-account"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_errors_go_to_stderr_with_their_exit_code(cli, arguments, code, said):
    done = cli(*arguments)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind="status", status=401, times=None), 3),
        (Fault(kind="status", status=409, times=None), 5),
        (Fault(kind="status", status=429, headers={"Retry-After": "99"}, times=None), 7),
        (Fault(kind="status", status=500, times=None), 9),
        (Fault(kind="html", times=None), 1),
    ],
)
def test_what_goes_wrong_at_the_vendor_has_its_exit_code(cli, telephony_sandbox, fault, code):
    telephony_sandbox.fail(fault)
    done = cli("numbers", "list")
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: cartesia: numbers list:")
    assert done.stderr.count("\n") == 1


def test_an_unknown_outcome_has_its_own_exit_code(cli, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="reset", method="POST", path="provision"))
    done = cli("numbers", "buy", "--yes")
    assert done.returncode == 8
    assert "look again" in done.stderr
    assert "Give --key next time" in done.stderr


def test_a_purchase_with_a_key_is_made_once(cli, telephony_sandbox):
    first = cli("numbers", "buy", "--yes", "--key", "order-17", "--json")
    again = cli("numbers", "buy", "--yes", "--key", "order-17", "--json")
    assert json.loads(first.stdout)["id"] == json.loads(again.stdout)["id"]
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 1


@TERMINAL
def test_release_at_a_terminal_requires_the_number_typed(cli, imported, telephony_sandbox):
    def release(typed):
        ours, theirs = os.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal:
            process = subprocess.Popen(
                [sys.executable, "-m", "telephony", "numbers", "release", NUMBER],
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={
                    **inherited(),
                    "TELEPHONY_PROVIDER": "cartesia",
                    **telephony_sandbox.environment(),
                },
            )
            os.close(theirs)
            terminal.write(f"{typed}\n".encode())
            process.communicate(timeout=30)
        return process.returncode

    assert release("yes") == 1
    assert telephony_sandbox.ledger("cartesia", "release") == []
    assert release(NUMBER) == 0
    assert len(telephony_sandbox.ledger("cartesia", "release")) == 1


def test_labels_and_messages_are_shown_as_they_were_written(cli, imported, telephony_sandbox):
    written = "[/b] [red]urgent[/red] :smile:"
    labelled = cli("numbers", "update", NUMBER, "--label", written)
    assert written in labelled.stdout, labelled.stderr
    assert "[/b] [red]" in cli("numbers", "list").stdout
    bought = cli("numbers", "buy", "--provider", "agentphone", "--yes", "--json")
    number = json.loads(bought.stdout)["number"]
    telephony_sandbox.receive_message(
        "agentphone", number, sender="+14155550199", body=f"{written}\x1b[2J"
    )
    listed = cli("messages", "list", number, "--provider", "agentphone")
    assert "[/b]" in listed.stdout, listed.stderr
    assert "\x1b" not in listed.stdout


def test_texts_are_listed_for_all_numbers_and_shown_by_id(cli, telephony_sandbox):
    texts = []
    for body in ("Is it ready?", "Hello?"):
        bought = cli("numbers", "buy", "-p", "twilio", "--yes", "--json")
        number = json.loads(bought.stdout)["number"]
        texts.append(
            telephony_sandbox.receive_message("twilio", number, sender="+14155550199", body=body)
        )
    listed = cli("messages", "list", "-p", "twilio", "--json")
    assert [text["id"] for text in json.loads(listed.stdout)] == texts[::-1], listed.stderr
    shown = cli("messages", "show", texts[0], "-p", "twilio")
    assert re.search(r"text +Is it ready\?", shown.stdout), shown.stderr
    assert json.loads(cli("messages", "show", texts[1], "-p", "twilio", "--json").stdout)["body"]
    refused = cli(
        "messages", "send", number, "+14155550199", "Hi", "--key", "a", "-p", "agentphone"
    )
    assert (refused.returncode, "messages send with --key" in refused.stderr) == (6, True)


def test_calls_with_the_longest_ids_fit_80_columns(cli, telephony_sandbox):
    bought = json.loads(cli("numbers", "buy", "-p", "twilio", "--yes", "--json").stdout)
    words = ("--url", "https://example.com/voice", "-p", "twilio", "--yes", "--json")
    placed = json.loads(cli("call", bought["number"], "+14155550199", *words).stdout)
    telephony_sandbox.advance("twilio", 3600)
    listed = cli("calls", "list", "-p", "twilio").stdout
    assert placed["id"] in listed
    assert "-> +14155550199" in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_an_id_is_not_cut_in_two(cli):
    for label in ("Desk", "Front desk"):
        bought = cli("numbers", "buy", "-p", "twilio", "--label", label, "--yes", "--json")
        listed = cli("numbers", "list", "-p", "twilio").stdout
        assert json.loads(bought.stdout)["id"] in listed
        assert max(map(len, listed.splitlines())) <= 80
    narrow = cli("numbers", "list", "-p", "twilio", environment={"COLUMNS": "40"}).stdout
    assert json.loads(bought.stdout)["number"] in narrow


def test_a_token_on_the_command_line_goes_before_a_key_of_the_environment(cli):
    key = {"TWILIO_API_KEY": "SK" + "1a" * 16, "TWILIO_API_SECRET": "s3cret-of-the-key"}
    link = ("carriers", "link", "-p", "butter", "--twilio-account", "AC" + "0f" * 16)
    assert "auth token" in cli(*link, environment=key).stderr
    done = cli(*link, "--auth-token", "1f" * 16, environment=key)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_demo_needs_no_configuration_and_every_step_succeeds(python, tmp_path):
    environment = {**inherited(), **home(tmp_path)}
    done = python("-m", "telephony", "demo", "--json", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert set(outcomes) >= {"cartesia"}
    for steps in outcomes.values():
        assert not any(said in ("left out", "no") for said in steps.values())


def test_the_demo_and_the_matrix_fit_into_80_columns(cli):
    shown = cli("demo", "cartesia", "twilio", environment={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    (line,) = [line for line in shown.splitlines() if line.startswith("twilio")]
    assert line.split() == [
        "twilio", "bought", "+14155550100", "done", "webhook", "in,", "out", "completed", "done",
        "gone",
    ]  # fmt: skip

    shown = cli("providers", environment={"COLUMNS": "80"}).stdout
    matrix = shown.partition("agentphone ")[0].splitlines()
    names = [name for line in matrix if line.startswith("OPERATION") for name in line.split()[1:]]
    assert {"AGENTPHONE", "TWILIO"} <= set(names)
    assert len(names) == len(set(names))
    # No name of an operation is broken over two lines.
    assert {line.split()[0] for line in matrix if line.strip()} == {"OPERATION", *Capability}


def test_the_sandbox_prints_what_points_a_client_at_it(cli, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "telephony", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        environment = {}
        for line in process.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                environment[name] = value.strip("'")
            if "Ctrl-C" in line:
                break
        done = cli("numbers", "buy", "--yes", "--json", environment=environment)
        assert json.loads(done.stdout)["number"].startswith("+1650555")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_port_that_is_taken_is_one_clear_line(cli, telephony_sandbox):
    done = cli("sandbox", "--port", telephony_sandbox.url.rpartition(":")[2])
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        [], ["numbers"], ["messages"], ["carriers"], ["config"], ["call"], ["providers"],
        ["sandbox"], ["demo"], ["numbers", "buy"], ["numbers", "import"], ["carriers", "link"],
        ["calls"], ["calls", "list"], ["calls", "recording"], ["targets"], ["messages", "show"],
    ],
)  # fmt: skip
def test_every_command_has_a_help_that_fits_80_columns(cli, command):
    done = cli(*command, "--help")
    assert done.returncode == 0
    assert not re.search(r"\w\.\.\.$", done.stdout, re.MULTILINE), "a summary is cut off"
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
