"""Buying at Cartesia: only an idempotency key proves a purchase."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import telephony
from telephony.sandbox import Fault

AGENT, OTHER = "agent_reception", "agent_sales"

BUYER = """
import sys, telephony
base_url, api_key = sys.argv[1:]
with telephony.connect("cartesia", base_url=base_url, api_key=api_key) as provider:
    print(provider.provision_number(label="Desk", assign_to="agent_sales").id)
"""


def refused(skip=0):
    return Fault(kind="status", method="POST", path="/provision", status=502, skip=skip)


def lost():
    return Fault(kind="lost", method="POST", path="/provision")


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


@pytest.fixture
def elsewhere(telephony_sandbox):
    """Buy a number in another process; returns its id."""
    settings = telephony_sandbox.settings("cartesia")

    def buy():
        command = [sys.executable, "-c", BUYER, settings["base_url"], settings["api_key"]]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    return buy


def test_two_threads_never_share_one_number(provider, telephony_sandbox):
    """One request gets 502 and buys nothing; what the other bought is not handed out twice."""
    telephony_sandbox.fail(refused())
    together = Barrier(2)

    def buy(agent):
        together.wait()
        try:
            return provider.provision_number(label="Desk", assign_to=agent)
        except telephony.OutcomeUnknownError as unknown:
            return unknown

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(buy, (AGENT, OTHER)))

    (bought,) = (one for one in outcomes if isinstance(one, telephony.PhoneNumber))
    (unknown,) = (one for one in outcomes if isinstance(one, telephony.OutcomeUnknownError))
    assert [entry.id for entry in telephony_sandbox.ledger("cartesia", "purchase")] == [bought.id]
    assert not unknown.retry_safe
    assert "idempotency_key" in unknown.hint


@pytest.mark.parametrize("agent", [OTHER, None])
def test_another_process_number_is_a_candidate_and_never_the_result(
    telephony_connect, telephony_sandbox, elsewhere, agent
):
    theirs = []

    def meanwhile(event):
        if event.method == "POST":
            theirs.append(elsewhere())

    telephony_sandbox.fail(refused(skip=1))
    buyer = telephony_connect("cartesia", on_request=meanwhile)

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        buyer.provision_number(label="Desk", assign_to=agent)

    # A number that another agent answers already cannot be ours.
    assert (theirs[0] in caught.value.hint) is (agent == OTHER)
    assert buyer.get_number(theirs[0]).assignment.id == OTHER


def test_a_lost_purchase_without_a_key_names_what_it_may_have_bought(provider, telephony_sandbox):
    older = provider.provision_number(label="Desk")
    other = provider.provision_number(label="Lobby")
    telephony_sandbox.fail(lost())

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.provision_number(label="Desk")

    newest = telephony_sandbox.ledger("cartesia", "purchase")[-1].id
    hint = caught.value.hint
    assert hint.index(newest) < hint.index(older.id)
    assert other.id not in hint


def test_a_purchase_that_left_no_trace_says_so(provider, telephony_sandbox):
    telephony_sandbox.fail(refused())

    with pytest.raises(telephony.OutcomeUnknownError, match="may yet appear"):
        provider.provision_number(label="Desk")


def test_a_purchase_that_cannot_be_looked_for_is_unknown(provider, telephony_sandbox):
    telephony_sandbox.fail(lost())
    telephony_sandbox.fail(Fault(kind="status", method="GET", status=503, times=None))

    with pytest.raises(telephony.OutcomeUnknownError, match="list_numbers"):
        provider.provision_number(label="Desk")


def test_a_key_finds_the_lost_number_among_equals(provider, telephony_sandbox, elsewhere):
    elsewhere()
    telephony_sandbox.fail(lost())

    bought = provider.provision_number(label="Desk", idempotency_key="order-17")

    assert bought.id == telephony_sandbox.ledger("cartesia", "purchase")[1].id
    assert bought.label == "Desk"


def test_a_keyed_purchase_that_never_arrived_is_simply_made_again(
    telephony_connect, telephony_sandbox, elsewhere
):
    def meanwhile(event):
        if event.method == "POST":
            elsewhere()

    telephony_sandbox.fail(refused(skip=1))
    unlucky = telephony_connect("cartesia", on_request=meanwhile)
    order = {"label": "Desk", "assign_to": OTHER, "idempotency_key": "order-17"}

    with pytest.raises(telephony.OutcomeUnknownError, match="same idempotency_key"):
        unlucky.provision_number(**order)
    bought, again = (telephony_connect("cartesia").provision_number(**order) for _ in range(2))

    assert again.id == bought.id
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 2


def test_a_key_outlives_renaming_and_labels_given_as_options(provider, telephony_sandbox):
    order = {"idempotency_key": "order-17", "options": {"label": "Front desk"}}
    bought = provider.provision_number(**order)

    provider.update_number(bought, label="Desk")
    renamed = provider.update_number(bought, label="x", options={"label": "Reception"})

    assert (bought.label, renamed.label) == ("Front desk", "Reception")
    assert provider.provision_number(**order).id == bought.id
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 1


def test_a_label_that_is_no_text_is_cartesias_to_refuse(provider, telephony_sandbox):
    with pytest.raises(telephony.InvalidRequestError, match="label"):
        provider.provision_number(label="Desk", options={"label": 5})

    assert telephony_sandbox.ledger("cartesia", "purchase") == []
