"""Numbers that share a trunk or a rule are assigned, moved, unassigned and released alone.

Each test runs against the sandbox and against livekit-server itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import telephony
from telephony import Agent, Room

from .conftest import rpc

FIRST, SECOND, THIRD = "+14155550123", "+14155550124", "+14155550125"


@pytest.fixture
def trunk(server):
    """Make a trunk with some numbers; returns its id."""

    def make(*numbers, **fields):
        made = rpc(server, "CreateSIPInboundTrunk", trunk={"numbers": numbers, **fields})
        return made["sip_trunk_id"]

    return make


@pytest.fixture
def rule(server):
    """Make a rule of another client; returns its id."""

    def make(*agents, pin="", kind="individual", **fields):
        leads = {f"dispatch_rule_{kind}": {"room_prefix": "theirs-", "pin": pin}}
        config = {"agents": [{"agent_name": agent} for agent in agents], "max_participants": 3}
        made = {"rule": leads, "room_config": config, **fields}
        answer = rpc(server, "CreateSIPDispatchRule", dispatch_rule=made)
        return answer["sip_dispatch_rule_id"]

    return make


@pytest.fixture
def rules(server):
    """Every rule by its id."""

    def read():
        items = rpc(server, "ListSIPDispatchRule")["items"]
        return {one["sip_dispatch_rule_id"]: one for one in items}

    return read


def agents(rule):
    return [one["agent_name"] for one in rule["room_config"]["agents"]]


def assignments(provider):
    return {number.number: number.assignment for number in provider.list_numbers()}


# --- One number at a time ------------------------------------------------------------------------


def test_assigning_one_number_of_a_trunk_leaves_the_others_alone(connected, trunk, rules):
    trunk(FIRST, SECOND)

    assigned = connected.assign_number(FIRST, "reception")

    assert "letter by letter" in assigned.notices[0]
    assert assignments(connected) == {FIRST: Agent("reception"), SECOND: None}
    (made,) = rules().values()
    assert made["numbers"] == [FIRST]


def test_each_number_of_a_trunk_goes_its_own_way(connected, trunk):
    trunk(FIRST, SECOND)
    connected.assign_number(FIRST, "reception")
    connected.assign_number(SECOND, "sales")

    moved = connected.assign_number(FIRST, Room("lobby"))
    assert moved.replaced == Agent("reception")
    assert assignments(connected) == {FIRST: Room("lobby"), SECOND: Agent("sales")}
    freed = connected.unassign_number(SECOND)
    assert (freed.assignment, freed.replaced) == (None, Agent("sales"))
    assert assignments(connected) == {FIRST: Room("lobby"), SECOND: None}
    connected.release_number(FIRST)
    assert assignments(connected) == {SECOND: None}


def test_a_number_moves_away_from_the_rule_of_its_whole_trunk(connected, trunk, rule, rules):
    shared = trunk(FIRST, SECOND)
    wide = rule("team", trunk_ids=[shared])
    before = rules()[wide]

    moved = connected.assign_number(FIRST, "reception")

    assert (moved.assignment, moved.replaced) == (Agent("reception"), Agent("team"))
    assert assignments(connected) == {FIRST: Agent("reception"), SECOND: Agent("team")}
    assert connected.assign_number(FIRST, "sales").assignment == Agent("sales")
    freed = connected.unassign_number(FIRST)
    # The trunk's rule answers it again, which is said.
    assert (freed.assignment, freed.replaced) == (Agent("team"), Agent("sales"))
    assert any(wide in notice for notice in freed.notices)
    assert rules() == {wide: before}


def test_the_spelling_on_the_trunk_is_the_one_that_calls_are_compared_with(connected, trunk, rules):
    trunk(FIRST.removeprefix("+"), SECOND)

    connected.assign_number(FIRST, "reception")

    (made,) = rules().values()
    assert made["numbers"] == [FIRST.removeprefix("+")]
    assert connected.assign_number(FIRST, "sales").assignment == Agent("sales")
    connected.unassign_number(FIRST)
    connected.release_number(FIRST)
    assert assignments(connected) == {SECOND: None}


def test_a_number_in_both_spellings_gets_one_rule(connected, trunk, rules):
    trunk(FIRST, FIRST.removeprefix("+"), SECOND)

    connected.assign_number(FIRST, "reception")

    assert [made["numbers"] for made in rules().values()] == [[FIRST]]
    connected.release_number(FIRST)
    assert assignments(connected) == {SECOND: None}


def test_a_number_is_taken_out_of_a_rule_that_names_others_too(connected, trunk, rule, rules):
    shared = trunk(FIRST, SECOND, THIRD)
    both = rule("team", trunk_ids=[shared], numbers=[FIRST, SECOND], metadata="kept")

    moved = connected.assign_number(FIRST, "reception")

    assert moved.replaced == Agent("team")
    assert assignments(connected) == {
        FIRST: Agent("reception"), SECOND: Agent("team"), THIRD: None
    }  # fmt: skip
    assert rules()[both]["numbers"] == [SECOND]
    (own,) = (one for name, one in rules().items() if name != both)
    assert (own["numbers"], own["metadata"]) == ([FIRST], "kept")
    connected.unassign_number(FIRST)
    assert list(rules()) == [both]


def test_a_rule_over_two_trunks_keeps_the_other(connected, trunk, rule, rules):
    near, far = trunk(FIRST), trunk(SECOND)
    both = rule("team", trunk_ids=[near, far])

    connected.assign_number(FIRST, "reception")

    assert assignments(connected) == {FIRST: Agent("reception"), SECOND: Agent("team")}
    assert rules()[both]["trunk_ids"] == [far]
    (own,) = (one for name, one in rules().items() if name != both)
    assert (own["trunk_ids"], own["numbers"]) == ([near], [])
    connected.unassign_number(SECOND)
    assert assignments(connected) == {FIRST: Agent("reception"), SECOND: None}


def test_a_rule_for_all_trunks_is_left_to_the_others(connected, trunk, rule, rules):
    trunk(FIRST)
    trunk(SECOND)
    catchall = rule("anyone")
    assert assignments(connected) == {FIRST: Agent("anyone"), SECOND: Agent("anyone")}

    assert connected.assign_number(FIRST, "reception").replaced == Agent("anyone")

    assert assignments(connected) == {FIRST: Agent("reception"), SECOND: Agent("anyone")}
    with pytest.raises(telephony.ConflictError, match="answers every trunk"):
        connected.unassign_number(SECOND)
    assert connected.unassign_number(FIRST).assignment == Agent("anyone")
    connected.release_number(FIRST)
    assert list(rules()) == [catchall]


def test_a_number_of_one_trunk_for_each_group_of_callers(connected, trunk, rule, rules):
    one = trunk(FIRST, allowed_numbers=[SECOND])
    two = trunk(FIRST, allowed_numbers=[THIRD])
    both = rule("team", trunk_ids=[one, two], numbers=[FIRST])

    connected.assign_number(one, "reception")

    assert rules()[both]["trunk_ids"] == [two]
    assert connected.get_number(two).assignment == Agent("team")
    connected.release_number(one)
    assert (connected.get_number(FIRST).id, list(rules())) == (two, [both])


def test_the_rule_with_a_pin_is_met_first_and_keeps_it(connected, trunk, rule, rules):
    own = trunk(FIRST)
    opened = rule("open", trunk_ids=[own])
    pinned = rule("pinned", pin="2580", trunk_ids=[own])
    assert connected.get_number(FIRST).assignment == Agent("pinned")

    moved = connected.assign_number(FIRST, "reception")

    assert moved.replaced == Agent("pinned")
    assert any(opened in notice and "no PIN" in notice for notice in moved.notices)
    assert agents(rules()[pinned]) == ["reception"]
    assert rules()[pinned]["rule"]["dispatch_rule_individual"]["pin"] == "2580"
    assert agents(rules()[opened]) == ["open"]


def test_a_number_of_a_trunk_with_a_pin_keeps_it_when_it_moves(connected, trunk, rule, rules):
    shared = trunk(FIRST, SECOND)
    wide = rule("team", pin="2580", trunk_ids=[shared])

    connected.assign_number(FIRST, "reception")

    (own,) = (one for name, one in rules().items() if name != wide)
    assert own["rule"]["dispatch_rule_individual"]["pin"] == "2580"


# --- What else a rule says -----------------------------------------------------------------------

RICH = {
    "krisp_enabled": True,
    "hide_phone_number": True,
    "metadata": "kept",
    "attributes": {"tier": "gold"},
}


@pytest.fixture
def rich(server, trunk):
    """Return a number whose rule says all that a rule can say."""
    config = {
        "max_participants": 3,
        "agents": [
            {"agent_name": "team", "metadata": "language=ga"},
            {"agent_name": "listener", "metadata": "silent"},
        ],
    }
    leads = {"dispatch_rule_callee": {"room_prefix": "theirs", "randomize": True, "pin": "2580"}}
    made = {"trunk_ids": [trunk(FIRST)], "rule": leads, "room_config": config, **RICH}
    return rpc(server, "CreateSIPDispatchRule", dispatch_rule=made)["sip_dispatch_rule_id"]


def test_another_agent_gets_all_settings_of_the_rule(connected, rich, rules):
    before = rules()[rich]

    moved = connected.assign_number(FIRST, "reception")

    after = rules()[rich]
    assert moved.notices == ()
    assert agents(after) == ["reception", "listener"]
    assert after["room_config"]["agents"][0]["metadata"] == "language=ga"
    assert {**after, "room_config": None} == {**before, "room_config": None}
    connected.assign_number(FIRST, moved.replaced)
    assert rules() == {rich: before}


def test_an_agent_that_is_there_already_changes_places(connected, rich, rules):
    before = rules()[rich]

    moved = connected.assign_number(FIRST, "listener")

    assert agents(rules()[rich]) == ["listener", "team"]
    connected.assign_number(FIRST, moved.replaced)
    assert rules() == {rich: before}


def test_settings_that_a_room_cannot_keep_are_named(connected, rich, rules):
    moved = connected.assign_number(FIRST, Room("lobby"))

    after = rules()[rich]
    assert {name: after[name] for name in RICH} == RICH
    assert after["rule"]["dispatch_rule_direct"] == {"room_name": "lobby", "pin": "2580"}
    for lost in ("rooms by called number", "further agents", "what agents are sent"):
        assert lost in moved.notices[0]


def test_settings_deleted_with_a_rule_are_named(connected, rich):
    (notice,) = connected.unassign_number(FIRST).notices

    for lost in ("PIN", "further agents", "krisp_enabled", "attributes", "metadata", "room_config"):
        assert lost in notice


def test_what_was_made_here_goes_without_a_word(connected, trunk):
    trunk(FIRST)
    connected.assign_number(FIRST, "reception")

    assert connected.unassign_number(FIRST).notices == ()


def test_a_number_beside_others_gets_all_that_their_rule_says(connected, server, rules):
    made = rpc(server, "CreateSIPInboundTrunk", trunk={"numbers": [FIRST, SECOND]})
    leads = {"dispatch_rule_callee": {"room_prefix": "theirs", "randomize": True}}
    config = {"agents": [{"agent_name": "team", "metadata": "language=ga"}]}
    wide = {"trunk_ids": [made["sip_trunk_id"]], "rule": leads, "room_config": config, **RICH}
    rpc(server, "CreateSIPDispatchRule", dispatch_rule=wide)

    connected.assign_number(FIRST, "reception")

    (own,) = (one for one in rules().values() if one["numbers"])
    assert {name: own[name] for name in RICH} == RICH
    assert own["rule"]["dispatch_rule_callee"]["randomize"]
    assert own["room_config"]["agents"][0]["metadata"] == "language=ga"


# --- Entries that are no numbers, and the last ones ----------------------------------------------


def test_what_is_no_telephone_number_is_not_listed_as_one(connected, trunk, server):
    shared = trunk(FIRST, "*", "alice", "100")

    assert [number.number for number in connected.list_numbers()] == [FIRST]
    connected.assign_number(FIRST, "reception")
    connected.release_number(FIRST)

    (left,) = rpc(server, "ListSIPInboundTrunk", trunk_ids=[shared])["items"]
    assert left["numbers"] == ["*", "alice", "100"]


@pytest.mark.parametrize("fields", [{}, {"allowed_addresses": ["192.0.2.0/24"]}])
def test_the_last_two_numbers_of_a_trunk_can_go_at_once(connected, trunk, rule, server, fields):
    """Without a number it would be gone, or take calls to any number.

    The real server changes a list without a lock: a change that it holds up can undo one that was
    seen to be done. Then the number is still listed, and is released again.
    """
    for _ in range(5):
        shared = trunk(FIRST, SECOND, **fields)
        rule("team", trunk_ids=[shared])
        with ThreadPoolExecutor(2) as pool:
            released = list(pool.map(connected.release_number, (FIRST, SECOND)))

        assert {one.number for one in released} == {FIRST, SECOND}
        for undone in list(connected.list_numbers()):
            connected.release_number(undone)
        assert rpc(server, "ListSIPInboundTrunk")["items"] == []
        assert rpc(server, "ListSIPDispatchRule")["items"] == []
