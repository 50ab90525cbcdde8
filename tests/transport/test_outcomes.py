"""The outcome stays known when loops end, hooks fail, or responses break off."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import threading

import httpx
import pytest

import telephony
from telephony.sandbox import Fault
from telephony.testing.client import connect
from tests.conftest import http_answer, until
from tests.systems import INTERRUPT

OURS, THEIRS = "+14155550123", "+14155550124"


def test_one_provider_serves_one_event_loop_after_the_other(telephony_sandbox):
    """As Celery, async_to_sync and tests with a loop each use it."""
    provider = telephony.connect_async("cartesia", settings=telephony_sandbox.settings("cartesia"))

    async def buy():
        return await provider.provision_number()

    bought = [asyncio.run(buy()).number for _ in range(3)]
    ledger = telephony_sandbox.ledger("cartesia", "purchase")
    assert [one.number for one in ledger] == bought
    until(lambda: telephony_sandbox.connections == 0)
    asyncio.run(provider.close())
    with pytest.raises(telephony.UnavailableError, match="closed"):
        asyncio.run(buy())


def test_one_provider_serves_several_event_loops_at_once(telephony_sandbox):
    settings = {**telephony_sandbox.settings("cartesia"), "max_concurrency": 3}
    provider = telephony.connect_async("cartesia", settings=settings)
    found, together = [], threading.Barrier(4)

    async def read():
        together.wait()
        number = await provider.provision_number()
        return await asyncio.gather(*(provider.get_number(number.id) for _ in range(20)))

    threads = [threading.Thread(target=lambda: found.append(asyncio.run(read()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len({one.id for one in numbers}) for numbers in found] == [1] * 4
    until(lambda: telephony_sandbox.connections == 0)


@pytest.mark.parametrize("name", ["on_request", "on_response", "on_retry"])
def test_a_hook_that_fails_changes_nothing_and_is_logged_once(
    mode, name, telephony_sandbox, caplog
):
    def broken(_):
        raise ZeroDivisionError

    settings = {**telephony_sandbox.settings("cartesia"), "backoff": 0.0, name: broken}
    with connect(mode, "cartesia", **settings) as client:
        for _ in range(2):
            telephony_sandbox.fail(Fault(kind="status", status=503, path="phone-numbers", times=1))
            list(client.provider.list_numbers())
            client.provider.provision_number()
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 2
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 1
    assert "broken" in logged[0].getMessage()


def test_async_hooks_are_awaited_by_asyncio(telephony_sandbox):
    seen = []

    class Counter:
        async def __call__(self, event):
            await asyncio.sleep(0)
            seen.append((event.status, event.failure))

    counter = Counter()
    hooks = dict.fromkeys(("on_request", "on_response", "on_retry"), counter)
    settings = {**telephony_sandbox.settings("cartesia"), "backoff": 0.0, **hooks}
    telephony_sandbox.fail(Fault(kind="status", status=503, times=1))
    with connect("asyncio", "cartesia", **settings) as client:
        list(client.provider.list_numbers())
    assert [status for status, _ in seen] == [None, 503, None, None, 200]
    with pytest.raises(telephony.ConfigurationError, match=r"on_request.*connect_async"):
        telephony.connect("cartesia", settings=settings)


def test_a_plain_function_that_returns_a_coroutine_is_logged_by_the_blocking_one(
    telephony_connect, caplog
):
    async def later():
        pass

    assert list(telephony_connect("cartesia", on_request=lambda _: later()).list_numbers()) == []
    assert "awaited" in caplog.text


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", ["Content-Encoding: br"]),
        (b'{"sid": "SM1', []),
        (b'{"sid": ["' + b"[" * 100_000, []),
    ],
    ids=["encoding", "cut off", "nested"],
)
def test_an_error_after_a_text_was_sent_is_an_unknown_outcome(
    mode, telephony_sandbox, raw_server, body, headers
):
    server = raw_server(lambda connection, _: connection.sendall(http_answer(body, *headers)))
    settings = {**telephony_sandbox.settings("twilio"), "base_url": server.url}
    with (
        connect(mode, "twilio", **settings) as client,
        pytest.raises(telephony.OutcomeUnknownError) as caught,
    ):
        client.provider.send_message(OURS, THEIRS, "Hello there")
    assert len(server.requests) == 1
    assert not caught.value.retry_safe


def test_whatever_fails_after_a_text_went_out_is_its_cause(mode, telephony_sandbox, monkeypatch):
    class Odd(Exception):  # noqa: N818
        pass

    def odd(*_):
        raise Odd

    with connect(mode, "twilio", **telephony_sandbox.settings("twilio")) as client:
        number = client.provider.provision_number()
        monkeypatch.setattr("telephony._transport.content.Content.whole", odd)
        with pytest.raises(telephony.OutcomeUnknownError) as caught:
            client.provider.send_message(number, THEIRS, "Hello there")
    causes, error = [], caught.value
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    assert causes[-1] is Odd
    assert len(telephony_sandbox.ledger("twilio", "message")) == 1


def test_a_failure_before_anything_was_sent_is_raised_as_it_is(telephony_connect, monkeypatch):
    def odd(*_):
        raise KeyError("before")

    provider = telephony_connect("cartesia")
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", odd)
    with pytest.raises(KeyError, match="before"):
        provider.provision_number()


SENDER = """
import json, logging, sys
import telephony

logging.basicConfig(stream=sys.stdout, format="%(message)s")
with telephony.connect("twilio", settings=json.loads(sys.argv[1])) as provider:
    print("ready", flush=True)
    try:
        provider.send_message(*json.loads(sys.argv[2]), "Hello there")
    except KeyboardInterrupt as interrupt:
        print(*interrupt.__notes__)
"""


@INTERRUPT
def test_ctrl_c_reports_that_the_text_may_have_been_sent(telephony_sandbox, telephony_connect):
    import json

    ours = telephony_connect("twilio").provision_number().number
    telephony_sandbox.fail(Fault(kind="slow_headers", path="Messages", seconds=30))
    order = [json.dumps(telephony_sandbox.settings("twilio")), json.dumps([ours, THEIRS])]
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, *order], stdout=subprocess.PIPE, text=True
    ) as sender:
        while not telephony_sandbox.ledger("twilio", "message"):
            assert sender.poll() is None
        sender.send_signal(signal.SIGINT)
        said, _ = sender.communicate()
    assert said.count("send_message was interrupted after POST was sent") == 1
