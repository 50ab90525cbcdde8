"""A number is moved so that it is answered all the time, whatever fails on the way."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest

import telephony
from telephony import fleet
from telephony.fleet import FleetError, MoveState
from telephony.fleet.targets import text_of
from telephony.model import Agent, LinkedCarrier, TwilioAccount, Webhook
from telephony.sandbox import Fault
from telephony.sandbox.world import Answerer

NUMBER = "+14155550101"
ADAPTERS = {"carrier": "twilio", "support": "cartesia", "rooms": "livekit"}
SUPPORT, ROOMS = Answerer("cartesia", "agent_sales"), Answerer("livekit", "reception")


@pytest.fixture
def connect(telephony_sandbox):
    def connect(profile, make=telephony.connect):
        adapter = ADAPTERS.get(profile, profile)
        settings = telephony_sandbox.settings(adapter)
        return make(profile, adapter=adapter, backoff=0, retries=0, **settings)

    return connect


@pytest.fixture
def opened(connect, telephony_sandbox, tmp_path):
    """Open a fleet of one number at Twilio that Cartesia answers, with LiveKit beside it."""
    twilio = telephony_sandbox.vendors["twilio"]
    trunk = twilio.trunks[0]
    twilio.account.origination_urls["OU" + "0" * 32] = {
        "trunk_sid": trunk, "sip_url": "sip:acme.sip.livekit.cloud", "priority": 1, "enabled": True,
    }  # fmt: skip
    settings = telephony_sandbox.settings("twilio")
    with connect("carrier") as carrier, connect("support") as support:
        carrier.provision_number(number=NUMBER, assign_to=Webhook(None, "https://example.com/sms"))
        linked = support.link_carrier(
            TwilioAccount(
                settings["account_sid"],
                api_key_sid=settings["api_key_sid"],
                api_key_secret=settings["api_key_secret"],
            )
        )
        support.import_number(
            NUMBER, source=LinkedCarrier(linked.id), assign_to=Agent("agent_sales")
        )
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "all.csv").write_text(
        f"number,owner,answer_at,answer_to\n{NUMBER},carrier,support,agent_sales\n"
    )
    (tmp_path / "fleet.toml").write_text(
        "[owners.carrier]\n[answerers.support]\n"
        f'via = "self"\nsource = {{ linked = "{linked.id}" }}\n'
        f'[answerers.rooms]\nvia = {{ trunk = "{trunk}" }}\nsource = {{ sip_trunk = {{}} }}\n'
    )
    with fleet.open(tmp_path / "fleet.toml", connect=connect) as one:
        yield one


@pytest.fixture
def images(connect):
    """Return what every profile has of the number, as text."""

    def images():
        found = {}
        for profile in ADAPTERS:
            with connect(profile) as provider:
                try:
                    found[profile] = text_of(provider.get_number(NUMBER).assignment)
                except telephony.NotFoundError:
                    found[profile] = None
        return found

    return images


@pytest.fixture
def always_answered(telephony_sandbox):
    """Look after every change of any vendor whether a call would be answered."""
    gaps = []

    def look(arrival):
        if telephony_sandbox.answerer(NUMBER) is None:
            gaps.append(arrival)

    telephony_sandbox._arrivals.on_response = look
    yield
    telephony_sandbox._arrivals.on_response = None
    assert gaps == []


def test_a_number_moves_and_its_texts_stay(opened, images, always_answered, telephony_sandbox):
    assert telephony_sandbox.answerer(NUMBER) == SUPPORT

    move = opened.move(NUMBER, to="rooms", target="reception")

    assert (move.state, move.reason) == (MoveState.MOVED, "")
    assert telephony_sandbox.answerer(NUMBER) == ROOMS
    assert images()["support"] == "-"
    held = telephony_sandbox.vendors["twilio"].account.holds(NUMBER)
    assert held["sms_url"] == "https://example.com/sms"


def test_it_moves_with_asyncio(opened, connect, always_answered, telephony_sandbox):
    async def work():
        async with fleet.open_async(
            opened.path, connect=lambda profile: connect(profile, telephony.connect_async)
        ) as one:
            moved = await one.move(
                NUMBER, to="rooms", target="reception", hold=timedelta(milliseconds=5)
            )
            assert moved.state is MoveState.MOVED
            return await one.move_back()

    assert asyncio.run(work()).state is MoveState.ROLLED_BACK
    assert telephony_sandbox.answerer(NUMBER) == SUPPORT


def test_a_move_is_undone_to_what_was_before(opened, images, always_answered):
    before = images()
    opened.move(NUMBER, to="rooms", target="reception")
    undone = opened.move_back()
    assert (undone.state, undone.reason) == (MoveState.ROLLED_BACK, "")
    assert images() == before
    with pytest.raises(FleetError, match="undone already"):
        opened.move_back(undone.id)


def test_a_move_there_and_back_again(opened, images, always_answered, telephony_sandbox):
    opened.move(NUMBER, to="rooms", target="reception")
    back = opened.move(NUMBER, to="support", target="agent_sales")
    assert back.state is MoveState.MOVED
    assert telephony_sandbox.answerer(NUMBER) == SUPPORT
    again = opened.move(NUMBER, to="rooms", target="reception")
    assert again.state is MoveState.MOVED
    assert telephony_sandbox.answerer(NUMBER) == ROOMS


def test_a_number_that_was_released_meanwhile_is_imported_again_for_the_way_back(
    opened, connect, images, always_answered, telephony_sandbox
):
    before = images()
    opened.move(NUMBER, to="rooms", target="reception")
    with connect("support") as support:
        support.release_number(NUMBER)
    assert opened.move_back().state is MoveState.ROLLED_BACK
    assert images() == before
    assert telephony_sandbox.answerer(NUMBER) == SUPPORT


def test_who_is_retired_gives_the_number_up_and_cannot_be_gone_back_to(
    opened, images, always_answered
):
    move = opened.move(NUMBER, to="rooms", target="reception", retire=True)
    assert move.state is MoveState.RETIRED
    assert images()["support"] is None
    assert images()["carrier"] is not None
    with pytest.raises(FleetError, match="cannot be undone"):
        opened.move_back()


@pytest.mark.parametrize("careless", [False, True])
def test_a_routing_that_the_former_answerer_cleans_up_is_written_again(
    careless, opened, telephony_sandbox
):
    telephony_sandbox.vendors["cartesia"].account.clears_foreign_routing = careless
    opened.move(NUMBER, to="rooms", target="reception", retire=True)
    assert telephony_sandbox.answerer(NUMBER) == ROOMS


def test_a_routing_that_does_not_stay_is_undone(opened, connect, images, telephony_sandbox):
    before = images()
    carrier = telephony_sandbox.vendors["twilio"].account

    def meddle(arrival):
        held = carrier.holds(NUMBER)
        if held["trunk_sid"] and telephony_sandbox.answerer(NUMBER) == ROOMS:
            held["trunk_sid"] = None
            held["voice_url"] = "https://example.com/meddled"

    telephony_sandbox._arrivals.on_response = meddle
    move = opened.move(NUMBER, to="rooms", target="reception")
    telephony_sandbox._arrivals.on_response = None
    assert move.state is MoveState.ROLLED_BACK
    assert move.reason
    assert images() == before


STEPS = ["livekit", "twilio", "cartesia"]


@pytest.mark.parametrize("vendor", STEPS)
@pytest.mark.parametrize("skipped", range(6))
@pytest.mark.parametrize("kind", ["lost", "status"])
def test_at_every_step_a_failure_leaves_the_number_answered(
    vendor, skipped, kind, opened, images, always_answered, telephony_sandbox
):
    before = images()
    status = {"status": 500} if kind == "status" else {}
    telephony_sandbox.fail(Fault(kind=kind, path=f"/{vendor}/", times=1, skip=skipped, **status))
    try:
        move = opened.move(NUMBER, to="rooms", target="reception")
    except telephony.TelephonyError:
        move = opened.moves()[0] if opened.moves() else None
    telephony_sandbox.heal()
    if move is not None and move.state not in (MoveState.MOVED, MoveState.ROLLED_BACK):
        move = opened.move(NUMBER, to="rooms", target="reception")
    if move is None or move.state is MoveState.ROLLED_BACK:
        assert images() == before
        assert telephony_sandbox.answerer(NUMBER) == SUPPORT
    else:
        assert move.state is MoveState.MOVED
        assert telephony_sandbox.answerer(NUMBER) == ROOMS


def test_a_number_that_is_being_moved_is_not_moved_elsewhere(opened, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=500, path="/twilio/", times=None, skip=2))
    with pytest.raises(telephony.UnavailableError):
        opened.move(NUMBER, to="rooms", target="reception")
    (stopped,) = opened.moves()
    assert stopped.state is MoveState.ROLLING_BACK
    assert "HTTP 500" in stopped.reason
    telephony_sandbox.heal()
    with pytest.raises(FleetError, match="is being moved to rooms"):
        opened.move(NUMBER, to="support", target="agent_sales")
    with pytest.raises(FleetError, match="no such move"):
        opened.move_back("0000")
    assert opened.move_back().state is MoveState.ROLLED_BACK


def test_a_profile_that_cannot_be_read_says_how_to_go_on(opened, telephony_sandbox):
    down = Fault(kind="status", status=500, path="/twilio/", times=None)

    def break_after_the_cut(arrival):
        if telephony_sandbox.answerer(NUMBER) == ROOMS:
            telephony_sandbox.fail(down)

    telephony_sandbox._arrivals.on_response = break_after_the_cut
    with pytest.raises(telephony.UnavailableError) as caught:
        opened.move(NUMBER, to="rooms", target="reception")
    telephony_sandbox._arrivals.on_response = None
    assert f"telephony fleet move {NUMBER} --to rooms" in "".join(caught.value.__notes__)
    telephony_sandbox.heal()
    assert opened.move(NUMBER, to="rooms").state is MoveState.MOVED
    assert telephony_sandbox.answerer(NUMBER) == ROOMS


def test_a_route_that_somebody_made_by_hand_meanwhile_is_left(
    opened, connect, images, telephony_sandbox
):
    own = Webhook("https://example.com/by-hand")

    def route_by_hand(arrival):
        if arrival.vendor == "livekit":
            telephony_sandbox._arrivals.on_response = None
            held = telephony_sandbox.vendors["twilio"].account.holds(NUMBER)
            held["voice_url"] = own.voice_url

    telephony_sandbox._arrivals.on_response = route_by_hand
    move = opened.move(NUMBER, to="rooms", target="reception")
    assert move.state is MoveState.LEFT
    assert "by-hand" in images()["carrier"]
    assert move.ended


@pytest.mark.parametrize("own", ["TK" + "b" * 32, None])
def test_only_the_trunk_that_was_seen_is_taken_off(own, opened, telephony_sandbox):
    """A vendor may write its trunk at the carrier, or its URL, which a trunk goes before."""
    opened.move(NUMBER, to="rooms", target="reception")
    held = telephony_sandbox.vendors["twilio"].account.holds(NUMBER)
    trunk, there = held["trunk_sid"], telephony_sandbox.vendors["cartesia"].account.numbers

    def write_a_trunk(_):
        answers = any(one["agent"] for one in there.values())
        if own and answers and held["trunk_sid"] == trunk:
            held["trunk_sid"] = own

    telephony_sandbox._arrivals.on_response = write_a_trunk
    move = opened.move(NUMBER, to="support", target="agent_sales")
    telephony_sandbox._arrivals.on_response = None

    assert move.state is MoveState.MOVED
    assert held["trunk_sid"] == own


def test_an_owner_answers_only_what_it_owns(opened):
    with opened.path.open("a") as policy:
        policy.write("[owners.agentphone]\n")
    with pytest.raises(FleetError, match="agentphone answers only what it owns"):
        opened.move(NUMBER, to="agentphone", target="x")


def test_what_somebody_routed_since_is_not_undone(opened, connect, images):
    move = opened.move(NUMBER, to="rooms", target="reception")
    with connect("carrier") as carrier:
        carrier.assign_number(NUMBER, Webhook("https://example.com/by-hand"))
    assert opened.move_back(move.id).state is MoveState.LEFT
    assert "by-hand" in images()["carrier"]


def test_the_last_of_several_moves_is_the_one_that_is_undone(opened, telephony_sandbox):
    for profile, target in (("rooms", "reception"), ("support", "agent_sales")) * 2:
        opened.move(NUMBER, to=profile, target=target)
    assert len({move.id for move in opened.moves()}) == 4
    assert opened.move_back().to == "support"
    assert telephony_sandbox.answerer(NUMBER) == ROOMS


def test_a_part_of_a_move_is_not_resumed_alone(opened, telephony_sandbox):
    move = opened.move(NUMBER, to="rooms", target="reception")
    assert opened.runs() == []
    with pytest.raises(FleetError, match="part of a move"):
        opened.resume(f"move-{move.id}-breaks")
    with pytest.raises(FleetError, match="no run yet"):
        opened.resume()


@pytest.mark.parametrize("second", ["back", "elsewhere", "plan"])
def test_two_processes_leave_a_number_answered(
    second, opened, connect, always_answered, telephony_sandbox
):
    """Another process works on the number after some response that the first one gets."""
    came, at = [], [0]

    def interfere(_):
        came.append(None)
        if len(came) != at[0]:
            return
        with (
            fleet.open(opened.path, connect=connect) as other,
            contextlib.suppress(FleetError, telephony.TelephonyError),
        ):
            if second == "back":
                other.move_back()
            elif second == "elsewhere":
                other.move(NUMBER, to="support", target="agent_reception")
            else:
                other.apply(other.plan(), over_limits=True)

    def watched(profile):
        adapter = ADAPTERS[profile]
        settings = telephony_sandbox.settings(adapter)
        return telephony.connect(
            profile, adapter=adapter, backoff=0, retries=0, on_response=interfere, **settings
        )

    for step in (3, 7, 11, 15, 19, 23):
        came.clear()
        at[0] = step
        with (
            fleet.open(opened.path, connect=watched) as first,
            contextlib.suppress(FleetError, telephony.TelephonyError),
        ):
            first.move(NUMBER, to="rooms", target="reception")
        for move in opened.moves():
            if not move.ended:
                opened.move(NUMBER, to=move.to)
        with contextlib.suppress(FleetError):  # it may be there already
            opened.move(NUMBER, to="support", target="agent_sales")
        assert telephony_sandbox.answerer(NUMBER) == SUPPORT


def test_what_cannot_be_moved_says_why(opened):
    with pytest.raises(FleetError, match="takes no part"):
        opened.move(NUMBER, to="elsewhere", target="x")
    with pytest.raises(FleetError, match="nothing to move"):
        opened.move(NUMBER, to="support", target="agent_sales")
    with pytest.raises(FleetError, match="cannot be moved"):
        opened.move("+14155550199", to="rooms", target="reception")
    with opened.path.open("a") as policy:
        policy.write(f'[safety]\nprotected = ["{NUMBER}"]\n')
    with pytest.raises(FleetError, match="is protected"):
        opened.move(NUMBER, to="rooms", target="reception", retire=True)
    assert opened.moves() == []
