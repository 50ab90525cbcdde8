"""ElevenLabs's calls: placed at most once, listed, and what was said in them.

Source: SDK 2.78.0 (twilio, sip_trunk, exotel, conversations); elevenlabs-mcp#40 for the routes.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import datetime

from telephony import recordings
from telephony.errors import InvalidRequestError, NotFoundError, OutcomeUnknownError
from telephony.model import Agent, Call, CallStatus, PhoneNumber, Recording, Transcript
from telephony.raw import with_raw
from telephony.reading import Body, Id, is_between, read
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Response,
    merged,
    path,
    reconciled,
    unreadable,
)

from . import conversations, paging
from .conversations import MARK

_CONVERSATIONS = "/v1/convai/conversations"
_CONVERSATION = f"{_CONVERSATIONS}/{{}}"
# The route is the one of the number's provider: another one is refused.
_ROUTES = {
    "twilio": "/v1/convai/twilio/outbound-call",
    "sip_trunk": "/v1/convai/sip-trunk/outbound-call",
    "exotel": "/v1/convai/exotel/outbound-call",
}


class _Placed(Body):
    success: bool | None = None
    message: str | None = None
    conversation_id: Id | None = None


# --- Placed --------------------------------------------------------------------------------------


def place(
    number: PhoneNumber,
    to: str,
    *,
    agent: str | None,
    metadata: Mapping[str, str],
    timeout: float | None,
    key: str | None,
    options: Options,
) -> Operation[Call]:
    """Call at most once: a variable of ours finds the call if the response is lost."""
    speaker = agent or (number.assignment.id if isinstance(number.assignment, Agent) else None)
    if speaker is None:
        raise InvalidRequestError(
            "The number has no agent to speak with.",
            argument="agent",
            hint="Give `agent`, or assign the number to one.",
        )
    kind = number.carrier.kind if number.carrier else ""
    if kind not in _ROUTES:
        raise InvalidRequestError(
            f"ElevenLabs has no known way to place calls from a number of the kind {kind!r}.",
            argument="number",
            hint="Call from a number of Twilio's, Exotel's or a SIP trunk's.",
        )
    if key is not None and (earlier := (yield from _marked(number, key))):
        return earlier
    wanted: Json = {
        "agent_id": speaker,
        "agent_phone_number_id": number.id,
        "to_number": to,
        "telephony_call_config": (
            None if timeout is None else {"ringing_timeout_secs": math.ceil(timeout)}
        ),
    }
    mark = key or uuid.uuid4().hex[:12]
    body = _with_variables(merged(wanted, options), {**metadata, MARK: mark})
    try:
        response = yield Request.post(_ROUTES[kind], body)
        return _placed(response, number, to, speaker)
    except OutcomeUnknownError as lost:
        found = yield from reconciled(_marked(number, mark), lost)
        if found is None:
            raise
        return found


def _with_variables(body: Json, variables: Mapping[str, str]) -> Json:
    """Return a body with dynamic variables, beside what else the call starts with."""
    name = "conversation_initiation_client_data"
    data = body.get(name)
    data = data if isinstance(data, dict) else {}
    others = data.get("dynamic_variables")
    others = others if isinstance(others, dict) else {}
    return {**body, name: {**data, "dynamic_variables": {**others, **variables}}}


def _placed(response: Response, number: PhoneNumber, to: str, agent: str) -> Call:
    """Return the call, unless a status of success comes with a refusal."""
    found = read(_Placed, response.content, response)
    if found.success is False:
        raise InvalidRequestError(
            found.message or "ElevenLabs says that it did not place the call",
            hint=(
                "No call was placed: see what the message says."
                if number.raw.get("supports_outbound") is not False
                else "This number receives calls only: call from another one."
            ),
            status=response.status,
            attempts=response.attempts,
        )
    if found.conversation_id is None:
        raise unreadable(response, "The response has no usable conversation_id")
    call = Call(
        id=found.conversation_id,
        provider=number.provider,
        number=number.number,
        sender=number.number,
        recipient=to,
        status=CallStatus.QUEUED,
        agent=agent,
    )
    return with_raw(call, response.content)


def _marked(number: PhoneNumber, mark: str) -> Operation[Call | None]:
    """Return the call of a number that carries this mark, its only proof."""
    params = [
        ("phone_number_ids", number.id),
        ("dynamic_variable_params", f"{MARK}:eq:{mark}"),
        ("page_size", str(paging.LARGEST)),
    ]
    for id_ in conversations.ids((yield Request("GET", _CONVERSATIONS, params=params))):
        response = yield Request.get(path(_CONVERSATION, id_))
        if conversations.conversation(response).mark == mark:
            return conversations.call(response, number.provider)
    return None


# --- Read ----------------------------------------------------------------------------------------


def listed(
    number: PhoneNumber | None,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Call]:
    """List the calls of a number, or of all.

    Whether the vendor's bounds are part of its period is not documented: it is asked for a second
    more at either end.
    """
    params = [("page_size", str(paging.size(limit)))]
    if number is not None:
        params.append(("phone_number_ids", number.id))
    if after is not None:
        params.append(("call_start_after_unix", str(math.floor(after.timestamp()) - 1)))
    if before is not None:
        params.append(("call_start_before_unix", str(math.ceil(before.timestamp()) + 1)))
    own = number.number if number is not None else None

    return paging.pages(
        _CONVERSATIONS,
        params,
        lambda response: conversations.call_page(response, provider, own),
        id_of=lambda call: call.id,
        wanted=lambda call: is_between(call.started_at, after, before),
    )


def get(call: str, provider: str) -> Operation[Call]:
    return conversations.call((yield Request.get(path(_CONVERSATION, call))), provider)


def transcript(call: str, provider: str) -> Operation[Transcript]:
    return conversations.transcript((yield Request.get(path(_CONVERSATION, call))), provider)


def recording(call: str, provider: str) -> Operation[Recording]:
    """Fetch the recording, where the conversation says that there is one."""
    response = yield Request.get(path(_CONVERSATION, call))
    if conversations.conversation(response).has_audio is False:
        raise NotFoundError(
            "ElevenLabs has no recording of this call",
            hint="It is there some time after the call, if the agent's privacy settings keep it.",
        )
    request = Request.get(path(f"{_CONVERSATION}/audio", call))
    return (yield from recordings.fetched(request, call, provider))
