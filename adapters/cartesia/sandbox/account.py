"""What a workspace of the sandbox holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from telephony.sandbox.vendor import Json, State

from .refusals import missing


@dataclass
class Account:
    """A workspace.

    Attributes:
        agents: their names by id.
        webhook_of_agent: the id of the webhook that an agent uses; none until it is planted.
        fail_next_assignment: import with an agent once, assign nothing, and respond with 400.
        next_call_answer: the body of the next response to a call, which is then not placed.
    """

    state: State
    agents: dict[str, str]
    webhooks: dict[str, Json]
    numbers: dict[str, Json] = field(default_factory=dict)
    carriers: dict[str, Json] = field(default_factory=dict)
    webhook_of_agent: dict[str, str] = field(default_factory=dict)
    fail_next_assignment: bool = False
    next_call_answer: str | None = None

    def number(self, number_id: str) -> Json:
        if number_id not in self.numbers:
            raise missing("phone number")
        return self.numbers[number_id]

    def agent(self, agent_id: str | None) -> JsonValue:
        """An agent as numbers show it."""
        if agent_id is None:
            return None
        if agent_id not in self.agents:
            raise missing("agent")
        return {"id": agent_id, "name": self.agents[agent_id]}

    def carrier(self, carrier_id: str) -> Json:
        if carrier_id not in self.carriers:
            raise missing("provider")
        return self.carriers[carrier_id]

    def webhook(self, webhook_id: str) -> Json:
        if webhook_id not in self.webhooks:
            raise missing("webhook")
        return self.webhooks[webhook_id]


Answer = Callable[[Account, Request], Awaitable[Response]]
