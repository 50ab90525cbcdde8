"""The calls that are under way: listing, finding and ending them.

LiveKit has no list of calls: each room is asked who is in it, and whoever has left is forgotten.
Source: docs.livekit.io/home/server/managing-participants and livekit-server 1.13.5.
"""

from __future__ import annotations

import re
from datetime import datetime

from telephony.errors import NotFoundError
from telephony.model import Call, Direction
from telephony.reading import EARLIEST
from telephony.wire import Batch, Json, Listing, Operation, Safety, deleted

from . import participants
from .participants import Present
from .twirp import Twirp

_ID = re.compile(r"SCL_\w+", re.ASCII)
_REMOVED, _UNKNOWN = "PARTICIPANT_REMOVED", "UNKNOWN_REASON"


def listed(
    twirp: Twirp, number: str | None, after: datetime | None, before: datetime | None, provider: str
) -> Listing[Call]:
    """List the calls of a number, or all, the newest first."""
    found: list[tuple[datetime, Call]] = []
    for room in (yield from _rooms(twirp)):
        for one in (yield from in_room(twirp, room, provider)):
            at = one.call.started_at or EARLIEST
            mine = number is None or one.call.number == number
            if mine and (after is None or at >= after) and (before is None or at < before):
                found.append((at, one.call))
    found.sort(key=_began, reverse=True)
    yield Batch([call for _, call in found])


def get(twirp: Twirp, call: str, provider: str) -> Operation[Call]:
    """Return a call that is under way.

    Raises:
        NotFoundError: it is over, or never was.
    """
    found = yield from _found(twirp, call, provider)
    if found is None:
        raise NotFoundError(
            "No such call is under way, and LiveKit keeps none that is over",
            hint="Its webhook `participant_left` reports how a call ended: handle CallEnded.",
        )
    return found.call


def end(twirp: Twirp, call: str, provider: str) -> Operation[Call]:
    """Take a call out of its room, which hangs up; one that is over stays so.

    Raises:
        NotFoundError: it is no id of a call.
    """
    found = yield from _found(twirp, call, provider)
    if found is None:
        if _ID.fullmatch(call) is None:
            raise NotFoundError("LiveKit knows no such call", hint="Their ids begin with SCL_.")
        # Of a call that is over, LiveKit keeps nothing else.
        return Call(id=call, provider=provider, number=None, direction=Direction.UNKNOWN)
    reason = _REMOVED
    body: Json = {"identity": found.identity}
    try:
        removed = yield from deleted(
            twirp.room("RemoveParticipant", found.room, body, Safety.IDEMPOTENT)
        )
        if removed is not None:
            removed.object()
    except NotFoundError:
        # It ended by itself meanwhile.
        reason = _UNKNOWN
    # As its webhook reports it.
    status = participants.ended_as(reason, found.call.status)
    said = None if reason is _UNKNOWN else reason
    return found.call.model_copy(update={"status": status, "reason": said})


def in_room(twirp: Twirp, room: str, provider: str) -> Operation[list[Present]]:
    """Return the calls in a room; none if it is closed."""
    try:
        response = yield twirp.room("ListParticipants", room, {}, Safety.READ)
    except NotFoundError:
        return []
    return participants.calls(response, room, provider)


def _rooms(twirp: Twirp) -> Operation[list[str]]:
    return participants.rooms((yield twirp.rooms()))


def _found(twirp: Twirp, call: str, provider: str) -> Operation[Present | None]:
    for room in (yield from _rooms(twirp)):
        for one in (yield from in_room(twirp, room, provider)):
            if one.call.id == call:
                return one
    return None


def _began(found: tuple[datetime, Call]) -> datetime:
    return found[0]
