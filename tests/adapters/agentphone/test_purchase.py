"""Buying at AgentPhone: once, by area code where that can be, and found again by key."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

import pytest

import telephony
from telephony import Channel, NumberStatus
from telephony.sandbox import Fault

DESK, SALES = "agt_front_desk", "agt_sales"


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
    assert bought.notices == ("Area code 999 was not available; this is 212.",)


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
def test_a_lost_purchase_is_found_by_its_mark(provider, telephony_sandbox, number, key):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    bought = provider.provision_number(idempotency_key=key, assign_to=DESK)

    assert bought.id == purchases(telephony_sandbox)[-1].id != number.id
    assert bought.assignment.id == DESK
    assert len(purchases(telephony_sandbox)) == 2


def test_every_purchase_has_a_mark_of_its_own(provider):
    marks = {provider.provision_number().raw["externalId"] for _ in range(3)}

    assert len(marks) == 3
    assert all(len(mark) == 24 for mark in marks)


def test_a_purchase_without_a_key_reads_nothing_before_it(provider, telephony_sandbox):
    provider.provision_number()

    assert [sent.method for sent in telephony_sandbox.requests("agentphone")] == ["POST"]


def test_the_number_of_another_buyer_is_never_taken(telephony_connect, telephony_sandbox):
    """Two threads buy at once; one response is a 502 before anything was bought."""
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=502))
    together, bought, posted = threading.Barrier(2), threading.Event(), threading.local()

    def on_request(event):
        if event.method == "POST" and event.path == "/v1/numbers":
            together.wait(10)
            posted.here = True
        elif hasattr(posted, "here"):
            # Whoever looks for what it bought finds the other's purchase.
            bought.wait(10)

    def on_response(event):
        if event.method == "POST" and event.status == 200:
            bought.set()

    hooks = {"on_request": on_request, "on_response": on_response}
    provider = telephony_connect("agentphone", retries=0, **hooks)

    def buy(agent):
        try:
            return agent, provider.provision_number(assign_to=agent)
        except telephony.OutcomeUnknownError as unknown:
            return agent, unknown

    with ThreadPoolExecutor() as pool:
        ends = dict(pool.map(buy, (DESK, SALES)))

    (theirs,) = purchases(telephony_sandbox)
    (winner,) = [agent for agent, end in ends.items() if isinstance(end, telephony.PhoneNumber)]
    assert ends[winner].id == theirs.id
    assert theirs.number not in str(ends[SALES if winner == DESK else DESK])
    assert provider.get_number(theirs.id).assignment.id == winner


def test_the_number_of_another_process_is_never_taken(telephony_connect, telephony_sandbox):
    settings = json.dumps(telephony_sandbox.settings("agentphone"))
    other = (
        "import json, sys, telephony\n"
        "with telephony.connect('agentphone', **json.loads(sys.argv[1])) as provider:\n"
        "    provider.provision_number()"
    )

    def meanwhile(event):
        if event.method == "POST":
            subprocess.run([sys.executable, "-c", other, settings], check=True)

    telephony_sandbox.fail(Fault(kind="status", method="POST", status=502, skip=1))
    provider = telephony_connect("agentphone", retries=0, on_request=meanwhile)

    with pytest.raises(telephony.OutcomeUnknownError, match="No number that it may have bought"):
        provider.provision_number(assign_to=DESK)

    (theirs,) = purchases(telephony_sandbox)
    assert provider.get_number(theirs.id).assignment is None


def test_a_process_killed_before_the_agent_is_given_is_finished_by_the_next(
    provider, telephony_sandbox, vendor
):
    vendor.account.attaches_at_purchase = False
    settings = json.dumps(telephony_sandbox.settings("agentphone"))
    buyer = (
        "import json, os, sys, telephony\n"
        "def die(event):\n"
        "    if '/agents/' in event.path:\n"
        "        os._exit(9)\n"
        "settings = json.loads(sys.argv[1])\n"
        "with telephony.connect('agentphone', **settings, on_request=die) as provider:\n"
        f"    provider.provision_number(assign_to='{DESK}', idempotency_key='order-17')"
    )

    killed = subprocess.run([sys.executable, "-c", buyer, settings], check=False)
    bought = provider.provision_number(assign_to=DESK, idempotency_key="order-17")

    assert killed.returncode == 9
    assert [bought.id] == [purchase.id for purchase in purchases(telephony_sandbox)]
    assert bought.assignment.id == DESK


def test_two_processes_whose_responses_are_lost_each_find_their_own(telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST", times=2))
    settings = json.dumps(telephony_sandbox.settings("agentphone"))
    buyer = (
        "import json, sys, telephony\n"
        "with telephony.connect('agentphone', **json.loads(sys.argv[1])) as provider:\n"
        "    bought = provider.provision_number(assign_to=sys.argv[2])\n"
        "print(bought.id, bought.assignment.id)"
    )

    def buy(agent):
        command = [sys.executable, "-c", buyer, settings, agent]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(buy, (DESK, SALES)))

    assert {key for key, _ in ends} == {bought.id for bought in purchases(telephony_sandbox)}
    assert [agent for _, agent in ends] == [DESK, SALES]
    assert telephony_sandbox.ledger("agentphone", "assign") == []


@pytest.mark.parametrize("options", [{}, {"externalId": "crm-17"}])
def test_what_proves_nothing_is_unknown_and_the_candidates_are_named(
    provider, telephony_sandbox, vendor, options
):
    """The vendor's documents do not know the field that the mark is in."""
    vendor.account.keeps_external_ids = False
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.provision_number(options=options)

    (bought,) = purchases(telephony_sandbox)
    assert f"{bought.number} ({bought.id})" in caught.value.hint
    assert "idempotency_key" in caught.value.hint
    assert not caught.value.retry_safe


def test_a_mark_of_the_callers_own_proves_nothing(provider, telephony_sandbox):
    """They may have given it to another number before."""
    mine = provider.provision_number(options={"externalId": "crm-17"})
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=502))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.provision_number(options={"externalId": "crm-17"}, assign_to=DESK)

    assert mine.id in caught.value.hint
    assert provider.get_number(mine).assignment is None


def test_a_key_finishes_a_purchase_that_died_before_its_agent(provider, vendor):
    vendor.account.attaches_at_purchase = False
    unassigned = provider.provision_number(idempotency_key="order-17")

    complete = provider.provision_number(idempotency_key="order-17", assign_to=DESK)
    elsewhere = provider.provision_number(idempotency_key="order-17", assign_to=SALES)

    assert complete.id == elsewhere.id == unassigned.id
    assert complete.assignment.id == elsewhere.assignment.id == DESK
    assert elsewhere.notices == (f"Agent {DESK} answers it, not {SALES}.",)


def test_a_lost_purchase_that_brought_nothing_stays_unknown(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="reset", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.provision_number()

    assert not caught.value.retry_safe
    assert purchases(telephony_sandbox) == []


@pytest.mark.parametrize("key", [None, "order-17"])
def test_a_lost_purchase_beside_that_of_another_buyer_is_found(
    provider, telephony_sandbox, vendor, key
):
    vendor.account.rival = True
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    bought = provider.provision_number(idempotency_key=key)

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


def test_a_city_and_a_state_are_searched_through_options(provider, telephony_sandbox):
    there = provider.search_numbers(options={"city": "Chicago", "state": "IL"})
    elsewhere = provider.search_numbers(options={"state": "NY"}, channels={"sms", "voice"})

    assert {(n.locality, n.region) for n in there} == {("Chicago", "IL")}
    assert elsewhere == []
    sent = dict(telephony_sandbox.requests("agentphone")[0].query)
    assert sent == {"country": "US", "limit": "20", "city": "Chicago", "state": "IL"}


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ({"contains": "777"}, "contains"),
        ({"kind": "toll_free"}, "kind"),
        ({"channels": {"sms", "whatsapp"}}, "channels=whatsapp"),
    ],
)
def test_a_search_that_the_vendor_does_not_offer_is_refused(
    provider, telephony_sandbox, criteria, said
):
    with pytest.raises(telephony.UnsupportedOperationError, match=said):
        provider.search_numbers(**criteria)

    assert telephony_sandbox.requests("agentphone") == []


@pytest.mark.parametrize("status", [404, 405])
def test_an_api_without_search_is_reported_as_unsupported(
    provider, telephony_sandbox, vendor, status
):
    vendor.account.has_search = False
    if status == 405:
        telephony_sandbox.fail(Fault(kind="status", status=405))

    with pytest.raises(telephony.UnsupportedOperationError, match="area_code"):
        provider.search_numbers()
