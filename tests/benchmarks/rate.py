"""How close a thousand reads come to a vendor's limit of fifty a second, without a 429.

    python tests/benchmarks/rate.py

One connection, shared by threads or by tasks; with the limit configured, and left to be learnt.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import telephony
from telephony.sandbox import Sandbox

VENDOR, READS, PER_SECOND = "cartesia", 1000, 50


def threads(settings):
    with telephony.connect(VENDOR, **settings) as provider, ThreadPoolExecutor(100) as pool:
        list(pool.map(lambda _: list(provider.list_numbers()), range(READS)))


def tasks(settings):
    async def read(provider):
        return [number async for number in provider.list_numbers()]

    async def main():
        async with telephony.connect_async(VENDOR, **settings) as provider:
            await asyncio.gather(*(read(provider) for _ in range(READS)))

    asyncio.run(main())


def main():
    known = {"requests_per_second": PER_SECOND, "deadline": None}
    learnt = {"retries": 5, "deadline": None}
    ideal = READS / PER_SECOND
    with Sandbox([VENDOR]) as sandbox:
        for way in (threads, tasks):
            for name, settings in (("configured", known), ("learnt", learnt)):
                sandbox.reset()
                sandbox.limit(VENDOR, PER_SECOND)
                start = time.monotonic()
                way({**sandbox.settings(VENDOR), **settings})
                took = time.monotonic() - start
                arrivals = sandbox.arrivals(VENDOR)
                refused = sum(arrival.refused for arrival in arrivals)
                print(  # noqa: T201
                    f"{way.__name__:8} {name:11} {took:5.1f} s, {took / ideal:4.0%} of the ideal "
                    f"{ideal:.0f} s; {refused} of {len(arrivals)} requests answered with 429"
                )


if __name__ == "__main__":
    main()
