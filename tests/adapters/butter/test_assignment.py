"""Assigning at Butter AI: moves in two steps, and failures between them."""

from __future__ import annotations

import asyncio

import pytest

import telephony
from telephony import SipTrunk
from telephony.sandbox import Fault

AGENT, OTHER = "agent_aa11bb22cc33", "agent_dd44ee55ff66"
NUMBER = "+442079460123"
TRUNK = SipTrunk("sip.carrier.example", username="hq", password="p4ss-of-trunk")

LIST = "GET .*/api/phone-numbers$"
ASSIGN = "/assign-phone-number$"
UNASSIGN = "/unassign-phone-number/"


@pytest.mark.usefixtures("imported")
def test_moving_takes_the_number_from_the_old_agent_first(provider, kinds):
    first = provider.assign_number(NUMBER, AGENT)
    moved = provider.assign_number(NUMBER, OTHER)
    restored = provider.assign_number(NUMBER, moved.replaced)

    assert first.replaced is None
    assert first.assignment == telephony.Agent(AGENT, "Reception")
    assert (moved.assignment.id, moved.replaced.id) == (OTHER, AGENT)
    assert (restored.assignment.id, restored.replaced.id) == (AGENT, OTHER)
    move = ["unassign", "assign"]
    assert kinds() == ["link", "import", "assign", *move, *move]


@pytest.mark.usefixtures("imported")
def test_the_result_is_what_the_list_shows_afterwards(provider):
    assigned = provider.assign_number(NUMBER, AGENT)
    assert assigned.raw == provider.get_number(NUMBER).raw

    freed = provider.unassign_number(NUMBER)
    assert freed.raw == provider.get_number(NUMBER).raw


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_move_to_an_agent_that_is_not_there_leaves_the_number_answered(
    provider, vendor, kinds, elsewhere
):
    """A caller during the attempt reaches the old agent: the number is never taken from it."""
    provider.assign_number(NUMBER, AGENT)
    if elsewhere:
        vendor.account.elsewhere.add("agent_nobody")

    with pytest.raises((telephony.NotFoundError, telephony.PermissionDeniedError)):
        provider.assign_number(NUMBER, "agent_nobody")

    assert provider.get_number(NUMBER).assignment.id == AGENT
    assert kinds()[2:] == ["assign"]


@pytest.mark.usefixtures("imported")
def test_a_move_that_fails_midway_is_undone(provider, kinds, telephony_sandbox):
    provider.assign_number(NUMBER, AGENT)
    telephony_sandbox.fail(Fault(kind="status", status=404, path=f"{OTHER}/assign-phone", skip=1))

    with pytest.raises(telephony.NotFoundError, match=f"with the agent '{AGENT}', as before"):
        provider.assign_number(NUMBER, OTHER)

    assert provider.get_number(NUMBER).assignment.id == AGENT
    assert kinds()[2:] == ["assign", "unassign", "assign"]


@pytest.mark.usefixtures("imported")
def test_a_move_that_cannot_be_undone_says_what_was_done(provider, telephony_sandbox):
    provider.assign_number(NUMBER, AGENT)
    telephony_sandbox.fail(
        Fault(kind="status", status=403, path="/assign-phone", skip=1, times=None)
    )

    with pytest.raises(telephony.PermissionDeniedError, match=f"taken from the agent '{AGENT}'"):
        provider.assign_number(NUMBER, OTHER)

    assert provider.get_number(NUMBER).assignment is None


def test_undoing_a_move_never_takes_the_number_from_anybody(provider, vendor, imported):
    """Another client was faster between the two steps."""
    vendor.account.agents["agent_third"] = "Third"
    vendor.account.numbers[imported.id].update(status="assigned", assigned_agent_id="agent_third")
    stale = {"phone_number_id": imported.id, "phone_number": NUMBER, "assigned_agent_id": AGENT}
    vendor.state.respond({"success": True, "data": [stale]}, to=LIST)
    vendor.state.respond({"success": True, "data": {"agent_id": AGENT}}, to=UNASSIGN)

    with pytest.raises(telephony.ConflictError, match="could not be given back"):
        provider.assign_number(NUMBER, OTHER)

    assert provider.get_number(NUMBER).assignment.id == "agent_third"


@pytest.mark.usefixtures("imported")
def test_assigning_to_the_same_agent_again_is_done_already(provider, kinds):
    provider.assign_number(NUMBER, AGENT)

    again = provider.assign_number(NUMBER, AGENT)

    assert (again.assignment.id, again.replaced) == (AGENT, None)
    assert kinds().count("assign") == 1
    with pytest.raises(telephony.ConflictError, match="options"):
        provider.assign_number(NUMBER, AGENT, options={"greeting": "Hello"})


def test_the_vendors_conflict_over_the_same_agent_is_success(provider, vendor, imported):
    """Another process assigned it between our reading and our writing."""
    vendor.account.numbers[imported.id].update(status="assigned", assigned_agent_id=AGENT)
    stale = [{"phone_number_id": imported.id, "phone_number": NUMBER, "status": "free"}]
    vendor.state.respond({"success": True, "data": stale}, to=LIST)

    assert provider.assign_number(NUMBER, AGENT).assignment.id == AGENT


def test_the_vendors_conflict_over_another_agent_is_one(provider, vendor, imported):
    vendor.account.numbers[imported.id].update(status="assigned", assigned_agent_id=OTHER)
    stale = [{"phone_number_id": imported.id, "phone_number": NUMBER, "status": "free"}]
    vendor.state.respond({"success": True, "data": stale}, to=LIST)

    with pytest.raises(telephony.ConflictError, match="another agent") as caught:
        provider.assign_number(NUMBER, AGENT)
    assert "given back" not in caught.value.hint


def test_an_agent_of_a_number_that_receives_no_calls_comes_with_a_notice(provider, linked):
    source = telephony.LinkedCarrier(linked.id)
    number = provider.import_number(NUMBER, source=source, inbound=False)

    assigned = provider.assign_number(number, AGENT)

    assert number.notices == ()
    assert "receive calls" in assigned.notices[0]


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("kind", ["lost", "cut", "html", "malformed", "empty", "status", "reset"])
@pytest.mark.parametrize("step", ["/assign-phone-number", "/unassign-phone-number"])
def test_a_move_survives_passing_failures(provider, telephony_sandbox, kind, step, kinds):
    provider.assign_number(NUMBER, AGENT)
    telephony_sandbox.fail(Fault(kind=kind, path=step))

    moved = provider.assign_number(NUMBER, OTHER)

    assert (moved.assignment.id, moved.replaced.id) == (OTHER, AGENT)
    assert provider.get_number(NUMBER).assignment.id == OTHER
    assert kinds() == ["link", "import", "assign", "unassign", "assign"]


@pytest.mark.parametrize("kind", ["lost", "html"])
def test_unassigning_survives_lost_responses(provider, imported, telephony_sandbox, kind, kinds):
    provider.assign_number(NUMBER, AGENT)
    telephony_sandbox.fail(Fault(kind=kind, path="/unassign-phone-number"))

    freed = provider.unassign_number(imported)

    assert (freed.assignment, freed.replaced.id) == (None, AGENT)
    assert kinds().count("unassign") == 1


@pytest.mark.usefixtures("imported")
def test_a_number_that_is_not_given_up_stays_with_its_agent(provider, vendor, telephony_sandbox):
    provider.assign_number(NUMBER, AGENT)

    telephony_sandbox.fail(Fault(kind="status", path="/unassign-phone-number", status=403))
    with pytest.raises(telephony.PermissionDeniedError):
        provider.unassign_number(NUMBER)
    vendor.state.respond({"success": True}, to=UNASSIGN)
    with pytest.raises(telephony.OutcomeUnknownError):
        provider.unassign_number(NUMBER)

    assert provider.get_number(NUMBER).assignment.id == AGENT


@pytest.mark.parametrize(
    ("options", "content"), [(None, b""), ({"reason": "holidays"}, b'{"reason":"holidays"}')]
)
def test_unassigning_names_the_agent_and_the_number(
    provider, imported, telephony_sandbox, options, content
):
    provider.assign_number(NUMBER, AGENT)
    provider.unassign_number(NUMBER, options=options)

    last = telephony_sandbox.requests("butter")[-1]
    assert last.path == f"/butter/api/agents/{AGENT}/unassign-phone-number/{imported.id}"
    assert last.content == content


@pytest.mark.usefixtures("imported")
def test_unassigning_a_free_number_sends_no_change(provider, kinds):
    assert provider.unassign_number(NUMBER).assignment is None
    assert kinds() == ["link", "import"]


def test_a_twilio_number_without_its_integration_cannot_be_assigned(provider, vendor, imported):
    vendor.account.unintegrated.add(imported.id)

    with pytest.raises(telephony.InvalidRequestError, match="no integration"):
        provider.assign_number(NUMBER, AGENT)


@pytest.mark.usefixtures("imported")
def test_an_agent_that_is_not_ours_is_denied(provider, vendor):
    vendor.account.elsewhere.add("agent_theirs")

    with pytest.raises(telephony.PermissionDeniedError):
        provider.assign_number(NUMBER, "agent_theirs")


@pytest.mark.usefixtures("imported")
def test_a_response_of_an_older_version_is_read(provider, vendor):
    older = {"success": True, "agent": {"id": AGENT, "name": "Reception"}}
    vendor.state.respond(older, to=ASSIGN)

    assert provider.assign_number(NUMBER, AGENT).assignment == telephony.Agent(AGENT, "Reception")


def test_asyncio_moves_a_number_too(telephony_aconnect):
    async def move():
        async with telephony_aconnect("butter") as provider:
            await provider.import_number(NUMBER, source=TRUNK, assign_to=AGENT)
            moved = await provider.assign_number(NUMBER, OTHER)
            return moved, [number async for number in provider.list_numbers()]

    moved, listed = asyncio.run(move())

    assert (moved.assignment.id, moved.replaced.id) == (OTHER, AGENT)
    assert [number.assignment.id for number in listed] == [OTHER]
