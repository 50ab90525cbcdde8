"""Calls while they last: who is in which room, at the sandbox and at livekit-server itself."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from livekit import api
from livekit.api import AccessToken, VideoGrants
from livekit.protocol import models, room, sip
from telephony.adapters.livekit.participants import REASONS, ended_as
from telephony.adapters.livekit.sandbox.account import SipParticipant

import telephony
from telephony import Agent, CallStatus, Direction, Room, SipTrunk, webhooks
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS, TALKS

from .conftest import KEY, SECRET

NUMBER, OTHER, PERSON = "+14155550123", "+14155550124", "+14155550199"
CARRIER = SipTrunk("acme.pstn.example.com")


def of_a_call(call, number=NUMBER, **attributes):
    return {
        "sip.callID": call,
        "sip.callStatus": "ringing",
        "sip.trunkPhoneNumber": number.removeprefix("+"),
        "sip.phoneNumber": PERSON,
        **attributes,
    }


@pytest.fixture
def join(server, request):
    """Let somebody join a room, and stay there."""
    if request.node.callspec.params["server"] == "sandbox":
        yield request.getfixturevalue("plant_person")
        return
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    opened = []

    async def enter(name, identity, kind, attributes):
        token = (
            AccessToken(KEY, SECRET)
            .with_identity(identity)
            .with_kind(kind)
            .with_attributes(attributes)
            .with_grants(VideoGrants(room_join=True, room=name))
            .to_jwt()
        )
        session = aiohttp.ClientSession()
        query = {"access_token": token, "protocol": "16", "sdk": "go", "version": "1.0.0"}
        socket = await session.ws_connect(f"{server}/rtc", params=query)
        opened.append((session, socket))
        await socket.receive()

    async def leave():
        for session, socket in opened:
            await socket.close()
            await session.close()

    def joined(name, identity, attributes, kind="sip"):
        asyncio.run_coroutine_threadsafe(enter(name, identity, kind, attributes), loop).result(10)

    yield joined
    asyncio.run_coroutine_threadsafe(leave(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()


@pytest.fixture
def plant_person(sandbox):
    def joined(name, identity, attributes, kind="sip"):
        account = sandbox.account
        info = models.ParticipantInfo(
            sid=account.id("PA_"),
            identity=identity,
            kind=models.ParticipantInfo.Kind.Value(kind.upper()),
            joined_at=int(datetime.now(UTC).timestamp()),
            attributes=attributes,
        )
        found = SipParticipant(name, info, account.state.calls.place())
        account.participants[name, identity] = found

    return joined


# --- At the sandbox and at livekit-server --------------------------------------------------------


def test_a_call_is_found_in_its_room_and_taken_out_of_it(connected, join):
    join("call-1", "sip_1", of_a_call("SCL_first1"))
    join("call-1", "somebody", {}, "standard")
    join("call-2", "sip_2", of_a_call("SCL_second", OTHER, **{"sip.ruleID": "SDR_1"}))

    call = connected.get_call("SCL_first1")
    assert (call.number, call.sender, call.recipient) == (NUMBER, NUMBER, PERSON)
    assert (call.direction, call.status) == (Direction.OUTBOUND, CallStatus.RINGING)
    assert abs(datetime.now(UTC) - call.started_at) < timedelta(minutes=1)
    assert call.raw["room"] == "call-1"
    assert call.raw["participant"]["attributes"]["sip.callID"] == "SCL_first1"
    came_in = connected.get_call("SCL_second")
    assert (came_in.sender, came_in.recipient, came_in.number) == (PERSON, OTHER, OTHER)
    assert {one.id for one in connected.list_calls()} == {"SCL_first1", "SCL_second"}
    assert [one.id for one in connected.list_calls(OTHER)] == ["SCL_second"]
    hour = datetime.now(UTC) - timedelta(hours=1)
    assert list(connected.list_calls(before=hour)) == []
    assert len(list(connected.list_calls(after=hour, limit=1))) == 1

    ended = connected.end_call("SCL_first1")
    assert (ended.id, ended.status) == ("SCL_first1", CallStatus.CANCELED)
    assert [one.id for one in connected.list_calls()] == ["SCL_second"]
    with pytest.raises(telephony.NotFoundError, match="CallEnded"):
        connected.get_call("SCL_first1")
    # Over, whatever it was.
    again = connected.end_call("SCL_first1")
    assert (again.id, again.status, again.number) == ("SCL_first1", CallStatus.UNKNOWN, None)
    with pytest.raises(telephony.NotFoundError, match="SCL_"):
        connected.end_call("CA123")


def test_agents_and_rooms_of_rules_are_what_a_number_can_be_assigned_to(connected):
    assert list(connected.list_targets()) == []
    for number, target in (
        (NUMBER, Agent("reception")),
        (OTHER, Room("lobby")),
        ("+14155550125", Agent("reception")),
    ):
        connected.import_number(number, assign_to=target)

    found = list(connected.list_targets())
    assert sorted(found, key=str) == [Agent("reception"), Room("lobby")]
    assert len(list(connected.list_targets(limit=1))) == 1


# --- Placed calls --------------------------------------------------------------------------------


@pytest.fixture
def placed(provider):
    provider.import_number(NUMBER, source=CARRIER, assign_to="reception")
    return provider.place_call(NUMBER, PERSON, metadata={"ticket": "88"}, timeout=17.5)


def test_a_placed_call_is_followed_while_it_lasts(provider, placed, telephony_sandbox):
    assert provider.get_call(placed).status is CallStatus.RINGING
    telephony_sandbox.advance("livekit", RINGS)
    call = provider.get_call(placed.id)
    assert call.status is CallStatus.IN_PROGRESS
    assert call.raw["participant"]["attributes"]["ticket"] == "88"
    assert [one.id for one in provider.list_calls(provider.get_number(NUMBER).id)] == [placed.id]
    assert provider.end_call(call).status is CallStatus.COMPLETED


@pytest.fixture
def delivered(provider, telephony_sandbox):
    """Return the events of all deliveries so far."""

    def events():
        return [
            event
            for sent in telephony_sandbox.delivered()
            for event in webhooks.parse(
                provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
            )
        ]

    return events


def test_ended_is_what_the_webhook_says(provider, placed, delivered, telephony_sandbox):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    second = provider.place_call(NUMBER, PERSON)
    third = provider.place_call(NUMBER, PERSON)
    present = provider.get_call(second)
    provider.end_call(third)
    telephony_sandbox.advance("livekit", RINGS + TALKS)

    found = delivered()
    started = {event.call.id: event.call for event in found if event.type == "call_started"}
    ended = {event.call.id: event.call for event in found if event.type == "call_ended"}
    reported = started[second.id].model_dump(exclude={"raw"})
    assert reported == present.model_dump(exclude={"raw"})
    assert started[second.id].raw["room"] == present.raw["room"]
    over = ended[second.id]
    assert (over.status, over.reason) == (CallStatus.COMPLETED, "CLIENT_INITIATED")
    assert over.ended_at - over.started_at == timedelta(seconds=RINGS + TALKS)
    assert (ended[third.id].status, ended[third.id].reason) == (
        CallStatus.CANCELED, "PARTICIPANT_REMOVED",
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "failed"])
def test_a_call_that_is_not_answered_ends_as_that(
    provider, sandbox, delivered, telephony_sandbox, outcome
):
    provider.import_number(NUMBER, source=CARRIER, assign_to="reception")
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    sandbox.state.calls.outcomes.append(CallStatus(outcome))
    provider.place_call(NUMBER, PERSON)
    telephony_sandbox.advance("livekit", RINGS)
    ended = [event.call for event in delivered() if event.type == "call_ended"]
    assert {call.status for call in ended} == {outcome}


def test_a_call_whose_response_was_lost_is_found_in_its_room(provider, telephony_sandbox):
    provider.import_number(NUMBER, source=CARRIER, assign_to="reception")
    telephony_sandbox.fail(Fault(kind="lost", path="CreateSIPParticipant"))

    call = provider.place_call(NUMBER, PERSON)

    assert [entry.id for entry in telephony_sandbox.ledger("livekit", "call")] == [call.id]
    assert (call.agent, call.recipient) == ("reception", PERSON)


def test_a_call_into_a_room_of_others_is_not_taken_for_theirs(
    provider, plant_person, telephony_sandbox
):
    provider.import_number(NUMBER, source=CARRIER, assign_to=Room("lobby"))
    plant_person("lobby", "sip_1", of_a_call("SCL_theirs"))
    telephony_sandbox.fail(Fault(kind="lost", path="CreateSIPParticipant"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.place_call(NUMBER, PERSON)

    assert "lobby" in caught.value.hint
    assert "list_calls" in caught.value.hint


def test_a_call_that_ends_by_itself_while_it_is_ended_was_not_canceled(
    provider, placed, telephony_sandbox
):
    gone = '{"code": "not_found", "msg": "participant does not exist"}'
    telephony_sandbox.fail(Fault(kind="status", status=404, body=gone, path="RemoveParticipant"))
    ended = provider.end_call(placed)
    assert (ended.status, ended.reason) == (CallStatus.NO_ANSWER, None)


def test_metadata_cannot_pass_for_what_livekit_says(provider, placed, telephony_sandbox):
    before = len(telephony_sandbox.ledger("livekit", "call"))
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(NUMBER, PERSON, metadata={"sip.callID": "SCL_other"})
    assert caught.value.argument == "metadata"
    assert len(telephony_sandbox.ledger("livekit", "call")) == before


def test_rooms_for_calls_are_asked_before_others(provider, placed, plant_person, telephony_sandbox):
    for nth in range(20):
        plant_person(f"meeting-{nth}", "somebody", {}, "standard")
    before = len(telephony_sandbox.requests("livekit"))
    assert provider.get_call(placed).id == placed.id
    assert len(telephony_sandbox.requests("livekit")) - before == 2


def test_who_calls_may_be_hidden(provider, plant_person):
    hidden = of_a_call("SCL_hidden")
    del hidden["sip.trunkPhoneNumber"], hidden["sip.phoneNumber"]
    plant_person("call-1", "sip_hidden", hidden)

    (call,) = provider.list_calls()
    assert (call.number, call.sender, call.recipient) == (None, None, None)
    assert list(provider.list_calls(NUMBER)) == []
    assert provider.end_call(call).id == "SCL_hidden"


def test_words_and_reasons_are_all_known():
    assert tuple(models.DisconnectReason.keys()) == REASONS
    reached = CallStatus.IN_PROGRESS
    known = {reason: ended_as(reason, reached) for reason in REASONS}
    assert {reason for reason, status in known.items() if status is CallStatus.UNKNOWN} == {
        "UNKNOWN_REASON"
    }


# --- Its own SDK ---------------------------------------------------------------------------------


def test_the_sdk_sends_the_same_requests(provider, placed, telephony_sandbox):
    settings = telephony_sandbox.settings("livekit")
    provider.get_call(placed)
    provider.end_call(placed)
    kinds = {
        "CreateSIPParticipant": sip.CreateSIPParticipantRequest,
        "ListRooms": room.ListRoomsRequest,
        "ListParticipants": room.ListParticipantsRequest,
        "RemoveParticipant": room.RoomParticipantIdentity,
    }

    def since(start):
        found = []
        for request in telephony_sandbox.requests("livekit")[start:]:
            kind = kinds.get(request.path.rpartition("/")[2])
            if kind is not None:
                binary = "protobuf" in request.headers["content-type"]
                content = request.content
                message = kind.FromString(content) if binary else as_message(kind, content)
                found.append((request.path, message))
        return found

    ours = since(0)
    start = len(telephony_sandbox.requests("livekit"))
    dialled = ours[0][1]

    async def use():
        login = settings["base_url"], settings["api_key"], settings["api_secret"]
        async with api.LiveKitAPI(*login) as livekit:
            again = await livekit.sip.create_sip_participant(
                sip.CreateSIPParticipantRequest(
                    sip_trunk_id=dialled.sip_trunk_id,
                    sip_call_to=PERSON,
                    sip_number=NUMBER,
                    room_name=dialled.room_name,
                    participant_attributes={"ticket": "88"},
                    ringing_timeout={"seconds": 17, "nanos": 500_000_000},
                )
            )
            there = room.ListParticipantsRequest(room=dialled.room_name)
            for _ in range(2):
                await livekit.room.list_rooms(room.ListRoomsRequest())
                (who,) = (await livekit.room.list_participants(there)).participants
            assert who.attributes["sip.callID"] == again.sip_call_id
            await livekit.room.remove_participant(
                room.RoomParticipantIdentity(room=dialled.room_name, identity=who.identity)
            )

    asyncio.run(use())
    assert since(start) == ours


def as_message(kind, content):
    from google.protobuf.json_format import ParseDict

    return ParseDict(json.loads(content), kind())
