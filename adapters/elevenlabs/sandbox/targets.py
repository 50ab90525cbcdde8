"""What a number can be assigned to: agents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account
from .input import AgentList, page, reader


async def listed(account: Account, request: Request) -> Response:
    size = reader.query(AgentList, request).page_size
    now = int(account.state.now().timestamp())
    found: list[Json] = [
        {
            "agent_id": agent,
            "name": name,
            "tags": [],
            "created_at_unix_secs": now,
            "updated_at_unix_secs": now,
            "archived": False,
        }
        for agent, name in account.agents.items()
    ]
    return JSONResponse(page(found, request, size, "agents"))
