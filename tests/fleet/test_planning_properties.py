"""What holds for every fleet, at vendors in memory."""

from __future__ import annotations

import copy
from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from telephony import Agent, Application, Trunk, Webhook
from telephony.capabilities import Capability
from telephony.fleet.declared.dump import dump
from telephony.fleet.declared.files import load
from telephony.fleet.declared.model import Declared, Order, Row
from telephony.fleet.declared.policy import Policy
from telephony.fleet.planning.diff import plan
from telephony.fleet.planning.ops import Verb
from telephony.fleet.targets import UNCOVERED, parts
from tests.fleet.vendors import Entry, Exchange, Own, Pointed, Wired, World

NUMBERS = [f"+1415555{index:04}" for index in range(6)]
ROUTES = {"rooms": Trunk("TK1"), "halls": Trunk("TK2")}
OWNERS = ["carrier", "second", "shop"]
ANSWERERS = ["support", "desk", "rooms", "halls"]
POLICY = Policy.model_validate(
    {
        "owners": {name: {} for name in OWNERS},
        "answerers": {
            "support": {"via": "self", "source": {"linked": "link"}},
            "desk": {"via": "self"},
            "rooms": {"via": {"trunk": "TK1"}, "source": {"sip_trunk": {}}},
            "halls": {"via": {"trunk": "TK2"}},
        },
        "safety": {"protected": [NUMBERS[0]]},
    }
)
AGENTS = st.sampled_from([None, Agent("one"), Agent("two")])
CALLS = st.sampled_from(
    [
        None,
        Webhook("https://example.com/voice"),
        Webhook("https://support.example/voice"),
        Webhook("https://desk.example/voice"),
        Trunk("TK1"),
        Trunk("TK2"),
        Trunk("TK9"),
        Application("AP1"),
    ]
)
TEXTS = st.sampled_from([None, Webhook(None, "https://example.com/sms"), Application("AP2")])
LABELS = st.sampled_from([None, "", "Desk", "Line"])


def _carried(pair):
    return None if pair == (None, None) else pair


@st.composite
def worlds(draw):
    lacks = draw(st.sampled_from([frozenset(), frozenset({Capability.RELEASE_NUMBER})]))
    world = World(
        [
            Exchange("carrier"),
            Exchange("second"),
            Own("shop", lacks=frozenset({Capability.UPDATE_NUMBER})),
            Wired("support"),
            Wired("desk", lacks=lacks),
            Pointed("rooms", shared=True),
            Pointed("halls"),
        ],
        ROUTES,
    )
    for number in NUMBERS:
        owner = draw(st.sampled_from(["carrier", "carrier", "second", "shop", None]))
        if owner == "shop":
            world.vendors["shop"].held[number] = Entry(f"s{number}", None, draw(AGENTS))
        elif owner is not None:
            entry = Entry(f"PN{number}", draw(LABELS), _carried((draw(CALLS), draw(TEXTS))))
            world.vendors[owner].held[number] = entry
        for name in draw(st.sets(st.sampled_from(ANSWERERS), max_size=2)):
            shares = name == "rooms" and draw(st.booleans())
            holding = f"ST1/{number}" if shares else f"{name}{number}"
            world.vendors[name].held[number] = Entry(holding, draw(LABELS), draw(AGENTS))
    return world


WORDS = st.sampled_from(["", "one", "agent:two", "-"])


@st.composite
def rows(draw, number):
    owner = draw(st.sampled_from(["carrier", "carrier", "carrier", "second", "shop", ""]))
    if owner and draw(st.integers(0, 5)) == 0:
        return Row(number, owner, released=True)
    at = draw(st.sampled_from(["", "-", owner, *ANSWERERS]))
    to = draw(WORDS) if at not in ("", "-") else ""
    if at == owner and owner in ("carrier", "second"):
        to = draw(st.sampled_from(["", "-", "https://example.com/voice", "trunk:TK9", "AP1"]))
    texts = draw(st.sampled_from(["", "", "-", "https://example.com/sms", "application:AP2"]))
    label = draw(st.sampled_from(["", "Desk", "Line"])) if owner else ""
    return Row(number, owner, label, at, to, texts if owner not in ("", "shop") else "")


@st.composite
def orders(draw, name):
    owner = draw(st.sampled_from(["carrier", "shop", "support"] if name == "x" else OWNERS))
    at = draw(st.sampled_from(["", owner, *ANSWERERS]))
    to = "" if not at else "https://example.com/v" if owner == at != "shop" else "one"
    label = draw(st.sampled_from(["", "New"])) if owner != "shop" else ""
    return Order(name, owner, "US", "415", label, at, to)


@st.composite
def fleets(draw):
    named = draw(st.lists(st.sampled_from(NUMBERS), unique=True))
    ordered = draw(st.lists(st.sampled_from(["first", "second"]), unique=True))
    return Declared(
        POLICY,
        tuple(draw(rows(number)) for number in named),
        tuple(draw(orders(name)) for name in ordered),
    )


def planned(declared, world):
    return plan(declared, world.snapshot(), world.offers)


def by_lane(ops):
    lanes = defaultdict(list)
    for op in ops:
        lanes[op.lane].append(op)
    return list(lanes.values())


def interleaved(ops, random):
    """Return the operations in another order that lanes allow."""
    lanes = by_lane(ops)
    found = []
    while lanes:
        lane = random.choice(lanes)
        found.append(lane.pop(0))
        lanes = [one for one in lanes if one]
    return found


def applied(ops, world):
    bought: dict[str, str] = {}
    for op in ops:
        world.apply(op, bought)


def without_ids(state):
    """Numbers that are bought get theirs in the order of the purchases."""
    return sorted(
        (name, "" if number.startswith("+1650") else number, entry)
        for (name, number), entry in (
            ((name, number), tuple(map(repr, entry))) for (name, number), entry in state.items()
        )
    )


FLEETS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@FLEETS
@given(worlds(), fleets(), st.randoms())
def test_what_was_applied_needs_nothing_more(world, declared, random):
    made = planned(declared, world)

    applied(interleaved(made.ops, random), world)

    assert planned(declared, world).ops == ()


@FLEETS
@given(worlds(), fleets(), st.randoms(), st.integers(0, 30))
def test_a_crash_anywhere_ends_in_the_same_state(world, declared, random, survived):
    undisturbed = copy.deepcopy(world)
    applied(planned(declared, undisturbed).ops, undisturbed)

    # What was done is known from the vendors alone, as the journal is lost.
    applied(interleaved(planned(declared, world).ops, random)[:survived], world)
    applied(planned(declared, world).ops, world)

    assert without_ids(world.state()) == without_ids(undisturbed.state())
    assert len(world.purchases) == len(set(world.purchases))
    assert planned(declared, world).ops == ()


@FLEETS
@given(worlds(), fleets())
def test_numbers_that_are_not_named_are_untouched(world, declared):
    named = {row.number for row in declared.rows}
    before = world.state()

    made = planned(declared, world)
    applied(made.ops, world)

    after = world.state()
    for key in before.keys() | after.keys():
        if key[1] in NUMBERS and key[1] not in named:
            assert before.get(key) == after.get(key)
    asked = {row.number for row in declared.rows if row.released}
    ended = {row.number for row in declared.rows if row.answer_at == "-"}
    for op in made.ops:
        if op.verb is Verb.RELEASE:
            assert op.number in asked
        if op.verb is Verb.DETACH:
            assert op.number in asked | ended
        assert op.number != NUMBERS[0] or op.verb not in {Verb.RELEASE, Verb.DETACH}
    assert len(world.purchases) == made.counts.get(Verb.BUY, 0) <= len(declared.orders)


@FLEETS
@given(worlds(), fleets(), st.randoms())
def test_the_order_of_rows_and_holdings_changes_nothing(world, declared, random):
    made = planned(declared, world)

    lines, ordered = list(declared.rows), list(declared.orders)
    random.shuffle(lines)
    random.shuffle(ordered)
    for vendor in world.vendors.values():
        held = list(vendor.held.items())
        random.shuffle(held)
        vendor.held = dict(held)

    assert planned(Declared(POLICY, tuple(lines), tuple(ordered)), world) == made


@FLEETS
@given(worlds(), fleets(), st.randoms())
def test_any_interleaving_of_lanes_ends_alike(world, declared, random):
    made = planned(declared, world)
    other = copy.deepcopy(world)

    applied(made.ops, world)
    applied(interleaved(made.ops, random), other)

    assert without_ids(other.state()) == without_ids(world.state())


@FLEETS
@given(worlds(), fleets(), st.randoms())
def test_a_number_that_was_answered_is_answered_all_the_time(world, declared, random):
    declares = {row.number: row for row in declared.rows}
    made = planned(declared, world)
    answered = {number for number in NUMBERS if world.is_answered(number)}
    kept = {
        number
        for number in answered
        if number not in declares or _is_to_be_answered(declares[number])
    }

    bought: dict[str, str] = {}
    for op in interleaved(made.ops, random):
        world.apply(op, bought)
        silent = {number for number in kept if not world.is_answered(number)}
        assert not silent, op


def _is_to_be_answered(row):
    return not row.released and row.answer_at != "-" and row.answer_to != "-"


@FLEETS
@given(worlds(), fleets())
def test_operations_say_what_was_there_before(world, declared):
    """Undone from the last to the first, they leave the before-images."""
    made = planned(declared, world)
    holdings = {(one.profile, one.number): one for one in world.snapshot().holdings}
    for op in made.ops:
        before = holdings.get((op.profile, op.number))
        if op.verb in {Verb.BUY, Verb.CHECK}:
            continue
        assert op.holding == (before.id if before else None)
        wanted = (
            None if before is None else before.label if op.verb is Verb.LABEL else before.assignment
        )
        if op.after == UNCOVERED:
            wanted, _ = parts(wanted)
        # What a vendor that writes the routing has changed by then is not known.
        assert op.before == wanted or (op.before is None and op.verb is Verb.RELEASE)


@FLEETS
@given(worlds(), fleets())
def test_no_operation_is_twice_in_a_plan(world, declared):
    made = planned(declared, world)

    ids = [op.id for op in made.ops]
    assert len(ids) == len(set(ids))


@FLEETS
@given(worlds(), st.randoms())
def test_a_fleet_that_was_dumped_needs_nothing(tmp_path_factory, world, random):
    snapshot = world.snapshot()
    files = dump(snapshot, world.offers)
    folder = tmp_path_factory.mktemp("fleet")
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content, "utf-8")

    declared = load(folder / "fleet.toml")
    made = plan(declared, snapshot, world.offers)

    assert made.ops == made.problems == ()
    assert {row.number for row in declared.rows} == world.numbers()
    shuffled = list(snapshot.holdings)
    random.shuffle(shuffled)
    assert dump(replace(snapshot, holdings=tuple(shuffled)), world.offers) == files
