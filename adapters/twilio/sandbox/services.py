"""Messaging Services, which have a host of their own, and the numbers that are their senders."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso_seconds

from .account import Account, found
from .input import ParsedRequest
from .paging import meta_page
from .refusals import missing, refusal

MESSAGING = "https://messaging.twilio.com"


def listed(account: Account, request: ParsedRequest) -> Response:
    return meta_page(request, MESSAGING, "services", list(account.services.values()))


def fetch(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(found(account.services, request, "service"))


def numbers(account: Account, request: ParsedRequest) -> Response:
    rows = [_sender(account, request, sid) for sid in _senders(account, request)]
    return meta_page(request, MESSAGING, "phone_numbers", rows)


def number(account: Account, request: ParsedRequest) -> Response:
    if request.ids["sid"] not in _senders(account, request):
        raise missing(request.path)
    return JSONResponse(_sender(account, request, request.ids["sid"]))


def add(account: Account, request: ParsedRequest) -> Response:
    """Make a number a sender; it can be one of one service at a time."""
    senders, sid = _senders(account, request), request.field("PhoneNumberSid") or ""
    if sid not in account.numbers:
        raise refusal(400, 21421, "PhoneNumberSid is not a number of this account")
    if any(sid in others for others in account.senders.values()):
        raise refusal(409, 21710, "The number is a sender of a Messaging Service already")
    senders.append(sid)
    account.state.record("assign", sid, str(account.numbers[sid]["phone_number"]))
    return JSONResponse(_sender(account, request, sid), 201)


def new(account: Account, sid: str, name: str) -> None:
    now = iso_seconds(account.state.now())
    url = f"{MESSAGING}/v1/Services/{sid}"
    account.senders[sid] = []
    account.services[sid] = {
        "sid": sid,
        "account_sid": account.sid,
        "friendly_name": name,
        "inbound_request_url": None,
        "inbound_method": "POST",
        "fallback_url": None,
        "fallback_method": "POST",
        "status_callback": None,
        "sticky_sender": True,
        "mms_converter": True,
        "smart_encoding": True,
        "scan_message_content": "inherit",
        "fallback_to_long_code": False,
        "area_code_geomatch": True,
        "synchronous_validation": False,
        "validity_period": 36000,
        "usecase": "undeclared",
        "us_app_to_person_registered": False,
        "use_inbound_webhook_on_number": True,
        "date_created": now,
        "date_updated": now,
        "url": url,
        "links": {"phone_numbers": f"{url}/PhoneNumbers"},
    }


def _senders(account: Account, request: ParsedRequest) -> list[str]:
    found(account.services, request, "service")
    return account.senders[request.ids["service"]]


def _sender(account: Account, request: ParsedRequest, sid: str) -> Json:
    held, service = account.numbers[sid], request.ids["service"]
    can = held["capabilities"]
    now = iso_seconds(account.state.now())
    return {
        "sid": sid,
        "account_sid": account.sid,
        "service_sid": service,
        "phone_number": held["phone_number"],
        "country_code": "US",
        # A list here, though the number itself has an object.
        "capabilities": [name.upper() for name, able in can.items() if able]
        if isinstance(can, dict)
        else [],
        "date_created": now,
        "date_updated": now,
        "url": f"{MESSAGING}/v1/Services/{service}/PhoneNumbers/{sid}",
    }
