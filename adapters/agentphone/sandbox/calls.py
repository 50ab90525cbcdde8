"""Calls: placed, which are not answered, and received, which are over at once."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso_seconds

from . import webhooks
from .account import Account
from .input import CallFilter, NewCall, page, reader
from .refusals import invalid


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(CallFilter, request)
    filters = {
        "phoneNumberId": request.path_params.get("id"),
        "agentId": request.path_params.get("agent"),
        "status": wanted.status,
        "direction": wanted.direction,
    }
    found = [
        call
        for call in reversed(account.calls.values())
        if all(value in (None, call[key]) for key, value in filters.items())
        and (wanted.search or "") in f"{call['fromNumber']} {call['toNumber']}"
    ]
    return JSONResponse(page(found, wanted))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse({**account.calls.find(request.path_params["call"]), "transcripts": []})


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCall, request)
    own = account.held_by(account.agents.find(wanted.agent_id))
    number = next((n for n in own if wanted.from_number_id in (None, n["id"])), None)
    if number is None:
        raise invalid("The agent has no such phone number")
    call: Json = {
        "id": account.state.id("call_"),
        "agentId": wanted.agent_id,
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
        "fromNumber": number["phoneNumber"],
        "toNumber": wanted.to_number,
        "direction": "outbound",
        "status": "in-progress",
        "startedAt": iso_seconds(account.state.now()),
    }
    account.calls[str(call["id"])] = call
    account.state.record("call", str(call["id"]), str(number["phoneNumber"]))
    return JSONResponse(call)


async def end(account: Account, request: Request) -> Response:
    call = account.calls.find(request.path_params["call"])
    call.update(status="completed", endedAt=iso_seconds(account.state.now()))
    return JSONResponse(call)


def receive(account: Account, number: Json, caller: str) -> str:
    call_id, now = account.state.id("call_"), iso_seconds(account.state.now())
    account.calls[call_id] = {
        "id": call_id,
        "agentId": number["agentId"],
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
        "fromNumber": caller,
        "toNumber": number["phoneNumber"],
        "direction": "inbound",
        "status": "completed",
        "startedAt": now,
        "endedAt": now,
        "durationSeconds": 0,
    }
    webhooks.called(account, account.calls[call_id])
    return call_id
