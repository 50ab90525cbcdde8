"""Calls: placed by the route of the number's provider, and kept as conversations."""

from __future__ import annotations

import math
from datetime import datetime
from functools import partial

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import sound
from telephony.sandbox.endpoints import Endpoint
from telephony.sandbox.vendor import Json

from . import webhooks
from .account import Account, Held
from .input import ConversationList, NewCall, page, reader
from .refusals import invalid, missing, refusal

_KINDS = {"twilio": "twilio", "sip_trunk": "sip_trunking", "exotel": "exotel"}
_IDS = {"twilio": "callSid", "sip_trunk": "sip_call_id", "exotel": "callSid"}
_RESULTS = {
    CallStatus.COMPLETED: "answered",
    CallStatus.BUSY: "busy",
    CallStatus.NO_ANSWER: "no_answer",
}
_ROLES = {Speaker.AGENT: "agent", Speaker.CALLER: "user"}


def placing(provider: str) -> Endpoint[Account]:
    """Return the route of a provider, which takes its own numbers only."""
    return partial(_place, provider)


async def _place(provider: str, account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCall, request)
    number = account.numbers.find(wanted.agent_phone_number_id)
    account.agents.find(wanted.agent_id)
    if number["provider"] != provider:
        message = f"This number cannot be used with {provider}: delete and re-create it."
        raise refusal(400, "invalid_provider_config", message)
    if not number["supports_outbound"]:
        raise invalid("The phone number does not support outbound calls.")
    if account.refused:
        refused = account.refused.pop(0)
        nothing: Json = {
            "success": False, "message": refused, "conversation_id": None, _IDS[provider]: None,
        }  # fmt: skip
        return JSONResponse(nothing)
    data = wanted.conversation_initiation_client_data
    id_ = account.state.id("conv_", 26)

    def ended() -> None:
        webhooks.ended(account, account.calls[id_], detail(account, account.calls[id_]))

    call = Held(
        id=id_,
        agent=wanted.agent_id,
        number=number,
        other=wanted.to_number,
        direction="outbound",
        data=data.model_dump() if data else {},
        carriers_id=account.state.id("CA", 32),
        played=account.state.calls.place(on_ended=ended),
    )
    account.calls[id_] = call
    account.state.record("call", id_, str(number["phone_number"]))
    placed: Json = {
        "success": True,
        "message": "Call placed",
        "conversation_id": id_,
        _IDS[provider]: call.carriers_id,
    }
    return JSONResponse(placed)


def receive(account: Account, number: Json, agent: str, sender: str) -> str:
    """Let a number receive a call; return its id."""

    def ended() -> None:
        webhooks.ended(account, call, detail(account, call))

    call = Held(
        id=account.state.id("conv_", 26),
        agent=agent,
        number=number,
        other=sender,
        direction="inbound",
        data={"dynamic_variables": {}},
        carriers_id=account.state.id("CA", 32),
        played=account.state.calls.receive(on_ended=ended),
    )
    account.calls[call.id] = call
    call.played.report()
    return call.id


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(ConversationList, request)
    numbers = request.query_params.getlist("phone_number_ids")
    variables = request.query_params.getlist("dynamic_variable_params")
    found = [
        _summary(account, call)
        for call in sorted(
            account.calls.values(), key=lambda call: call.played.began_at, reverse=True
        )
        if (not numbers or call.number["phone_number_id"] in numbers)
        and wanted.agent_id in (None, call.agent)
        and all(_has(call, variable) for variable in variables)
        and (wanted.call_start_after_unix or 0) < _unix(call.played.began_at)
        and _unix(call.played.began_at) < (wanted.call_start_before_unix or math.inf)
    ]
    return JSONResponse(page(found, request, wanted.page_size, "conversations"))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(detail(account, account.calls.find(request.path_params["id"])))


async def audio(account: Account, request: Request) -> Response:
    call = account.calls.find(request.path_params["id"])
    if not _recorded(call):
        raise missing("audio")
    return Response(sound(), media_type="audio/wav")


def detail(account: Account, call: Held) -> Json:
    """Return a conversation as it is shown alone."""
    played = call.played
    kind = str(call.number["provider"])
    answered = played.answered_at
    line: Json = {
        "type": _KINDS[kind],
        "direction": call.direction,
        "phone_number_id": call.number["phone_number_id"],
        "agent_number": call.number["phone_number"],
        "external_number": call.other,
        "call_result": _RESULTS.get(played.status, "failed") if played.ended else None,
        "call_sid": call.carriers_id,
        "stream_sid": "MZ1",
    }
    transcript: list[JsonValue] = [
        {
            "role": _ROLES[turn.speaker],
            "message": turn.text,
            "time_in_call_secs": _seconds(call, turn.at),
            "tool_calls": [],
            "tool_results": [],
        }
        for turn in played.turns
    ]
    return {
        "agent_id": call.agent,
        "agent_name": account.agents[call.agent],
        "conversation_id": call.id,
        "status": _status(call),
        "transcript": transcript,
        "metadata": {
            "start_time_unix_secs": _unix(played.began_at),
            "accepted_time_unix_secs": _unix(answered) if answered else None,
            "call_duration_secs": int(played.duration.total_seconds()),
            "termination_reason": _reason(call),
            "phone_call": line,
            "conversation_initiation_source": kind,
        },
        "analysis": None,
        "has_audio": _recorded(call),
        "has_user_audio": _recorded(call),
        "has_response_audio": _recorded(call),
        "has_auxiliary_audio": False,
        "conversation_initiation_client_data": call.data,
    }


def _summary(account: Account, call: Held) -> Json:
    return {
        "agent_id": call.agent,
        "agent_name": account.agents[call.agent],
        "conversation_id": call.id,
        "start_time_unix_secs": _unix(call.played.began_at),
        "call_duration_secs": int(call.played.duration.total_seconds()),
        "message_count": len(call.played.turns),
        "status": _status(call),
        "call_successful": "unknown",
        "direction": call.direction,
        "termination_reason": _reason(call),
        "conversation_initiation_source": call.number["provider"],
    }


def _status(call: Held) -> str:
    played = call.played
    if not played.ended:
        return "in-progress" if played.answered else "initiated"
    return "done" if played.status is CallStatus.COMPLETED else "failed"


def _reason(call: Held) -> str | None:
    played = call.played
    if not played.ended:
        return None
    return "Call ended by remote party" if played.answered else "Call was not answered"


def _recorded(call: Held) -> bool:
    return call.played.answered and call.played.ended


def _has(call: Held, filtered: str) -> bool:
    """Return whether a call carries a variable, ``name:eq:value``."""
    name, operator, value = filtered.split(":", 2)
    if operator != "eq":
        raise invalid("The sandbox compares with eq only.")
    variables = call.data.get("dynamic_variables")
    return isinstance(variables, dict) and variables.get(name) == value


def _seconds(call: Held, at: datetime | None) -> int:
    return int((at - call.played.began_at).total_seconds()) if at else 0


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
