"""Agents sent into rooms."""

from __future__ import annotations

from livekit.protocol import agent_dispatch as agents

from .account import Account
from .refusals import WRAPPED, missing


def create(account: Account, request: agents.CreateAgentDispatchRequest) -> agents.AgentDispatch:
    made = agents.AgentDispatch(
        id=account.id("AD_"),
        agent_name=request.agent_name,
        room=request.room,
        metadata=request.metadata,
        state=agents.AgentDispatchState(created_at=int(account.state.now().timestamp() * 1e9)),
    )
    account.dispatches[made.id] = made
    return made


def listed(
    account: Account, request: agents.ListAgentDispatchRequest
) -> agents.ListAgentDispatchResponse:
    found = [one for one in account.dispatches.values() if one.room == request.room]
    return agents.ListAgentDispatchResponse(agent_dispatches=found)


def delete(account: Account, request: agents.DeleteAgentDispatchRequest) -> agents.AgentDispatch:
    found = account.dispatches.get(request.dispatch_id)
    if found is None or found.room != request.room:
        raise missing(f"{WRAPPED}dispatch ID not found")
    return account.dispatches.pop(found.id)
