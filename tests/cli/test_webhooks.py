"""`telephony webhooks` and `telephony sandbox receive`, as processes."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import inherited

PERSON = "+14155550199"


@pytest.fixture
def command(telephony_sandbox, tmp_path):
    """Return the arguments of `Popen` that run `telephony …` against the sandbox."""
    kept = inherited()
    environment = {
        **kept,
        "COLUMNS": "80",
        "TELEPHONY_PROVIDER": "agentphone",
        "TELEPHONY_SANDBOX_PORT": telephony_sandbox.url.rpartition(":")[2],
        **telephony_sandbox.environment(),
    }

    def arguments(*words):
        telephony = [sys.executable, "-u", "-W", "error", "-m", "telephony"]
        return {"args": [*telephony, *words], "env": environment, "cwd": tmp_path, "text": True}

    return arguments


@pytest.fixture
def cli(command, python):
    def run(*words, stdin=""):
        given = command()
        return python("-m", "telephony", *words, cwd=given["cwd"], env=given["env"], stdin=stdin)

    return run


@pytest.fixture
def listening(command):
    """Run `telephony webhooks listen …`; yields the process and its URLs."""

    @contextmanager
    def run(*words):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(
            **command("webhooks", "listen", "--port", "0", *words), **pipes
        ) as process:
            try:
                urls = []
                for line in process.stderr:
                    if "Ctrl-C" in line:
                        break
                    urls.append(line.removeprefix("# ").strip())
                yield process, urls
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)

    return run


@pytest.fixture
def number(telephony_connect):
    return telephony_connect("agentphone").provision_number().number


def test_events_are_printed_as_they_come(listening, cli, telephony_sandbox, number):
    with listening("--provider", "agentphone", "--provider", "twilio") as (process, urls):
        assert [url.rpartition("/")[2] for url in urls] == ["agentphone", "twilio"]
        telephony_sandbox.send_webhooks(urls[0])
        received = cli("sandbox", "receive", number, "--from", PERSON, "Is it ready?")
        called = cli("sandbox", "receive", number, "--from", PERSON, "--call")
        seen = [process.stdout.readline() for _ in range(3)]

    assert received.returncode == called.returncode == 0
    assert received.stdout.startswith("agentphone: msg_")
    assert "caller: Is five okay?\n" in called.stdout
    assert f"webhook {urls[0]}: 200" in received.stdout
    assert f"agentphone MessageReceived {PERSON} -> {number}: Is it ready?" in seen[0]
    assert f"agentphone CallTurn {PERSON} -> {number}: Is five okay?" in seen[1]
    assert f"agentphone CallEnded {PERSON} -> {number} completed" in seen[2]
    assert process.returncode == 0


def test_listening_prints_json_lines(listening, telephony_sandbox, number):
    with listening("--json") as (process, urls):
        telephony_sandbox.send_webhooks(urls[0])
        telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Hello")
        event = json.loads(process.stdout.readline())

    assert event["message"]["body"] == "Hello"
    assert event["raw"]["event"] == "agent.message"


def test_listening_at_a_port_that_is_taken_is_one_clear_line(cli, telephony_sandbox):
    port = telephony_sandbox.url.rpartition(":")[2]
    done = cli("webhooks", "listen", "--port", port)
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr


@pytest.fixture
def captured(telephony_sandbox, number, tmp_path):
    """Return a function that writes a webhook, with changes, into a file and returns its name."""
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Is it ready?")
    sent = telephony_sandbox.delivered()[0]

    def write(**changes):
        held = {"method": "POST", "url": sent.url, "headers": dict(sent.headers)}
        request = {**held, "body": sent.body.decode(), **changes}
        (tmp_path / "webhook.json").write_text(json.dumps(request))
        return "webhook.json"

    write.sent = sent
    return write


def test_a_captured_webhook_is_verified(cli, captured, tmp_path):
    encoded = base64.b64encode(captured.sent.body).decode()
    for changes in ({}, {"body": encoded, "encoding": "base64"}):
        done = cli("webhooks", "verify", captured(**changes))
        assert done.returncode == 0, done.stderr
        assert "The webhook is AgentPhone's." in done.stdout
        assert "Is it ready?" in done.stdout

    done = cli("webhooks", "verify", "-", "--json", stdin=(tmp_path / captured()).read_text())
    assert json.loads(done.stdout)[0]["message"]["sender"] == PERSON


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"body": "{}"}, 1, "X-Webhook-Signature does not match"),
        ({"headers": {}}, 1, "X-Webhook-Signature is missing"),
        ({"received_at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}, 1, "is stale"),
        ({"url": None}, 2, "url: Input should be a valid string"),
        ({"body": "€", "encoding": "base64"}, 2, "cannot be decoded"),
        ({"more": 1}, 2, "more: Extra inputs"),
    ],
)
def test_what_is_wrong_with_a_captured_webhook_is_reported(cli, captured, changes, code, said):
    done = cli("webhooks", "verify", captured(**changes))
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert "whsec_sandbox" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["+13125550999", "hello"], 4, "receives no messages: AgentPhone's sandbox holds no"),
        (["+13125550999", "--call"], 4, "receives no calls"),
        (["+13125550999"], 2, "Give TEXT, or --call"),
        (["+13125550999", "hello", "--call"], 2, "Give TEXT, or --call"),
        (["+13125550999", "hello", "--vendor", "twilio"], 4, "Twilio's sandbox holds no"),
        (["+13125550999", "hello", "--vendor", "zip"], 4, "does not serve 'zip'. It has: agentp"),
        (["+13125550999", "hello", "--port", "9"], 9, "no sandbox at port 9"),
    ],
)
def test_what_cannot_be_received_is_reported(cli, words, code, said):
    done = cli("sandbox", "receive", *words)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())


def test_a_webhook_without_a_listener_is_reported_as_undelivered(cli, telephony_sandbox, number):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    done = cli("sandbox", "receive", number, "hello")
    assert done.returncode == 0
    assert "webhook http://127.0.0.1:9/: not delivered" in done.stdout


def test_the_sandbox_takes_webhook_urls_of_this_machine_only(cli):
    done = cli("sandbox", "--webhook", "https://example.com/{provider}")
    assert done.returncode == 2
    assert "not on this machine" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "words",
    [["webhooks"], ["webhooks", "listen"], ["webhooks", "verify"], ["sandbox"],
     ["sandbox", "serve"], ["sandbox", "receive"]],
)  # fmt: skip
def test_every_command_has_a_help_that_fits_80_columns(cli, words):
    done = cli(*words, "--help")
    assert done.returncode == 0
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_webhook_is_set_shown_and_overwritten_only_when_asked(cli, telephony_sandbox):
    assert "No webhook is set" in cli("webhooks", "get").stderr
    assert json.loads(cli("webhooks", "get", "--json").stdout) == {"webhook": None}

    done = cli("webhooks", "set", "https://example.com/one")
    secret = json.loads(cli("webhooks", "get", "--show-secret", "--json").stdout)["secret"]
    assert done.returncode == 0, done.stderr
    assert "https://example.com/one" in done.stdout
    assert "webhook_secret of agentphone" in done.stderr
    assert secret not in done.stdout + done.stderr + cli("webhooks", "get").stdout

    refused = cli("webhooks", "set", "https://example.com/two")
    assert (refused.returncode, "Pass --replace" in refused.stderr) == (5, True)
    assert "https://example.com/one" in cli("webhooks", "get").stdout
    replaced = cli("webhooks", "set", "https://example.com/two", "--replace", "--json")
    webhook = json.loads(replaced.stdout)
    assert webhook["url"] == "https://example.com/two"
    assert webhook["previous"]["url"] == "https://example.com/one"
    assert "whsec_" not in replaced.stdout


def test_the_webhook_of_one_number_is_set_and_shown(cli, telephony_connect):
    held = telephony_connect("twilio").provision_number().number
    nameless = cli("webhooks", "get", "-p", "twilio")
    assert (nameless.returncode, "Give --of" in nameless.stderr) == (2, True)
    done = cli("webhooks", "set", "https://example.com/t", "--of", held, "-p", "twilio")
    assert done.returncode == 0, done.stderr
    shown = cli("webhooks", "get", "--of", held, "-p", "twilio", "--json")
    assert json.loads(shown.stdout)["url"] == "https://example.com/t"


def test_a_url_that_no_vendor_can_use_is_refused(cli, telephony_sandbox):
    done = cli("webhooks", "set", "http://example.com/t", "--json")
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, error["argument"]) == (2, "URL")
    assert "https" in error["message"]
    assert telephony_sandbox.requests("agentphone") == []


def test_a_webhook_that_is_not_sent_to_another_machine_says_so(cli, telephony_sandbox, number):
    assert cli("webhooks", "set", "https://example.com/one").returncode == 0
    done = cli("sandbox", "receive", number, "hello")
    assert "webhook https://example.com/one: not delivered: the sandbox sends" in done.stdout
