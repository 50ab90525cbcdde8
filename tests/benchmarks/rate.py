"""A thousand reads over one connection, from a vendor that takes so many a second and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import telephony
from telephony.sandbox import Sandbox

READS, PER_SECOND = 1000, 50
IDEAL = READS / PER_SECOND
_VENDOR, _CALLERS = "cartesia", 100
_KNOWN = {"requests_per_second": PER_SECOND, "deadline": None}
_LEARNT = {"retries": 5, "deadline": None}

Settings = dict[str, object]


def _threads(settings: Settings) -> None:
    with telephony.connect(_VENDOR, **settings) as provider, ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(lambda _: list(provider.list_numbers()), range(READS)))


def _tasks(settings: Settings) -> None:
    async def read(provider: telephony.AsyncProvider) -> list[telephony.PhoneNumber]:
        return [number async for number in provider.list_numbers()]

    async def main() -> None:
        async with telephony.connect_async(_VENDOR, **settings) as provider:
            await asyncio.gather(*(read(provider) for _ in range(READS)))

    asyncio.run(main())


def reading() -> Iterator[tuple[str, Callable[[], float]]]:
    """Return what is measured and its function: the seconds until all have read. None may fail."""
    for name, way in (("threads", _threads), ("tasks", _tasks)):
        for known, settings in (("set", _KNOWN), ("learnt", _LEARNT)):

            def run(way: Callable[[Settings], None] = way, settings: Settings = settings) -> float:
                with Sandbox([_VENDOR]) as sandbox:
                    sandbox.limit(_VENDOR, PER_SECOND)
                    start = perf_counter()
                    way({**sandbox.settings(_VENDOR), **settings})
                    return perf_counter() - start

            yield f"{READS:,} reads, {PER_SECOND}/s {known}, {name}", run
