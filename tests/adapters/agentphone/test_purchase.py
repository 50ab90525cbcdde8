"""Buying at AgentPhone: once, by area code where that can be, and found again by key."""

from __future__ import annotations

from datetime import UTC

import pytest

import telephony
from telephony import Channel, NumberStatus
from telephony.sandbox import Fault

DESK = "agt_front_desk"


def purchases(sandbox):
    return sandbox.ledger("agentphone", "purchase")


def test_a_number_comes_from_the_area_and_with_its_agent(provider):
    bought = provider.provision_number(area_code="415", assign_to=DESK)

    assert bought.number.startswith("+1415")
    assert bought.assignment.id == DESK
    assert bought.notices == ()
    assert bought.status is NumberStatus.ACTIVE
    assert bought.channels == {Channel.VOICE, Channel.SMS, Channel.MMS}
    assert bought.created_at.tzinfo is UTC


def test_an_area_code_that_was_not_to_be_had_is_reported(provider):
    bought = provider.provision_number(area_code="999")

    assert bought.number.startswith("+1212")
    assert bought.notices == ("Area code 999 was not to be had; this is 212.",)


def test_canada_is_the_other_country(provider):
    assert provider.provision_number(country="CA").country == "CA"


@pytest.mark.parametrize(
    "criteria", [{"number": "+14155550123"}, {"country": "GB"}, {"label": "Desk"}]
)
def test_what_could_not_be_honoured_is_refused_before_spending(
    provider, telephony_sandbox, criteria
):
    with pytest.raises(telephony.UnsupportedOperationError):
        provider.provision_number(**criteria)

    assert telephony_sandbox.requests("agentphone") == []


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"area_code": "41"}, "area_code"),
        ({"idempotency_key": "k", "options": {"externalId": "mine"}}, "options"),
    ],
)
def test_arguments_that_cannot_be_right_are_named(provider, telephony_sandbox, arguments, argument):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.provision_number(**arguments)

    assert caught.value.argument == argument
    assert telephony_sandbox.requests("agentphone") == []


def test_a_key_finds_the_number_of_an_earlier_purchase(provider, telephony_sandbox):
    first = provider.provision_number(idempotency_key="order-17")
    again = provider.provision_number(idempotency_key="order-17")
    other = provider.provision_number(idempotency_key="order-18")

    assert again.id == first.id != other.id
    assert first.notices == ()
    assert len(purchases(telephony_sandbox)) == 2


def test_a_key_that_the_vendor_does_not_keep_is_reported(provider, vendor):
    assert provider.provision_number(options={"externalId": "mine"}).notices == ()
    vendor.account.keeps_external_ids = False

    (notice,) = provider.provision_number(idempotency_key="order-17").notices

    assert "did not confirm the key" in notice


@pytest.mark.parametrize("key", [None, "order-17"])
def test_a_lost_purchase_is_found_in_the_inventory(provider, telephony_sandbox, number, key):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    bought = provider.provision_number(idempotency_key=key, assign_to=DESK)

    assert bought.id == purchases(telephony_sandbox)[-1].id != number.id
    assert bought.assignment.id == DESK
    assert len(purchases(telephony_sandbox)) == 2


def test_a_lost_purchase_that_brought_nothing_stays_unknown(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="reset", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.provision_number()

    assert not caught.value.retry_safe
    assert purchases(telephony_sandbox) == []


def test_a_lost_purchase_beside_somebody_elses_stays_unknown(provider, telephony_sandbox, vendor):
    vendor.account.rival = True
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.provision_number()

    assert len(purchases(telephony_sandbox)) == 1


@pytest.mark.parametrize("theirs", [{"country": "CA"}, {"idempotency_key": "order-18"}])
def test_what_somebody_else_bought_meanwhile_is_not_taken_for_the_lost_purchase(
    provider, telephony_connect, telephony_sandbox, theirs
):
    def meanwhile(event):
        if event.method == "POST":
            provider.provision_number(**theirs)

    telephony_sandbox.fail(Fault(kind="lost", method="POST", skip=1))

    bought = telephony_connect("agentphone", on_request=meanwhile).provision_number()

    assert bought.id == purchases(telephony_sandbox)[1].id


def test_a_key_tells_a_lost_purchase_from_somebody_elses(provider, telephony_sandbox, vendor):
    vendor.account.rival = True
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    bought = provider.provision_number(idempotency_key="order-17")

    assert bought.id == purchases(telephony_sandbox)[0].id


def test_a_number_that_came_without_its_agent_gets_it(provider, vendor):
    vendor.account.attaches_at_purchase = False

    assert provider.provision_number(assign_to=DESK).assignment.id == DESK


def test_a_purchase_that_cannot_be_given_its_agent_says_what_was_bought(
    provider, telephony_sandbox, vendor
):
    vendor.account.attaches_at_purchase = False
    telephony_sandbox.fail(Fault(kind="status", path="/agents/", status=403, times=None))

    with pytest.raises(telephony.PermissionDeniedError, match="IS bought") as caught:
        provider.provision_number(assign_to=DESK)

    (bought,) = purchases(telephony_sandbox)
    assert bought.number in caught.value.hint
    assert not caught.value.retry_safe


def test_limits_of_money_and_numbers_are_quota_errors(provider, vendor):
    vendor.account.balance = 2.5
    with pytest.raises(telephony.QuotaExceededError) as broke:
        provider.provision_number()
    vendor.account.balance, vendor.account.number_limit = 100.0, 0
    with pytest.raises(telephony.QuotaExceededError) as full:
        provider.provision_number()

    assert (broke.value.code, broke.value.status) == ("INSUFFICIENT_BALANCE", 402)
    assert (full.value.code, full.value.status) == ("VALIDATION_ERROR_NUMBER_LIMIT", 400)


def test_search_is_by_area_code(provider):
    found = provider.search_numbers(area_code="312", limit=2)

    assert [n.number[:5] for n in found] == ["+1312", "+1312"]
    assert (found[0].locality, found[0].region) == ("Chicago", "IL")
    with pytest.raises(telephony.UnsupportedOperationError, match="contains"):
        provider.search_numbers(contains="777")


@pytest.mark.parametrize("status", [404, 405])
def test_an_api_without_search_is_said_to_have_none(provider, telephony_sandbox, vendor, status):
    vendor.account.has_search = False
    if status == 405:
        telephony_sandbox.fail(Fault(kind="status", status=405))

    with pytest.raises(telephony.UnsupportedOperationError, match="area_code"):
        provider.search_numbers()
