"""The recipe for Celery: a worker that is killed, and tasks that fail in every way."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import telephony
from telephony.sandbox import Fault

from ..conftest import inherited

EXAMPLES = Path(__file__).parents[2] / "examples"
PERSON = "+14155550199"
ORDER = "order-17"


@pytest.fixture
def environment(telephony_sandbox, tmp_path):
    return {
        **inherited(),
        **telephony_sandbox.environment(),
        "CELERY_FOLDER": str(tmp_path / "celery"),
    }


@pytest.fixture
def worker(environment):
    """Start a worker that runs one task at a time."""
    with ExitStack() as running:

        def start():
            command = ["celery", "--app", "examples.celery_app", "worker"]
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", *command, "--pool", "solo", "--loglevel", "INFO"],
                    cwd=EXAMPLES.parent,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            running.callback(process.kill)
            assert any("ready." in line for line in process.stderr)
            return process

        yield start


@pytest.fixture
def client(environment, tmp_path):
    """Let the workers buy and text, and wait for them."""
    with ExitStack() as running:

        def start():
            command = [sys.executable, EXAMPLES / "celery_app.py", "agentphone", ORDER, PERSON]
            pipes = {"stdout": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
            running.callback(process.kill)
            return running.enter_context(process)

        yield start


def test_a_worker_that_is_killed_while_it_buys_has_bought_once(worker, client, telephony_sandbox):
    """A broker that is not acknowledged delivers the task again; here, it is sent again."""
    telephony_sandbox.fail(Fault(kind="slow_headers", method="POST", seconds=60))
    first = worker()
    waiting = client()
    while not telephony_sandbox.ledger("agentphone", "purchase"):
        assert first.poll() is None
        time.sleep(0.01)
    first.kill()
    waiting.kill()
    telephony_sandbox.heal()

    worker()
    said, _ = client().communicate()

    (bought,) = telephony_sandbox.ledger("agentphone", "purchase")
    (sent,) = telephony_sandbox.ledger("agentphone", "message")
    assert said == f"Bought {bought.number}\nSent {sent.id}\n"


@pytest.fixture
def tasks(telephony_env, monkeypatch, tmp_path):
    """Return the tasks, to be run here and at once, retries too."""
    monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
    monkeypatch.setenv("TELEPHONY_AGENTPHONE_RETRIES", "0")
    spec = importlib.util.spec_from_file_location("celery_app", EXAMPLES / "celery_app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.connected("agentphone").close()


@pytest.mark.parametrize("kind", ["status", "reset", "lost", "malformed"])
def test_a_purchase_is_retried_until_it_is_known(tasks, telephony_sandbox, kind):
    """Also when the vendor cannot be asked what it did."""
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))
    telephony_sandbox.fail(Fault(kind="status", method="GET", skip=1, times=2))

    number = tasks.buy_number.apply(["agentphone", ORDER]).get()

    (bought,) = telephony_sandbox.ledger("agentphone", "purchase")
    assert number == bought.number


def test_a_purchase_that_is_refused_is_not_retried(tasks, telephony_sandbox):
    telephony_sandbox.vendors["agentphone"].account.balance = 0.0

    with pytest.raises(telephony.QuotaExceededError):
        tasks.buy_number.apply(["agentphone", ORDER]).get()

    posted = [one for one in telephony_sandbox.requests("agentphone") if one.method == "POST"]
    assert len(posted) == 1


@pytest.fixture
def text(tasks, telephony_connect):
    number = telephony_connect("agentphone").provision_number().number
    return lambda: tasks.send_text.apply(["agentphone", number, PERSON, "Ready."]).get()


def test_a_text_is_retried_while_nothing_was_sent(text, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=429, method="POST", times=3))

    text()

    assert len(telephony_sandbox.ledger("agentphone", "message")) == 1


@pytest.mark.parametrize(("kind", "sent"), [("status", 0), ("reset", 0), ("lost", 1), ("cut", 1)])
def test_a_text_that_may_have_been_sent_is_not_sent_again(text, telephony_sandbox, kind, sent):
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError):
        text()

    assert len(telephony_sandbox.ledger("agentphone", "message")) == sent
