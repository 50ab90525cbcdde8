"""What an account of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State, Table

from .refusals import missing


def _table() -> Table[Json]:
    return Table(lambda _: missing())


@dataclass
class Account:
    """An account.

    Attributes:
        agents: of voice and of chat, which its `channel` says.
        numbers: by E.164, with the password of their trunk, which no response shows.
        calls: each with how it is played.
        keys: the calls that were placed with an idempotency key, and when.
        chats: by SMS, with the two numbers, which no response shows.
        without_stock: area codes in which there is no number to buy.
        is_paid: False lets nothing be bought, and no call be placed.
    """

    state: State
    agents: Table[Json] = field(default_factory=_table)
    numbers: Table[Json] = field(default_factory=_table)
    calls: Table[tuple[Json, PlayedCall]] = field(
        default_factory=lambda: Table(lambda _: missing())
    )
    keys: dict[str, tuple[str, float]] = field(default_factory=dict)
    chats: Table[Json] = field(default_factory=_table)
    without_stock: set[int] = field(default_factory=lambda: {999})
    is_paid: bool = True

    def now(self) -> int:
        return milliseconds(self.state.now())

    def check_agents(self, wanted: Json) -> None:
        """Refuse lists with an agent that is not there."""
        for name, agents in wanted.items():
            if name.endswith("_agents") and isinstance(agents, list):
                for agent in agents:
                    self.agents.find(str(agent["agent_id"]) if isinstance(agent, dict) else "")

    def drawn(self, number: Json, field_name: str) -> str | None:
        """Return the first agent of a number's list: the sandbox draws no lots."""
        agents: JsonValue = number.get(field_name)
        first = agents[0] if isinstance(agents, list) and agents else None
        return str(first["agent_id"]) if isinstance(first, dict) else None


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
