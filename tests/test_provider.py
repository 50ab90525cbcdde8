"""The drivers: closing, threads, other hosts, redirects."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

import telephony
from telephony.sandbox import Fault


def test_a_closed_provider_says_so(telephony_connect):
    provider = telephony_connect("cartesia")
    numbers = provider.list_numbers()
    provider.close()

    for use in (lambda: next(numbers), lambda: provider.get_number("pn_1")):
        with pytest.raises(telephony.UnavailableError, match="closed"):
            use()


def test_a_listing_that_is_left_early_asks_for_no_more(telephony_connect, telephony_sandbox):
    provider = telephony_connect("cartesia")
    for _ in range(3):
        provider.provision_number()
    before = len(telephony_sandbox.requests("cartesia"))

    listing = provider.list_numbers()
    assert len(telephony_sandbox.requests("cartesia")) == before
    next(listing)
    listing.close()
    assert len(telephony_sandbox.requests("cartesia")) == before + 1


def test_one_provider_serves_many_threads(telephony_connect):
    provider = telephony_connect("cartesia")
    number = provider.provision_number()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: provider.get_number(number.number).id, range(40)))

    assert set(found) == {number.id}


def test_one_async_provider_serves_many_tasks(telephony_aconnect):
    async def main():
        async with telephony_aconnect("cartesia") as provider:
            number = await provider.provision_number()
            found = await asyncio.gather(*(provider.get_number(number.id) for _ in range(40)))
            return {one.id for one in found} == {number.id}

    assert asyncio.run(main())


def test_redirects_are_not_followed(telephony_connect, telephony_sandbox):
    telephony_sandbox.fail(
        Fault(kind="status", status=307, headers={"Location": "https://elsewhere.example/"})
    )
    with pytest.raises(telephony.InvalidResponseError, match="redirect"):
        telephony_connect("cartesia").get_number("pn_1")


def test_debug_logs_show_the_request_and_nothing_of_its_content(
    telephony_connect, telephony_sandbox, caplog
):
    with caplog.at_level(logging.DEBUG, "telephony"):
        provider = telephony_connect("cartesia")
        number = provider.provision_number(label="Secret desk")
        list(provider.list_numbers())

    assert "POST /agents/phone-numbers/provision -> 201 in" in caplog.text
    for private in ("Secret desk", number.number, "sk_car_sandbox", "limit="):
        assert private not in caplog.text


def test_a_retry_waits_without_blocking_the_loop(telephony_aconnect, telephony_sandbox):
    async def main():
        async with telephony_aconnect("cartesia", backoff=0.01) as provider:
            telephony_sandbox.fail(Fault(kind="status", status=503))
            return [number async for number in provider.list_numbers()]

    assert asyncio.run(main()) == []


def test_an_operation_ends_at_its_deadline(telephony_connect, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="slow_headers", seconds=5, times=None))
    provider = telephony_connect("cartesia", deadline=0.2)
    with pytest.raises(telephony.ProviderTimeoutError):
        provider.get_number("pn_1")
