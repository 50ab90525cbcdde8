"""Carrier accounts: integrations."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account, done
from .input import Link, Rotate, reader
from .refusals import refusal


async def link(account: Account, request: Request) -> Response:
    wanted = await reader.body(Link, request)
    now = iso(account.state.now())
    made: Json = {
        "integration_id": account.state.id("intg_"),
        "client_id": account.id,
        "name": wanted.name,
        "provider": wanted.credentials.provider,
        "category": "telephony",
        "status": "active",
        "created_at": now,
        "updated_at": now,
    }
    account.integrations[str(made["integration_id"])] = made
    account.carriers[str(made["integration_id"])] = wanted.credentials.account_sid
    account.state.record("link", str(made["integration_id"]))
    return JSONResponse(done("Integration created successfully", made), 201)


async def rotate(account: Account, request: Request) -> Response:
    integration = account.integrations.find(request.path_params["integration_id"])
    wanted = await reader.body(Rotate, request)
    if wanted.name is not None:
        integration["name"] = wanted.name
    integration["updated_at"] = iso(account.state.now())
    if wanted.credentials is not None:
        account.carriers[str(integration["integration_id"])] = wanted.credentials.account_sid
        account.state.record("rotate", str(integration["integration_id"]))
    return JSONResponse(done("Integration updated successfully", integration))


async def unlink(account: Account, request: Request) -> Response:
    integration = account.integrations.find(request.path_params["integration_id"])
    wanted = integration["integration_id"]
    users = [n for n in account.numbers.values() if n.get("integration_id") == wanted]
    if users:
        listed = [str(number["phone_number"]) for number in users]
        raise refusal(account.in_use_status, f"Integration is still used by: {listed}")
    del account.integrations[str(wanted)]
    account.state.record("unlink", str(wanted))
    return JSONResponse(done("Integration deleted successfully", integration))
