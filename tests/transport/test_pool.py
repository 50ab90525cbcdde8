"""Connections are shared, counted and closed, whoever holds them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpcore
import pytest

import telephony
from telephony._transport.async_pool import AsyncPool
from telephony._transport.deadline import Deadline
from telephony._transport.pool import Pool
from telephony._transport.retry import NoResponse
from telephony._transport.routes import Routes
from telephony.sandbox import Fault
from telephony.settings import ProviderSettings
from tests.conftest import RawServer, http_answer, until
from tests.systems import LINUX

ROUTES = Routes(ProviderSettings(base_url="http://127.0.0.1:9"), frozenset())
ORIGIN = httpcore.Origin(b"http", b"127.0.0.1", 9)


def test_sequential_requests_reuse_one_connection():
    pool = Pool(1, ROUTES)
    with (
        pool.connection(ORIGIN, Deadline(None)) as first,
        pytest.raises(NoResponse),
        pool.connection(ORIGIN, Deadline(0.01)),
    ):
        pass
    with pool.connection(ORIGIN, Deadline(0.01)) as second:
        assert second is first
    pool.close()


def test_sequential_requests_reuse_one_connection_with_asyncio():
    async def main():
        pool = AsyncPool(1, ROUTES)
        async with pool.connection(ORIGIN, Deadline(None)) as first:
            with pytest.raises(NoResponse):
                async with pool.connection(ORIGIN, Deadline(0.01)):
                    pass
        async with pool.connection(ORIGIN, Deadline(0.01)) as second:
            assert second is first
        await pool.close()

    asyncio.run(main())


@pytest.fixture
def bad_proxy(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://user:hunter2@proxy.example")
    return monkeypatch


def test_a_connection_that_cannot_be_opened_frees_its_slot(bad_proxy):
    pool = Pool(1, ROUTES)
    with (
        pytest.raises(telephony.ConfigurationError, match="ALL_PROXY"),
        pool.connection(ORIGIN, Deadline(None)),
    ):
        pass
    bad_proxy.undo()
    with pool.connection(ORIGIN, Deadline(0.01)):
        pass
    pool.close()


def test_a_connection_that_cannot_be_opened_frees_its_slot_with_asyncio(bad_proxy):
    async def main():
        pool = AsyncPool(1, ROUTES)
        with pytest.raises(telephony.ConfigurationError, match="ALL_PROXY"):
            async with pool.connection(ORIGIN, Deadline(None)):
                pass
        bad_proxy.undo()
        async with pool.connection(ORIGIN, Deadline(0.01)):
            pass
        await pool.close()

    asyncio.run(main())


def test_a_connection_in_use_is_closed_after_its_request(telephony_connect, telephony_sandbox):
    provider = telephony_connect("cartesia")
    telephony_sandbox.fail(Fault(kind="slow_headers", seconds=0.3))
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(lambda: list(provider.list_numbers()))
        until(lambda: telephony_sandbox.arrivals("cartesia"))
        provider.close()
        assert reading.result() == []
    until(lambda: telephony_sandbox.connections == 0)


def test_a_connection_in_use_is_closed_after_its_request_with_asyncio(
    telephony_aconnect, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="slow_headers", seconds=0.3))

    async def main():
        provider = telephony_aconnect("cartesia")
        reading = asyncio.create_task(anext(provider.list_numbers(), None))
        await asyncio.to_thread(until, lambda: telephony_sandbox.arrivals("cartesia"))
        await provider.close()
        assert await reading is None
        await asyncio.to_thread(until, lambda: telephony_sandbox.connections == 0)

    asyncio.run(main())


def test_many_requests_at_once_all_get_responses(telephony_connect):
    provider = telephony_connect("cartesia", max_concurrency=2)
    bought = provider.provision_number()
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(provider.get_number, [bought.id] * 50))
    assert {number.id for number in found} == {bought.id}


def test_many_requests_at_once_all_get_responses_with_asyncio(telephony_sandbox):
    settings = telephony_sandbox.settings("cartesia")

    async def main():
        async with telephony.connect_async("cartesia", max_concurrency=5, **settings) as provider:
            bought = await provider.provision_number()
            found = await asyncio.gather(*(provider.get_number(bought.id) for _ in range(50)))
            assert {number.id for number in found} == {bought.id}

    asyncio.run(main())


@LINUX
def test_connections_that_the_vendor_closed_are_closed_here_too(
    mode, telephony_sandbox, raw_server, monkeypatch
):
    """As /proc/net/tcp shows them: none waits to be closed while the provider is in use."""
    for module in ("pool", "async_pool"):
        monkeypatch.setattr(f"telephony._transport.{module}.SWEEP", 0.0)
    together = threading.Barrier(10)

    def respond(connection, _):
        if len(server.requests) <= 10:
            together.wait()
        connection.sendall(http_answer(b'{"data": [], "has_more": false}'))

    server = raw_server(respond)
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": server.url}

    def waiting():
        return waiting_to_be_closed(server)

    if mode == "blocking":
        with telephony.connect("cartesia", settings=settings) as provider:
            with ThreadPoolExecutor(10) as threads:
                list(threads.map(lambda _: list(provider.list_numbers()), range(10)))
            server.hang_up()
            until(lambda: waiting() == 10)
            list(provider.list_numbers())
            assert waiting() == 0
        return

    async def main():
        async with telephony.connect_async("cartesia", settings=settings) as provider:
            await asyncio.gather(*(anext(provider.list_numbers(), None) for _ in range(10)))
            server.hang_up()
            # Unused ones too: the loop closes them.
            async with asyncio.timeout(10):
                while waiting():  # noqa: ASYNC110 - the kernel says nothing
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def waiting_to_be_closed(server: RawServer) -> int:
    port = f"{int(server.url.rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()
    states = [line.split()[2:4] for line in lines[1:]]
    return sum(far.endswith(f":{port}") and state == "08" for far, state in states)


@pytest.mark.parametrize("mode", ["blocking", "asyncio"])
def test_a_connection_closed_while_a_purchase_waits_to_be_sent_is_no_lost_response(
    mode, telephony_sandbox, raw_server
):
    """A slow hook or a rate limit can hold a request longer than a server keeps a connection."""

    def respond(connection, request):
        bought = b'{"id": "ph_1", "number": "+14155550123"}'
        listed = b'{"data": [], "has_more": false}'
        connection.sendall(http_answer(bought if request.startswith(b"POST") else listed))

    server = raw_server(respond)

    def hang_up(event):
        if event.method == "POST":
            server.hang_up()
            until(lambda: waiting_to_be_closed(server) == 1)

    settings = {
        **telephony_sandbox.settings("cartesia"), "base_url": server.url, "on_request": hang_up,
    }  # fmt: skip
    if mode == "blocking":
        with telephony.connect("cartesia", settings=settings) as provider:
            list(provider.list_numbers())
            assert provider.provision_number().id == "ph_1"
        return

    async def main():
        async with telephony.connect_async("cartesia", settings=settings) as provider:
            assert [number async for number in provider.list_numbers()] == []
            return await provider.provision_number()

    assert asyncio.run(main()).id == "ph_1"
