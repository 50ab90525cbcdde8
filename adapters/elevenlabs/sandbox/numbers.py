"""The workspace's numbers, imported from their carriers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import (
    Change,
    Inbound,
    NewNumber,
    NewTrunk,
    NewTwilio,
    NumberList,
    Outbound,
    page,
    reader,
)
from .refusals import invalid, refusal


async def listed(account: Account, request: Request) -> Response:
    wanted = reader.query(NumberList, request)
    found = [number for number in account.numbers.values() if _matches(number, wanted)]
    return JSONResponse(page(found, request, wanted.page_size, "phone_numbers"))


async def listed_at_once(account: Account, request: Request) -> Response:
    """Respond as the older route does."""
    provider = request.query_params.get("provider")
    found = [n for n in account.numbers.values() if provider in (None, n["provider"])]
    return JSONResponse(found)


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.numbers.find(request.path_params["id"]))


async def import_(account: Account, request: Request) -> Response:
    """Import a number. One that is there already is imported again: nothing else is documented."""
    wanted = (await reader.body(NewNumber, request)).root
    agent = account.agent(wanted.agent_id)
    made: Json = {
        "phone_number_id": account.state.id("phnum_"),
        "phone_number": wanted.phone_number,
        "label": wanted.label,
        "provider": wanted.provider,
        "supports_inbound": True,
        "supports_outbound": True,
        "assigned_agent": agent,
    }
    if isinstance(wanted, NewTwilio):
        if wanted.phone_number.endswith("0000"):
            raise refusal(
                400, "invalid_provider_config", "The Twilio account does not hold this number."
            )
        if wanted.sid.startswith("SK") and wanted.account_auth_token is None:
            raise invalid("account_auth_token is needed with an API key")
        if wanted.phone_number in account.caller_ids:
            made |= {"supports_inbound": False, "assigned_agent": None}
        elif not account.state.world.point(
            wanted.sid, wanted.phone_number, "elevenlabs", texts=wanted.enable_sms
        ):
            raise refusal(
                400, "invalid_provider_config", "The Twilio account does not hold this number."
            )
    elif isinstance(wanted, NewTrunk):
        made |= {"livekit_stack": "standard", "store_sip_messages": False}
        made |= _sides(wanted.inbound_trunk_config, wanted.outbound_trunk_config)
        made |= {
            "supports_inbound": wanted.inbound_trunk_config is not None,
            "supports_outbound": wanted.outbound_trunk_config is not None,
        }
    account.numbers[str(made["phone_number_id"])] = made
    account.state.record("import", str(made["phone_number_id"]), wanted.phone_number)
    return JSONResponse({"phone_number_id": made["phone_number_id"]})


async def update(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    wanted = await reader.body(Change, request)
    given = wanted.model_fields_set
    if "agent_id" in given:
        if wanted.agent_id is not None and number["phone_number"] in account.caller_ids:
            raise invalid("A verified caller id cannot be assigned to an agent.")
        number["assigned_agent"] = account.agent(wanted.agent_id)
        kind = "unassign" if wanted.agent_id is None else "assign"
        account.state.record(kind, str(number["phone_number_id"]), str(number["phone_number"]))
    if wanted.label is not None:
        number["label"] = wanted.label
    if wanted.inbound_trunk_config or wanted.outbound_trunk_config:
        if number["provider"] != "sip_trunk":
            raise refusal(
                400,
                "invalid_provider_config",
                "Delete the phone number and create it again with another provider.",
            )
        number.update(
            _sides(wanted.inbound_trunk_config, wanted.outbound_trunk_config, only_given=True)
        )
    return JSONResponse(number)


async def release(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    del account.numbers[str(number["phone_number_id"])]
    account.state.record("release", str(number["phone_number_id"]), str(number["phone_number"]))
    return JSONResponse({})


def _matches(number: Json, wanted: NumberList) -> bool:
    agent = number["assigned_agent"]
    text = (wanted.search or "").lower()
    searched = f"{number['phone_number']} {number['label']}".lower()
    return (
        wanted.phone_number in (None, number["phone_number"])
        and wanted.label in (None, number["label"])
        and wanted.provider in (None, number["provider"])
        and wanted.agent_id in (None, agent.get("agent_id") if isinstance(agent, dict) else None)
        and (text in searched or text == number["phone_number_id"])
    )


def _sides(inbound: Inbound | None, outbound: Outbound | None, *, only_given: bool = False) -> Json:
    """Return what is shown of a trunk: everything but passwords."""
    sides: Json = {"inbound_trunk": _shown(inbound), "outbound_trunk": _shown(outbound)}
    sides["provider_config"] = sides["outbound_trunk"]
    return {name: side for name, side in sides.items() if side is not None or not only_given}


def _shown(side: Inbound | Outbound | None) -> Json | None:
    if side is None:
        return None
    login = side.credentials
    return {
        **side.model_dump(exclude={"credentials"}),
        "has_auth_credentials": login is not None and login.password is not None,
        "username": login.username if login else None,
    }
