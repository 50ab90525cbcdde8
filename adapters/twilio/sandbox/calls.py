"""Calls, which stay queued in the sandbox."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from . import available
from .account import Account, found, rfc2822
from .input import E164, ParsedRequest, http_url
from .paging import page
from .refusals import invalid, refusal

_OTHERS = ("sip:", "sips:", "client:", "whatsapp:")
# twilio.com/docs/iam/test-credentials
_CALLEES = {
    "+15005550001": (21217, "is not a valid phone number"),
    "+15005550002": (21214, "cannot be reached"),
    "+15005550003": (21215, "is in a region that is not enabled"),
    "+15005550004": (21216, "is blocked"),
}


def listed(account: Account, request: ParsedRequest) -> Response:
    wanted = [(name.lower(), request.filter(name)) for name in ("To", "From", "Status")]
    rows = [
        call
        for call in reversed(account.calls.values())
        if all(value in (None, call[field]) for field, value in wanted)
    ]
    return page(request, "calls", rows)


def fetch(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(found(account.calls, request))


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
    call = _new(account, to, caller, str(held["sid"]) if held else None)
    account.calls[str(call["sid"])] = call
    account.state.record("call", str(call["sid"]), caller)
    return JSONResponse(call, 201)


def update(account: Account, request: ParsedRequest) -> Response:
    """Return a call is ended or taken back by its status."""
    call, status = found(account.calls, request), request.field("Status")
    if status not in {"completed", "canceled"}:
        raise invalid("Status must be completed or canceled")
    call["status"] = status
    return JSONResponse(call)


def _new(account: Account, to: str, caller: str, number_sid: str | None) -> Json:
    sid = account.state.id("CA", 32)
    now = rfc2822(account.state.now())
    return {
        "sid": sid,
        "account_sid": account.sid,
        "phone_number_sid": number_sid,
        "from": caller,
        "from_formatted": available.friendly(caller),
        "to": to,
        "to_formatted": available.friendly(to),
        "status": "queued",
        "direction": "outbound-api",
        "start_time": None,
        "end_time": None,
        "duration": None,
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
        "date_created": now,
        "date_updated": now,
        "subresource_uris": {
            name: account.uri(f"Calls/{sid}/{name.title()}.json")
            for name in ("notifications", "recordings", "events", "payments")
        },
        "uri": account.uri(f"Calls/{sid}.json"),
    }
