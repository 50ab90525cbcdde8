"""The account's numbers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.endpoints import parse_object

from .account import Account
from .refusals import invalid

_PAGE = 50


async def listed(account: Account, request: Request) -> Response:
    ids = list(account.numbers)
    after = request.query_params.get("after")
    start = ids.index(after) + 1 if after else 0
    page = [account.numbers[held] for held in ids[start : start + _PAGE]]
    more = page[-1]["id"] if start + _PAGE < len(ids) else None
    return JSONResponse({"numbers": page, "next": more})


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.numbers.find(request.path_params["id"]))


async def buy(account: Account, request: Request) -> Response:
    body = parse_object(await request.body(), invalid)
    bought, number = account.state.id("n_"), f"+1650555{len(account.numbers):04d}"
    account.numbers[bought] = {"id": bought, "number": number, "line": None, **body}
    account.state.record("purchase", bought, number)
    return JSONResponse(account.numbers[bought], 201)


async def update(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    number.update(parse_object(await request.body(), invalid))
    return JSONResponse(number)
