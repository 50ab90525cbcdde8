"""Assigning numbers of LiveKit's trunks: which rules change, and what remains of them."""

from __future__ import annotations

import pytest

import telephony
from telephony import Agent, Room, SipTrunk

NUMBER, OTHER = "+14155550123", "+14155550124"
CARRIER = SipTrunk("acme.pstn.example.com", username="acme", password="p4ss-of-acme")


def test_a_room_answers_too_and_can_be_put_back(provider, sandbox):
    provider.import_number(NUMBER, source=SipTrunk(pin="2580"), assign_to=Room("lobby"))

    moved = provider.assign_number(NUMBER, "reception")
    assert (moved.assignment, moved.replaced) == (Agent("reception"), Room("lobby"))
    back = provider.assign_number(NUMBER, moved.replaced)

    (rule,) = sandbox.account.rules.values()
    assert (back.assignment, back.replaced) == (Room("lobby"), Agent("reception"))
    assert rule.rule.dispatch_rule_direct.pin == "2580"
    assert not rule.room_config.agents


def test_reassigning_keeps_what_else_the_rule_says(provider, sandbox, plant_rule):
    number = provider.import_number(NUMBER)
    rule = plant_rule("theirs", trunk_ids=[number.id], pin="2580", metadata="kept")
    rule.room_config.max_participants = 3

    provider.assign_number(NUMBER, "reception")

    (kept,) = sandbox.account.rules.values()
    assert [agent.agent_name for agent in kept.room_config.agents] == ["reception"]
    assert (kept.room_config.max_participants, kept.metadata) == (3, "kept")
    individual = kept.rule.dispatch_rule_individual
    assert (individual.room_prefix, individual.pin) == ("theirs-", "2580")


def test_a_rule_of_several_numbers_stays_as_it_is(provider, sandbox, plant_trunk, plant_rule):
    plant_trunk("ST_shared", NUMBER, OTHER)
    plant_rule("team", trunk_ids=["ST_shared"])

    moved = provider.assign_number(NUMBER, "reception")

    assert (moved.assignment, moved.replaced) == (Agent("reception"), Agent("team"))
    assert "SDR_team" in moved.notices[0]
    assert provider.get_number(OTHER).assignment == Agent("team")
    again = provider.assign_number(NUMBER, "sales")
    assert (again.assignment, again.notices) == (Agent("sales"), ())
    assert len(sandbox.account.rules) == 2
    freed = provider.unassign_number(NUMBER)
    assert (freed.assignment, freed.replaced) == (Agent("team"), Agent("sales"))
    assert "SDR_team, which answers every number of its trunk" in freed.notices[-1]
    # Of the trunk's rule one number cannot be taken away alone.
    with pytest.raises(telephony.ConflictError, match="SDR_team answers every number"):
        provider.unassign_number(NUMBER)
    assert [agent.agent_name for agent in sandbox.account.rules["SDR_team"].room_config.agents] == [
        "team"
    ]


def test_a_trunk_is_taken_out_of_a_rule_that_it_shares(provider, sandbox, plant_rule):
    first, second = provider.import_number(NUMBER), provider.import_number(OTHER)
    plant_rule("team", trunk_ids=[first.id, second.id])

    freed = provider.unassign_number(first)

    assert (freed.assignment, freed.replaced) == (None, Agent("team"))
    assert provider.get_number(OTHER).assignment == Agent("team")
    provider.release_number(OTHER)
    assert not sandbox.account.rules


def test_a_number_is_taken_out_of_a_rule_that_names_it(provider, sandbox, plant_trunk, plant_rule):
    plant_trunk("ST_shared", NUMBER, OTHER)
    plant_rule("team", trunk_ids=["ST_shared"], numbers=[NUMBER, OTHER])

    provider.unassign_number(NUMBER)

    assert list(sandbox.account.rules["SDR_team"].numbers) == [OTHER]


def test_a_rule_for_every_trunk_answers_and_is_not_touched(provider, sandbox, plant_rule):
    plant_rule("catchall")
    number = provider.import_number(NUMBER)

    assert number.assignment == Agent("catchall")
    with pytest.raises(telephony.ConflictError, match="SDR_catchall answers every trunk"):
        provider.unassign_number(number)
    assert provider.assign_number(number, "reception").replaced == Agent("catchall")
    provider.release_number(number)
    assert list(sandbox.account.rules) == ["SDR_catchall"]


def test_a_rule_for_some_callers_is_left_to_them(provider, sandbox, plant_rule):
    number = provider.import_number(NUMBER)
    plant_rule("vip", trunk_ids=[number.id], inbound_numbers=["+14155550199"])

    assert provider.assign_number(NUMBER, "reception").assignment == Agent("reception")
    assert "SDR_vip" in sandbox.account.rules
    assert provider.unassign_number(NUMBER).assignment is None
    assert not sandbox.account.rules


def test_a_rule_without_an_agent_has_no_name_to_put_back_and_says_so(provider, plant_rule):
    number = provider.import_number(NUMBER)
    rule = plant_rule("any", trunk_ids=[number.id])
    del rule.room_config.agents[:]

    moved = provider.assign_number(NUMBER, "reception")

    assert moved.replaced is None
    assert "no agent" in moved.notices[0]


def test_a_pin_that_goes_with_its_rule_is_mentioned(provider):
    provider.import_number(NUMBER, source=SipTrunk(pin="2580"), assign_to="reception")

    assert "PIN" in provider.unassign_number(NUMBER).notices[0]
