"""Calls: placed, played by the sandbox's clock, stopped, and recorded."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import PlayedCall, sound
from telephony.sandbox.vendor import Json

from . import webhooks
from .account import Account, milliseconds
from .input import CallListing, NewCall, lets, page, reader
from .refusals import invalid, missing, refusal

_HOUR = 3600.0
_REASONS = {
    CallStatus.COMPLETED: "user_hangup",
    CallStatus.BUSY: "dial_busy",
    CallStatus.NO_ANSWER: "dial_no_answer",
    CallStatus.FAILED: "dial_failed",
}
_ROLES = {Speaker.AGENT: "agent", Speaker.CALLER: "user"}


async def place(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewCall, request)
    number = account.numbers.find(wanted.from_number)
    agent = wanted.override_agent_id or account.drawn(number, "outbound_agents")
    if agent is None:
        raise invalid("No outbound agent id set up for phone number.")
    account.agents.find(agent)
    if not account.is_paid:
        raise refusal(402, "No payment method on file.")
    now, key = account.state.calls.seconds(), wanted.idempotency_key
    if key in account.keys and now - account.keys[key][1] < _HOUR:
        return JSONResponse(described(*account.calls[account.keys[key][0]]), 201)
    call: Json = {
        "call_id": account.state.id("call_"),
        "call_type": "phone_call",
        "agent_id": agent,
        "agent_version": 0,
        "direction": "outbound",
        "from_number": wanted.from_number,
        "to_number": wanted.to_number,
    }
    for name in ("metadata", "retell_llm_dynamic_variables", "custom_sip_headers"):
        if (value := getattr(wanted, name)) is not None:
            call[name] = value
    id_ = str(call["call_id"])

    def report(*events: str) -> None:
        webhooks.report(account, *account.calls[id_], *events)

    played = account.state.calls.place(
        lambda: report("call_started"), lambda: report("call_ended", "call_analyzed")
    )
    account.calls[id_] = call, played
    if key is not None:
        account.keys[key] = id_, now
    account.state.record("call", id_, wanted.from_number)
    return JSONResponse(described(call, played), 201)


async def listed(account: Account, request: Request) -> Response:
    """List calls, newest first, without what was said in them."""
    wanted = await reader.body(CallListing, request)
    made = sorted(account.calls.values(), key=lambda both: both[1].began_at, reverse=True)
    rows = [_shown(request, call, played) for call, played in made]
    found = [
        {name: value for name, value in row.items() if not name.startswith("transcript")}
        for row in rows
        if lets(wanted.filter_criteria, row)
    ]
    return JSONResponse(page(found, wanted, lambda call: str(call["call_id"])))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(request, *account.calls.find(request.path_params["call"])))


async def stop(account: Account, request: Request) -> Response:
    call, played = account.calls.find(request.path_params["call"])
    if not played.end():
        raise invalid("Call is not ongoing.")
    call["disconnection_reason"] = "manual_stopped"
    account.state.record("end", str(call["call_id"]))
    return Response(status_code=204)


async def stored(account: Account, request: Request) -> Response:
    """Return a recording as a storage does: by a signed URL, and without a key."""
    account.calls.find(request.path_params["call"])
    if "authorization" in request.headers:
        raise invalid("Only one auth mechanism allowed")
    if "X-Amz-Signature" not in request.query_params:
        raise missing()
    return Response(sound(), media_type="audio/wav")


def receive(account: Account, number: Json, agent: str, caller: str) -> str:
    call: Json = {
        "call_id": account.state.id("call_"),
        "call_type": "phone_call",
        "agent_id": agent,
        "agent_version": 0,
        "direction": "inbound",
        "from_number": caller,
        "to_number": number["phone_number"],
    }
    played = account.state.calls.receive(
        lambda: webhooks.report(account, call, played, "call_started"),
        lambda: webhooks.report(account, call, played, "call_ended", "call_analyzed"),
    )
    account.calls[str(call["call_id"])] = call, played
    played.report()
    return str(call["call_id"])


def described(call: Json, played: PlayedCall) -> Json:
    """Return a call as it is now, without the URLs that belong to one server.

    Only one that was answered has times, as the vendor's webhooks show.
    """
    answered, ended = played.answered_at, played.ended_at
    found: Json = {**call, "call_status": _word(played)}
    if answered:
        found["start_timestamp"] = milliseconds(answered)
        if ended:
            found["end_timestamp"] = milliseconds(ended)
    if ended:
        found.setdefault("disconnection_reason", _REASONS.get(played.status, "error_unknown"))
        found["duration_ms"] = int(played.duration.total_seconds() * 1000)
        said = [_said(turn.speaker, turn.text) for turn in played.turns]
        found["transcript"] = "".join(said)
    if answered and ended:
        found["transcript_object"] = _utterances(played)
    return found


def _shown(request: Request, call: Json, played: PlayedCall) -> Json:
    found = described(call, played)
    if "transcript_object" in found:
        root = request.scope["root_path"]
        base = f"{request.url.scheme}://{request.url.netloc}{root}"
        signed = f"{call['call_id']}.wav?X-Amz-Signature=sandbox-signature"
        found["recording_url"] = f"{base}/storage/{signed}"
    return found


def _word(played: PlayedCall) -> str:
    if played.ended:
        return "ended" if played.answered else "not_connected"
    return "ongoing" if played.answered else "registered"


def _said(speaker: Speaker, text: str) -> str:
    return f"{_ROLES[speaker].title()}: {text}\n"


def _utterances(played: PlayedCall) -> list[JsonValue]:
    found: list[JsonValue] = []
    for turn in played.turns:
        began = played.answered_at
        start = (turn.at - began).total_seconds() if turn.at and began else 0.0
        word: Json = {"word": turn.text, "start": start, "end": start + 1}
        found.append({"role": _ROLES[turn.speaker], "content": turn.text, "words": [word]})
    return found
