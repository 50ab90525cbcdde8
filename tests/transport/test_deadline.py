"""An operation ends at its deadline, whatever the server does; without one, it does not."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import time

import pytest

import telephony
from telephony._transport.deadline import Deadline
from telephony.testing.client import connect
from tests.conftest import http_answer


def dripping(*, before, each, after=b""):
    """Send something again and again for as long as the caller listens."""

    def respond(connection, _):
        connection.sendall(before)
        for part in each:
            if respond.server.stopped.wait(0.05):
                return
            connection.sendall(part)
        connection.sendall(after)

    return respond


@pytest.mark.parametrize(
    ("before", "part"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    ],
    ids=["headers", "early hints", "trailers", "body", "one header"],
)
def test_a_slow_response_is_cut_off_at_the_deadline(
    mode, telephony_sandbox, raw_server, before, part
):
    respond = dripping(before=before, each=[part] * 400)
    server = respond.server = raw_server(respond)
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": server.url, "retries": 0}
    began = time.monotonic()
    with (
        connect(mode, "cartesia", **settings, deadline=0.4) as client,
        pytest.raises(telephony.ProviderTimeoutError),
    ):
        client.provider.get_number("pn_1")
    assert time.monotonic() - began < 10, "the server would go on for 20 s"


def test_a_purchase_cut_off_at_the_deadline_is_an_unknown_outcome(
    mode, telephony_sandbox, raw_server
):
    respond = dripping(before=b"HTTP/1.1 200 OK\r\n", each=[b"X-A: b\r\n"] * 400)
    server = respond.server = raw_server(respond)
    settings = {**telephony_sandbox.settings("twilio"), "base_url": server.url, "retries": 0}
    with (
        connect(mode, "twilio", **settings, deadline=0.4) as client,
        pytest.raises(telephony.OutcomeUnknownError),
    ):
        client.provider.send_message("+14155550123", "+14155550124", "Hello there")


def test_a_whole_listing_has_one_deadline(mode, telephony_sandbox, raw_server):
    pages = iter(range(1000, 9999))

    def respond(connection, _):
        if server.stopped.wait(0.05):
            return
        page = next(pages)
        row = {"id": f"pn_{page}", "phone_number": f"+1415555{page}"}
        body = {"data": [row], "has_more": True, "next_page": f"pn_{page}"}
        connection.sendall(http_answer(json.dumps(body).encode()))

    server = raw_server(respond)
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": server.url}
    with (
        connect(mode, "cartesia", **settings, deadline=0.5) as client,
        pytest.raises(telephony.ProviderTimeoutError),
    ):
        list(itertools.islice(client.provider.list_numbers(), 200))
    assert len(server.requests) > 1


def test_what_the_caller_does_between_the_items_is_not_the_operations_time(
    telephony_connect, monkeypatch
):
    now = 100.0
    provider = telephony_connect("cartesia", deadline=5)
    for _ in range(101):
        provider.provision_number()
    clocked = functools.partial(Deadline, clock=lambda: now)
    monkeypatch.setattr("telephony.provider.blocking.Deadline", clocked)
    seen = 0
    for _ in provider.list_numbers():
        now += 60
        seen += 1
    assert seen == 101


def test_paused_time_does_not_count():
    now = 100.0
    deadline = Deadline(5, lambda: now)
    with deadline.paused():
        now += 60
    assert deadline.left() == 5


@pytest.mark.parametrize("way", ["connect", "with_options", "inf"])
def test_there_may_be_no_deadline(telephony_sandbox, way):
    settings = telephony_sandbox.settings("cartesia")
    given = {"connect": {"deadline": None}, "inf": {"deadline": float("inf")}}.get(way, {})
    with telephony.connect("cartesia", settings={**settings, **given}) as provider:
        if way == "with_options":
            provider = provider.with_options(deadline=None)
        assert list(provider.list_numbers()) == []
        assert provider._settings.deadline is None


def test_options_of_one_call_share_what_the_provider_has(
    mode, telephony_sandbox, telephony_connect
):
    settings = telephony_sandbox.settings("cartesia")

    async def main():
        async with telephony.connect_async("cartesia", settings=settings) as provider:
            for _ in range(5):
                hurried = provider.with_options(timeout=2, retries=0, deadline=5)
                assert [one async for one in hurried.list_numbers()] == []
            assert telephony_sandbox.connections == 1

    if mode == "asyncio":
        asyncio.run(main())
        return
    provider = telephony_connect("cartesia")
    for _ in range(5):
        hurried = provider.with_options(timeout=2, retries=0, deadline=5)
        assert list(hurried.list_numbers()) == []
    assert telephony_sandbox.connections == 1
    assert isinstance(hurried, telephony.Provider)


@pytest.mark.parametrize("given", [{"timeout": 0}, {"retries": -1}, {"deadline": "soon"}])
def test_options_that_cannot_be_right_are_refused(telephony_connect, given):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        telephony_connect("cartesia").with_options(**given)
    assert caught.value.argument == next(iter(given))


def test_fewer_retries_apply_to_that_call_alone(telephony_connect, telephony_sandbox):
    provider = telephony_connect("cartesia", backoff=0.0)
    telephony_sandbox.fail(telephony.sandbox.Fault(kind="status", status=503, times=1))
    with pytest.raises(telephony.UnavailableError):
        list(provider.with_options(retries=0).list_numbers())
    telephony_sandbox.fail(telephony.sandbox.Fault(kind="status", status=503, times=1))
    assert list(provider.list_numbers()) == []
