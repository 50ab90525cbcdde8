"""Work that is given up half way: cancelled tasks, and providers closed under a listing."""

from __future__ import annotations

import asyncio
import random

import pytest

import telephony
from telephony.sandbox import Fault


async def until(condition):
    # The sandbox is another thread, which has no asyncio.Event to wait for.
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def _read(provider):
    return [number async for number in provider.list_numbers()]


def test_a_cancelled_operation_leaves_no_connection(adapter, telephony_aconnect, telephony_sandbox):
    async def main():
        async with telephony_aconnect(adapter) as provider:
            open_before = telephony_sandbox.connections
            for kind in ("slow_headers", "slow_body"):
                telephony_sandbox.fail(Fault(kind=kind, seconds=5))
                reading = asyncio.create_task(_read(provider))
                await until(lambda: telephony_sandbox.arrivals(adapter))
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
                await until(lambda: telephony_sandbox.connections <= open_before)
                telephony_sandbox.reset()
            assert await _read(provider) == []

    asyncio.run(main())


def test_tasks_cancelled_at_random_leave_the_provider_usable(
    adapter, telephony_aconnect, telephony_sandbox
):
    chance = random.Random(7)  # noqa: S311 - which task is cancelled

    async def main():
        async with telephony_aconnect(adapter, max_concurrency=5) as provider:
            tasks = [asyncio.create_task(_read(provider)) for _ in range(60)]
            while pending := [task for task in tasks if not task.done()]:
                chance.choice(pending).cancel()
                await asyncio.sleep(chance.random() * 0.005)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(o, asyncio.CancelledError) or o == [] for o in outcomes)
            # All five places are free again.
            telephony_sandbox.fail(Fault(kind="slow_headers", seconds=0.05, times=5))
            assert await asyncio.gather(*(_read(provider) for _ in range(5))) == [[]] * 5
        await until(lambda: telephony_sandbox.connections == 0)

    asyncio.run(main())


@pytest.fixture
def two_pages(telephony_connect, telephony_sandbox):
    with telephony_connect("cartesia") as provider:
        for _ in range(101):
            provider.provision_number()


def test_closing_ends_a_listing_in_progress(two_pages, telephony_connect):
    provider = telephony_connect("cartesia")
    numbers = provider.list_numbers()
    read = [next(numbers) for _ in range(100)]
    provider.close()
    with pytest.raises(telephony.UnavailableError, match="closed") as caught:
        next(numbers)
    assert len(read) == 100
    assert caught.value.operation == "list_numbers"
    assert list(numbers) == []


def test_closing_ends_a_listing_in_progress_in_asyncio(two_pages, telephony_aconnect):
    async def main():
        provider = telephony_aconnect("cartesia")
        numbers = provider.list_numbers()
        read = [await anext(numbers) for _ in range(100)]
        await provider.close()
        with pytest.raises(telephony.UnavailableError, match="closed") as caught:
            await anext(numbers)
        assert len(read) == 100
        assert caught.value.operation == "list_numbers"
        assert [number async for number in numbers] == []

    asyncio.run(main())
