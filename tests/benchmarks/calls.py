"""One call after the other, and many at once. Each side returns the seconds that it took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import httpx

import telephony
from telephony import TwilioAccount

from .sides import settings, twilio_client

Timed = Callable[[], float]

CALLS = 200
IMPORTS, IN_FLIGHT, LATENCY_MS = 1000, 50, 100
IDEAL = IMPORTS / IN_FLIGHT * LATENCY_MS / 1000


@contextmanager
def getting(url: str) -> Iterator[dict[str, Timed]]:
    """`get_number` by id: telephony, the SDK and plain httpx, blocking; two of them for asyncio."""
    known = settings(url, "twilio")
    login = known["account_sid"], known["auth_token"]
    sdk = twilio_client(url)
    with (
        telephony.connect("twilio", **known) as provider,
        httpx.Client(base_url=known["base_url"], auth=login) as client,
        asyncio.Runner() as runner,
    ):
        sid = next(provider.list_numbers(limit=1)).id
        place = f"/2010-04-01/Accounts/{login[0]}/IncomingPhoneNumbers/{sid}.json"

        async def opened() -> tuple[telephony.AsyncProvider, httpx.AsyncClient]:
            plain = httpx.AsyncClient(base_url=known["base_url"], auth=login)
            return telephony.connect_async("twilio", **known), plain

        def blocking(call: Callable[[], object]) -> Timed:
            def run() -> float:
                start = perf_counter()
                for _ in range(CALLS):
                    call()
                return (perf_counter() - start) / CALLS

            return run

        def asynchronous(call: Callable[[], Awaitable[object]]) -> Timed:
            async def calls() -> float:
                start = perf_counter()
                for _ in range(CALLS):
                    await call()
                return (perf_counter() - start) / CALLS

            return lambda: runner.run(calls())

        async def plain_get() -> object:
            return json.loads((await plain.get(place)).content)

        aprovider, plain = runner.run(opened())
        yield {
            "ours": blocking(lambda: provider.get_number(sid)),
            "sdk": blocking(lambda: sdk.incoming_phone_numbers(sid).fetch()),
            "floor": blocking(lambda: json.loads(client.get(place).content)),
            "async ours": asynchronous(lambda: aprovider.get_number(sid)),
            "async floor": asynchronous(plain_get),
        }
        runner.run(aprovider.close())
        runner.run(plain.aclose())


@contextmanager
def importing(url: str) -> Iterator[Timed]:
    """Import at Cartesia, so many in flight, each with so late a response."""
    here = settings(url, "cartesia")
    far = settings(f"{url}/after-{LATENCY_MS}ms", "cartesia")
    account = TwilioAccount(f"AC{'1' * 32}", None, f"SK{'2' * 32}", "made-up")
    with telephony.connect("cartesia", **here) as provider:
        source = telephony.LinkedCarrier(provider.link_carrier(account).id)

    async def imports(settings: dict[str, str]) -> float:
        turn = asyncio.Semaphore(IN_FLIGHT)

        async def one(index: int) -> None:
            async with turn:
                await provider.import_number(f"+1415777{index:04}", source=source)

        async with telephony.connect_async("cartesia", **settings) as provider:
            start = perf_counter()
            await asyncio.gather(*map(one, range(1, IMPORTS + 1)))
            return perf_counter() - start

    # The first time the sandbox makes the answers, which takes longer than the latency.
    asyncio.run(imports(here))
    yield lambda: asyncio.run(imports(far))
