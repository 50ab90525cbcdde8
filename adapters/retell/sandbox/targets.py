"""Agents, which answer calls (voice) or texts (chat)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import AgentChange, Paging, kept, page, reader
from .refusals import missing

_LISTED = ("agent_id", "agent_name", "channel")


def add(account: Account, id_: str, name: str, channel: str, events: list[str]) -> None:
    account.agents[id_] = {
        "agent_id": id_,
        "agent_name": name,
        "channel": channel,
        "version": 0,
        "response_engine": {"type": "retell-llm", "llm_id": account.state.id("llm_")},
        "voice_id": "11labs-Adrian",
        "webhook_events": [*events],
        "last_modification_timestamp": account.now(),
    }


async def listed(account: Account, request: Request) -> Response:
    rows: list[Json] = [
        {
            **{name: agent[name] for name in _LISTED},
            "is_suspended": False,
            "tags": {},
            "user_modified_timestamp": agent["last_modification_timestamp"],
        }
        for agent in account.agents.values()
    ]
    wanted = reader.query(Paging, request)
    return JSONResponse(page(rows, wanted, lambda agent: str(agent["agent_id"])))


async def voice(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(_of(account, request, "voice")))


async def chat(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(_of(account, request, "chat")))


async def update(account: Account, request: Request) -> Response:
    agent = _of(account, request, "voice")
    for name, value in kept(await reader.body(AgentChange, request)).items():
        if value is None:
            agent.pop(name, None)
        else:
            agent[name] = value
    agent["last_modification_timestamp"] = account.now()
    account.state.record("webhook", str(agent["agent_id"]))
    return JSONResponse(_shown(agent))


def _of(account: Account, request: Request, channel: str) -> Json:
    agent = account.agents.find(request.path_params["agent"])
    if agent["channel"] != channel:
        raise missing()
    return agent


def _shown(agent: Json) -> Json:
    hidden = {"channel", *(("voice_id",) if agent["channel"] == "chat" else ())}
    return {name: value for name, value in agent.items() if name not in hidden}
