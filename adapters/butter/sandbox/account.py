"""What an organization of the sandbox holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, Refusal, State, Table

from .refusals import refusal


@dataclass
class Held:
    """A call of the organization.

    Attributes:
        type: ``inbound`` or ``outbound``.
        transport: ``twilio`` or ``sip``.
    """

    sid: str
    to: str
    sender: str
    agent: str
    type: str
    transport: str
    played: PlayedCall


@dataclass
class Account:
    """An organization.

    Attributes:
        agents: their names by id.
        carriers: the carrier's id of the account of each integration.
        elsewhere: numbers, and ids of agents and integrations, that another organization holds.
        unintegrated: ids of Twilio numbers that have lost their integration.
        page_size: how many numbers a page of the list holds.
        in_use_status: how the deletion of an integration in use is refused.
    """

    id: str
    state: State
    agents: Table[str] = field(init=False)
    numbers: Table[Json] = field(init=False)
    integrations: Table[Json] = field(init=False)
    calls: Table[Held] = field(init=False)
    carriers: dict[str, str] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    unintegrated: set[str] = field(default_factory=set)
    page_size: int = 50
    in_use_status: int = 409

    def __post_init__(self) -> None:
        self.agents = Table(self._missing("Agent"))
        self.numbers = Table(self._missing("Phone number"))
        self.integrations = Table(self._missing("Integration"))
        self.calls = Table(self._missing("Call"))

    def _missing(self, thing: str) -> Callable[[str], Refusal]:
        def missing(id_: str) -> Refusal:
            if id_ in self.elsewhere:
                return refusal(403, f"{thing} belongs to another organization")
            return refusal(404, f"{thing} not found")

        return missing


def done(message: str, data: Json) -> Json:
    """Return the body of the response to a change."""
    return {"success": True, "message": message, "data": data}
