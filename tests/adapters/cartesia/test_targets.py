"""What a number can be assigned to at Cartesia, and what happens where it does not exist."""

from __future__ import annotations

import pytest

import telephony
from telephony import Agent
from telephony.sandbox import Fault

VERSIONS = ("2026-03-01", "2026-08-14")


@pytest.mark.parametrize("version", VERSIONS)
def test_agents_are_listed_with_their_names(telephony_connect, telephony_sandbox, version):
    agents = telephony_sandbox.vendors["cartesia"].account.agents
    agents.update({f"agent_{nth}": f"Agent {nth}" for nth in range(120)})
    provider = telephony_connect("cartesia", version=version)

    found = list(provider.list_targets())

    assert {agent.id: agent.name for agent in found} == agents
    assert len(list(provider.list_targets(limit=5))) == 5


def test_a_deleted_agent_is_no_target(telephony_connect, telephony_sandbox):
    gone = {"id": "agent_old", "name": "Old", "deleted_at": "2026-05-01T12:00:00Z"}
    kept = {"id": "agent_new", "name": None, "deleted_at": None}
    vendor = telephony_sandbox.vendors["cartesia"]
    vendor.state.respond({"summaries": [gone, kept]}, to="/agents$")

    assert list(telephony_connect("cartesia").list_targets()) == [Agent("agent_new")]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_nearest_agent_is_named_where_there_is_none(telephony_connect, version):
    provider = telephony_connect("cartesia", version=version)
    number = provider.provision_number()

    with pytest.raises(telephony.NotFoundError, match=r"agent_reception \(Reception\)") as caught:
        provider.assign_number(number, "agent_recepton")

    assert caught.value.argument == "to"
    assert provider.get_number(number).assignment is None


def test_a_number_that_was_released_meanwhile_is_not_taken_for_a_missing_agent(
    telephony_connect, telephony_sandbox
):
    provider = telephony_connect("cartesia")
    number = provider.provision_number()
    telephony_sandbox.fail(Fault(kind="status", method="PATCH", status=404))
    telephony_sandbox.fail(Fault(kind="status", method="GET", status=404, skip=1))

    with pytest.raises(telephony.NotFoundError) as caught:
        provider.assign_number(number.id, "agent_sales")

    assert caught.value.argument is None
