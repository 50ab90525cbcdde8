"""Credentials: of carriers, and of others that a listing shows too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import ByTime, credential, page, reader
from .refusals import invalid

_SECRETS = {"apiSecret", "authToken"}


async def listed(account: Account, request: Request) -> Response:
    query = reader.query(ByTime, request)
    return JSONResponse(page([_shown(one) for one in account.credentials.values()], query))


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account.credentials.find(request.path_params["id"])))


async def link(account: Account, request: Request) -> Response:
    wanted = credential(await reader.json(request))
    _check(wanted)
    made: Json = {**account.stamps(), **wanted}
    account.credentials[str(made["id"])] = made
    account.state.record("link", str(made["id"]))
    return JSONResponse(_shown(made), 201)


async def rotate(account: Account, request: Request) -> Response:
    held = account.credentials.find(request.path_params["id"])
    wanted = credential({"provider": held["provider"], **(await reader.json(request))})
    if wanted["provider"] != held["provider"]:
        raise invalid("provider cannot change")
    _check(wanted)
    held.update(wanted)
    account.touched(held)
    account.state.record("rotate", str(held["id"]))
    return JSONResponse(_shown(held))


async def unlink(account: Account, request: Request) -> Response:
    held = account.credentials.find(request.path_params["id"])
    del account.credentials[str(held["id"])]
    account.state.record("unlink", str(held["id"]))
    return JSONResponse(_shown(held))


def _check(wanted: Json) -> None:
    gateways = wanted.get("gateways")
    for gateway in gateways if isinstance(gateways, list) else ():
        if not isinstance(gateway, dict) or str(gateway["ip"])[-1:].isdecimal():
            continue
        if gateway.get("inboundEnabled", True):
            raise invalid("Couldn't validate SIP trunk credential. SIP gateway creation failed.")


def _shown(held: Json) -> Json:
    """Return credentials without their secrets."""
    shown = {key: value for key, value in held.items() if key not in _SECRETS}
    if held["provider"] == "telnyx":
        del shown["apiKey"]
    plan = held.get("outboundAuthenticationPlan")
    if isinstance(plan, dict):
        shown["outboundAuthenticationPlan"] = {
            key: value for key, value in plan.items() if key != "authPassword"
        }
    return shown
