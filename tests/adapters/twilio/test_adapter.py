"""Behaviour specific to Twilio; the conformance suite has the common behaviour."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Channel
from telephony.sandbox import Fault
from telephony.wire import Response

OTHER = "+14155550199"
NUMBER = "+14155550123"
ACCOUNT = "AC" + "0f" * 16

# --- Numbers -------------------------------------------------------------------------------------


def test_every_fact_of_a_number_is_read(provider):
    number = provider.provision_number(number=NUMBER)

    assert (number.number, number.label, number.status) == (NUMBER, "(415) 555-0123", "active")
    assert number.channels == {Channel.VOICE, Channel.SMS, Channel.MMS}
    assert number.created_at.utcoffset() == timedelta(0)
    assert (number.assignment, number.country) == (None, None)


def test_unknown_values_and_fields_are_ignored(provider, number, vendor):
    vendor.account.numbers[number.id] |= {"status": "resting", "mood": "good", "capabilities": None}

    found = provider.get_number(NUMBER)

    assert found.status is telephony.NumberStatus.UNKNOWN
    assert (found.channels, found.raw["mood"]) == (frozenset(), "good")


def test_a_number_is_not_found_by_a_part_of_it(provider):
    shorter = provider.provision_number(number="+49301234567")
    longer = provider.provision_number(number="+493012345678")

    assert provider.get_number("+493012345678").id == longer.id
    assert provider.get_number("+49301234567").id == shorter.id
    with pytest.raises(telephony.NotFoundError, match="port it"):
        provider.get_number("+14155550188")


def test_a_long_inventory_is_read_page_by_page(provider, telephony_sandbox):
    bought = [provider.provision_number(number=f"+1415555{i:04d}").id for i in range(100, 107)]

    assert [n.id for n in provider.list_numbers(limit=3)] == bought[:-4:-1]
    assert dict(telephony_sandbox.requests("twilio")[-1].query)["PageSize"] == "3"
    assert sorted(n.id for n in provider.list_numbers()) == sorted(bought)


def _next(provider, link):
    """Return what a listing asks for after a page that links to `link`."""
    page = {"incoming_phone_numbers": [{"sid": "PN1", "phone_number": OTHER}]}
    steps = provider.adapter.list_numbers(limit=None)
    steps.send(Response(200, {}, json.dumps(page | {"next_page_uri": link}).encode(), next(steps)))
    return next(steps).path


@pytest.mark.parametrize("before", ["", "/twilio", "{origin}", "{origin}/twilio"])
def test_links_to_further_pages_stay_below_the_base_url(provider, before):
    """Twilio's own know nothing of a path that a proxy puts before its own; a proxy may."""
    origin = provider.adapter.base_url.removesuffix("/twilio")
    link = "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?PageSize=2&Page=1&PageToken=PA1"

    assert _next(provider, before.format(origin=origin) + link) == link


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/2010-04-01/x", "@evil.example/x", ".evil.example/x", ":8080/x", 7],
)
def test_links_to_another_host_are_not_followed(provider, link):
    with pytest.raises(telephony.InvalidResponseError, match="elsewhere"):
        _next(provider, link)


@pytest.mark.parametrize("rows", [[], [{"sid": "PN1", "phone_number": OTHER}]])
def test_a_listing_that_repeats_its_pages_ends_with_an_error(vendor_server, rows):
    """An error says that the vendor repeats itself; an endless loop says nothing."""
    place = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
    page = {"incoming_phone_numbers": rows, "next_page_uri": f"{place}?Page=1&PageToken=PA1"}
    vendor_server.responses = {f"GET {place}": (200, page)}
    settings = {
        "account_sid": ACCOUNT,
        "auth_token": "made-up-token",
        "base_url": vendor_server.url,
    }

    with (
        telephony.connect("twilio", **settings) as provider,
        pytest.raises(telephony.InvalidResponseError, match="repeats"),
    ):
        list(provider.list_numbers())


def test_an_empty_page_does_not_end_a_listing(provider, number, vendor):
    """Reading up to it only would call a number that is held not found, and buy another."""
    sent = provider.send_message(number, OTHER, "hello")
    vendor.account.empty_pages = True

    assert [n.id for n in provider.list_numbers()] == [number.id]
    assert provider.get_number(NUMBER).id == number.id
    assert [m.id for m in provider.list_messages(NUMBER)] == [sent.id]
    assert provider.provision_number(area_code="415", label="Desk", idempotency_key="order-17")
    assert provider.provision_number(area_code="415", label="Desk", idempotency_key="order-17")
    assert len(vendor.account.numbers) == 2


# --- Release -------------------------------------------------------------------------------------


def test_a_released_number_can_be_taken_back_for_ten_days(provider, number):
    before = datetime.now(UTC)

    released = provider.release_number(number)

    assert released.at_carrier is telephony.CarrierOutcome.RELEASED
    assert released.reversible
    assert before <= released.undo_until - timedelta(days=10) <= datetime.now(UTC)
    assert "console" in released.how_to_undo
    assert list(provider.list_numbers()) == []


@pytest.mark.parametrize(
    "status", ["registered", "pending-unregistration", "unregistration-failure"]
)
def test_a_number_with_an_emergency_address_is_not_released(
    provider, number, vendor, telephony_sandbox, status
):
    vendor.account.numbers[number.id]["emergency_address_status"] = status

    with pytest.raises(telephony.ConflictError, match="emergency"):
        provider.release_number(number)

    assert telephony_sandbox.ledger("twilio", "release") == []


def test_a_release_whose_response_is_lost_happens_once(provider, number, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    assert provider.release_number(number).id == number.id
    assert len(telephony_sandbox.ledger("twilio", "release")) == 1


def test_a_number_that_another_client_just_released_is_not_found(
    provider, number, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=404))

    with pytest.raises(telephony.NotFoundError):
        provider.release_number(number)


def test_releasing_takes_no_options(provider, number, telephony_sandbox):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.release_number(number, options={"Force": True})

    assert caught.value.argument == "options"
    assert telephony_sandbox.ledger("twilio", "release") == []
