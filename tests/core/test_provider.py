"""The drivers: closing, threads, other hosts, redirects."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import telephony
from telephony.sandbox import Fault
from tests.systems import FORK


def test_a_closed_provider_says_so(telephony_connect):
    provider = telephony_connect("cartesia")
    numbers = provider.list_numbers()
    provider.close()

    for use in (lambda: next(numbers), lambda: provider.get_number("pn_1")):
        with pytest.raises(telephony.UnavailableError, match="closed"):
            use()


def test_leaving_a_listing_early_sends_no_further_request(telephony_connect, telephony_sandbox):
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


def test_a_protected_number_is_not_released(telephony_connect, telephony_sandbox):
    number = telephony_connect("cartesia").provision_number()
    other = telephony_connect("cartesia").provision_number()
    before = len(telephony_sandbox.requests("cartesia"))

    written = f"{number.number[:2]} {number.number[2:5]} {number.number[5:]}"
    for protected in (True, [number.number], [written]):
        provider = telephony_connect("cartesia", protected=protected)
        for way in (number, number.number):
            with pytest.raises(telephony.PermissionDeniedError, match="protected"):
                provider.release_number(way)
    assert len(telephony_sandbox.requests("cartesia")) == before

    some = telephony_connect("cartesia", protected=[number.number])
    with pytest.raises(telephony.PermissionDeniedError, match="protected"):
        some.release_number(number.id)
    some.release_number(other.id)
    assert [e.id for e in telephony_sandbox.ledger("cartesia", "release")] == [other.id]


def test_hooks_see_every_attempt_and_no_content(telephony_connect, telephony_sandbox):
    seen = []
    provider = telephony_connect(
        "cartesia",
        on_request=lambda event: seen.append(("request", event)),
        on_response=lambda event: seen.append(("response", event)),
        on_retry=lambda event: seen.append(("retry", event)),
    )
    telephony_sandbox.fail(Fault(kind="status", status=503))

    list(provider.list_numbers())

    assert [kind for kind, _ in seen] == ["request", "response", "retry", "request", "response"]
    assert [event.attempt for _, event in seen] == [1, 1, 1, 2, 2]
    assert [event.status for kind, event in seen if kind == "response"] == [503, 200]
    assert {event.path for _, event in seen} == {"/agents/phone-numbers"}
    assert {event.operation for _, event in seen} == {"list_numbers"}


def test_a_cancelled_change_is_reported(telephony_aconnect, telephony_sandbox, caplog):
    async def main():
        async with telephony_aconnect("cartesia") as provider:
            telephony_sandbox.fail(Fault(kind="slow_headers", path="provision", seconds=5))
            buying = asyncio.create_task(provider.provision_number())
            # The sandbox is another thread, which has no asyncio.Event to wait for.
            while not telephony_sandbox.ledger("cartesia", "purchase"):  # noqa: ASYNC110
                await asyncio.sleep(0)
            buying.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await buying
            return caught.value.__notes__

    (note,) = asyncio.run(main())
    assert "look in list_numbers() before you repeat it" in note
    assert note in caplog.text


@FORK
def test_a_provider_is_usable_after_a_fork(telephony_connect):
    provider = telephony_connect("cartesia")
    number = provider.provision_number()
    child = os.fork()
    if child == 0:
        os._exit(0 if provider.get_number(number.id).id == number.id else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert provider.get_number(number.id).id == number.id


@FORK
def test_a_fork_does_not_wait_for_requests_of_its_parent(telephony_connect, telephony_sandbox):
    provider = telephony_connect("cartesia", requests_per_second=1, deadline=5)
    telephony_sandbox.fail(Fault(kind="slow_headers", seconds=1))
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(lambda: list(provider.list_numbers()))
        while not telephony_sandbox.arrivals("cartesia"):
            time.sleep(0.001)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if list(provider.list_numbers()) == [] else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert asking.result() == []


def test_an_id_that_no_url_can_hold_is_refused(telephony_connect):
    with pytest.raises(telephony.InvalidRequestError, match="URL"):
        telephony_connect("cartesia").get_number("x" * 70_000)
