"""The organization's numbers: its own, and those of carriers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.endpoints import cut
from telephony.sandbox.vendor import Json

from .account import Account
from .input import ByPage, ByTime, NumberChange, by_creation, kept, new_number, page, reader
from .refusals import invalid

_CREDENTIALS = {"vonage": "vonage", "telnyx": "telnyx", "byo-phone-number": "byo-sip-trunk"}


async def listed(account: Account, request: Request) -> Response:
    query = reader.query(ByTime, request)
    return JSONResponse(page(list(account.numbers.values()), query))


async def paged(account: Account, request: Request) -> Response:
    query = reader.query(ByPage, request)
    found = by_creation(list(account.numbers.values()), query)
    if query.sort_order == "ASC":
        found.reverse()
    found = [number for number in found if _matches(number, query.search.lower())]
    rows, more = cut(found, (query.page - 1) * query.limit, query.limit)
    about = {
        "itemsPerPage": query.limit,
        "totalItems": len(found),
        "currentPage": query.page,
        "totalPages": -(-len(found) // (query.limit or 1)),
        "hasNextPage": more,
        "sortOrder": query.sort_order,
    }
    return JSONResponse({"results": rows, "metadata": about})


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.numbers.find(request.path_params["id"]))


async def create(account: Account, request: Request) -> Response:
    """Give out a number of Vapi's own, or import one."""
    wanted = new_number(await reader.json(request))
    account.check_agent(wanted)
    made: Json = {**account.stamps(), **{k: v for k, v in wanted.items() if v is not None}}
    if wanted["provider"] == "vapi":
        return JSONResponse(_bought(account, made), 201)
    number = str(wanted.get("number", ""))
    if any(held.get("number") == number for held in account.numbers.values()):
        raise invalid("The phone number is imported already.")
    _check_source(account, wanted)
    if wanted["provider"] == "twilio":
        made.setdefault("smsEnabled", True)
    made["status"] = "active"
    account.numbers[str(made["id"])] = made
    account.state.record("import", str(made["id"]), number)
    if wanted["provider"] == "twilio":
        held_by, texts = str(wanted["twilioAccountSid"]), bool(made["smsEnabled"])
        account.state.world.point(held_by, number, "vapi", texts=texts)
    return JSONResponse(made, 201)


async def update(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    changes = kept(await reader.body(NumberChange, request))
    if changes.get("provider", number["provider"]) != number["provider"]:
        raise invalid("provider cannot change")
    account.check_agent(changes)
    if changes.get("credentialId"):
        _check_source(account, {**number, **changes})
    for key, value in changes.items():
        if value is None:
            number.pop(key, None)
        else:
            number[key] = value
    account.touched(number)
    kind = "label" if "name" in changes else "assign"
    account.state.record(kind, str(number["id"]), str(number.get("number", "")))
    return JSONResponse(number)


async def release(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    del account.numbers[str(number["id"])]
    account.state.record("release", str(number["id"]), str(number.get("number", "")))
    return JSONResponse(number)


def _bought(account: Account, made: Json) -> Json:
    """Give out a number; it is activated as soon as it was promised."""
    area = made.get("numberDesiredAreaCode", "650")
    given_out = sum(entry.kind == "purchase" for entry in account.state.ledger)
    promised = {**made, "status": "activating"}
    made["status"] = "active"
    if "sipUri" not in made:
        made["number"] = f"+1{area}555{given_out + 100:04d}"
    account.numbers[str(made["id"])] = made
    account.state.record("purchase", str(made["id"]), str(made.get("number", "")))
    return promised


def _check_source(account: Account, wanted: Json) -> None:
    """Refuse what no carrier holds, and a credential of another kind."""
    if str(wanted.get("number", "")).endswith("0000"):
        raise invalid("The account does not hold this number.")
    if wanted["provider"] == "twilio":
        if not (wanted.get("twilioAuthToken") or wanted.get("twilioApiSecret")):
            raise invalid("twilioAuthToken, or twilioApiKey and twilioApiSecret, are required")
        if not account.state.world.holds(str(wanted["twilioAccountSid"]), str(wanted["number"])):
            raise invalid("The account does not hold this number.")
        return
    credential = account.credentials.get(str(wanted["credentialId"]))
    if credential is None or credential["provider"] != _CREDENTIALS[str(wanted["provider"])]:
        raise invalid("Couldn't find the credential.")


def _matches(number: Json, text: str) -> bool:
    searched = (number.get("name"), number.get("number"), number.get("sipUri"))
    return any(text in str(part or "").lower() for part in searched)
