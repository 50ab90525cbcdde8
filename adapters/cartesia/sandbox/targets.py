"""Agents, which answer numbers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account
from .input import page
from .refusals import refusal

_PAGED_SINCE = "2026-08-14"


async def listed(account: Account, _: Request) -> Response:
    """List all agents at once, as before version 2026-08-14."""
    return JSONResponse({"summaries": [_summary(account, agent) for agent in account.agents]})


async def listed_in_pages(account: Account, request: Request) -> Response:
    if request.headers["cartesia-version"] < _PAGED_SINCE:
        raise refusal(404, "Not found")
    fields = ("id", "name", "description", "created_at", "updated_at")
    text = request.query_params.get("q", "").lower()
    found: list[Json] = [
        {key: value for key, value in _summary(account, agent).items() if key in fields}
        for agent, name in account.agents.items()
        if text in name.lower()
    ]
    items, more = page(found, request.query_params)
    return JSONResponse({"data": items, "has_more": more})


def _summary(account: Account, agent: str) -> Json:
    made = iso(account.began_at)
    return {
        "id": agent,
        "name": account.agents[agent],
        "description": None,
        "created_at": made,
        "updated_at": made,
        "deployment_count": 1,
        "has_text_to_agent_run": False,
        "tts_language": "en",
        "tts_voice": "voice_1",
        "phone_numbers": [
            {"id": number["id"], "number": number["number"]}
            for number in account.numbers.values()
            if isinstance(held := number["agent"], dict) and held["id"] == agent
        ],
        "webhook_id": account.webhook_of_agent.get(agent),
    }
