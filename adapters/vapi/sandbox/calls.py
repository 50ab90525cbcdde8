"""Calls: placed, played by the sandbox's clock, ended by their own URL, and recorded."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import PlayedCall, sound
from telephony.sandbox.vendor import Json

from . import webhooks
from .account import Account, written
from .input import ByTime, NewCall, kept, page, reader
from .refusals import invalid, missing

_REASONS = {
    CallStatus.COMPLETED: "customer-ended-call",
    CallStatus.BUSY: "customer-busy",
    CallStatus.NO_ANSWER: "customer-did-not-answer",
    CallStatus.CANCELED: "manually-canceled",
    CallStatus.FAILED: "call.start.error-get-transport",
}
_ROLES = {Speaker.AGENT: "bot", Speaker.CALLER: "user"}
_INSTRUCTIONS = "You answer the phone of a small shop."
_LIMITS = {"concurrencyBlocked": False, "concurrencyLimit": 10, "remainingConcurrentCalls": 9}


async def place(account: Account, request: Request) -> Response:
    wanted = kept(await reader.body(NewCall, request))
    number = account.numbers.get(str(wanted["phoneNumberId"]))
    if number is None:
        raise invalid("Couldn't find the phone number.")
    account.check_agent(wanted)
    if not any(wanted.get(field) for field in ("assistantId", "squadId", "workflowId")):
        raise invalid("Need an assistant, a squad or a workflow.")
    call: Json = {
        **account.stamps(),
        **wanted,
        "type": "outboundPhoneCall",
        "phoneCallProvider": number["provider"],
    }
    id_ = str(call["id"])

    def report(word: str) -> None:
        webhooks.report(account, call, account.calls[id_][1], word)

    played = account.state.calls.place(lambda: report("in-progress"), lambda: report("ended"))
    account.calls[id_] = call, played
    account.state.record("call", id_, str(number.get("number", "")))
    limits = {"subscriptionLimits": _LIMITS}
    return JSONResponse({**shown(call, played, request), "status": "queued", **limits}, 201)


def receive(account: Account, call: Json) -> str:
    """Let a call come in; return its id."""

    def report(word: str) -> None:
        webhooks.report(account, call, played, word)

    played = account.state.calls.receive(lambda: report("in-progress"), lambda: report("ended"))
    account.calls[str(call["id"])] = call, played
    played.report()
    return str(call["id"])


async def listed(account: Account, request: Request) -> Response:
    query = reader.query(ByTime, request)
    wanted = request.query_params
    rows = [
        shown(call, played, request)
        for call, played in account.calls.values()
        if all(
            wanted.get(name) in (None, call.get(name)) for name in ("phoneNumberId", "assistantId")
        )
    ]
    return JSONResponse(page(rows, query))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(shown(*account.calls.find(request.path_params["id"]), request))


async def remove(account: Account, request: Request) -> Response:
    """Delete a call, and with it what is stored of it."""
    call, played = account.calls.find(request.path_params["id"])
    if played.end():
        account.state.record("end", str(call["id"]))
    del account.calls[str(call["id"])]
    return JSONResponse(shown(call, played, request))


async def control(account: Account, request: Request) -> Response:
    """End a call by its own URL, which needs no key."""
    call, played = account.calls.find(request.path_params["id"])
    _keep_keys_away(request)
    if (await reader.json(request)).get("type") != "end-call":
        raise invalid("type is not a known one")
    if played.ended:
        raise missing("Call")
    played.end()
    account.state.record("end", str(call["id"]))
    return JSONResponse({"status": "success"})


async def recording(account: Account, request: Request) -> Response:
    call, played = account.calls.find(request.path_params["id"])
    if not (played.answered and played.ended):
        raise missing("Recording")
    url = _url(request, f"/storage/{call['id']}.wav?X-Amz-Signature=sandbox-signature")
    return RedirectResponse(url, 302)


async def stored(account: Account, request: Request) -> Response:
    """Return a recording as a storage does: by a signed URL, and refuse any key."""
    account.calls.find(request.path_params["id"])
    _keep_keys_away(request)
    if "X-Amz-Signature" not in request.query_params:
        raise missing("Recording")
    return Response(sound(), media_type="audio/wav")


def shown(call: Json, played: PlayedCall, request: Request) -> Json:
    """Return a call as it is now."""
    control_url = _url(request, f"/control/{call['id']}")
    return {
        **described(call, played),
        "monitor": {"listenUrl": f"{control_url}/listen", "controlUrl": control_url},
    }


def described(call: Json, played: PlayedCall) -> Json:
    """Return a call without the URLs that belong to one server."""
    answered, ended = played.answered_at, played.ended_at
    found: Json = {**call, "createdAt": written(played.began_at), "status": _word(played)}
    if answered:
        found["startedAt"] = written(answered)
    if ended:
        found |= {
            "endedReason": _REASONS.get(played.status, "unknown-error"),
            "endedAt": written(ended),
        }
    if answered and ended:
        found["artifact"] = {"messages": _messages(played)}
    return found


def _word(played: PlayedCall) -> str:
    if played.ended:
        return "ended"
    return "in-progress" if played.answered else "ringing"


def _messages(played: PlayedCall) -> list[JsonValue]:
    """Return what was said, after the assistant's instructions."""
    said: list[JsonValue] = [{"role": "system", "message": _INSTRUCTIONS, "time": 0}]
    for turn in played.turns:
        time = turn.at.timestamp() * 1000 if turn.at else 0
        said.append({"role": _ROLES[turn.speaker], "message": turn.text, "time": time})
    return said


def _url(request: Request, path: str) -> str:
    root = request.scope["root_path"]
    return f"{request.url.scheme}://{request.url.netloc}{root}{path}"


def _keep_keys_away(request: Request) -> None:
    if "authorization" in request.headers:
        raise invalid("Only one auth mechanism allowed")
