"""Rooms, and who is in them: of the sandbox's making, only calls."""

from __future__ import annotations

from livekit.protocol import models, room

from telephony.enums import CallStatus

from .account import Account, SipParticipant
from .refusals import WRAPPED, missing

_WORDS = {CallStatus.RINGING: "ringing", CallStatus.IN_PROGRESS: "active"}


def listed(account: Account, request: room.ListRoomsRequest) -> room.ListRoomsResponse:
    """List the rooms that somebody is in, or that wait for their first call."""
    here: dict[str, list[SipParticipant]] = {one.room: [] for one in account.dispatches.values()}
    for one in account.participants.values():
        here.setdefault(one.room, []).append(one)
    found = [
        models.Room(
            name=name,
            creation_time=min((one.info.joined_at for one in calls), default=0),
            num_participants=sum(one.present() for one in calls),
        )
        for name, calls in here.items()
        if (not calls or any(one.present() for one in calls)) and name in (request.names or (name,))
    ]
    return room.ListRoomsResponse(rooms=found)


def participants(
    account: Account, request: room.ListParticipantsRequest
) -> room.ListParticipantsResponse:
    found = [
        shown(one)
        for one in account.participants.values()
        if one.room == request.room and one.present()
    ]
    return room.ListParticipantsResponse(participants=found)


def remove(
    account: Account, request: room.RoomParticipantIdentity
) -> room.RemoveParticipantResponse:
    found = find(account, request.room, request.identity)
    found.played.end()
    account.state.record("end", found.info.attributes["sip.callID"])
    return room.RemoveParticipantResponse()


def find(account: Account, name: str, identity: str) -> SipParticipant:
    found = account.participants.get((name, identity))
    if found is None or not found.present():
        raise missing(f"{WRAPPED}participant does not exist")
    return found


def shown(one: SipParticipant) -> models.ParticipantInfo:
    """Return a participant as it is now; one that has left, as it was at the end."""
    who = models.ParticipantInfo()
    who.CopyFrom(one.info)
    if one.played.ended:
        who.attributes["sip.callStatus"] = "hangup" if one.played.answered else "ringing"
    else:
        who.attributes["sip.callStatus"] = _WORDS[one.played.status]
    return who
