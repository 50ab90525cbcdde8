"""What a number can be assigned to: agents.

Source: docs.cartesia.ai/api-reference/agents/list, and …/2026-03-01/api-reference/agents/agents.
"""

from __future__ import annotations

from collections.abc import Sequence

from telephony.model import Agent, Target
from telephony.reading import Body, Id, Rows, Time, rows
from telephony.wire import Batch, Listing, Response

from .paging import LARGEST, Pages

# Since this version agents are listed in pages, at a path of their own.
_PAGED_SINCE = "2026-08-14"


class _Agent(Body):
    id: Id
    name: str | None = None
    deleted_at: Time = None


def listed(version: str, limit: int | None) -> Listing[Target]:
    """List the agents that exist, with their names."""
    paged = version >= _PAGED_SINCE
    size = min(limit or LARGEST, LARGEST) if paged else None
    path = "/v1/agents" if paged else "/agents"
    pages = Pages(path, {"limit": size}, read=_agents, id_of=lambda agent: agent.id)
    while pages.more:
        agents: Sequence[Target] = yield from pages.fetch()
        yield Batch(agents)


def _agents(found: Rows, response: Response) -> list[Agent]:
    known = rows(_Agent, found, response)
    return [Agent(agent.id, agent.name) for agent, _ in known if agent.deleted_at is None]
