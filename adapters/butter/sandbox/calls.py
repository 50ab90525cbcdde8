"""Calls, which stay unanswered in the sandbox."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account
from .input import Call, CallList, page, reader
from .refusals import refusal


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(Call, request)
    held = [n for n in account.numbers.values() if n["phone_number"] == wanted.call_from]
    if not held:
        raise refusal(404, "The phone number to call from is not imported")
    if not held[0]["supports_outbound"]:
        raise refusal(400, "The phone number does not support outbound calls")
    account.agents.find(wanted.agent_id)
    placed: Json = {
        "call_sid": account.state.id("call_"),
        "to": wanted.call_to,
        "from": wanted.call_from,
        "agent_id": wanted.agent_id,
        "call_type": held[0]["provider"],
        "status": "initiated",
    }
    account.calls[str(placed["call_sid"])] = placed | {"created_at": iso(account.state.now())}
    account.state.record("call", str(placed["call_sid"]), wanted.call_from)
    # Documented: the one response without `data` and `message`.
    return JSONResponse({"success": True, **placed})


async def listed(account: Account, request: Request) -> Response:
    limit = reader.query(CallList, request).limit
    found = [_summary(account, call) for call in reversed(account.calls.values())]
    return JSONResponse(page(found, request, limit))


async def fetch(account: Account, request: Request) -> Response:
    call = account.calls.find(request.path_params["call_sid"])
    more: Json = {
        "trace_id": None,
        "agent_config": {},
        "transport": call["call_type"],
        "recording_url": None,
        "cost_breakdown": {},
        "usage": {},
        "summary": None,
        "errors": [],
        "turns": [],
        "transcript": [],
    }
    return JSONResponse({"success": True, "data": _summary(account, call) | more})


def _summary(account: Account, call: Json) -> Json:
    return {
        "call_sid": call["call_sid"],
        "to_number": call["to"],
        "from_number": call["from"],
        "agent_id": call["agent_id"],
        "agent_name": account.agents[str(call["agent_id"])],
        "client_id": account.id,
        # Here the direction; in the response to make-call the transport.
        "call_type": "outbound",
        "status": call["status"],
        "recording_enabled": False,
        "total_cost": 0,
        "duration_seconds": 0,
        "turn_count": 0,
        "created_at": call["created_at"],
        "updated_at": call["created_at"],
        "start_time": None,
        "end_time": None,
        "end_reason": None,
        "billing_status": "pending",
    }
