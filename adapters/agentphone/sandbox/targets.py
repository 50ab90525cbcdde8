"""What a number can be assigned to: agents."""

from __future__ import annotations

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, Refusal, iso_seconds

from .account import Account
from .input import Attachment, NewAgent, Paging, page, reader


async def listed(account: Account, request: Request) -> Response:
    shown = [_shown(account, agent) for agent in account.agents.values()]
    listing = page(shown, reader.query(Paging, request))
    # Documented without it.
    del listing["hasMore"]
    return JSONResponse(listing)


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account, account.agents.find(request.path_params["agent"])))


async def create(account: Account, request: Request) -> Response:
    wanted = await reader.body(NewAgent, request)
    agent = add(account, account.state.id("agt_"), wanted.name)
    agent |= {"voiceMode": "webhook", **wanted.model_dump()}
    return JSONResponse(_shown(account, agent))


async def delete(account: Account, request: Request) -> Response:
    agent = account.agents.find(request.path_params["agent"])
    for number in account.held_by(agent):
        number["agentId"] = None
    del account.agents[str(agent["id"])]
    return JSONResponse({"success": True, "id": agent["id"], "name": agent["name"]})


async def attach(account: Account, request: Request) -> Response:
    agent = account.agents.find(request.path_params["agent"])
    wanted = await reader.body(Attachment, request)
    number = account.held_number(wanted.number_id)
    if number["agentId"] is not None:
        raise Refusal(409, {"detail": "Phone number is already attached to an agent"})
    number["agentId"] = agent["id"]
    account.record("assign", number)
    return JSONResponse({"agentId": agent["id"], "number": _on_agent(number)})


async def detach(account: Account, request: Request) -> Response:
    agent = account.agents.find(request.path_params["agent"])
    number = account.held_number(request.path_params["id"])
    if number["agentId"] != agent["id"]:
        raise Refusal(404, {"detail": "Phone number is not attached to this agent"})
    number["agentId"] = None
    account.record("unassign", number)
    return JSONResponse({"success": True})


def add(account: Account, agent_id: str, name: str) -> Json:
    account.agents[agent_id] = {
        "id": agent_id,
        "name": name,
        "description": None,
        "voiceMode": "hosted",
        "createdAt": iso_seconds(account.state.now()),
    }
    return account.agents[agent_id]


def _shown(account: Account, agent: Json) -> Json:
    numbers: list[JsonValue] = [_on_agent(number) for number in account.held_by(agent)]
    return {**agent, "numbers": numbers}


def _on_agent(number: Json) -> Json:
    """Return a number as it stands inside an agent."""
    return {key: number[key] for key in ("id", "phoneNumber", "status", "type")}
