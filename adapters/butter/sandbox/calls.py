"""Calls: placed and received, listed, with their transcripts and recordings."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import sound
from telephony.sandbox.vendor import Json, iso

from .account import Account, Held
from .input import AgentList, Call, CallList, page, reader
from .refusals import refusal

_STATUSES = {
    CallStatus.IN_PROGRESS: "in-progress",
    CallStatus.NO_ANSWER: "no-answer",
}
_SPEAKERS = {Speaker.AGENT: "assistant", Speaker.CALLER: "user"}
_EVENTS = {Speaker.AGENT: "assistant_response", Speaker.CALLER: "user_transcript"}


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(Call, request)
    held = [n for n in account.numbers.values() if n["phone_number"] == wanted.call_from]
    if not held:
        raise refusal(404, "The phone number to call from is not imported")
    if not held[0]["supports_outbound"]:
        raise refusal(400, "The phone number does not support outbound calls")
    account.agents.find(wanted.agent_id)
    call = Held(
        account.state.id("call_"),
        wanted.call_to,
        wanted.call_from,
        wanted.agent_id,
        "outbound",
        str(held[0]["provider"]),
        account.state.calls.place(),
    )
    account.calls[call.sid] = call
    account.state.record("call", call.sid, wanted.call_from)
    # Documented: the one response without `data` and `message`.
    placed: Json = {
        "success": True,
        "call_sid": call.sid,
        "to": call.to,
        "from": call.sender,
        "agent_id": call.agent,
        # Here the transport; in the other responses the direction.
        "call_type": call.transport,
        "status": "initiated",
    }
    return JSONResponse(placed)


def receive(account: Account, number: Json, sender: str) -> str:
    """Let a number receive a call; return its id."""
    call = Held(
        account.state.id("call_"),
        str(number["phone_number"]),
        sender,
        str(number["assigned_agent_id"]),
        "inbound",
        str(number["provider"]),
        account.state.calls.receive(),
    )
    account.calls[call.sid] = call
    return call.sid


async def listed(account: Account, request: Request) -> Response:
    limit = reader.query(CallList, request).limit
    found = [_summary(account, call) for call in reversed(account.calls.values())]
    return JSONResponse(page(found, request, limit))


async def fetch(account: Account, request: Request) -> Response:
    call = _found(account, request)
    return JSONResponse({"success": True, "data": _detail(account, call)})


async def download(account: Account, request: Request) -> Response:
    call = _found(account, request)
    if not (call.played.answered and call.played.ended):
        raise refusal(404, "Recording not found")
    name = f'attachment; filename="recording_{call.to}.wav"'
    return Response(sound(), headers={"Content-Disposition": name}, media_type="audio/wav")


async def active_agents(account: Account, request: Request) -> Response:
    """Respond with the agents that had calls."""
    limit = reader.query(AgentList, request).limit
    calls: dict[str, list[Held]] = {}
    for call in account.calls.values():
        calls.setdefault(call.agent, []).append(call)
    agents: list[JsonValue] = [
        {
            "agent_id": agent,
            "agent_name": account.agents[agent],
            "total_calls": len(held),
            "total_cost_credits": 0,
            "avg_duration_seconds": sum(map(_seconds, held)) / len(held),
        }
        for agent, held in calls.items()
    ]
    data: Json = {"period": {}, "agents": agents[:limit]}
    return JSONResponse({"success": True, "data": data})


def _found(account: Account, request: Request) -> Held:
    return account.calls.find(request.path_params["call_sid"])


def _seconds(call: Held) -> float:
    return call.played.duration.total_seconds()


def _reason(call: Held) -> str | None:
    played = call.played
    if not played.ended:
        return None
    return "tool_end_call" if played.status is CallStatus.COMPLETED else _status(call)


def _status(call: Held) -> str:
    return _STATUSES.get(call.played.status, call.played.status.value)


def _summary(account: Account, call: Held) -> Json:
    played = call.played
    return {
        "call_sid": call.sid,
        "to_number": call.to,
        "from_number": call.sender,
        "agent_id": call.agent,
        "agent_name": account.agents[call.agent],
        "client_id": account.id,
        "call_type": call.type,
        "status": _status(call),
        "recording_enabled": True,
        "total_cost": 0,
        "duration_seconds": _seconds(call),
        "turn_count": len(played.turns),
        "created_at": iso(played.began_at),
        "updated_at": iso(played.ended_at or played.answered_at or played.began_at),
        "start_time": iso(played.began_at),
        "end_time": iso(played.ended_at) if played.ended_at else None,
        "end_reason": _reason(call),
        "billing_status": "billed" if played.ended else "pending",
    }


def _detail(account: Account, call: Held) -> Json:
    played = call.played
    recorded = played.answered and played.ended
    turns: list[JsonValue] = []
    for nth, turn in enumerate(played.turns, 1):
        after = (turn.at - played.began_at).total_seconds() if turn.at else 0.0
        event: Json = {
            "type": _EVENTS[turn.speaker],
            "text": turn.text,
            "relative_time": after,
            "metadata": {},
        }
        turns.append(
            {
                "turn_number": nth,
                "relative_start_time": after,
                "relative_end_time": after + 1,
                "duration_seconds": 1.0,
                "events": [event],
            }
        )
    more: Json = {
        "trace_id": None,
        "agent_config": {"llm_provider": "openai", "speak_first": True},
        "transport": call.transport,
        # Not for clients: they download it.
        "recording_url": f"s3://sandbox/recordings/{call.sid}.wav" if recorded else None,
        "cost_breakdown": {},
        "usage": {"llm": {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}},
        "summary": {
            "end_reason": _reason(call),
            "interruptions": 0,
            "avg_turn_duration": 1.0,
            "total_tokens": 0,
            "total_characters": sum(len(turn.text) for turn in played.turns),
        },
        "errors": {"error_count": 0, "has_fatal_errors": False, "errors": []},
        "turns": turns,
        "transcript": [
            {"speaker": _SPEAKERS[turn.speaker], "text": turn.text} for turn in played.turns
        ],
    }
    return _summary(account, call) | more
