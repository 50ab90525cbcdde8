"""Placing a call: an agent is sent into a new room, then the room dials.

Source: docs.livekit.io/sip/making-calls and livekit-server 1.13.5.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
    UnavailableError,
    reclassified,
)
from telephony.model import Agent, Call, CallStatus, Room
from telephony.raw import with_raw
from telephony.reading import read
from telephony.wire import Json, Operation, Options, Safety, merged, reconciled

from . import bodies
from .dispatch_rules import ROOM_PREFIX, answering, target_of
from .live_calls import in_room
from .trunk_numbers import TrunkNumber
from .twirp import Twirp

# Metadata and LiveKit's own facts share the attributes of a participant.
_RESERVED = ("sip.", "lk.")
_NO_BRIDGE = "no response from servers"
# How long it rings by default, as in LiveKit's SDK, and how much longer the response to a waiting
# request may take.
_RINGING, _LONGER = 30.0, 5.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s?", re.ASCII)


def place(
    twirp: Twirp,
    number: TrunkNumber,
    to: str,
    *,
    agent: str | None,
    metadata: Mapping[str, str],
    timeout: float | None,
    provider: str,
    options: Options,
) -> Operation[Call]:
    """Call `to` from a number, once. The agent is in the room before the call is answered."""
    if not number.outbound:
        raise InvalidRequestError(
            "No outbound trunk carries the number.",
            argument="number",
            hint="Import it once more with inbound=False and source=SipTrunk(address=…).",
        )
    if any(name.startswith(_RESERVED) for name in metadata):
        raise InvalidRequestError(
            "`metadata` has a name that begins with `sip.` or `lk.`, as LiveKit's own do.",
            argument="metadata",
            hint="Choose another name.",
        )
    speaker, room = _meeting(number, agent, options)
    body: Json = {
        "sip_trunk_id": number.outbound[0].id,
        "sip_call_to": to,
        "sip_number": number.number,
        "room_name": room,
        "participant_attributes": {**metadata} or None,
        "ringing_timeout": None if timeout is None else duration(timeout),
    }
    request_body = merged(body, options)
    waits, ringing = options.get("wait_until_answered") is True, _ringing(request_body)
    if waits:
        request_body["ringing_timeout"] = duration(ringing)
    dispatch = None if speaker is None else (yield from _send_agent(twirp, speaker, room))
    try:
        response = yield twirp.dial(request_body, ringing + _LONGER if waits else 0.0)
        placed = read(bodies.Placed, response.content, response)
    except OutcomeUnknownError as lost:
        failed = _certain_failure(lost)
        if failed is None:
            lost.hint = (
                f"It may be ringing: look in list_calls(number) for room {room} before you call "
                "again."
            )
            if speaker is not None and "room_name" not in options:
                # Opened for this call alone: who is in it was called now.
                for one in (yield from reconciled(in_room(twirp, room, provider), lost)):
                    return one.call.model_copy(update={"agent": speaker})
            raise
        left = yield from _cancel_dispatch(twirp, room, dispatch)
        failed.hint = f"{failed.hint} {left}".strip()
        raise failed from None
    except ProviderError as refused:
        left = yield from _cancel_dispatch(twirp, room, dispatch)
        refused.hint = f"{refused.hint} {left}".strip()
        raise
    made = Call(
        id=placed.id,
        provider=provider,
        number=number.number,
        sender=number.number,
        recipient=to,
        status=CallStatus.IN_PROGRESS if waits else CallStatus.QUEUED,
        agent=speaker,
    )
    return with_raw(made, response.content)


def _certain_failure(lost: OutcomeUnknownError) -> ProviderError | None:
    """Return the error of a call that certainly failed; None if it may have been placed.

    LiveKit uses statuses for it that usually leave the outcome unknown.
    """
    said = lost.__cause__
    # How long it rang, or what the carrier answered.
    if isinstance(said, ConflictError):
        return said
    if _NO_BRIDGE not in lost.message:
        return None
    # Offered to the bridges and taken by none.
    return reclassified(
        lost,
        UnavailableError,
        "No SIP bridge took the call: it was not placed",
        hint="Start livekit-sip on the Redis that the server uses.",
        retry_safe=True,
    )


def duration(seconds: float) -> str:
    """Return a duration as protobuf writes it."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _ringing(body: Json) -> float:
    """Return how many seconds the call may ring."""
    given = body.get("ringing_timeout", _RINGING)
    match = _DURATION.fullmatch(str(given))
    if match is None:
        raise InvalidRequestError(
            "`ringing_timeout` is not a duration.",
            argument="options",
            hint="Write it like '45s'.",
        )
    return float(match[1])


def _meeting(number: TrunkNumber, agent: str | None, options: Options) -> tuple[str | None, str]:
    """Return the agent that is to speak, if any, and the room of the call."""
    chosen = options.get("room_name")
    if isinstance(chosen, str):
        return agent, chosen
    target = target_of(answering(number.rules))
    if agent is None and isinstance(target, Room):
        return None, target.name
    if agent is None and isinstance(target, Agent):
        agent = target.id
    if agent is None:
        raise InvalidRequestError(
            "No agent would speak: the number has none.",
            argument="agent",
            hint="Give `agent`, assign the number to one, or call into a room with "
            "options={'room_name': …}.",
        )
    return agent, f"{ROOM_PREFIX}{uuid.uuid4().hex}"


def _send_agent(twirp: Twirp, agent: str, room: str) -> Operation[str]:
    """Send an agent into a room, which opens it; return the id of that dispatch."""
    body: Json = {"agent_name": agent}
    try:
        response = yield twirp.dispatch("CreateDispatch", room, body, Safety.UNSAFE)
        return read(bodies.Dispatch, response.content, response).id
    except OutcomeUnknownError as lost:
        lost.hint = f"No call was placed. The agent may wait in room {room}, which soon closes."
        raise


def _cancel_dispatch(twirp: Twirp, room: str, dispatch: str | None) -> Operation[str]:
    """Cancel the dispatch of an agent after a failed call; return a hint if that fails too."""
    if dispatch is None:
        return ""
    body: Json = {"dispatch_id": dispatch}
    try:
        yield twirp.dispatch("DeleteDispatch", room, body, Safety.IDEMPOTENT)
    except ProviderError:
        return f"The agent may still wait in room {room}."
    return ""
