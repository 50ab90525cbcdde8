"""Carrier accounts: Twilio accounts and SIP trunks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import SipTrunk, Twilio, reader
from .refusals import invalid, refusal


async def listed(account: Account, request: Request) -> Response:
    query = request.query_params
    return JSONResponse(
        [
            carrier
            for carrier in account.carriers.values()
            if query.get("type") in (None, carrier["type"])
            and query.get("account_sid") in (None, carrier.get("account_sid"))
        ]
    )


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.carriers.find(request.path_params["id"]))


async def link(account: Account, request: Request) -> Response:
    body = await reader.json(request)
    if body.get("type") == "sip_trunk":
        made = _new_trunk(account, reader.value(SipTrunk, body))
    else:
        made = _new_twilio(account, reader.value(Twilio, body))
    account.carriers[str(made["id"])] = made
    account.state.record("link", str(made["id"]))
    return JSONResponse(made, 201)


async def rotate(account: Account, request: Request) -> Response:
    carrier = account.carriers.find(request.path_params["id"])
    body = await reader.json(request)
    if body.get("type") != carrier["type"]:
        raise invalid("type cannot be changed")
    if carrier["type"] == "twilio":
        wanted = reader.value(Twilio, {"account_sid": "", **body})
        _try_key(wanted.api_key_sid)
        # The documented default of `region` holds here too: us1, whatever it was before.
        carrier.update(api_key_sid=_masked(wanted.api_key_sid), region=wanted.region)
    else:
        carrier.update(_changed(carrier, reader.value(SipTrunk, body)))
    account.state.record("rotate", str(carrier["id"]))
    return JSONResponse(carrier)


async def unlink(account: Account, request: Request) -> Response:
    carrier = account.carriers.find(request.path_params["id"])
    for number in account.numbers.values():
        held = number["provider"]
        if isinstance(held, dict) and held.get("id") == carrier["id"]:
            raise refusal(409, "Provider in use", "Numbers are still attached.")
    del account.carriers[str(carrier["id"])]
    account.state.record("unlink", str(carrier["id"]))
    return Response(status_code=204)


def _new_twilio(account: Account, wanted: Twilio) -> Json:
    _try_key(wanted.api_key_sid)
    for held in account.carriers.values():
        if (held.get("account_sid"), held.get("region")) == (wanted.account_sid, wanted.region):
            raise refusal(409, "Already linked", "This account and region are linked.")
    return {
        "type": "twilio",
        "id": account.state.id("prov_"),
        "account_sid": wanted.account_sid,
        "api_key_sid": _masked(wanted.api_key_sid),
        "region": wanted.region,
        **({"label": wanted.label} if wanted.label else {}),
    }


def _new_trunk(account: Account, wanted: SipTrunk) -> Json:
    if wanted.label is None or not (wanted.inbound or wanted.outbound):
        raise invalid("label and one of inbound, outbound are required")
    if wanted.outbound and not (wanted.outbound.address and wanted.outbound.transport):
        raise invalid("outbound needs address and transport")
    made: Json = {"type": "sip_trunk", "id": account.state.id("prov_"), "label": wanted.label}
    return made | _sides(wanted)


def _changed(carrier: Json, trunk: SipTrunk) -> Json:
    """Merge a patch into a trunk: what is left out stays, null clears, the address is fixed."""
    changes: Json = {"label": trunk.label} if trunk.label else {}
    defaults = _sides(trunk)
    for name, side in (("inbound", trunk.inbound), ("outbound", trunk.outbound)):
        held = carrier.get(name)
        if side is None:
            continue
        if not isinstance(held, dict):
            if trunk.outbound is side and not (trunk.outbound.address and trunk.outbound.transport):
                raise invalid("outbound needs address and transport")
            changes[name] = defaults[name]
            continue
        given = side.model_dump(exclude_unset=True)
        if {"address", "transport"} & set(given):
            raise invalid("address and transport cannot be changed")
        if "credentials" in given:
            login = given.pop("credentials")
            given["auth_username"] = login["username"] if login else ""
        changes[name] = {**held, **{k: v if v is not None else "" for k, v in given.items()}}
    return changes


def _sides(trunk: SipTrunk) -> Json:
    """Return what is shown of a trunk: everything but passwords."""
    sides: Json = {}
    if trunk.inbound is not None:
        login = trunk.inbound.credentials
        sides["inbound"] = {
            "allowed_addresses": list(trunk.inbound.allowed_addresses or []),
            "allowed_numbers": list(trunk.inbound.allowed_numbers or []),
            "auth_username": login.username if login else "",
            "media_encryption": trunk.inbound.media_encryption or "allowed",
        }
    if trunk.outbound is not None:
        login = trunk.outbound.credentials
        sides["outbound"] = {
            "address": trunk.outbound.address,
            "transport": trunk.outbound.transport,
            "media_encryption": trunk.outbound.media_encryption or "disabled",
            "auth_username": login.username if login else "",
            "destination_country": trunk.outbound.destination_country or "",
        }
    return sides


def _try_key(api_key_sid: str) -> None:
    if api_key_sid.endswith("bad"):
        raise refusal(400, "Bad credentials", "Twilio refused the API key.")


def _masked(sid: str) -> str:
    return f"{sid[:4]}****{sid[-4:]}"
