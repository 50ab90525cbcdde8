"""What a number can be assigned to: agents, for calls (voice) and for texts (chat).

Source: retell-sdk 6.2, `agent.list`, `agent.retrieve`, `chat_agent.retrieve`.
"""

from __future__ import annotations

from collections.abc import Sequence

from telephony.errors import NotFoundError, ProviderError
from telephony.model import Agent, Target
from telephony.reading import Body, Id
from telephony.wire import Listing, Operation, Request, path

from . import paging


class _Agent(Body):
    agent_id: Id
    agent_name: str | None = None


def listed(limit: int | None) -> Listing[Target]:
    def made(row: _Agent, _: bytes) -> Target:
        return Agent(row.agent_id, row.agent_name or None)

    size = min(limit or paging.PAGE, paging.PAGE)
    request = paging.by_both("/v2/list-agents", {"limit": size})
    return paging.pages(request, _Agent, made, lambda row: row.agent_id)


def missing(agents: Sequence[tuple[str, str]], refused: ProviderError) -> Operation[ProviderError]:
    """Return the error for a change that was refused: that there is no such agent, if so.

    Args:
        agents: for each the route that reads it, and its id.
    """
    for route, agent in agents:
        try:
            yield Request.get(path(route, agent))
        except NotFoundError:
            return NotFoundError(
                "Retell has no such agent",
                argument="target",
                status=refused.status,
                raw=refused.raw,
            )
        except ProviderError:
            continue
    return refused
