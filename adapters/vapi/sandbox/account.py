"""What an organization of the sandbox holds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State, Table

from .refusals import invalid, missing


def _table(thing: str) -> Table[Json]:
    return Table(lambda _: missing(thing))


@dataclass
class Account:
    """An organization.

    Attributes:
        assistants, squads, workflows: what answers calls, by id.
        credentials: of carriers and of others, with their secrets, which no response shows.
        calls: each with how it is played.
        numbers: with the secrets of Twilio's, which every response shows.
    """

    state: State
    assistants: Table[Json] = field(default_factory=lambda: _table("Assistant"))
    squads: Table[Json] = field(default_factory=lambda: _table("Squad"))
    workflows: Table[Json] = field(default_factory=lambda: _table("Workflow"))
    credentials: Table[Json] = field(default_factory=lambda: _table("Credential"))
    calls: Table[tuple[Json, PlayedCall]] = field(
        default_factory=lambda: Table(lambda _: missing("Call"))
    )
    numbers: Table[Json] = field(default_factory=lambda: _table("Phone Number"))

    def id(self) -> str:
        return str(uuid.UUID(hex=self.state.id("", 32), version=4))

    def stamps(self) -> Json:
        """Return what everything made now has."""
        now = written(self.state.now())
        return {"id": self.id(), "orgId": ORGANIZATION, "createdAt": now, "updatedAt": now}

    def touched(self, thing: Json) -> None:
        thing["updatedAt"] = written(self.state.now())

    def check_agent(self, wanted: Json) -> None:
        """Refuse what names an assistant, squad or workflow that is not there."""
        for name, table in (
            ("assistantId", self.assistants),
            ("squadId", self.squads),
            ("workflowId", self.workflows),
        ):
            named = wanted.get(name)
            if named is not None and named not in table:
                raise invalid(f"{name} {named} does not exist.")


ORGANIZATION = "00000000-0000-4000-8000-0000000000aa"


def written(moment: datetime) -> str:
    """Return a time as Vapi writes it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
