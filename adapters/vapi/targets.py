"""What a number can be assigned to: assistants and squads; workflows have no listing.

Source: docs.vapi.ai, API reference of assistants and squads.
"""

from __future__ import annotations

from telephony.errors import NotFoundError, ProviderError
from telephony.model import Target
from telephony.reading import Id
from telephony.wire import Listing, Operation

from . import assignment, lookup, paging

_ROUTES = {assignment.ASSISTANT: "/assistant", "squadId": "/squad", "workflowId": "/workflow"}
_LISTED = (assignment.ASSISTANT, "squadId")


class _Agent(paging.Row, kw_only=True, rename="camel"):
    id: Id
    name: str | None = None


def listed(limit: int | None) -> Listing[Target]:
    for field in _LISTED:
        yield from _agents(field, limit)


def _agents(field: str, limit: int | None) -> Listing[Target]:
    def made(row: _Agent, _: bytes) -> Target:
        return assignment.agent(field, row.id, row.name)

    return paging.by_time(_ROUTES[field], _Agent, made, limit=limit)


def missing(agent: str, refused: ProviderError, argument: str) -> Operation[ProviderError]:
    """Return the error for what was refused: that there is no such agent, if so."""
    field, id_ = assignment.agent_field(agent)
    try:
        yield from lookup.fetched(f"{_ROUTES[field]}/{{}}", id_)
    except NotFoundError:
        return NotFoundError(
            "Vapi has no such assistant, squad or workflow",
            argument=argument,
            status=refused.status,
            raw=refused.raw,
        )
    except ProviderError:
        pass
    return refused
