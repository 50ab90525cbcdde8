"""A plan: what it does, what it refuses and why, and what needs a flag."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from telephony import Agent, Application, Split, Trunk, Webhook
from telephony.capabilities import Capability
from telephony.fleet.declared.model import Declared, Order, Row
from telephony.fleet.declared.policy import Policy
from telephony.fleet.errors import FleetError, UnsafePlanError
from telephony.fleet.planning.diff import plan
from telephony.fleet.planning.ops import Verb
from telephony.fleet.planning.plan import Plan
from telephony.fleet.planning.safety import permit
from telephony.fleet.targets import UNCOVERED, text_of
from tests.fleet.vendors import Entry, Exchange, Own, Pointed, Wired, World

FIRST, SECOND, THIRD = "+14155550100", "+14155550101", "+14155550102"
ANSWERERS = {"support": {"via": "self"}, "rooms": {"via": {"trunk": "TK1"}}, "butter": {}}


def policy(**safety):
    return Policy.model_validate(
        {
            "owners": {"carrier": {}, "shop": {}},
            "answerers": ANSWERERS,
            "safety": {"limits": {"least": 10, **safety.pop("limits", {})}, **safety},
        }
    )


@pytest.fixture
def world():
    made = World(
        [
            Exchange("carrier"),
            Own("shop", lacks={Capability.UPDATE_NUMBER}),
            Wired("support"),
            Pointed("rooms", shared=True),
            Pointed("butter", lacks={Capability.RELEASE_NUMBER}),
        ],
        {"rooms": Trunk("TK1")},
    )
    for number in (FIRST, SECOND):
        calls = (Webhook("https://support.example/voice"), Webhook(None, "https://example.com/sms"))
        made.vendors["carrier"].held[number] = Entry(f"PN{number}", "Desk", calls)
        made.vendors["support"].held[number] = Entry(f"pn{number}", None, Agent("one"))
    return made


def planned(world, *rows, orders=(), only=None, **safety):
    declared = Declared(policy(**safety), rows, orders)
    return plan(declared, world.snapshot(), world.offers, only=only)


def ids(made):
    return [op.id for op in made.ops]


def said(found):
    return [f"{one.number} {one.profile}: {one.message}" for one in found]


# --- What is planned -----------------------------------------------------------------------------


def test_a_move_makes_before_it_breaks(world):
    row = Row(FIRST, "carrier", "Front desk", "rooms", "reception")

    made = planned(world, row)

    assert ids(made) == [
        f"label/{FIRST}@carrier",
        f"import/{FIRST}@rooms",
        f"assign/{FIRST}@rooms",
        f"route/{FIRST}@carrier",
        f"check/{FIRST}@carrier",
        f"unassign/{FIRST}@support",
        f"check/{FIRST}@carrier/2",
    ]
    imported, route = made.ops[1], made.ops[3]
    assert (imported.after, imported.source) == ("agent:reception", "rooms")
    assert (route.holding, route.after) == (f"PN{FIRST}", "trunk:TK1")
    assert made.notices[0].message.startswith(f"{SECOND} is held here, but in no file")


def test_a_number_whose_routing_was_changed_is_assigned_again(world):
    row = Row(FIRST, "carrier", "", "support", "one")
    assert planned(world, row).ops == ()

    world.vendors["carrier"].assign(FIRST, Trunk("TK1"))

    made = planned(world, row)

    assert [(op.verb, op.profile, op.before, op.after) for op in made.ops] == [
        (Verb.ASSIGN, "support", "agent:one", "agent:one"),
        # At the carrier a trunk goes before the URL that the vendor writes.
        (Verb.ROUTE, "carrier", "trunk:TK1", UNCOVERED),
        # Some vendors take the texts too.
        (Verb.ROUTE, "carrier", None, '{"kind":"webhook","sms_url":"https://example.com/sms"}'),
    ]
    assert "without trunk:TK1" in made.text()
    assert "texts to https://example.com/sms" in made.text()


def test_a_trunk_that_the_vendor_itself_wrote_is_not_taken_off(world):
    declared = Declared(policy(), (Row(FIRST, "carrier", "", "support", "two"),))
    world.vendors["carrier"].assign(FIRST, Trunk("TK-of-support"))
    wired = {FIRST: world.vendors["carrier"].read(FIRST)}

    made = plan(declared, replace(world.snapshot(), wired=wired), world.offers)

    assert UNCOVERED not in [op.after for op in made.ops]


def test_what_a_vendor_wrote_must_still_stand(world):
    row = Row(FIRST, "carrier", "", "support", "one")
    declared = Declared(policy(), (row,))
    wired = {FIRST: world.vendors["carrier"].read(FIRST)}
    world.vendors["carrier"].assign(FIRST, Webhook("https://example.com/elsewhere"))

    made = plan(declared, replace(world.snapshot(), wired=wired), world.offers)

    assert ids(made) == [f"assign/{FIRST}@support", f"route/{FIRST}@carrier/texts"]


@pytest.mark.parametrize(
    ("calls", "texts", "to", "sms_to", "after"),
    [
        (Webhook("https://e.com/v"), None, "", "https://e.com/s", Webhook(None, "https://e.com/s")),
        (Trunk("TK9"), None, "", "application:AP1", Split(Trunk("TK9"), Application("AP1"))),
        (Trunk("TK9"), Webhook(None, "https://e.com/s"), "", "-", Split(Trunk("TK9"))),
        (
            Trunk("TK9"),
            Webhook(None, "https://e.com/s"),
            "https://e.com/v",
            "",
            Webhook("https://e.com/v"),
        ),
        (
            Trunk("TK9"),
            Webhook(None, "https://e.com/s"),
            "application:AP1",
            "",
            Split(Application("AP1"), Webhook(None, "https://e.com/s")),
        ),
        (
            Trunk("TK9"),
            Webhook(None, "https://e.com/s"),
            "-",
            "",
            Split(None, Webhook(None, "https://e.com/s")),
        ),
        (
            Trunk("TK9"),
            None,
            "https://e.com/v",
            "https://e.com/s",
            Webhook("https://e.com/v", "https://e.com/s"),
        ),
        (Application("AP1"), Application("AP1"), "-", "-", None),
    ],
)
def test_calls_and_texts_are_changed_apart(world, calls, texts, to, sms_to, after):
    world.vendors["carrier"].held[THIRD] = Entry("PN3", None, (calls, texts))

    (op,) = planned(world, Row(THIRD, "carrier", "", "carrier" if to else "", to, sms_to)).ops

    assert op.after == text_of(after)


def test_what_is_bought_gets_what_it_is_bought_for(world):
    order = Order("desk-2", "carrier", "US", "415", "New desk", "rooms", "reception")

    made = planned(world, orders=[order])

    assert ids(made) == [
        "buy/desk-2@carrier",
        "label/desk-2@carrier",
        "import/desk-2@rooms",
        "assign/desk-2@rooms",
        "route/desk-2@carrier",
    ]
    assert {(op.lane, op.number, op.holding) for op in made.ops} == {("desk-2", "", None)}
    buy = made.ops[0]
    assert (buy.order, buy.country, buy.area_code) == ("desk-2", "US", "415")


def test_an_order_buys_once_whatever_the_vendor_remembers(world):
    order = Order("desk-2", "shop", "US")
    declared = Declared(policy(), (), (order,))
    # This vendor keeps no mark: the journal knows.
    world.vendors["shop"].held[THIRD] = Entry("s3")

    known = plan(declared, replace(world.snapshot(), bought={"desk-2": THIRD}), world.offers)
    pending = plan(declared, replace(world.snapshot(), bought={"desk-2": ""}), world.offers)
    del world.vendors["shop"].held[THIRD]
    gone = plan(declared, replace(world.snapshot(), bought={"desk-2": THIRD}), world.offers)

    assert known.ops == gone.ops == pending.ops == ()
    assert any("yet to activate it" in one for one in said(pending.notices))
    assert f"desk-2 shop: It was bought as {THIRD}" in said(gone.notices)[-1]


def test_numbers_of_one_trunk_wait_for_each_other(world):
    for number in (FIRST, SECOND):
        world.vendors["rooms"].held[number] = Entry(f"ST1/{number}")

    made = planned(world, *(Row(one, "carrier", released=True) for one in (FIRST, SECOND)))

    assert {op.lane for op in made.ops} == {FIRST}
    assert [op.verb for op in made.ops] == [Verb.DETACH, Verb.DETACH, Verb.RELEASE] * 2


def test_only_leaves_other_numbers_out(world):
    rows = [Row(number, "carrier", "New") for number in (FIRST, SECOND)]
    orders = [Order("desk", "carrier", "US")]

    assert ids(planned(world, *rows, orders=orders, only="*101")) == [f"label/{SECOND}@carrier"]
    assert ids(planned(world, *rows, orders=orders, only="de*")) == ["buy/desk@carrier"]


# --- What cannot be planned ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "profile", "message"),
    [
        (Row(THIRD, "carrier", "New"), "carrier", "It is not held there. Order a number"),
        (Row(FIRST, "shop", "New"), "shop", "but at carrier: correct `owner`"),
        (Row(FIRST, "carrier", "", "rooms"), "rooms", "name in `answer_to`"),
        (Row(FIRST, "carrier", "", "rooms", "trunk:TK1"), "rooms", "assigns numbers to no trunk"),
        (Row(FIRST, "carrier", "", "carrier", "agent:x"), "carrier", "assigns numbers to no agent"),
    ],
)
def test_what_cannot_be_planned_says_what_to_do(world, row, profile, message):
    made = planned(world, row)

    assert made.ops == ()
    (problem,) = made.problems
    assert (problem.number, problem.profile) == (row.number, profile)
    assert message in problem.message


def test_what_a_vendor_has_not_is_a_problem_and_the_rest_is_planned(world):
    world.vendors["shop"].held[THIRD] = Entry("s3", None, Agent("one"))

    made = planned(world, Row(THIRD, "shop", "New", "shop", "two"))

    assert ids(made) == [f"assign/{THIRD}@shop"]
    assert said(made.problems) == [f"{THIRD} shop: Use its dashboard."]


def test_what_cannot_be_detached_is_unassigned_and_said(world):
    world.vendors["butter"].held[FIRST] = Entry("b1", None, Agent("one"))
    row = Row(FIRST, "carrier", "", "-")

    made = planned(world, row)

    assert [(op.verb, op.profile) for op in made.ops] == [
        (Verb.ROUTE, "carrier"),
        (Verb.UNASSIGN, "butter"),
        (Verb.DETACH, "support"),
    ]
    assert "the vendor has no API to remove them" in said(made.notices)[0]


def test_who_cannot_be_routed_away_from_goes_on_answering(world):
    world.vendors["butter"].held[FIRST] = Entry("b1", None, Agent("one"))

    made = planned(world, Row(FIRST, "carrier", "", "butter", "two"))

    assert ids(made) == [f"assign/{FIRST}@butter"]
    assert any(f"{FIRST} is still answered here" in one for one in said(made.notices))


def test_an_unreadable_profile_stops_the_plan_for_its_numbers_only(world):
    world.vendors["support"].held.clear()
    snapshot = replace(world.snapshot(), unreadable={"support": "HTTP 503"})
    rows = (
        Row(FIRST, "carrier", "New", "support", "two"),
        Row(SECOND, "carrier", "New"),
    )

    made = plan(Declared(policy(), rows), snapshot, world.offers)

    assert ids(made) == [f"label/{SECOND}@carrier"]
    assert said(made.problems) == [
        f" support: It could not be read: HTTP 503. {FIRST} is left out."
    ]


def test_a_profile_that_is_not_connected_or_wires_nothing_is_named(world):
    world.vendors["support"].ingress = {"sip_trunk": "pointed"}
    offers = world.offers
    del offers["rooms"]

    made = plan(Declared(policy(), ()), world.snapshot(), offers)

    assert [one.profile for one in made.problems] == ["rooms", "support"]
    assert "add it to telephony.toml" in made.problems[0].message
    assert "name where the owner routes to" in made.problems[1].message


def test_what_is_held_twice_is_left_alone(world):
    once = world.snapshot()
    (first, *_) = once.holdings
    twice = replace(once, holdings=(*once.holdings, replace(first, id="other")))

    made = plan(Declared(policy(), (Row(FIRST, "carrier", "New"),)), twice, world.offers)

    assert made.ops == ()
    assert said(made.problems) == [
        f"{FIRST} carrier: It is held twice there: release one of the two."
    ]


def test_protected_numbers_stay(world):
    made = planned(world, Row(FIRST, "carrier", released=True), protected=[FIRST])

    assert made.ops == ()
    assert "It is protected" in said(made.problems)[0]


# --- What needs a flag ---------------------------------------------------------------------------


def test_numbers_are_bought_and_released_only_as_many_as_the_flags_say(world):
    made = planned(
        world,
        Row(FIRST, "carrier", released=True),
        orders=[Order("one", "shop", "US"), Order("two", "shop", "US")],
    )

    permit(made, buy=2, release=1)
    for flags in ({}, {"buy": 2}, {"buy": 1, "release": 1}, {"buy": 3, "release": 1}):
        with pytest.raises(UnsafePlanError, match=r"add --(buy 2|release 1)") as caught:
            permit(made, **flags)
        assert caught.value.plan is made
    with pytest.raises(UnsafePlanError, match="releases 0 numbers, but --release says 1"):
        permit(planned(world), release=1)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"least": 2}, "It changes 2 of the 2 numbers at carrier, more than the limit of 30%."),
        ({"least": 2, "change": 1}, None),
        ({"least": 3}, None),
    ],
)
def test_many_changes_at_once_need_a_flag(world, limits, reason):
    made = planned(
        world, *(Row(number, "carrier", "New") for number in (FIRST, SECOND)), limits=limits
    )

    assert [one.reason for one in made.unsafe] == ([reason] if reason else [])
    permit(made, over_limits=True)
    if reason:
        with pytest.raises(UnsafePlanError, match="add --over-limits"):
            permit(made)


def test_many_detachments_need_a_flag(world):
    rows = (Row(number, "carrier", "", "-") for number in (FIRST, SECOND))
    made = planned(world, *rows, limits={"least": 2, "change": 1})

    assert [one.reason for one in made.unsafe] == [
        "It detaches 2 of the 2 numbers at support, more than the limit of 10%."
    ]


def test_a_listing_that_has_shrunk_is_not_believed(world):
    def made(before):
        snapshot = replace(world.snapshot(), previous={"carrier": before})
        return plan(Declared(policy(limits={"least": 2}), ()), snapshot, world.offers)

    assert made(2).unsafe == ()
    assert [one.reason for one in made(3).unsafe] == [
        "carrier lists 2 numbers, where it listed 3 before."
    ]


# --- As a file, as text and as a comment ----------------------------------------------------------


@pytest.fixture
def everything(world):
    world.vendors["carrier"].held[SECOND].label = "`x` | @all <b>\x1b[31m\n"
    return planned(
        world,
        Row(FIRST, "carrier", released=True),
        Row(SECOND, "carrier", "New | desk", "rooms", "reception"),
        Row(THIRD, "carrier"),
        orders=[Order("one", "shop", "US")],
    )


def test_a_plan_is_the_same_after_a_file(everything):
    text = everything.to_json()

    assert Plan.from_json(text) == everything
    assert Plan.from_json(text.encode()) == everything


def test_thousands_of_labels_are_planned_each_alone(world):
    numbers = [f"+1415{2_000_000 + index}" for index in range(2_500)]
    world.vendors["carrier"].held |= {one: Entry(f"PN{one}", " Desk ") for one in numbers}
    rows = [Row(one, "carrier", "Desk" if one == THIRD else "New") for one in [*numbers, THIRD]]
    world.vendors["carrier"].held[THIRD] = Entry("PN3", " Desk ")

    made = planned(world, *rows)

    assert [(op.number, op.lane, op.before, op.after) for op in made.ops] == [
        (one, one, " Desk ", "New") for one in numbers
    ]
    assert Plan.from_json(made.to_json()) == made


def test_labels_of_a_vendor_that_has_none_are_problems(world):
    numbers = [FIRST.replace("415", "416"), SECOND.replace("415", "416"), THIRD]
    world.vendors["shop"].held |= {one: Entry(one) for one in numbers}
    world.vendors["shop"].held[THIRD].label = "New"

    made = planned(world, *(Row(one, "shop", "New") for one in [THIRD, *numbers[:2]]))

    assert made.ops == ()
    assert said(made.problems) == [f"{one} shop: Use its dashboard." for one in numbers[:2]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan | {"version": 2}, "has version 2"),
        (lambda plan: plan | {"ops": plan["ops"][1:]}, "was changed"),
        (lambda plan: plan | {"ops": plan["ops"][::-1]}, "was changed"),
        (lambda plan: plan | {"unsafe": []}, "was changed"),
        (lambda plan: plan | {"basis": "0"}, "was changed"),
        (lambda plan: plan | {"policy": "0"}, "was changed"),
        (lambda plan: plan | {"digest": "0"}, "was changed"),
        (lambda plan: [plan], "not a plan"),
        (lambda plan: {"version": plan["version"]}, "not a plan"),
    ],
)
def test_another_or_a_changed_plan_is_refused(everything, change, message):
    text = json.dumps(change(json.loads(everything.to_json())))

    with pytest.raises(FleetError, match=message):
        Plan.from_json(text)


def test_the_text_of_a_plan_fits_into_a_terminal(everything):
    text = everything.text()

    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text
    assert "1 purchase" in text
    assert "add --release 1" in text
    assert "It is not held there" in text


def test_the_comment_names_every_release_and_quotes_what_is_not_ours(everything):
    comment = everything.markdown()

    assert f"#### Released for good (1)\n\n`{FIRST}`" in comment
    assert "`'x' \\| @all <b>" in comment
    assert "\x1b" not in comment
    assert "\n| `" in comment


def test_a_long_comment_is_short_enough_and_names_every_release(world):
    rows = []
    for index in range(2000):
        number = f"+1415{2_000_000 + index}"
        world.vendors["carrier"].held[number] = Entry(f"PN{index}", "Old " * 30)
        rows.append(Row(number, "carrier", "New " * 30, released=index % 2 == 0))

    made = planned(world, *rows)
    comment = made.markdown()

    assert len(comment) < 60_000
    assert all(op.number in comment for op in made.ops if op.verb is Verb.RELEASE)
    assert "… and 950 more" in comment


def test_nothing_to_do_is_said(world):
    made = planned(world, Row(FIRST), Row(SECOND))

    assert made.text().startswith(f"Plan {made.digest[:12]}: nothing to do.")
    assert "**nothing to do.**" in made.markdown()
