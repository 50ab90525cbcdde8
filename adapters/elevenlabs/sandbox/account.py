"""What a workspace of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State, Table

from .refusals import missing


@dataclass
class Held:
    """A call.

    Attributes:
        number: as the workspace has it.
        direction: ``inbound`` or ``outbound``.
        data: what the conversation was started with.
        carriers_id: the call's id at its carrier.
    """

    id: str
    agent: str
    number: Json
    other: str
    direction: str
    data: Json
    carriers_id: str
    played: PlayedCall


@dataclass
class Account:
    """A workspace.

    Attributes:
        agents: their names by id.
        routing: where calls are reported: `webhooks` of the settings.
        secrets: of the webhooks, by their ids.
        refused: what the next calls are refused with, under a status of success.
        caller_ids: verified caller ids, which take no agent.
    """

    state: State
    agents: Table[str] = field(default_factory=lambda: Table(lambda _: missing("agent")))
    numbers: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("phone number")))
    calls: Table[Held] = field(default_factory=lambda: Table(lambda _: missing("conversation")))
    webhooks: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("webhook")))
    secrets: dict[str, str] = field(default_factory=dict)
    routing: Json = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    caller_ids: set[str] = field(default_factory=set)

    def agent(self, agent_id: str | None) -> JsonValue:
        """Return an agent as numbers show it."""
        if agent_id is None:
            return None
        name = self.agents.find(agent_id)
        return {"agent_id": agent_id, "agent_name": name, "environment": None, "branch_id": None}
