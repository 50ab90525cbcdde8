"""The account's numbers: bought, and imported by SIP."""

from __future__ import annotations

import phonenumbers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import Import, NumberChange, Paging, Purchase, kept, page, reader
from .refusals import invalid, refusal

_AREAS = {"US": 415, "CA": 416}
_TOLL_FREE = 888
_TRUNK = {
    "termination_uri": "termination_uri",
    "auth_username": "auth_username",
    "auth_password": "auth_password",
    "sip_trunk_auth_username": "auth_username",
    "sip_trunk_auth_password": "auth_password",
    "transport": "transport",
    "codecs": "codecs",
}


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(Paging, request)
    rows = [_shown(number) for number in reversed(account.numbers.values())]
    return JSONResponse(page(rows, wanted, lambda number: str(number["phone_number"])))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account.numbers.find(request.path_params["number"])))


async def buy(account: Account, request: Request) -> Response:
    wanted = await reader.body(Purchase, request)
    fields = kept(wanted)
    account.check_agents(fields)
    if not account.is_paid:
        raise refusal(402, "No payment method on file.")
    area = wanted.area_code or _AREAS[wanted.country_code]
    if area in account.without_stock:
        raise invalid("No phone numbers available for the given area code.")
    number = wanted.phone_number or _free(account, _TOLL_FREE if wanted.toll_free else area)
    if number in account.numbers:
        raise invalid("Phone number is not available.")
    for spent in ("country_code", "phone_number", "toll_free", "number_provider", "transport"):
        fields.pop(spent, None)
    made: Json = {
        "phone_number": number,
        "phone_number_type": f"retell-{wanted.number_provider}",
        "area_code": int(number[2:5]),
        **fields,
    }
    _add(account, made, "purchase")
    return JSONResponse(_shown(made), 201)


async def import_(account: Account, request: Request) -> Response:
    wanted = await reader.body(Import, request)
    fields = kept(wanted)
    account.check_agents(fields)
    if wanted.phone_number in account.numbers:
        raise invalid("Phone number already exists.")
    fields.pop("ignore_e164_validation", None)
    made: Json = {"phone_number_type": "custom", **_settled({}, fields)}
    _add(account, made, "import")
    return JSONResponse(_shown(made), 201)


async def update(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["number"])
    changes = kept(await reader.body(NumberChange, request))
    account.check_agents(changes)
    if number["phone_number_type"] != "custom" and changes.keys() & _TRUNK.keys():
        raise invalid("Only custom numbers have a trunk.")
    changed = _settled(number, changes)
    number.clear()
    number.update(changed)
    number["last_modification_timestamp"] = account.now()
    kind = "label" if "nickname" in changes else "assign"
    account.state.record(kind, str(number["phone_number"]), str(number["phone_number"]))
    return JSONResponse(_shown(number))


async def release(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["number"])
    key = str(number["phone_number"])
    del account.numbers[key]
    account.state.record("release", key, key)
    return Response(status_code=204)


def _add(account: Account, made: Json, kind: str) -> None:
    key = str(made["phone_number"])
    made["last_modification_timestamp"] = account.now()
    account.numbers[key] = {name: value for name, value in made.items() if value is not None}
    account.state.record(kind, key, key)


def _settled(number: Json, changes: Json) -> Json:
    """Return a number with changes; null clears a field, and the trunk's are kept together."""
    found, trunk = dict(number), dict(_trunk(number))
    for name, value in changes.items():
        holder, key = (trunk, _TRUNK[name]) if name in _TRUNK else (found, name)
        if value is None:
            holder.pop(key, None)
        else:
            holder[key] = value
    return {**found, **({"sip_outbound_trunk_config": trunk} if trunk else {})}


def _trunk(number: Json) -> Json:
    trunk = number.get("sip_outbound_trunk_config")
    return trunk if isinstance(trunk, dict) else {}


def _shown(number: Json) -> Json:
    """Return a number as responses show it: without the password of its trunk."""
    shown = {**number, "phone_number_pretty": _pretty(str(number["phone_number"]))}
    trunk = _trunk(number)
    if trunk:
        open_ = {name: value for name, value in trunk.items() if name != "auth_password"}
        shown["sip_outbound_trunk_config"] = open_
    return shown


def _pretty(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _free(account: Account, area: int) -> str:
    given_out = sum(entry.kind == "purchase" for entry in account.state.ledger)
    return f"+1{area}555{given_out + 100:04d}"
