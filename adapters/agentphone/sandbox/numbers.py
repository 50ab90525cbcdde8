"""The account's numbers, and those that could be bought."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso_seconds

from .account import Account
from .input import Paging, Purchase, Search, page, reader
from .refusals import invalid, missing, over

_PRICE = 3.0
_AREAS = {"US": "312", "CA": "416"}
_WITHOUT_STOCK = "999"
_ELSEWHERE = {"US": "212", "CA": "604"}
_PLACES: dict[str, Json] = {
    "312": {"city": "Chicago", "state": "IL", "rateCenter": "CHICAGO"},
    "416": {"city": "Toronto", "state": "ON", "rateCenter": "TORONTO"},
}


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(Paging, request)
    return JSONResponse(page(account.held()[::-1], wanted))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.numbers.find(request.path_params["id"]))


async def search(account: Account, request: Request) -> Response:
    if not account.has_search:
        # Without this route the path reads as the id of a number.
        raise missing("Phone number")
    wanted = reader.query(Search, request)
    area = wanted.area_code or _AREAS.get(wanted.country)
    stock = 0 if area is None or area == _WITHOUT_STOCK else 5
    offered = [_free(str(area), nth) for nth in range(stock)]
    filters = {"city": wanted.city, "state": wanted.state}
    found: list[JsonValue] = [
        one for one in offered if all(v is None or one.get(k) == v for k, v in filters.items())
    ]
    return JSONResponse({"data": found[: wanted.limit]})


async def buy(account: Account, request: Request) -> Response:
    wanted = await reader.body(Purchase, request)
    if wanted.country not in _AREAS:
        raise invalid(f"Unsupported country: {wanted.country}")
    if wanted.agent_id is not None:
        account.agents.find(wanted.agent_id)
    if len(account.held()) >= account.number_limit:
        raise over(400, "The number limit is reached", "VALIDATION_ERROR_NUMBER_LIMIT")
    if account.balance < _PRICE:
        raise over(402, "A balance of $3.00 or more is needed", "INSUFFICIENT_BALANCE")
    bought = _add(account, wanted)
    account.record("purchase", bought)
    if account.rival:
        _add(account, Purchase())
    return JSONResponse(bought)


async def update(account: Account, request: Request) -> Response:
    number = account.held_number(request.path_params["id"])
    body = await reader.json(request)
    number.update({key: body[key] for key in ("externalId", "expiresAt") if key in body})
    return JSONResponse(number)


async def release(account: Account, request: Request) -> Response:
    number = account.held_number(request.path_params["id"])
    number.update(status="released", agentId=None)
    account.record("release", number)
    return JSONResponse(
        {"success": True, "phoneNumber": number["phoneNumber"], "status": "released"}
    )


def _add(account: Account, wanted: Purchase) -> Json:
    account.balance -= _PRICE
    area = wanted.area_code or _AREAS[wanted.country]
    if area == _WITHOUT_STOCK:
        area = _ELSEWHERE[wanted.country]
    texts = "enabled" if account.campaign == "approved" else "registration_required"
    made: Json = {
        "id": account.state.id("num_"),
        "phoneNumber": f"+1{area}555{len(account.numbers) % 10_000:04d}",
        "country": wanted.country,
        "status": "active",
        "type": wanted.type,
        "agentId": wanted.agent_id if account.attaches_at_purchase else None,
        "createdAt": iso_seconds(account.state.now()),
        "externalId": wanted.external_id if account.keeps_external_ids else None,
        "expiresAt": iso_seconds(wanted.expires_at) if wanted.expires_at else None,
        "outboundSms": texts,
    }
    account.numbers[str(made["id"])] = made
    return made


def _free(area: str, nth: int) -> Json:
    """Return a number that could be bought. Where it belongs is known of some areas only."""
    return {"phoneNumber": f"+1{area}5559{nth:03d}", "areaCode": area, **_PLACES.get(area, {})}
