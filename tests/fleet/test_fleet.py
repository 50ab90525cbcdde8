"""A fleet from its files to the vendors, in the sandbox's one world."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

import telephony
from telephony import fleet
from telephony.fleet import Drift, FleetError, RunState, UnsafePlanError, Verb
from telephony.model import TwilioAccount, Webhook
from telephony.sandbox import Fault

NUMBERS = ["+14155550101", "+14155550102", "+14155550103"]
ADAPTERS = {"carrier": "twilio", "support": "cartesia"}


@pytest.fixture
def connect(telephony_sandbox):
    def connect(profile, make=telephony.connect):
        adapter = ADAPTERS[profile]
        settings = telephony_sandbox.settings(adapter)
        return make(profile, adapter=adapter, backoff=0, **settings)

    return connect


@pytest.fixture
def folder(connect, telephony_sandbox, tmp_path, monkeypatch):
    """Write a fleet of three numbers at Twilio that Cartesia is to answer."""
    settings = telephony_sandbox.settings("twilio")
    with connect("carrier") as carrier, connect("support") as support:
        for number in NUMBERS:
            carrier.provision_number(number=number)
        linked = support.link_carrier(
            TwilioAccount(
                settings["account_sid"],
                api_key_sid=settings["api_key_sid"],
                api_key_secret=settings["api_key_secret"],
            )
        )
    (tmp_path / "fleet.toml").write_text(
        f'[fleet]\norders = ["orders.csv"]\n[owners.carrier]\n'
        f'[answerers.support]\nvia = "self"\nsource = {{ linked = "{linked.id}" }}\n'
        "[safety]\nlimits = { change = 1.0, detach = 1.0, shrink = 0.5, least = 2 }\n"
    )
    (tmp_path / "numbers").mkdir()
    _declare(tmp_path, *(f"{number},carrier,Desk,support,agent_sales,," for number in NUMBERS))
    (tmp_path / "orders.csv").write_text(
        "order,owner,country,area_code,label,answer_at,answer_to\n"
    )
    return tmp_path


def _declare(folder, *lines):
    header = "number,owner,label,answer_at,answer_to,sms_to,state"
    (folder / "numbers" / "all.csv").write_text("\n".join([header, *lines, ""]))


@pytest.fixture
def opened(folder, connect):
    with fleet.open(folder / "fleet.toml", connect=connect) as one:
        yield one


def test_what_is_declared_is_so_after_it_was_applied(opened, telephony_sandbox):
    plan = opened.plan()
    assert plan.counts == {Verb.LABEL: 3, Verb.IMPORT: 3, Verb.ASSIGN: 3}
    seen = []

    run = opened.apply(plan, progress=seen.append)

    assert run.state is RunState.FINISHED
    assert seen[-1].done == 9
    for number in NUMBERS:
        assert telephony_sandbox.answerer(number).vendor == "cartesia"
    assert opened.plan().ops == ()
    assert [place.drift for place in opened.where()] == [()] * 3
    assert opened.status().counts == run.counts


def test_it_is_so_with_asyncio(folder, connect, telephony_sandbox):
    async def work():
        async with fleet.open_async(
            folder / "fleet.toml",
            connect=lambda profile: connect(profile, telephony.connect_async),
        ) as one:
            run = await one.apply(await one.plan())
            assert (await one.plan()).ops == ()
            assert (await one.resume()).counts == run.counts
            return await one.where("*0102")

    (place,) = asyncio.run(work())
    assert place.path == "carrier > support > agent:agent_sales"
    assert telephony_sandbox.answerer(NUMBERS[0]).by == "agent_sales"


@pytest.mark.parametrize("section", ["owners", "answerers"])
def test_a_profile_that_is_not_there_is_named_with_the_file(tmp_path, section):
    (tmp_path / "fleet.toml").write_text(f"[fleet]\nnumbers = []\n[{section}.carier]\n")

    with fleet.open(tmp_path / "fleet.toml") as one, pytest.raises(FleetError) as blocking:
        one.plan()

    async def plan():
        async with fleet.open_async(tmp_path / "fleet.toml") as one:
            await one.plan()

    with pytest.raises(FleetError) as asynchronous:
        asyncio.run(plan())
    assert str(blocking.value) == str(asynchronous.value)
    assert "fleet.toml names the profile 'carier'. There is no profile" in str(blocking.value)


def test_an_order_is_bought_once_and_only_when_it_is_said(opened, folder, telephony_sandbox):
    opened.apply(opened.plan())
    with (folder / "orders.csv").open("a") as orders:
        orders.write("order-1,carrier,US,628,New,support,agent_sales\n")
    plan = opened.plan()
    with pytest.raises(UnsafePlanError, match="--buy 1"):
        opened.apply(plan)

    run = opened.apply(plan, buy=1)

    assert run.state is RunState.FINISHED
    purchases = telephony_sandbox.ledger("twilio", "purchase")
    assert len(purchases) == len(NUMBERS) + 1
    assert telephony_sandbox.answerer(purchases[-1].number).vendor == "cartesia"
    assert opened.plan().ops == ()
    opened.apply(plan, buy=1)
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == len(purchases)


def test_a_routing_that_somebody_changed_is_found_and_repaired(opened, connect, telephony_sandbox):
    opened.apply(opened.plan())
    with connect("carrier") as carrier:
        carrier.assign_number(NUMBERS[1], Webhook("https://example.com/elsewhere"))

    (place,) = opened.where(NUMBERS[1])
    assert Drift.POINTS_ELSEWHERE in place.drift
    assert telephony_sandbox.answerer(NUMBERS[1]).vendor == "twilio"

    run = opened.apply(opened.plan())

    assert [entry.op.verb for entry in run.done] == [Verb.ASSIGN]
    assert telephony_sandbox.answerer(NUMBERS[1]).vendor == "cartesia"
    assert opened.plan().ops == ()


def test_listings_of_before_a_run_are_not_planned_from(opened, folder):
    assert opened.apply(opened.plan()).state is RunState.FINISHED
    _declare(folder, *(f"{number},carrier,New,support,agent_sales,," for number in NUMBERS))
    hour = timedelta(hours=1)
    plan = opened.plan()
    assert opened.plan(cached=hour).counts == plan.counts == {Verb.LABEL: 3}
    opened.apply(plan)
    assert opened.plan(cached=hour).ops == ()


def test_absence_deletes_nothing(opened, folder, telephony_sandbox):
    opened.apply(opened.plan())
    _declare(folder, f"{NUMBERS[0]},carrier,Desk,support,agent_sales,,")
    assert opened.plan().ops == ()
    _declare(folder, f"{NUMBERS[0]},carrier,,,,,released")
    plan = opened.plan()
    with pytest.raises(UnsafePlanError, match="--release 1"):
        opened.apply(plan)
    opened.apply(plan, release=1)
    assert len(telephony_sandbox.ledger("twilio", "release")) == 1


def test_what_is_no_longer_declared_is_neither_released_nor_bought(
    opened, folder, telephony_sandbox
):
    declared = (folder / "numbers" / "all.csv").read_text()
    empty = (folder / "orders.csv").read_text()
    (folder / "orders.csv").write_text(f"{empty}order-1,carrier,US,628,New,,\n")
    _declare(folder, f"{NUMBERS[0]},carrier,,,,,released")
    plan = opened.plan()
    (folder / "numbers" / "all.csv").write_text(declared)
    (folder / "orders.csv").write_text(empty)

    with pytest.raises(FleetError, match="changed since the plan was made") as stale:
        opened.apply(plan, buy=1, release=1)

    assert [problem.column for problem in stale.value.problems] == [NUMBERS[0], "order-1"]
    assert not telephony_sandbox.ledger("twilio", "release")
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == len(NUMBERS)


def test_a_cached_plan_sends_nothing(opened, telephony_sandbox):
    plan = opened.plan()
    before = len(telephony_sandbox.requests("twilio"))
    assert opened.plan(cached=timedelta(minutes=10)) == plan
    assert len(telephony_sandbox.requests("twilio")) == before


def test_a_profile_that_cannot_be_read_stops_its_numbers_only(opened, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=500, path="/cartesia/", times=None))
    plan = opened.plan()
    assert {op.profile for op in plan.ops} <= {"carrier"}
    assert any("support" in problem.profile for problem in plan.problems)


def test_a_listing_that_became_much_shorter_is_not_believed(opened, telephony_sandbox):
    opened.apply(opened.plan())
    opened.plan()
    held = telephony_sandbox.vendors["cartesia"].account.numbers
    lost = dict(list(held.items())[1:])
    for key in lost:
        del held[key]
    plan = opened.plan()
    with pytest.raises(UnsafePlanError, match="over-limits"):
        opened.apply(plan)
    # Looking again does not make it believed.
    with pytest.raises(UnsafePlanError, match="over-limits"):
        opened.apply(opened.plan())
    assert opened.apply(plan, over_limits=True).state is RunState.FINISHED


def test_a_plan_of_before_the_policy_changed_is_refused(opened, folder):
    plan = opened.plan()
    path = folder / "fleet.toml"
    path.write_text(path.read_text().replace("least = 2", "least = 1"))
    with pytest.raises(FleetError, match="changed since"):
        opened.apply(plan)


def test_what_is_known_is_of_this_version_and_whole(opened, folder):
    opened.plan()
    path = folder / "fleet.known.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "version": 99}))
    with pytest.raises(FleetError, match="newer version"):
        opened.plan()
    path.write_text("{")
    with pytest.raises(FleetError, match="Delete it"):
        opened.plan()


def test_there_is_no_status_before_the_first_run(opened):
    with pytest.raises(FleetError, match="no run yet"):
        opened.status()


def test_protection_that_is_taken_out_holds_for_one_more_plan(opened, folder, telephony_sandbox):
    path = folder / "fleet.toml"
    unprotected = path.read_text()
    path.write_text(unprotected + f'protected = ["{NUMBERS[0]}"]\n')
    _declare(folder, f"{NUMBERS[0]},carrier,,,,,released")
    assert opened.plan().ops == ()

    path.write_text(unprotected)
    held_back = opened.plan()
    assert held_back.ops == ()
    assert "protected when the last plan was made" in held_back.problems[0].message
    plan = opened.plan()
    assert plan.counts == {Verb.RELEASE: 1}
    opened.apply(plan, release=1)
    assert len(telephony_sandbox.ledger("twilio", "release")) == 1


def test_an_order_of_unknown_outcome_is_not_bought_again(opened, folder, telephony_sandbox):
    with (folder / "orders.csv").open("a") as orders:
        orders.write("order-1,carrier,US,628,New,,\n")
    _declare(folder)
    telephony_sandbox.fail(
        Fault(kind="lost", path="/twilio/.*IncomingPhoneNumbers.json", method="POST", times=None)
    )
    plan = opened.plan()
    run = opened.apply(plan, buy=1)
    telephony_sandbox.heal()
    before = len(telephony_sandbox.ledger("twilio", "purchase"))
    assert run.unknown or run.done
    again = opened.plan()
    assert Verb.BUY not in again.counts
    opened.resume()
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == before


def test_an_old_run_does_not_change_what_a_later_one_has_changed(
    opened, folder, connect, telephony_sandbox
):
    opened.apply(opened.plan())
    _declare(folder, *(f"{number},carrier,New,support,agent_sales,," for number in NUMBERS))
    telephony_sandbox.fail(Fault(kind="status", status=500, path="/twilio/", method="POST"))
    old = opened.plan()
    stopped = opened.apply(old)
    assert stopped.state is RunState.PARTLY
    telephony_sandbox.heal()
    _declare(folder, *(f"{number},carrier,Newer,support,agent_sales,," for number in NUMBERS))
    assert opened.apply(opened.plan()).state is RunState.FINISHED

    resumed = opened.resume(old.digest)

    assert {entry.reason for entry in resumed.changed} == {
        "A later run has changed this number. Plan again."
    }
    with connect("carrier") as carrier:
        assert {number.label for number in carrier.list_numbers()} == {"Newer"}


def test_a_plan_file_that_was_applied_is_not_applied_anew(opened, folder, telephony_sandbox):
    with (folder / "orders.csv").open("a") as orders:
        orders.write("order-1,carrier,US,628,New,,\n")
    plan = fleet.Plan.from_json(opened.plan().to_json())
    opened.apply(plan, buy=1)
    (bought,) = telephony_sandbox.ledger("twilio", "purchase")[len(NUMBERS) :]
    with (folder / "numbers" / "all.csv").open("a") as rows:
        rows.write(f"{bought.number},carrier,,,,,released\n")
    opened.apply(opened.plan(), release=1)

    assert opened.apply(plan, buy=1).state is RunState.FINISHED

    assert len(telephony_sandbox.ledger("twilio", "purchase")) == len(NUMBERS) + 1


def test_the_same_change_planned_again_is_another_plan(opened, folder, connect):
    opened.apply(opened.plan())
    digests = set()
    for label in ("One", "Two", "One", "Two"):
        _declare(folder, *(f"{number},carrier,{label},support,agent_sales,," for number in NUMBERS))
        plan = opened.plan()
        digests.add(plan.digest)
        assert opened.apply(plan).state is RunState.FINISHED
        with connect("carrier") as carrier:
            assert {number.label for number in carrier.list_numbers()} == {label}
    assert len(digests) == 4
