"""Against a vendor that takes only so many requests a second, by the vendor's own count."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

import telephony
from telephony.sandbox import Fault

PER_SECOND = 50


@pytest.fixture(params=["blocking", "asyncio"])
def read_many(request, adapter, telephony_sandbox, telephony_connect, telephony_aconnect):
    """Read with so many requests, from many threads or tasks at once; return what was read."""
    _read(telephony_connect(adapter))
    each = len(telephony_sandbox.arrivals(adapter))
    telephony_sandbox.reset()

    def threads(requests, **settings):
        provider, times = telephony_connect(adapter, **settings), requests // each
        with ThreadPoolExecutor(40) as pool:
            return list(pool.map(lambda _: _read(provider), range(times)))

    def tasks(requests, **settings):
        times = requests // each

        async def main():
            async with telephony_aconnect(adapter, **settings) as provider:
                return await asyncio.gather(*(_aread(provider) for _ in range(times)))

        return asyncio.run(main())

    return {"blocking": threads, "asyncio": tasks}[request.param]


def _read(provider):
    return list(provider.list_numbers(limit=1))


async def _aread(provider):
    return [number async for number in provider.list_numbers(limit=1)]


def most_in_a_second(arrivals):
    moments = [arrival.moment for arrival in arrivals]
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


def test_a_configured_rate_is_kept_by_all_callers_together(adapter, read_many, telephony_sandbox):
    telephony_sandbox.limit(adapter, PER_SECOND)

    found = read_many(110, requests_per_second=PER_SECOND, deadline=None)

    assert not any(found)
    arrivals = telephony_sandbox.arrivals(adapter)
    assert most_in_a_second(arrivals) <= PER_SECOND
    assert not any(arrival.refused for arrival in arrivals)


@pytest.mark.parametrize("adapter", ["cartesia", "livekit"], indirect=True)
def test_without_a_rate_it_is_learnt_and_callers_see_no_429(adapter, read_many, telephony_sandbox):
    telephony_sandbox.limit(adapter, PER_SECOND)

    found = read_many(150, retries=5, deadline=None, backoff=0.2)

    assert not any(found)
    assert any(arrival.refused for arrival in telephony_sandbox.arrivals(adapter))


def test_requests_that_wait_for_a_connection_respect_a_learnt_rate(
    telephony_sandbox, telephony_aconnect
):
    telephony_sandbox.limit("cartesia", PER_SECOND)

    async def main():
        settings = {"retries": 5, "deadline": None, "max_concurrency": 60}
        async with telephony_aconnect("cartesia", **settings) as provider:
            await asyncio.gather(*(_aread(provider) for _ in range(200)))

    asyncio.run(main())
    refused = sum(arrival.refused for arrival in telephony_sandbox.arrivals("cartesia"))
    assert refused < 100, "those that waited do not all come at once, as the first did"


def test_no_more_requests_are_in_flight_than_allowed(adapter, read_many, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="slow_headers", seconds=0.2, times=None))

    read_many(24, max_concurrency=4)

    assert max(each.under_way for each in telephony_sandbox.arrivals(adapter)) == 4


def test_a_vendor_can_signal_a_rate_limit_in_its_own_way(
    adapter, telephony_connect, telephony_sandbox
):
    telephony_sandbox.limit(adapter, 1)
    provider = telephony_connect(adapter, retries=0)
    with pytest.raises(telephony.RateLimitedError) as caught:
        list(map(_read, [provider, provider]))
    assert caught.value.status == 429
    assert [each.refused for each in telephony_sandbox.arrivals(adapter)] == [False, True]
