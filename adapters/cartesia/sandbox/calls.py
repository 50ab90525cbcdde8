"""Calls, each answered and ended at once."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import webhooks
from .account import Account
from .input import NewCalls, reader


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCalls, request)
    number = account.numbers.find(wanted.from_number_id)
    account.agents.find(wanted.agent_id)
    caller = str(number["number"])
    placed: list[JsonValue] = []
    for callee in wanted.outbound_calls:
        call = account.state.id("ac_")
        account.state.record("call", call, caller)
        webhooks.called(account, call, wanted.agent_id, caller, callee.to_number, "outbound")
        placed.append({"number": callee.to_number, "agent_call_id": call})
    return JSONResponse({"calls": placed})
