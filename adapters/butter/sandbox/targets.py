"""What a number can be assigned to: agents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account, done
from .input import Assign, reader
from .refusals import refusal


async def assign(account: Account, request: Request) -> Response:
    agent = request.path_params["agent_id"]
    account.agents.find(agent)
    number_id = (await reader.body(Assign, request)).phone_number_id
    number = account.numbers.find(number_id)
    if number["provider"] == "twilio" and number_id in account.unintegrated:
        raise refusal(400, "The Twilio phone number has no integration")
    if number["assigned_agent_id"] == agent:
        raise refusal(409, "Phone number is already assigned to this agent")
    if number["assigned_agent_id"] is not None:
        raise refusal(409, "Phone number is already assigned to another agent")
    now = iso(account.state.now())
    number.update(status="assigned", assigned_agent_id=agent, updated_at=now)
    account.state.record("assign", number_id, str(number["phone_number"]))
    carrier = account.carriers.get(str(number.get("integration_id")))
    if carrier is not None:
        account.state.world.point(carrier, str(number["phone_number"]), "butter")
    return JSONResponse(done("Phone number assigned successfully", _fragment(account, agent)))


async def unassign(account: Account, request: Request) -> Response:
    agent = request.path_params["agent_id"]
    account.agents.find(agent)
    number_id = request.path_params["phone_number_id"]
    number = account.numbers.get(number_id)
    if number is None or number["assigned_agent_id"] != agent:
        raise refusal(400, "Phone number is not assigned to this agent")
    number.update(status="free", assigned_agent_id=None, updated_at=iso(account.state.now()))
    account.state.record("unassign", number_id, str(number["phone_number"]))
    return JSONResponse(done("Phone number unassigned successfully", _fragment(account, agent)))


def _fragment(account: Account, agent: str) -> Json:
    held = [i for i, number in account.numbers.items() if number["assigned_agent_id"] == agent]
    return {
        "agent_id": agent,
        "agent_name": account.agents[agent],
        "assigned_phone_number_ids": list(held),
        "updated_at": iso(account.state.now()),
    }
