"""What the command line prints: in every terminal and encoding, on errors, and as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from telephony import __version__
from telephony.cli.app import app
from telephony.sandbox import Fault
from tests.conftest import inherited
from tests.systems import INTERRUPT, LINUX, TERMINAL

LABEL = "Zażółć 🎉"
ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture
def environment(telephony_sandbox):
    kept = inherited()
    return {
        **kept,
        "COLUMNS": "80",
        "TELEPHONY_PROVIDER": "twilio",
        **telephony_sandbox.environment(),
    }


@pytest.fixture
def cli(environment, tmp_path):
    """Run `telephony …`, its output as bytes."""

    def run(*words, **variables):
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "telephony", *words],
            capture_output=True,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            env={**environment, **variables},
        )

    return run


@pytest.mark.parametrize("variables", ENCODINGS.values(), ids=ENCODINGS)
def test_a_purchase_is_reported_in_every_encoding_of_the_terminal(
    cli, telephony_sandbox, variables
):
    shown = cli("numbers", "buy", "--label", LABEL, "--yes", **variables)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"Bought +1" in shown.stdout
    asked = cli("numbers", "buy", "--label", LABEL, "--yes", "--json", **variables)
    assert asked.returncode == 0, asked.stderr
    encoding = variables.get("PYTHONIOENCODING", "ascii")
    assert json.loads(asked.stdout.decode(encoding))["label"] == LABEL
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == 2


def test_an_error_that_the_terminal_cannot_encode_is_still_printed(cli):
    refused = cli("numbers", "list", "-p", LABEL, PYTHONIOENCODING="ascii")
    assert refused.returncode == 2
    assert rb"Za\u017c" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_a_closed_pipe_is_no_traceback(environment):
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "telephony", "providers"],
        stdout=theirs, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")


@LINUX
def test_a_full_disk_does_not_hide_that_a_number_was_bought(environment, telephony_sandbox):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "telephony", "numbers", "buy", "--yes"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
    assert done.returncode == 1
    assert "The output cannot be written" in done.stderr
    assert "`telephony numbers buy` was done." in done.stderr
    assert "Traceback" not in done.stderr


@TERMINAL
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["numbers", "release", "+14155550123", "-p", "butter"], 6, "is not offered"),
        (["numbers", "buy", "-p", "butter"], 6, "is not offered"),
        (["numbers", "buy", "--area-code", "4x5"], 2, "--area-code"),
        (["messages", "send", "+14155550123", "+14155550199", "-p", "livekit"], 6, "voice only"),
        (["numbers", "release", "+14155550123"], 3, "protected"),
        (["carriers", "unlink", " ", "-p", "cartesia"], 2, "ID is empty"),
        # By the adapter, before its first request.
        (["numbers", "import", "+14155550123", "-p", "butter"], 2, "Give --carrier ID"),
        (["call", "+14155550123", "+14155550199"], 2, "Give --url, or --option Twiml=…"),
    ],
)
def test_what_will_be_refused_is_refused_before_it_is_asked(
    python, environment, tmp_path, words, code, said
):
    environment = {**environment, "TELEPHONY_TWILIO_PROTECTED": "true"}
    ours, theirs = os.openpty()
    with os.fdopen(ours, "wb", buffering=0), os.fdopen(theirs, "rb"):
        terminal = Path(os.ttyname(theirs))
        done = python("-m", "telephony", *words, cwd=tmp_path, env=environment, stdin=terminal)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Type" not in done.stderr
    assert "[y/N]" not in done.stderr


@TERMINAL
def test_a_protected_number_is_refused_by_its_id_before_it_is_asked(
    environment, telephony_connect, tmp_path
):
    number = telephony_connect("twilio").provision_number()
    (tmp_path / "telephony.toml").write_text(
        f'[providers.twilio]\nadapter = "twilio"\nprotected = ["{number.number}"]\n'
    )
    ours, theirs = os.openpty()
    with os.fdopen(ours, "wb", buffering=0), os.fdopen(theirs, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "telephony", "numbers", "release", number.id],
            stdin=terminal,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
    assert done.returncode == 3, done.stderr
    assert "protected" in done.stderr
    assert "Type" not in done.stderr


def test_errors_are_json_where_the_results_are(cli):
    for words, code, wanted in (
        (["numbers", "show", "+14155550111"], 4, {"type": "NotFoundError", "status": None}),
        (
            ["numbers", "buy", "--area-code", "4x5", "--yes"],
            2,
            {"type": "InvalidRequestError", "argument": "--area-code", "command": "numbers buy"},
        ),
        (["numbers", "search", "-p", "butter"], 6, {"type": "UnsupportedOperationError"}),
        (["numbers", "nonsense"], 2, {"type": "UsageError"}),
    ):
        done = cli(*words, "--json")
        assert done.returncode == code, done.stderr
        error = json.loads(done.stderr)["error"]
        assert error["exit_code"] == code
        assert wanted.items() <= error.items()
        assert done.stdout == b""


@pytest.mark.parametrize(
    "words",
    [
        ["--carrier", "ca_1", "--sip-address", "sip.example.com"],
        ["--twilio-account", "AC" + "0f" * 16, "--carrier", "ca_1"],
        ["--sip-username", "desk"],
    ],
)
def test_a_number_comes_from_one_source(cli, telephony_sandbox, words):
    done = cli("numbers", "import", "+14155550142", "-p", "cartesia", *words)
    assert done.returncode == 2
    assert re.search(rb"are given together|without --sip-address", done.stderr)
    assert telephony_sandbox.requests("cartesia") == []


def test_an_interrupt_while_it_starts_is_one_clear_line(cli, tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = cli("numbers", "list", PYTHONPATH=str(tmp_path))
    assert done.returncode == 130
    assert done.stderr == b"Interrupted: nothing was done.\n"


def test_the_version_needs_no_other_package(cli, tmp_path):
    (tmp_path / "typer.py").write_text("raise RuntimeError")
    done = cli("--version", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"telephony {__version__}\n".encode())


def test_a_command_loads_no_other(environment):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "telephony", "config", "--help"],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert "telephony.cli.config" in done.stderr
    assert "telephony.cli.numbers" not in done.stderr


@INTERRUPT
@pytest.mark.parametrize(
    ("words", "method", "said"),
    [
        (["numbers", "list"], "GET", "Interrupted. Nothing was changed at any vendor."),
        (
            ["numbers", "buy", "+14155550123", "--yes"],
            "POST",
            "`telephony numbers buy` may have been done at twilio. Look with `telephony numbers "
            "list` before you run it again.",
        ),
    ],
)
def test_an_interrupt_says_whether_something_may_have_been_done(
    environment, telephony_sandbox, words, method, said
):
    telephony_sandbox.fail(Fault(kind="slow_headers", method=method, seconds=60))
    with subprocess.Popen(
        [sys.executable, "-m", "telephony", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        while not any(a.method == method for a in telephony_sandbox.arrivals("twilio")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said in stderr
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("columns", ["1", "40"])
def test_narrow_terminals_show_whole_numbers(cli, telephony_connect, columns):
    number = telephony_connect("twilio").provision_number(label="Front desk").number
    listed = cli("numbers", "list", COLUMNS=columns)
    assert listed.returncode == 0, listed.stderr
    assert number in listed.stdout.decode() or columns == "1"


def _commands(command, context=None, path=()):
    context = context or typer.Context(command, info_name="telephony")
    yield path, command
    for name in getattr(command, "commands", {}):
        child = command.commands[name]
        yield from _commands(child, typer.Context(child, parent=context), (*path, name))


def test_every_help_ends_with_examples_that_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "captured.json").write_text("{}")
    root = typer.main.get_command(app)
    for path, command in _commands(root):
        lines = (command.epilog or "").split("Examples:\n")[-1].splitlines()
        assert len(lines) >= 3, path
        for line in lines:
            assert len(line) <= 78, line
            assert "telephony" in line
            words = re.sub(r'^eval "\$\((.*)\)"$', r"\1", line.strip()).partition(" < ")[0]
            given = shlex.split(words)[1:]
            _parses(root, given)


def _parses(command, given):
    context = command.make_context("telephony", list(given))
    with contextlib.ExitStack() as opened:
        opened.enter_context(context)
        while hasattr(command, "commands"):
            rest = [*context._protected_args, *context.args]
            name, command, rest = command.resolve_command(context, rest)
            context = opened.enter_context(command.make_context(name, list(rest), parent=context))
