"""Calls, each answered and ended at once."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import body_of

from . import webhooks
from .account import Account
from .input import Calls, checked
from .refusals import invalid


async def place(account: Account, request: Request) -> Response:
    wanted = checked(Calls, await body_of(request, invalid))
    number = account.number(wanted.from_number_id)
    account.agent(wanted.agent_id)
    if account.next_call_answer is not None:
        answer, account.next_call_answer = account.next_call_answer, None
        return Response(answer, media_type="application/json")
    caller = str(number["number"])
    placed: list[JsonValue] = []
    for callee in wanted.outbound_calls:
        call = account.state.id("ac_")
        account.state.record("call", call, caller)
        webhooks.called(account, call, wanted.agent_id, caller, callee.to_number, "outbound")
        placed.append({"number": callee.to_number, "agent_call_id": call})
    return JSONResponse({"calls": placed})
