"""The account's numbers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.endpoints import parse_object

from .account import LINES, Account
from .paging import page
from .refusals import invalid, refusal


async def listed(account: Account, request: Request) -> Response:
    return page("numbers", list(account.numbers.values()), request)


async def lines(_: Account, request: Request) -> Response:
    return page("lines", [{"id": line, "name": name} for line, name in LINES.items()], request)


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
    changes = parse_object(await request.body(), invalid)
    if (changes.get("line") or "line_1") not in LINES:
        raise refusal(404, "no such line")
    number.update(changes)
    return JSONResponse(number)
