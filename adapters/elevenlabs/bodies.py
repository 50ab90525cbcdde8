"""ElevenLabs's numbers and agents, and the way from them into the unified model.

Source: SDK 2.78.0 (types of phone numbers and agents).
"""

from __future__ import annotations

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.reading import Body, Id, Rows, read, rows
from telephony.wire import Response

from . import paging
from .secrets import with_safe_raw


class _Assigned(Body):
    agent_id: Id
    agent_name: str | None = None


class _Number(Body, kw_only=True):
    phone_number_id: Id
    phone_number: Id
    label: str | None = None
    provider: str | None = None
    assigned_agent: _Assigned | None = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        agent, kind = self.assigned_agent, self.provider
        found = model.PhoneNumber(
            id=self.phone_number_id,
            number=self.phone_number,
            provider=provider,
            label=self.label or None,
            # ElevenLabs keeps no status: a number is there and works, or is not there.
            status=model.NumberStatus.ACTIVE,
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(agent.agent_id, agent.agent_name) if agent else None,
            # The account at the carrier is not shown.
            carrier=model.CarrierAccount(id=None, provider=provider, kind=kind) if kind else None,
        )
        return with_safe_raw(found, raw)


class _Imported(Body):
    phone_number_id: Id


class _Numbers(paging.Page):
    phone_numbers: Rows = None


class _Agent(Body):
    agent_id: Id
    name: str | None = None


class _Agents(paging.Page):
    agents: Rows = None


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(_Number, response.content, response).normalized(provider, response.content)


def imported(response: Response) -> str:
    """Return the id of a number just imported, which is all that the response has."""
    return read(_Imported, response.content, response).phone_number_id


def number_page(response: Response, provider: str) -> tuple[list[model.PhoneNumber], paging.Page]:
    page = read(_Numbers, response.content, response)
    found = rows(_Number, page.phone_numbers, response)
    return [row.normalized(provider, raw) for row, raw in found], page


def agent_page(response: Response) -> tuple[list[model.Agent], paging.Page]:
    page = read(_Agents, response.content, response)
    found = rows(_Agent, page.agents, response)
    return [model.Agent(row.agent_id, row.name or None) for row, _ in found], page


def released(number: model.PhoneNumber) -> model.Release:
    """Return the result of a deletion, which only detaches a number from ElevenLabs."""
    return model.Release(
        id=number.id,
        number=number.number,
        provider=number.provider,
        at_carrier=CarrierOutcome.KEPT,
        reversible=True,
        how_to_undo="Import it again with import_number().",
        raw=number.raw,
    )
