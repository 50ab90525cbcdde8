"""What a workspace of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State, Table

from .refusals import missing


@dataclass(frozen=True)
class Call:
    """A call.

    Attributes:
        agent: the id of who speaks.
        number: the number of the workspace, E.164.
        other: who called it, or is called.
        direction: ``inbound`` or ``outbound``.
        metadata: what came with the request for it.
        played: how it goes.
    """

    agent: str
    number: str
    other: str
    direction: str
    metadata: Json
    played: PlayedCall


@dataclass
class Account:
    """A workspace.

    Attributes:
        agents: their names by id.
        webhook_of_agent: the id of the webhook that an agent uses; none until it is planted.
        fail_next_assignment: import with an agent once, assign nothing, and respond with 400.
        clears_foreign_routing: whether the deletion of a number clears what its carrier does with
            calls even where somebody else has set that since; no document says.
    """

    state: State
    agents: Table[str] = field(default_factory=lambda: Table(lambda _: missing("agent")))
    webhooks: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("webhook")))
    numbers: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("phone number")))
    carriers: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("provider")))
    calls: Table[Call] = field(default_factory=lambda: Table(lambda _: missing("call")))
    webhook_of_agent: dict[str, str] = field(default_factory=dict)
    fail_next_assignment: bool = False
    clears_foreign_routing: bool = False

    def __post_init__(self) -> None:
        self.began_at: datetime = self.state.now()

    def agent(self, agent_id: str | None) -> JsonValue:
        """Return an agent as numbers show it."""
        return None if agent_id is None else {"id": agent_id, "name": self.agents.find(agent_id)}
