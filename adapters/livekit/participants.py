"""A call at LiveKit: a participant of the kind SIP, in a room.

LiveKit keeps nothing of it when it is over: only webhooks report how it ended.
Source: docs.livekit.io/reference/telephony/sip-participant, the protobuf definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import JsonValue

from telephony.model import Call, CallStatus, Direction
from telephony.raw import parsed, with_raw
from telephony.reading import EARLIEST, Body, Id, Rows, Time, moment, read, rows
from telephony.wire import Response

from .bodies import normalized
from .dispatch_rules import ROOM_PREFIX

_SIP = ("SIP", 3)
_STATUS: Mapping[str, CallStatus] = {
    "dialing": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "automation": CallStatus.IN_PROGRESS,
    "active": CallStatus.IN_PROGRESS,
    "hangup": CallStatus.COMPLETED,
}
# Of a call that is over: it rang, or never came that far.
_UNANSWERED: Mapping[CallStatus, CallStatus] = {
    CallStatus.QUEUED: CallStatus.FAILED,
    CallStatus.RINGING: CallStatus.NO_ANSWER,
}
# Why a participant left its room, in the order of LiveKit's numbers for it.
REASONS = (
    "UNKNOWN_REASON", "CLIENT_INITIATED", "DUPLICATE_IDENTITY", "SERVER_SHUTDOWN",
    "PARTICIPANT_REMOVED", "ROOM_DELETED", "STATE_MISMATCH", "JOIN_FAILURE", "MIGRATION",
    "SIGNAL_CLOSE", "ROOM_CLOSED", "USER_UNAVAILABLE", "USER_REJECTED", "SIP_TRUNK_FAILURE",
    "CONNECTION_TIMEOUT", "MEDIA_FAILURE", "AGENT_ERROR",
)  # fmt: skip
# By whoever may manage the room: `end_call`, for one.
_REMOVED = frozenset({"PARTICIPANT_REMOVED", "ROOM_DELETED"})
_ENDS: Mapping[str, CallStatus] = {
    "UNKNOWN_REASON": CallStatus.UNKNOWN,
    "USER_UNAVAILABLE": CallStatus.NO_ANSWER,
    "USER_REJECTED": CallStatus.BUSY,
    "SIP_TRUNK_FAILURE": CallStatus.FAILED,
    "CONNECTION_TIMEOUT": CallStatus.FAILED,
    "MEDIA_FAILURE": CallStatus.FAILED,
    "JOIN_FAILURE": CallStatus.FAILED,
}
# Whoever is listed for a moment after leaving.
_GONE = ("DISCONNECTED", 3)


class Participant(Body, kw_only=True):
    """Somebody in a room."""

    kind: str | int | None = None
    attributes: dict[str, object] | None = None
    joined_at: Time = None

    def attribute(self, name: str) -> str:
        value = (self.attributes or {}).get(name)
        return value if isinstance(value, str) else ""

    @property
    def call_id(self) -> str | None:
        """The id of the call, where there is one."""
        return self.attribute("sip.callID") or None if self.kind in _SIP else None

    @property
    def status(self) -> CallStatus:
        """How far the call has got."""
        return _STATUS.get(self.attribute("sip.callStatus"), CallStatus.UNKNOWN)

    def call(self, provider: str, call_id: str, status: CallStatus, room: str, raw: bytes) -> Call:
        """Return the call with this id; `raw` is the participant's JSON."""
        # As the carrier writes them, often without a "+"; neither where the rule hides them.
        number = normalized(self.attribute("sip.trunkPhoneNumber")) or None
        other = normalized(self.attribute("sip.phoneNumber")) or None
        # Only calls that come in meet a dispatch rule.
        inbound = bool(self.attribute("sip.ruleID"))
        call = Call(
            id=call_id,
            provider=provider,
            number=number,
            sender=other if inbound else number,
            recipient=number if inbound else other,
            direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
            status=status,
            started_at=moment_of(self.joined_at),
        )
        return with_raw(call, partial(_raw, room, raw))


def moment_of(time: Time) -> datetime | None:
    """Return a time; zero is LiveKit's way to leave one out."""
    return None if time in (0, "0") else moment(time)


def ended_as(reason: str, reached: CallStatus) -> CallStatus:
    """Return how a call ended that left the room for a reason, having got so far."""
    if reason not in REASONS:
        return CallStatus.UNKNOWN
    # The attributes are those of the last moment: who answered is active, or has hung up.
    answered = _UNANSWERED.get(reached, CallStatus.COMPLETED)
    if reason in _REMOVED and reached in _UNANSWERED:
        return CallStatus.CANCELED
    ended = _ENDS.get(reason, answered)
    return answered if ended is CallStatus.UNKNOWN and reached in _UNANSWERED else ended


def _raw(room: str, participant: bytes) -> JsonValue:
    return {"room": room, "participant": parsed(participant)}


class _Listed(Participant, kw_only=True):
    # What it is taken out of the room by.
    identity: Id
    state: str | int | None = None


class _Room(Body):
    name: Id
    creation_time: Time = None


class _Rooms(Body):
    rooms: Rows = None


class _Participants(Body):
    participants: Rows = None


def rooms(response: Response) -> list[str]:
    """Return the names of the open rooms, likely ones first: for calls alone, and the newest."""
    found = rows(_Room, read(_Rooms, response.content, response).rooms, response)
    return [room.name for room, _ in sorted(found, key=_likely, reverse=True)]


@dataclass(frozen=True, slots=True)
class Present:
    """A call that is in a room now."""

    room: str
    identity: str
    call: Call


def calls(response: Response, room: str, provider: str) -> list[Present]:
    """Return the calls that are in a room."""
    people = read(_Participants, response.content, response).participants
    return [
        Present(room, who.identity, who.call(provider, who.call_id, who.status, room, raw))
        for who, raw in rows(_Listed, people, response)
        if who.call_id is not None and who.state not in _GONE
    ]


def _likely(row: tuple[_Room, bytes]) -> tuple[bool, datetime]:
    room, _ = row
    return room.name.startswith(ROOM_PREFIX), moment_of(room.creation_time) or EARLIEST
