"""Calls: placed and received, listed, ended, and what was said in them."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.calls import PlayedCall, sound
from telephony.sandbox.vendor import Json

from . import webhooks
from .account import Account
from .input import CallFilter, NewCall, page, reader
from .played import Call
from .refusals import invalid, missing


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(CallFilter, request)
    filters = {
        "phoneNumberId": request.path_params.get("id"),
        "agentId": request.path_params.get("agent"),
        "status": wanted.status,
        "direction": wanted.direction,
    }
    shown = [call.listed() for call in reversed(account.calls.values())]
    found = [
        call
        for call in shown
        if all(value in (None, call[key]) for key, value in filters.items())
        and (wanted.search or "") in f"{call['fromNumber']} {call['toNumber']}"
    ]
    return JSONResponse(page(found, wanted))


async def fetch(account: Account, request: Request) -> Response:
    call = _found(account, request)
    return JSONResponse({**call.listed(), "transcripts": call.exchanges()})


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCall, request)
    own = account.held_by(account.agents.find(wanted.agent_id))
    number = next((n for n in own if wanted.from_number_id in (None, n["id"])), None)
    if number is None:
        raise invalid("The agent has no such phone number")
    call_id = account.state.id("call_")
    played = account.state.calls.place(*_reports(account, call_id))
    ends = {"fromNumber": number["phoneNumber"], "toNumber": wanted.to_number}
    call = _add(account, number, call_id, {**ends, "direction": "outbound"}, played)
    account.state.record("call", call_id, call.number)
    return JSONResponse(call.placed())


async def end(account: Account, request: Request) -> Response:
    call = _found(account, request)
    # It ends after the response.
    before = call.listed()
    if not call.played.end():
        raise invalid("The call is not in progress")
    account.state.record("end", call.id, call.number)
    return JSONResponse(before)


async def transcript(account: Account, request: Request) -> Response:
    call = _found(account, request)
    shown = {key: call.listed()[key] for key in ("status", "direction", "durationSeconds")}
    return JSONResponse({**shown, "transcript": call.turns()})


async def recording(account: Account, request: Request) -> Response:
    if not _found(account, request).is_recorded:
        raise missing("Recording")
    return Response(sound(), media_type="audio/wav")


def receive(account: Account, number: Json, caller: str) -> str:
    ends: Json = {"fromNumber": caller, "toNumber": number["phoneNumber"]}
    call_id = account.state.id("call_")
    played = account.state.calls.receive(*_reports(account, call_id))
    _add(account, number, call_id, {**ends, "direction": "inbound"}, played)
    played.report()
    return call_id


def _reports(account: Account, call_id: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what sends the webhooks of a call's answer, and of its end."""
    return (
        lambda: webhooks.answered(account, account.calls[call_id]),
        lambda: webhooks.ended(account, account.calls[call_id]),
    )


def _found(account: Account, request: Request) -> Call:
    return account.calls.find(request.path_params["call"])


def _add(account: Account, number: Json, call_id: str, ends: Json, played: PlayedCall) -> Call:
    held: dict[str, JsonValue] = {
        "id": call_id,
        "agentId": number["agentId"],
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
    }
    account.calls[call_id] = Call({**held, **ends}, played)
    return account.calls[call_id]
