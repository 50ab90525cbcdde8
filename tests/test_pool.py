"""Connections are shared, counted and closed, whoever holds them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

import telephony
from telephony.transport.pool import AsyncPool, Pool
from telephony.transport.retry import Deadline, NoAnswer


def test_one_at_a_time_and_the_same_again():
    pool = Pool(1, {})
    with pool.client(Deadline(None)) as first, pytest.raises(NoAnswer), pool.client(Deadline(0.01)):
        pass
    with pool.client(Deadline(0.01)) as second:
        assert second is first
    pool.close()


def test_one_at_a_time_and_the_same_again_with_asyncio():
    async def main():
        pool = AsyncPool(1, {})
        async with pool.client(Deadline(None)) as first:
            with pytest.raises(NoAnswer):
                async with pool.client(Deadline(0.01)):
                    pass
        async with pool.client(Deadline(0.01)) as second:
            assert second is first
        await pool.close()

    asyncio.run(main())


def test_what_was_cut_off_is_closed_and_not_used_again():
    pool = Pool(1, {})
    with pytest.raises(KeyError), pool.client(Deadline(None)) as broken:
        raise KeyError
    with pool.client(Deadline(0.01)) as other:
        assert (broken.is_closed, other.is_closed) == (True, False)
    pool.close()


def test_what_was_cut_off_is_closed_and_not_used_again_with_asyncio():
    async def main():
        pool = AsyncPool(1, {})
        with pytest.raises(KeyError):
            async with pool.client(Deadline(None)) as broken:
                raise KeyError
        async with pool.client(Deadline(0.01)) as other:
            assert (broken.is_closed, other.is_closed) == (True, False)
        await pool.close()

    asyncio.run(main())


@pytest.fixture
def bad_proxy(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://user:hunter2@proxy.example")
    return monkeypatch


def test_what_cannot_be_opened_takes_no_place(bad_proxy):
    pool = Pool(1, {})
    with (
        pytest.raises(telephony.ConfigurationError, match="ALL_PROXY"),
        pool.client(Deadline(None)),
    ):
        pass
    bad_proxy.undo()
    with pool.client(Deadline(0.01)):
        pass
    pool.close()


def test_what_cannot_be_opened_takes_no_place_with_asyncio(bad_proxy):
    async def main():
        pool = AsyncPool(1, {})
        with pytest.raises(telephony.ConfigurationError, match="ALL_PROXY"):
            async with pool.client(Deadline(None)):
                pass
        bad_proxy.undo()
        async with pool.client(Deadline(0.01)):
            pass
        await pool.close()

    asyncio.run(main())


def test_what_is_in_use_is_closed_when_it_is_given_back():
    pool = Pool(2, {})
    with pool.client(Deadline(None)) as used:
        with pool.client(Deadline(None)) as free:
            pass
        pool.close()
        assert (free.is_closed, used.is_closed) == (True, False)
    assert used.is_closed


def test_what_is_in_use_is_closed_when_it_is_given_back_with_asyncio():
    async def main():
        pool = AsyncPool(2, {})
        async with pool.client(Deadline(None)) as used:
            async with pool.client(Deadline(None)) as free:
                pass
            await pool.close()
            assert (free.is_closed, used.is_closed) == (True, False)
        assert used.is_closed

    asyncio.run(main())


def test_many_requests_at_once_are_all_answered(telephony_connect):
    provider = telephony_connect("cartesia", max_concurrency=2)
    bought = provider.provision_number()
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(provider.get_number, [bought.id] * 50))
    assert {number.id for number in found} == {bought.id}


def test_many_requests_at_once_are_all_answered_with_asyncio(telephony_sandbox):
    settings = telephony_sandbox.settings("cartesia")

    async def main():
        async with telephony.connect_async("cartesia", max_concurrency=5, **settings) as provider:
            bought = await provider.provision_number()
            found = await asyncio.gather(*(provider.get_number(bought.id) for _ in range(50)))
            assert {number.id for number in found} == {bought.id}

    asyncio.run(main())
