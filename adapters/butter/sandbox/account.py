"""What an organization of the sandbox holds, and who is refused what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from telephony.sandbox.vendor import Json, State

from .refusals import refusal


@dataclass
class Account:
    """An organization.

    Attributes:
        agents: their names by id.
        elsewhere: numbers, and ids of agents and integrations, that another organization holds.
        unintegrated: ids of Twilio numbers that have lost their integration.
        page_size: how many numbers a page of the list holds.
        in_use_status: how the deletion of an integration in use is refused.
    """

    id: str
    state: State
    agents: dict[str, str]
    numbers: dict[str, Json] = field(default_factory=dict)
    integrations: dict[str, Json] = field(default_factory=dict)
    calls: dict[str, Json] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    unintegrated: set[str] = field(default_factory=set)
    page_size: int = 50
    in_use_status: int = 409

    def number(self, number_id: str) -> Json:
        if number_id in self.elsewhere:
            raise refusal(403, "Phone number belongs to another organization")
        if number_id not in self.numbers:
            raise refusal(404, "Phone number not found")
        return self.numbers[number_id]

    def agent(self, agent_id: str) -> str:
        if agent_id in self.elsewhere:
            raise refusal(403, "Agent is not accessible")
        if agent_id not in self.agents:
            raise refusal(404, "Agent not found")
        return agent_id

    def integration(self, integration_id: str) -> Json:
        if integration_id in self.elsewhere:
            raise refusal(403, "Integration belongs to another organization")
        if integration_id not in self.integrations:
            raise refusal(404, "Integration not found")
        return self.integrations[integration_id]


Answer = Callable[[Account, Request], Awaitable[Response]]


def done(message: str, data: Json) -> Json:
    """The body of the response to a change."""
    return {"success": True, "message": message, "data": data}
