"""LiveKit Phone Numbers.

Their messages are published, their errors are not: those here are the usual ones of LiveKit's other
services. For sale are +1 415 555 0150 to 0179 and the same of any area.
"""

from __future__ import annotations

from pydantic import JsonValue

from telephony.sandbox.endpoints import cut
from telephony.sandbox.vendor import Json, iso

from .account import Account
from .input import Get, List, Purchase, Release, Search, Token, Update, reader
from .refusals import invalid, missing

_FOR_SALE = 30
_FIRST = 150
_AREA = "415"


def search(account: Account, body: Json) -> Json:
    wanted = reader.value(Search, body)
    found: list[JsonValue] = []
    if wanted.country_code == "US":
        found = [dict(_for_sale(number)) for number in _unsold(account, wanted.area_code or _AREA)]
    return _page(found, wanted.limit, wanted.page_token)


def buy(account: Account, body: Json) -> Json:
    wanted = reader.value(Purchase, body)
    if not wanted.phone_numbers:
        raise invalid("at least one phone number is required")
    if wanted.sip_dispatch_rule_id is not None:
        account.rules.find(wanted.sip_dispatch_rule_id)
    for number in wanted.phone_numbers:
        if number not in _unsold(account, number[2:5]):
            raise missing("phone number is not available")
    bought: list[JsonValue] = []
    for number in wanted.phone_numbers:
        now = iso(account.state.now())
        made: Json = {
            **_for_sale(number),
            "id": account.id("PN_"),
            "created_at": now,
            "updated_at": now,
            "sip_dispatch_rule_ids": [],
        }
        if wanted.sip_dispatch_rule_id is not None:
            made["sip_dispatch_rule_ids"] = [wanted.sip_dispatch_rule_id]
        account.numbers[str(made["id"])] = made
        account.state.record("purchase", str(made["id"]), number)
        bought.append(_shown(account, made))
    return {"phone_numbers": bought}


def listed(account: Account, body: Json) -> Json:
    wanted = reader.value(List, body)
    shown = [_shown(account, number) for number in account.numbers.values()]
    found: list[JsonValue] = [
        number
        for number in shown
        if (not wanted.statuses or number["status"] in wanted.statuses)
        and wanted.sip_dispatch_rule_id in (None, *_rule_ids(number))
    ]
    offline = sum(number["status"] == "PHONE_NUMBER_STATUS_OFFLINE" for number in shown)
    page = _page(found, wanted.limit, wanted.page_token)
    return {**page, "total_count": len(found), "offline_count": offline}


def fetch(account: Account, body: Json) -> Json:
    return {"phone_number": _shown(account, _known(account, reader.value(Get, body)))}


def update(account: Account, body: Json) -> Json:
    wanted = reader.value(Update, body)
    number = _known(account, wanted)
    known = str(number["id"]), str(number["e164_format"])
    if not wanted.sip_dispatch_rule_id and wanted.name is None:
        raise invalid("sip_dispatch_rule_id or name is required")
    if wanted.sip_dispatch_rule_id:
        account.rules.find(wanted.sip_dispatch_rule_id)
        number["sip_dispatch_rule_ids"] = [wanted.sip_dispatch_rule_id]
        account.state.record("assign", *known)
    if wanted.name is not None:
        number["name"] = wanted.name
        account.state.record("label", *known)
    number["updated_at"] = iso(account.state.now())
    return {"phone_number": _shown(account, number)}


def release(account: Account, body: Json) -> Json:
    wanted = reader.value(Release, body)
    found = [_known(account, Get(id=one)) for one in wanted.ids]
    found += [_known(account, Get(phone_number=one)) for one in wanted.phone_numbers]
    if not found:
        raise invalid("at least one phone number is required")
    for number in found:
        number["released_at"] = iso(account.state.now())
        account.state.record("release", str(number["id"]), str(number["e164_format"]))
    return {}


def rule_for(account: Account, number: str) -> str | None:
    """Return the dispatch rule that a call to `number` meets."""
    for held in account.numbers.values():
        if held["e164_format"] == number and "released_at" not in held:
            return next(iter(_rule_ids(held)), None)
    return None


def _known(account: Account, wanted: Get) -> Json:
    if (wanted.id is None) == (wanted.phone_number is None):
        raise invalid("exactly one of id and phone_number is required")
    for number in account.numbers.values():
        held = number["id"], number["e164_format"]
        if "released_at" not in number and (wanted.id or wanted.phone_number) in held:
            return number
    raise missing("phone number not found")


def _unsold(account: Account, area_code: str) -> list[str]:
    held = {n["e164_format"] for n in account.numbers.values() if "released_at" not in n}
    numbers = [f"+1{area_code}555{_FIRST + nth:04d}" for nth in range(_FOR_SALE)]
    return [number for number in numbers if number not in held]


def _shown(account: Account, number: Json) -> Json:
    """Return a number as it is now: a rule that was deleted does not answer it any more."""
    rules = [rule for rule in _rule_ids(number) if rule in account.rules]
    status, inbound = ("ACTIVE", "ACTIVE") if rules else ("OFFLINE", "DETACHED")
    if "released_at" in number:
        rules, status, inbound = [], "RELEASED", "UNSPECIFIED"
    return {
        **number,
        "status": f"PHONE_NUMBER_STATUS_{status}",
        "inbound_status": f"PHONE_NUMBER_IN_STATUS_{inbound}",
        "outbound_status": "PHONE_NUMBER_OUT_STATUS_UNAVAILABLE",
        "sip_dispatch_rule_ids": [*rules],
        "sip_dispatch_rule_id": rules[0] if rules else "",
    }


def _for_sale(number: str) -> Json:
    return {
        "id": "",
        "name": "",
        "e164_format": number,
        "country_code": "US",
        "area_code": number[2:5],
        "number_type": "PHONE_NUMBER_TYPE_LOCAL",
        "locality": "San Francisco",
        "region": "CA",
        "spam_score": 0,
        "capabilities": ["voice", "sms"],
        "status": "PHONE_NUMBER_STATUS_UNSPECIFIED",
    }


def _rule_ids(number: Json) -> list[str]:
    ids = number["sip_dispatch_rule_ids"]
    return [str(one) for one in ids] if isinstance(ids, list) else []


def _page(found: list[JsonValue], limit: int, token: Token | None) -> Json:
    start = int(token.token) if token and token.token.isdecimal() else 0
    rows, more = cut(found, start, limit)
    return {"items": rows, "next_page_token": {"token": str(start + limit)} if more else None}
