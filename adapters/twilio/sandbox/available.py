"""Numbers for sale in the sandbox: a made-up stock of 900 in each area, thirty shown at a time.

Every area code of the US and Canada has local numbers, except 533. The United Kingdom has all
kinds, Lithuania mobile numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import ParsedRequest
from .paging import page_size
from .refusals import invalid, missing

_TOLL_FREE = ("800", "888", "877", "866", "855", "844", "833")
_EMPTY_AREA = "533"
_EACH = 900
_SHOWN = 30
_STOCK: dict[str, dict[str, tuple[str, ...]]] = {
    "US": {"Local": ("+1415555", "+1212555", "+1512555"), "TollFree": ("+1800555", "+1888555")},
    "CA": {"Local": ("+1416555", "+1604555"), "TollFree": ("+1800555",)},
    "GB": {
        "Local": ("+44207946",),
        "Mobile": ("+44770090",),
        "National": ("+44330055",),
        "TollFree": ("+44808157",),
    },
    "LT": {"Mobile": ("+3706120",)},
}
_COUNTRIES = {
    "US": "United States",
    "CA": "Canada",
    "GB": "United Kingdom",
    "LT": "Lithuania",
}
_SUBRESOURCES = {
    "Local": "local",
    "TollFree": "toll_free",
    "Mobile": "mobile",
    "National": "national",
}
_BEGINS = {"+447": "Mobile", "+3706": "Mobile", "+4433": "National", "+44808": "TollFree"}
_CAPABLE = {"VoiceEnabled": "voice", "SmsEnabled": "sms", "MmsEnabled": "mms", "FaxEnabled": "fax"}
_PLACES = {"InRegion": "region", "InPostalCode": "postal_code", "InLocality": "locality"}
_CONTAINS = re.compile(r"(?P<front>[+*%]?)(?P<plain>[0-9A-Za-z]+)(?P<back>[$*%]?)")
_WILD = {"*": ".", "%": ".*", "+": r"^\+?", "$": "$", "": ""}
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


def countries(account: Account, request: ParsedRequest) -> Response:
    rows = [_country(account, code) for code in _STOCK]
    return JSONResponse({"countries": rows, "uri": request.path})


def country(account: Account, request: ParsedRequest) -> Response:
    if request.ids["country"] not in _STOCK:
        raise missing(request.path)
    return JSONResponse(_country(account, request.ids["country"]))


def search(account: Account, request: ParsedRequest) -> Response:
    """Return a sample of the numbers for sale: no further pages, nothing held, no prices."""
    code, kind = request.ids["country"], request.ids["kind"]
    if kind not in _STOCK.get(code, {}):
        raise missing(request.path)
    offered = (_row(number, code) for number in matching(account, request, code, kind))
    rows = [row for row in offered if _wanted(row, request)]
    return JSONResponse(
        {"available_phone_numbers": rows[: min(page_size(request), _SHOWN)], "uri": request.path},
    )


def matching(account: Account, request: ParsedRequest, code: str, kind: str) -> list[str]:
    wanted = _pattern(request.filter("Contains"))
    held = {number["phone_number"] for number in account.numbers.values()}
    return [
        number
        for number in for_sale(code, kind, request.filter("AreaCode"))
        if number not in held and wanted.search(number)
    ]


def for_sale(code: str, kind: str, area: str | None) -> Iterable[str]:
    prefixes = _STOCK[code][kind]
    if area is not None:
        if code not in {"US", "CA"} or not re.fullmatch("[2-9][0-9]{2}", area):
            raise invalid("AreaCode is not valid")
        if (area in _TOLL_FREE) != (kind == "TollFree") or area == _EMPTY_AREA:
            return
        prefixes = (f"+1{area}555",)
    for index in range(_EACH):
        for prefix in prefixes:
            yield f"{prefix}{100 + index:04d}"


def kind_of(number: str) -> str:
    """Return the kind of a number, as far as the sandbox knows it."""
    if number.startswith("+1") and number[2:5] in _TOLL_FREE:
        return "TollFree"
    return next((kind for begins, kind in _BEGINS.items() if number.startswith(begins)), "Local")


def friendly(number: str) -> str:
    """How Twilio writes a number where it has no name."""
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


def capabilities(number: str) -> Json:
    """Local numbers outside North America carry voice only."""
    texts = number.startswith("+1") or kind_of(number) == "Mobile"
    return {"voice": True, "sms": texts, "mms": number.startswith("+1"), "fax": False}


def _country(account: Account, code: str) -> Json:
    place = f"AvailablePhoneNumbers/{code}"
    return {
        "beta": False,
        "country": _COUNTRIES[code],
        "country_code": code,
        "subresource_uris": {
            _SUBRESOURCES[kind]: account.uri(f"{place}/{kind}.json") for kind in _STOCK[code]
        },
        "uri": account.uri(f"{place}.json"),
    }


def _row(number: str, code: str) -> Json:
    hilly = number.startswith("+1415")
    return {
        "address_requirements": "none" if code in {"US", "CA"} else "any",
        "beta": False,
        "capabilities": capabilities(number),
        "friendly_name": friendly(number),
        "iso_country": code,
        "lata": "722" if hilly else None,
        "latitude": "37.770000" if hilly else None,
        "locality": "San Francisco" if hilly else None,
        "longitude": "-122.420000" if hilly else None,
        "phone_number": number,
        "postal_code": "94103" if hilly else None,
        "rate_center": "SNFC CNTRL" if hilly else None,
        "region": "CA" if hilly else None,
    }


def _wanted(row: Json, request: ParsedRequest) -> bool:
    """Whether a number passes the filters besides its digits."""
    can, near = row["capabilities"], request.filter("NearNumber")
    return (
        isinstance(can, dict)
        and all(
            request.filter(name) in (None, str(can[word]).lower())
            for name, word in _CAPABLE.items()
        )
        and all(request.filter(name) in (None, row[word]) for name, word in _PLACES.items())
        and (near is None or str(row["phone_number"]).startswith(near[:5]))
        and (
            request.filter("ExcludeAllAddressRequired") != "true"
            or row["address_requirements"] == "none"
        )
    )


def _pattern(contains: str | None) -> re.Pattern[str]:
    if contains is None:
        return re.compile("")
    shape = _CONTAINS.fullmatch(contains)
    if not shape or not 2 <= len(contains) <= 16 or len(shape["plain"]) < 2:
        raise invalid("Contains is not a valid pattern")
    digits = shape["plain"].upper().translate(_KEYPAD)
    return re.compile(_WILD[shape["front"]] + digits + _WILD[shape["back"]])
