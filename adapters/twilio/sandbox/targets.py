"""What a number can be assigned to: applications, and trunks of the trunking API."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso_seconds

from . import numbers
from .account import Account, found, rfc2822
from .input import ParsedRequest, http_url, snake
from .paging import meta_page, page
from .refusals import invalid, missing

TRUNKING = "https://trunking.twilio.com"
_URLS = (
    "VoiceUrl",
    "VoiceFallbackUrl",
    "StatusCallback",
    "SmsUrl",
    "SmsFallbackUrl",
    "SmsStatusCallback",
    "MessageStatusCallback",
)
_METHODS = (
    "VoiceMethod",
    "VoiceFallbackMethod",
    "SmsMethod",
    "SmsFallbackMethod",
    "StatusCallbackMethod",
)
_SIP_URL = re.compile(r"sips?:\S+")


def applications(account: Account, request: ParsedRequest) -> Response:
    name = request.filter("FriendlyName")
    rows = [row for row in account.applications.values() if name in (None, row["friendly_name"])]
    return page(request, "applications", rows)


def application(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(found(account.applications, request))


def create_application(account: Account, request: ParsedRequest) -> Response:
    made = new_application(account, request.field("FriendlyName") or "")
    _configure(made, request)
    return JSONResponse(made, 201)


def update_application(account: Account, request: ParsedRequest) -> Response:
    row = found(account.applications, request)
    _configure(row, request)
    return JSONResponse(row)


def delete_application(account: Account, request: ParsedRequest) -> Response:
    found(account.applications, request)
    del account.applications[request.ids["sid"]]
    return Response(status_code=204)


def new_application(account: Account, name: str) -> Json:
    sid = account.state.id("AP", 32)
    now = rfc2822(account.state.now())
    account.applications[sid] = {
        "sid": sid,
        "account_sid": account.sid,
        "friendly_name": name,
        "api_version": "2010-04-01",
        **{snake(url): "" for url in _URLS},
        **{snake(method): "POST" for method in _METHODS},
        "voice_caller_id_lookup": False,
        "public_application_connect_enabled": False,
        "date_created": now,
        "date_updated": now,
        "uri": account.uri(f"Applications/{sid}.json"),
    }
    return account.applications[sid]


def trunks(account: Account, request: ParsedRequest) -> Response:
    return meta_page(request, TRUNKING, "trunks", list(account.trunks.values()))


def trunk(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(found(account.trunks, request))


def create_trunk(account: Account, request: ParsedRequest) -> Response:
    made = new_trunk(account, request.field("FriendlyName") or "", request.field("DomainName"))
    return JSONResponse(made, 201)


def update_trunk(account: Account, request: ParsedRequest) -> Response:
    row = found(account.trunks, request)
    row["friendly_name"] = request.field("FriendlyName") or row["friendly_name"]
    row["domain_name"] = _domain(request.field("DomainName")) or row["domain_name"]
    return JSONResponse(row)


def delete_trunk(account: Account, request: ParsedRequest) -> Response:
    found(account.trunks, request)
    for number in numbers.trunk_numbers(account, request.ids["sid"]):
        number["trunk_sid"] = None
    del account.trunks[request.ids["sid"]]
    return Response(status_code=204)


def new_trunk(account: Account, name: str, domain: str | None = None) -> Json:
    sid = account.state.id("TK", 32)
    now = iso_seconds(account.state.now())
    url = f"{TRUNKING}/v1/Trunks/{sid}"
    account.trunks[sid] = {
        "sid": sid,
        "account_sid": account.sid,
        "friendly_name": name,
        "domain_name": _domain(domain),
        "disaster_recovery_url": None,
        "disaster_recovery_method": None,
        "recording": {"mode": "do-not-record", "trim": "do-not-trim"},
        "secure": False,
        "cnam_lookup_enabled": False,
        "symmetric_rtp_enabled": False,
        "transfer_mode": "disable-all",
        "transfer_caller_id": "from-transferee",
        "auth_type": "",
        "auth_type_set": [],
        "date_created": now,
        "date_updated": now,
        "url": url,
        "links": {
            "origination_urls": f"{url}/OriginationUrls",
            "credential_lists": f"{url}/CredentialLists",
            "ip_access_control_lists": f"{url}/IpAccessControlLists",
            "phone_numbers": f"{url}/PhoneNumbers",
        },
    }
    return account.trunks[sid]


def trunk_numbers(account: Account, request: ParsedRequest) -> Response:
    found(account.trunks, request, "trunk")
    held = numbers.trunk_numbers(account, request.ids["trunk"])
    rows = [_on_trunk(number, request.ids["trunk"]) for number in held]
    return meta_page(request, TRUNKING, "phone_numbers", rows)


def attach(account: Account, request: ParsedRequest) -> Response:
    found(account.trunks, request, "trunk")
    sid = request.field("PhoneNumberSid") or ""
    number = numbers.attach(account, request, sid, request.ids["trunk"])
    return JSONResponse(_on_trunk(number, request.ids["trunk"]), 201)


def attached(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(_on_trunk(_held(account, request), request.ids["trunk"]))


def detach(account: Account, request: ParsedRequest) -> Response:
    """Off the trunk; the number stays owned."""
    numbers.attach(account, request, str(_held(account, request)["sid"]), None)
    return Response(status_code=204)


def origination_urls(account: Account, request: ParsedRequest) -> Response:
    found(account.trunks, request, "trunk")
    urls = account.origination_urls.values()
    rows = [row for row in urls if row["trunk_sid"] == request.ids["trunk"]]
    return meta_page(request, TRUNKING, "origination_urls", rows)


def create_origination_url(account: Account, request: ParsedRequest) -> Response:
    found(account.trunks, request, "trunk")
    required = ("FriendlyName", "SipUrl", "Priority", "Weight", "Enabled")
    given = {name: request.field(name) or "" for name in required}
    if not all(given.values()) or not _SIP_URL.fullmatch(given["SipUrl"]):
        raise invalid(f"{', '.join(required)} are required; SipUrl begins with sip:")
    sid = account.state.id("OU", 32)
    now = iso_seconds(account.state.now())
    try:
        priority, weight = int(given["Priority"]), int(given["Weight"])
    except ValueError:
        raise invalid("Priority and Weight are numbers") from None
    account.origination_urls[sid] = {
        "sid": sid,
        "account_sid": account.sid,
        "trunk_sid": request.ids["trunk"],
        "friendly_name": given["FriendlyName"],
        "sip_url": given["SipUrl"],
        "priority": priority,
        "weight": weight,
        "enabled": given["Enabled"].lower() == "true",
        "date_created": now,
        "date_updated": now,
        "url": f"{TRUNKING}{request.path}/{sid}",
    }
    return JSONResponse(account.origination_urls[sid], 201)


def of_calls(account: Account, number: Json) -> list[str]:
    """Return where the calls of a number go: to its trunk's addresses, else to one URL."""
    if number["trunk_sid"]:
        rows = account.origination_urls.values()
        on = [row for row in rows if row["trunk_sid"] == number["trunk_sid"] and row["enabled"]]
        return [str(row["sip_url"]) for row in sorted(on, key=lambda row: str(row["priority"]))]
    application = account.applications.get(str(number["voice_application_sid"]))
    return [str(url) for url in [(application or number)["voice_url"]] if url]


def _held(account: Account, request: ParsedRequest) -> Json:
    found(account.trunks, request, "trunk")
    for number in numbers.trunk_numbers(account, request.ids["trunk"]):
        if number["sid"] == request.ids["sid"]:
            return number
    raise missing(request.path)


def _on_trunk(number: Json, trunk: str) -> Json:
    """Return a number as the trunking API shows it: less than 2010-04-01 does, with a URL."""
    hidden = {"uri", "origin", "status", "type", "address_sid", "identity_sid", "bundle_sid"}
    hidden |= {"voice_receive_mode", "emergency_status"}
    hidden |= {"emergency_address_sid", "emergency_address_status"}
    url = f"{TRUNKING}/v1/Trunks/{trunk}/PhoneNumbers/{number['sid']}"
    links: Json = {"phone_number": f"https://api.twilio.com{number['uri']}".removesuffix(".json")}
    shown = {key: value for key, value in number.items() if key not in hidden}
    dates = {
        key: iso_seconds(parsedate_to_datetime(str(number[key])))
        for key in ("date_created", "date_updated")
    }
    return {**shown, **dates, "url": url, "links": links}


def _configure(row: Json, request: ParsedRequest) -> None:
    given = dict(request.form)
    for name in _URLS:
        http_url(name, given.get(name, ""))
    for name in ("FriendlyName", *_URLS, *_METHODS):
        if name in given:
            row[snake(name)] = given[name]


def _domain(name: str | None) -> str | None:
    if name is not None and not name.endswith("pstn.twilio.com"):
        raise invalid("DomainName must end in pstn.twilio.com")
    return name
