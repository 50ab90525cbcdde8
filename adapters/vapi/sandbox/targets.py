"""Assistants, squads and workflows."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .account import Account
from .input import ByTime, page, reader


async def assistants(account: Account, request: Request) -> Response:
    query = reader.query(ByTime, request)
    return JSONResponse(page(list(account.assistants.values()), query))


async def squads(account: Account, request: Request) -> Response:
    query = reader.query(ByTime, request)
    return JSONResponse(page(list(account.squads.values()), query))


async def assistant(account: Account, request: Request) -> Response:
    return JSONResponse(account.assistants.find(request.path_params["id"]))


async def squad(account: Account, request: Request) -> Response:
    return JSONResponse(account.squads.find(request.path_params["id"]))


async def workflow(account: Account, request: Request) -> Response:
    return JSONResponse(account.workflows.find(request.path_params["id"]))
