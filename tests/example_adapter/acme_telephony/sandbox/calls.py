"""Calls: placed, played by the sandbox's clock, ended, transcribed and recorded."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import PlayedCall, sound
from telephony.sandbox.endpoints import parse_object
from telephony.sandbox.vendor import Json, iso

from .account import LINES, Account
from .paging import page
from .refusals import invalid, refusal

_WORDS = {
    CallStatus.RINGING: "ringing",
    CallStatus.IN_PROGRESS: "talking",
    CallStatus.COMPLETED: "over",
    CallStatus.CANCELED: "cancelled",
    CallStatus.BUSY: "busy",
}


async def place(account: Account, request: Request) -> Response:
    wanted = parse_object(await request.body(), invalid)
    number = str(account.numbers.find(str(wanted.get("number")))["number"])
    if wanted.get("line") not in LINES:
        raise refusal(404, "no such line")
    call: Json = {**wanted, "id": account.state.id("c_"), "number": number}
    account.calls[str(call["id"])] = call, account.state.calls.place()
    account.state.record("call", str(call["id"]), number)
    return JSONResponse(_shown(*account.calls[str(call["id"])]), 201)


async def listed(account: Account, request: Request) -> Response:
    of = request.query_params.get("number")
    number = account.numbers[of]["number"] if of and of in account.numbers else of
    rows = [_shown(*call) for call in reversed(account.calls.values())]
    return page("calls", [row for row in rows if number in (None, row["number"])], request)


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(*account.calls.find(request.path_params["id"])))


async def end(account: Account, request: Request) -> Response:
    call, played = account.calls.find(request.path_params["id"])
    if played.end():
        account.state.record("end", str(call["id"]))
    return JSONResponse(_shown(call, played))


async def transcript(account: Account, request: Request) -> Response:
    _, played = account.calls.find(request.path_params["id"])
    turns = [
        {
            "who": "line" if turn.speaker is Speaker.AGENT else "person",
            "said": turn.text,
            "at": iso(turn.at) if turn.at else None,
        }
        for turn in played.turns
    ]
    return JSONResponse({"turns": turns})


async def recording(account: Account, request: Request) -> Response:
    _, played = account.calls.find(request.path_params["id"])
    if not (played.answered and played.ended):
        raise refusal(404, "no recording of this call")
    return Response(sound(), media_type="audio/wav")


def _shown(call: Json, played: PlayedCall) -> Json:
    return {
        **call,
        "status": _WORDS[played.status],
        "began": iso(played.began_at),
        "answered": iso(played.answered_at) if played.answered_at else None,
        "ended": iso(played.ended_at) if played.ended_at else None,
        "seconds": played.duration.total_seconds() if played.ended else None,
        "why": "hung up" if played.ended else None,
    }
