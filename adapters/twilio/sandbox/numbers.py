"""The numbers that an account owns: IncomingPhoneNumbers."""

from __future__ import annotations

from fnmatch import fnmatchcase

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from . import available
from .account import Account, found, rfc2822
from .input import E164, ParsedRequest, http_url, snake
from .paging import page
from .refusals import invalid, missing, refusal

_URLS = ("VoiceUrl", "VoiceFallbackUrl", "StatusCallback", "SmsUrl", "SmsFallbackUrl")
_METHODS = (
    "VoiceMethod",
    "VoiceFallbackMethod",
    "StatusCallbackMethod",
    "SmsMethod",
    "SmsFallbackMethod",
)
_PLAIN = ("FriendlyName", "ApiVersion", "VoiceReceiveMode", "EmergencyStatus")
_SIDS = ("AddressSid", "IdentitySid", "BundleSid")
_ANSWERING = ("trunk_sid", "voice_application_sid", "voice_url", "sms_application_sid", "sms_url")
_REGISTERED = {"registered", "pending-unregistration", "unregistration-failure"}
_TAKEN, _BAD = "+15005550000", "+15005550001"


def listed(account: Account, request: ParsedRequest) -> Response:
    """Return the account's numbers, the newest first; `PhoneNumber` takes parts and wildcards."""
    wanted, name = request.filter("PhoneNumber"), request.filter("FriendlyName")
    kind, origin = request.ids.get("kind"), request.filter("Origin")
    rows = [
        number
        for number in reversed(account.numbers.values())
        if (wanted is None or _like(str(number["phone_number"]), wanted))
        and name in (None, number["friendly_name"])
        and origin in (None, number["origin"])
        and kind in (None, available.kind_of(str(number["phone_number"])))
    ]
    return page(request, "incoming_phone_numbers", rows)


def fetch(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(found(account.numbers, request))


def buy(account: Account, request: ParsedRequest) -> Response:
    """By exact number, or one of an area code that Twilio picks. There is no idempotency key."""
    kind, area = request.ids.get("kind"), request.field("AreaCode")
    number = request.field("PhoneNumber")
    if number is None and area is not None and kind is None:
        number = _any(account, area)
    if number is None:
        raise invalid("PhoneNumber or AreaCode is required")
    if not E164.fullmatch(number) or number == _BAD:
        raise refusal(400, 21421, f"{number} is not a valid number")
    if number in {_TAKEN, *account.taken} or account.holds(number):
        raise refusal(400, 21422, f"{number} is not available")
    if kind not in (None, available.kind_of(number)):
        raise refusal(400, 21421, f"{number} is not a number of this kind")
    bought = _new(account, number)
    _configure(account, bought, request)
    sid = str(bought["sid"])
    account.numbers[sid] = bought
    account.state.record("purchase", sid, number)
    return JSONResponse(bought, 201)


def update(account: Account, request: ParsedRequest) -> Response:
    number = found(account.numbers, request)
    changed = dict(number)
    _configure(account, changed, request)
    changed["date_updated"] = rfc2822(account.state.now())
    sid, text = str(number["sid"]), str(number["phone_number"])
    if changed["friendly_name"] != number["friendly_name"]:
        account.state.record("label", sid, text)
    if _answering(changed) != _answering(number):
        kind = "assign" if any(_answering(changed)) else "unassign"
        account.state.record(kind, sid, text)
    number.update(changed)
    return JSONResponse(number)


def release(account: Account, request: ParsedRequest) -> Response:
    number = found(account.numbers, request)
    if number["emergency_address_status"] in _REGISTERED:
        raise invalid("The number has an emergency address; remove it first")
    del account.numbers[request.ids["sid"]]
    account.state.record("release", request.ids["sid"], str(number["phone_number"]))
    return Response(status_code=204)


def point(account: Account, number: str, voice: str | None, sms: str | None) -> bool:
    """Set the URLs of a number as a vendor does that has the account's key."""
    held = account.holds(number)
    if held is None:
        return False
    held.update({"voice_url": voice} if voice is not None else {})
    held.update({"sms_url": sms} if sms is not None else {})
    return True


def _any(account: Account, area: str) -> str:
    for number in available.for_sale("US", "Local", area):
        if not account.holds(number) and number not in account.taken:
            return number
    raise refusal(400, 21452, f"No phone numbers found in area code {area}")


def _new(account: Account, number: str) -> Json:
    sid = account.state.id("PN", 32)
    now = rfc2822(account.state.now())
    return {
        "sid": sid,
        "account_sid": account.sid,
        "phone_number": number,
        "friendly_name": available.friendly(number),
        "capabilities": available.capabilities(number),
        "origin": "twilio",
        "status": "in-use",
        "type": {"TollFree": "toll_free"}.get(
            available.kind_of(number), available.kind_of(number).lower()
        ),
        "beta": False,
        "api_version": "2010-04-01",
        "address_sid": None,
        "address_requirements": "none",
        "identity_sid": None,
        "bundle_sid": None,
        "trunk_sid": None,
        "voice_url": None,
        "voice_method": "POST",
        "voice_fallback_url": None,
        "voice_fallback_method": "POST",
        "voice_application_sid": "",
        "voice_caller_id_lookup": False,
        "voice_receive_mode": "voice",
        "sms_url": "",
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "sms_application_sid": "",
        "status_callback": "",
        "status_callback_method": "POST",
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "date_created": now,
        "date_updated": now,
        "uri": account.uri(f"IncomingPhoneNumbers/{sid}.json"),
    }


def _configure(account: Account, number: Json, request: ParsedRequest) -> None:
    """Set what the form has; an empty value clears, an absent one leaves as it is."""
    given = dict(request.form)
    if "AccountSid" in given:
        raise invalid("The sandbox does not move numbers between accounts")
    if len(given.get("FriendlyName", "")) > 64:
        raise invalid("FriendlyName is longer than 64 characters")
    for name in _URLS:
        http_url(name, given.get(name, ""))
    for name in _METHODS:
        if given.get(name, "POST") not in {"GET", "POST"}:
            raise invalid(f"{name} must be GET or POST")
    for name in ("VoiceApplicationSid", "SmsApplicationSid"):
        if given.get(name) and given[name] not in account.applications:
            raise invalid(f"{name} is not an application of this account")
    if given.get("TrunkSid") and given["TrunkSid"] not in account.trunks:
        raise invalid("TrunkSid is not a trunk of this account")
    for name in (*_URLS, *_METHODS, *_PLAIN, "VoiceApplicationSid", "SmsApplicationSid"):
        if name in given:
            number[snake(name)] = given[name]
    for name in (*_SIDS, "TrunkSid"):
        if name in given:
            number[snake(name)] = given[name] or None
    if "VoiceCallerIdLookup" in given:
        number["voice_caller_id_lookup"] = given["VoiceCallerIdLookup"] == "true"
    if given.get("FriendlyName") == "":
        number["friendly_name"] = available.friendly(str(number["phone_number"]))
    # A trunk and an application exclude each other: the one that is set takes the other off.
    if given.get("TrunkSid"):
        number["voice_application_sid"] = ""
    elif given.get("VoiceApplicationSid"):
        number["trunk_sid"] = None
    if "EmergencyAddressSid" in given:
        address = given["EmergencyAddressSid"] or None
        number["emergency_address_sid"] = address
        number["emergency_address_status"] = "registered" if address else "unregistered"


def trunk_numbers(account: Account, trunk: str) -> list[Json]:
    return [number for number in account.numbers.values() if number["trunk_sid"] == trunk]


def attach(account: Account, request: ParsedRequest, sid: str, trunk: str | None) -> Json:
    """Put a number on a trunk or take it off, as the trunking API does."""
    if sid not in account.numbers:
        raise missing(request.path)
    number = account.numbers[sid]
    if trunk is not None:
        number["voice_application_sid"] = ""
    number["trunk_sid"] = trunk
    account.state.record(
        "unassign" if trunk is None else "assign", sid, str(number["phone_number"])
    )
    return number


def _answering(number: Json) -> list[str | None]:
    return [str(number[field] or "") or None for field in _ANSWERING]


def _like(number: str, wanted: str) -> bool:
    """Whether a number contains `wanted`, in which ``*`` is any one digit."""
    return fnmatchcase(number, f"*{wanted.replace('*', '[0-9]')}*")
