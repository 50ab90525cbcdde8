"""Calls: placed, received, shown, ended, and what was said in them."""

from __future__ import annotations

import math
from functools import partial

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import PlayedCall, sound
from telephony.sandbox.vendor import Json, iso

from . import webhooks
from .account import Account, Call
from .input import CallFilter, NewCalls, page, reader
from .refusals import invalid, missing

_STATUS = {
    CallStatus.RINGING: "created",
    CallStatus.IN_PROGRESS: "started",
    CallStatus.COMPLETED: "completed",
}
_END_REASONS = {
    CallStatus.COMPLETED: "client_hangup",
    CallStatus.BUSY: "dial_busy",
    CallStatus.NO_ANSWER: "dial_no_answer",
}
_ROLES = {Speaker.AGENT: "assistant", Speaker.CALLER: "user"}


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCalls, request)
    number = account.numbers.find(wanted.from_number_id)
    account.agents.find(wanted.agent_id)
    placed: list[JsonValue] = []
    for callee in wanted.outbound_calls:
        to, metadata = callee.to_number, callee.metadata or {}
        call_id = account.state.id("ac_")
        report = partial(_report, account, call_id)
        played = account.state.calls.place(partial(report, "call_started"), report)
        caller = str(number["number"])
        account.calls[call_id] = Call(wanted.agent_id, caller, to, "outbound", metadata, played)
        account.state.record("call", call_id, caller)
        placed.append({"number": to, "agent_call_id": call_id})
    return JSONResponse({"calls": placed})


def receive(account: Account, number: str, agent: str, caller: str) -> str:
    """Let a number receive a call; return its id."""
    call_id = account.state.id("ac_")
    report = partial(_report, account, call_id)
    played = account.state.calls.receive(partial(report, "call_started"), report)
    account.calls[call_id] = Call(agent, number, caller, "inbound", {}, played)
    played.report()
    return call_id


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(CallFilter, request)
    if wanted.agent_id is None:
        raise invalid("agent_id or batch_id is required")
    account.agents.find(wanted.agent_id)
    after, before = wanted.start_time_gte, wanted.start_time_lte
    held = sorted(account.calls.items(), key=lambda pair: pair[1].played.began_at, reverse=True)
    found = [
        _shown(account, call_id, transcript=wanted.expand == "transcript")
        for call_id, call in held
        if call.agent == wanted.agent_id
        and (after is None or call.played.began_at >= after)
        and (before is None or call.played.began_at <= before)
    ]
    items, more = page(found, request.query_params)
    return JSONResponse({"data": items, "has_more": more})


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account, request.path_params["id"], transcript=True))


async def cancel(account: Account, request: Request) -> Response:
    call_id = request.path_params["id"]
    call = account.calls.find(call_id)
    if call.played.status is not CallStatus.IN_PROGRESS:
        raise invalid("only calls in the started status can be cancelled")
    account.state.record("end", call_id, call.number)
    call.played.end()
    return JSONResponse({"cancelled": True})


async def audio(account: Account, request: Request) -> Response:
    played = account.calls.find(request.path_params["id"]).played
    if not (played.answered and played.ended):
        raise missing("recording of this call")
    return Response(sound(), media_type="audio/wav")


def _report(account: Account, call_id: str, kind: str | None = None) -> None:
    """Send the webhook of a call that was answered or, where no kind is given, has ended."""
    call = account.calls[call_id]
    ended = "call_completed" if call.played.answered else "call_failed"
    shown = _shown(account, call_id, transcript=True)
    if kind == "call_started":
        shown |= {"status": "started", "end_time": None, "end_reason": None, "transcript": []}
    webhooks.send(account, call.agent, (kind or ended, shown))


def _shown(account: Account, call_id: str, *, transcript: bool) -> Json:
    call = account.calls.find(call_id)
    played = call.played
    shown: Json = {
        "id": call_id,
        "agent_id": call.agent,
        "agent_name": account.agents[call.agent],
        "status": _STATUS.get(played.status, "failed"),
        "start_time": iso(played.began_at),
        "end_time": iso(played.ended_at) if played.ended_at else None,
        # Whoever called whom, `to` is the other side and `from` the agent's number.
        "telephony_params": {"to": call.other, "from": call.number, "direction": call.direction},
        "summary": None,
        "error_message": None,
        "end_reason": _end_reason(played),
        "metadata": call.metadata,
    }
    return shown | {"transcript": _transcript(played)} if transcript else shown


def _end_reason(played: PlayedCall) -> str | None:
    if not played.ended:
        return None
    if played.cut < math.inf:
        return "api_cancelled"
    return _END_REASONS.get(played.status, "dial_failed")


def _transcript(played: PlayedCall) -> list[JsonValue] | None:
    """Return what was said so far; calls that were not answered have no transcript."""
    if not played.answered:
        return None
    said: list[JsonValue] = []
    for turn in played.turns:
        after = (turn.at - played.began_at).total_seconds() if turn.at else 0.0
        said.append(
            {
                "role": _ROLES[turn.speaker],
                "text": turn.text,
                "start_timestamp": after,
                "end_timestamp": after + 1,
            }
        )
    return said
