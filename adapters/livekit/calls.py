"""Placing a call: an agent is sent into a new room, then the room dials."""

from __future__ import annotations

import uuid

from livekit.protocol.agent_dispatch import CreateAgentDispatchRequest
from livekit.protocol.sip import CreateSIPParticipantRequest

from telephony.errors import (
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
    UnavailableError,
)
from telephony.model import Agent, Call, CallStatus, Room
from telephony.wire import Json, Operation, Options, Safety, merged

from . import wire
from .twirp import Twirp, as_json
from .wire import Held

_NO_BRIDGE = "no response from servers"


def place(
    twirp: Twirp, number: Held, to: str, agent: str | None, provider: str, options: Options
) -> Operation[Call]:
    """Call `to` from a number, once. The agent is there before anybody can answer."""
    if not number.outbound:
        raise InvalidRequestError(
            "No outbound trunk carries the number.",
            argument="number",
            hint="Import it once more with inbound=False and source=SipTrunk(address=…).",
        )
    speaker, room = _meeting(number, agent, options)
    body = CreateSIPParticipantRequest(
        sip_trunk_id=number.outbound[0].id,
        sip_call_to=to,
        sip_number=number.number,
        room_name=room,
    )
    dispatch = None if speaker is None else (yield from _send_agent(twirp, speaker, room))
    try:
        response = yield twirp.dial(merged(as_json(body), options))
        placed = wire.stored(wire.Participant, response, response.json())
    except OutcomeUnknownError as lost:
        if _NO_BRIDGE not in lost.message:
            lost.hint = f"It may be ringing: see who is in room {room} before you call again."
            raise
        # Offered to the bridges and taken by none, so it certainly was not placed.
        left = yield from _called_back(twirp, room, dispatch)
        raise UnavailableError(
            "No SIP bridge took the call: it was not placed",
            hint=f"Start livekit-sip on the Redis that the server uses. {left}".strip(),
            status=lost.status,
            code=lost.code,
            attempts=lost.attempts,
            retry_safe=True,
            raw=lost.raw,
        ) from lost
    except ProviderError as refused:
        left = yield from _called_back(twirp, room, dispatch)
        refused.hint = f"{refused.hint} {left}".strip()
        raise
    answered = bool(options.get("wait_until_answered"))
    return Call(
        id=placed.id,
        provider=provider,
        number=number.number,
        sender=number.number,
        recipient=to,
        status=CallStatus.IN_PROGRESS if answered else CallStatus.QUEUED,
        agent=speaker,
        raw=placed.raw,
    )


def _meeting(number: Held, agent: str | None, options: Options) -> tuple[str | None, str]:
    """Who is to speak with whom is called, and in which room."""
    chosen = options.get("room_name")
    if isinstance(chosen, str):
        return agent, chosen
    target = wire.target_of(wire.answering(number.rules))
    if agent is None and isinstance(target, Room):
        return None, target.name
    if agent is None and isinstance(target, Agent):
        agent = target.id
    if agent is None:
        raise InvalidRequestError(
            "Nobody would speak: the number has no agent.",
            argument="agent",
            hint="Give `agent`, assign the number to one, or call into a room with "
            "options={'room_name': …}.",
        )
    return agent, f"{wire.ROOM_PREFIX}{uuid.uuid4().hex}"


def _send_agent(twirp: Twirp, agent: str, room: str) -> Operation[str]:
    """Let an agent join a room, which opens it; returns the id of that dispatch."""
    body = as_json(CreateAgentDispatchRequest(agent_name=agent))
    try:
        response = yield twirp.dispatch("CreateDispatch", room, body, Safety.UNSAFE)
        return wire.stored(wire.Dispatch, response, response.json()).id
    except OutcomeUnknownError as lost:
        lost.hint = f"Nobody was called. The agent may wait in room {room}, which soon closes."
        raise


def _called_back(twirp: Twirp, room: str, dispatch: str | None) -> Operation[str]:
    """Call back an agent that would wait in vain; returns what is left to say of it."""
    if dispatch is None:
        return ""
    body: Json = {"dispatch_id": dispatch}
    try:
        yield twirp.dispatch("DeleteDispatch", room, body, Safety.IDEMPOTENT)
    except ProviderError:
        return f"The agent may still wait in room {room}."
    return ""
