"""Calls as the sandbox's clock plays them, and their recordings."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus
from telephony.sandbox.calls import sound
from telephony.sandbox.vendor import Json

from . import available, webhooks
from .account import Account, Held, rfc2822
from .input import E164, ParsedRequest, http_url, period
from .paging import page
from .refusals import invalid, missing, refusal

_OTHERS = ("sip:", "sips:", "client:", "whatsapp:")
# twilio.com/docs/iam/test-credentials
_CALLEES = {
    "+15005550001": (21217, "is not a valid phone number"),
    "+15005550002": (21214, "cannot be reached"),
    "+15005550003": (21215, "is in a region that is not enabled"),
    "+15005550004": (21216, "is blocked"),
}
_WORDS = {CallStatus.IN_PROGRESS: "in-progress", CallStatus.NO_ANSWER: "no-answer"}
_UPDATES = ("completed", "canceled")


def listed(account: Account, request: ParsedRequest) -> Response:
    """Newest first."""
    wanted = [(name.lower(), request.filter(name)) for name in ("To", "From", "Status")]
    low, high = period(request, "StartTime")
    before = request.filter("StartTime<")
    if before is not None and len(before) == 10:
        # Twilio is not plain about the day itself: "on or before midnight of this date".
        high = datetime.fromisoformat(before).replace(tzinfo=UTC)
    rows = [
        body
        for call in reversed(account.calls.values())
        if (low is None or call.played.began_at >= low)
        and (high is None or call.played.began_at < high)
        for body in [_shown(call)]
        if all(value in (None, body[field]) for field, value in wanted)
    ]
    return page(request, "calls", rows)


def fetch(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(_shown(_call(account, request)))


def place(account: Account, request: ParsedRequest) -> Response:
    to, caller = request.field("To") or "", request.field("From") or ""
    if to in _CALLEES or not (E164.fullmatch(to) or to.startswith(_OTHERS)):
        code, text = _CALLEES.get(to, (21217, "is not a valid phone number"))
        raise refusal(400, code, f"The 'To' number {to} {text}.")
    held = account.holds(caller.removeprefix("whatsapp:"))
    if held is None and not caller.startswith("client:"):
        code = 21212 if caller == "+15005550001" else 21210
        raise refusal(400, code, f"The 'From' number {caller} is neither yours nor verified.")
    if not any(request.field(name) for name in ("Url", "Twiml", "ApplicationSid")):
        raise refusal(400, 21205, "Url, Twiml or ApplicationSid is required.")
    http_url("Url", request.field("Url") or "")
    seconds = request.field("Timeout") or "60"
    if not seconds.isdecimal() or not 0 < int(seconds) <= 600:
        raise invalid("Timeout must be a number of seconds, 600 at most")

    def report(word: str, event: str) -> None:
        callback = request.field("StatusCallback")
        if callback and event in (request.fields("StatusCallbackEvent") or ["completed"]):
            webhooks.call_status(account, callback, _shown(call), word)

    body = _body(account, caller, to, "outbound-api", str(held["sid"]) if held else None)
    played = account.state.calls.place(
        on_answered=lambda: report("in-progress", "answered"),
        on_ended=lambda: report(str(_shown(call)["status"]), "completed"),
    )
    call = account.calls[str(body["sid"])] = Held(body, played)
    account.state.record("call", str(body["sid"]), caller)
    for word in ("initiated", "ringing"):
        report(word, word)
    return JSONResponse({**_shown(call), "status": "queued", "start_time": None}, 201)


def receive(account: Account, number: Json, caller: str) -> str:
    """Let a number receive a call; return its sid."""
    body = _body(account, caller, str(number["phone_number"]), "inbound", str(number["sid"]))
    played = account.state.calls.receive(
        on_ended=lambda: webhooks.hung_up(account, number, _shown(call))
    )
    call = account.calls[str(body["sid"])] = Held(body, played)
    webhooks.rings(account, number, _shown(call))
    played.report()
    return str(body["sid"])


def update(account: Account, request: ParsedRequest) -> Response:
    """End a call, or take it back before it is answered."""
    call, status = _call(account, request), request.field("Status")
    if status not in _UPDATES:
        raise invalid("Status must be completed or canceled")
    if not (status == "canceled" and call.played.answered) and call.played.end():
        account.state.record("end", request.ids["sid"])
    return JSONResponse(_shown(call))


def recordings(account: Account, request: ParsedRequest) -> Response:
    """Return the recordings of calls: each that was answered has one once it has ended."""
    wanted = request.filter("CallSid")
    calls = [call for call in reversed(account.calls.values()) if _is_recorded(call)]
    rows = [_recording(account, call) for call in calls if wanted in (None, call.body["sid"])]
    return page(request, "recordings", rows)


def recording(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(_recording(account, _recorded(account, request)))


def sound_file(account: Account, request: ParsedRequest) -> Response:
    _recorded(account, request)
    return Response(sound(), media_type="audio/x-wav")


def _call(account: Account, request: ParsedRequest) -> Held:
    if request.ids["sid"] not in account.calls:
        raise missing(request.path)
    return account.calls[request.ids["sid"]]


def _recorded(account: Account, request: ParsedRequest) -> Held:
    call = account.calls.get(f"CA{request.ids['sid'].removeprefix('RE')}")
    if call is None or not _is_recorded(call):
        raise missing(request.path)
    return call


def _is_recorded(call: Held) -> bool:
    return call.played.answered and call.played.ended


def _shown(call: Held) -> Json:
    """Return a call's body as it is now."""
    played = call.played
    ended = played.ended_at
    seconds = str(round(played.duration.total_seconds()))
    return {
        **call.body,
        "status": _WORDS.get(played.status, played.status.value),
        "start_time": rfc2822(played.began_at),
        "end_time": rfc2822(ended) if ended else None,
        "duration": seconds if _is_recorded(call) else None,
        "date_created": rfc2822(played.began_at),
        "date_updated": rfc2822(ended or played.answered_at or played.began_at),
    }


def _body(account: Account, caller: str, to: str, direction: str, number: str | None) -> Json:
    sid = account.state.id("CA", 32)
    return {
        "sid": sid,
        "account_sid": account.sid,
        "phone_number_sid": number,
        "from": caller,
        "from_formatted": available.friendly(caller),
        "to": to,
        "to_formatted": available.friendly(to),
        "direction": direction,
        "price": None,
        "price_unit": "USD",
        "answered_by": None,
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "parent_call_sid": None,
        "trunk_sid": None,
        "queue_time": "0",
        "api_version": "2010-04-01",
        "subresource_uris": {
            name: account.uri(f"Calls/{sid}/{name.title()}.json")
            for name in ("notifications", "recordings", "events", "payments")
        },
        "uri": account.uri(f"Calls/{sid}.json"),
    }


def _recording(account: Account, call: Held) -> Json:
    shown = _shown(call)
    sid = f"RE{str(call.body['sid'])[2:]}"
    place = f"Recordings/{sid}"
    answered = call.played.answered_at
    return {
        "sid": sid,
        "account_sid": account.sid,
        "call_sid": call.body["sid"],
        "conference_sid": None,
        "channels": 1,
        "source": "OutboundAPI",
        "status": "completed",
        "start_time": rfc2822(answered) if answered else None,
        "duration": shown["duration"],
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "api_version": "2010-04-01",
        "date_created": shown["end_time"],
        "date_updated": shown["end_time"],
        "subresource_uris": {
            "add_on_results": account.uri(f"{place}/AddOnResults.json"),
            "transcriptions": account.uri(f"{place}/Transcriptions.json"),
        },
        "media_url": f"https://api.twilio.com{account.uri(place)}",
        "uri": account.uri(f"{place}.json"),
    }
