"""Butter AI's bodies, and the way from them into the unified model.

Unknown fields and values are tolerated: the vendor versions nothing.
Source: docs.getbutter.ai/api-reference (introduction, phone-numbers, agents, integrations, calls).
"""

from __future__ import annotations

import re
from typing import TypeVar

from msgspec import Raw, field
from pydantic import JsonValue

from telephony import model
from telephony.errors import InvalidRequestError
from telephony.raw import WithRaw, parsed, with_raw
from telephony.reading import (
    Body,
    Id,
    Rows,
    Time,
    duration,
    error_object,
    items,
    moment,
    read,
    read_or_none,
    rows,
)
from telephony.wire import Json, Response, unreadable

from . import errors

_NUMBER_STATUS = {
    "free": model.NumberStatus.ACTIVE,
    "assigned": model.NumberStatus.ACTIVE,
}
_CALL_STATUS = {
    "queued": model.CallStatus.QUEUED,
    # The call is on its way, and not known to ring yet.
    "initiated": model.CallStatus.QUEUED,
    "calling": model.CallStatus.QUEUED,
    "ringing": model.CallStatus.RINGING,
    "in_progress": model.CallStatus.IN_PROGRESS,
    "completed": model.CallStatus.COMPLETED,
    "busy": model.CallStatus.BUSY,
    "no_answer": model.CallStatus.NO_ANSWER,
    "failed": model.CallStatus.FAILED,
    "canceled": model.CallStatus.CANCELED,
}
# Counts of tokens are none.
_SECRET = re.compile(
    r"password|secret|token(?!s)|api_?key|authorization|credential|pin$", re.IGNORECASE
)
# Whether a body can have such a key; the backslash is for keys that are written with escapes.
_SUSPECT = re.compile(
    rb"password|secret|token(?!s)|api_?key|authorization|credential|pin\"|\\u", re.IGNORECASE
)
_DIRECTIONS = {"inbound": model.Direction.INBOUND, "outbound": model.Direction.OUTBOUND}
_SPEAKERS = {
    **dict.fromkeys(("agent", "assistant", "ai", "bot"), model.Speaker.AGENT),
    **dict.fromkeys(("caller", "customer", "human", "user"), model.Speaker.CALLER),
    **dict.fromkeys(("function", "tool"), model.Speaker.TOOL),
}
_NOTHING = Raw(b"null")

M = TypeVar("M", bound=Body)
R = TypeVar("R", bound=WithRaw)


class Pagination(Body):
    next_cursor: str | None = None
    has_more: bool | None = None

    @property
    def ends(self) -> bool:
        return self.has_more is False or not (self.has_more or self.next_cursor)


class _Envelope(Body):
    """What is around the entities of a response: `data`, or their own key in an older version."""

    success: object = None
    data: Raw = _NOTHING
    phone_numbers: Raw = _NOTHING
    phone_number: Raw = _NOTHING
    agent: Raw = _NOTHING
    integration: Raw = _NOTHING
    call: Raw = _NOTHING
    calls: Raw = _NOTHING
    pagination: Pagination | None = None


class _Number(Body, kw_only=True):
    # The introduction calls every entity's key `id`; the endpoints' own pages do not.
    phone_number_id: Id | None = None
    id: Id | None = None
    phone_number: Id
    provider: str | None = None
    status: str | None = None
    assigned_agent_id: str | None = None
    # Shown in the response to an import, not in the list.
    integration_id: str | None = None
    created_at: Time = None
    updated_at: Time = None

    def __post_init__(self) -> None:
        if not (self.phone_number_id or self.id):
            raise ValueError("phone_number_id: missing")

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        agent = self.assigned_agent_id
        found = model.PhoneNumber(
            id=self.phone_number_id or self.id or "",
            number=self.phone_number,
            provider=provider,
            status=_NUMBER_STATUS.get(_word(self.status), model.NumberStatus.UNKNOWN),
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(agent) if agent else None,
            carrier=self._carrier(provider),
            created_at=moment(self.created_at),
            updated_at=moment(self.updated_at),
        )
        return _with_raw(found, raw)

    def _carrier(self, provider: str) -> model.CarrierAccount | None:
        # Only Twilio numbers have an integration.
        word = self.provider or ("twilio" if self.integration_id else None)
        if word is None:
            return None
        kind = "sip_trunk" if word == "sip" else word
        return model.CarrierAccount(id=self.integration_id or None, provider=provider, kind=kind)


class _Agent(Body):
    """The agent in the responses to an assignment and to its end."""

    agent_name: str | None = None
    name: str | None = None


class _Integration(Body):
    """A linked carrier account."""

    integration_id: Id | None = None
    id: Id | None = None
    name: str | None = None
    provider: str | None = None


class _ActiveAgent(Body):
    """An agent, as the analytics name those that had calls."""

    agent_id: Id
    agent_name: str | None = None


class _ActiveAgents(Body):
    agents: Rows = None


class _Placed(Body, kw_only=True):
    call_sid: Id
    sender: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    agent_id: str | None = None
    status: str | None = None


class _Said(Body):
    speaker: str | None = None
    text: str | None = None


class _Summary(Body):
    end_reason: str | None = None


class _Call(Body, kw_only=True):
    """A call, as the list shows it; alone it also has the summary and the transcript."""

    call_sid: Id
    to_number: str | None = None
    from_number: str | None = None
    agent_id: str | None = None
    call_type: str | None = None
    status: str | None = None
    duration_seconds: float | None = None
    created_at: Time = None
    start_time: Time = None
    end_time: Time = None
    end_reason: str | None = None
    summary: _Summary | None = None
    transcript: list[_Said] | None = None

    def normalized(self, provider: str, raw: bytes) -> model.Call:
        mine = {"inbound": self.to_number, "outbound": self.from_number}
        found = model.Call(
            id=self.call_sid,
            provider=provider,
            # The third type, a preview, is a call over the web.
            number=mine.get(_word(self.call_type)) or None,
            sender=self.from_number or None,
            recipient=self.to_number or None,
            direction=_DIRECTIONS.get(_word(self.call_type), model.Direction.UNKNOWN),
            status=_CALL_STATUS.get(_word(self.status), model.CallStatus.UNKNOWN),
            agent=self.agent_id or None,
            started_at=moment(self.start_time) or moment(self.created_at),
            ended_at=moment(self.end_time),
            duration=duration(self.duration_seconds),
            reason=self.end_reason or (self.summary.end_reason if self.summary else None) or None,
        )
        return _with_raw(found, raw)


# --- Responses -----------------------------------------------------------------------------------


def _envelope(response: Response) -> _Envelope:
    """Return what is around the entities, unless a status of success comes with an error."""
    body = read(_Envelope, response.content, response)
    if body.success is not False:
        return body
    said = error_object(response)
    raise InvalidRequestError(
        errors.said(said) or "Butter AI says that it did not succeed",
        status=response.status,
        attempts=response.attempts,
        raw=errors.shown(said),
    )


def _entity(kind: type[M], response: Response, older: str) -> tuple[M, bytes]:
    """Return the entity of a response and its bytes; its key in an older version is `older`."""
    body = _envelope(response)
    for part in (bytes(body.data), bytes(getattr(body, older))):
        if part.startswith(b"{"):
            return read(kind, part, response), part
    raise unreadable(response, f"The response has no usable {older}")


def number(response: Response, provider: str) -> model.PhoneNumber:
    found, raw = _entity(_Number, response, "phone_number")
    return found.normalized(provider, raw)


def number_page(response: Response, provider: str) -> tuple[list[model.PhoneNumber], Pagination]:
    found, pagination = _page(_Number, response, "phone_numbers")
    return [number.normalized(provider, raw) for number, raw in found], pagination


def call_page(response: Response, provider: str) -> tuple[list[model.Call], Pagination]:
    found, pagination = _page(_Call, response, "calls")
    return [call.normalized(provider, raw) for call, raw in found], pagination


def _page(
    kind: type[M], response: Response, older: str
) -> tuple[list[tuple[M, bytes]], Pagination]:
    """Return the rows of a page; their key in an older version is `older`."""
    body = _envelope(response)
    listed = getattr(body, older) if body.data == _NOTHING else body.data
    return rows(kind, items(listed, response), response), body.pagination or Pagination()


def agent(response: Response, agent_id: str) -> model.Agent:
    """Return the agent that a number was assigned to or taken from."""
    found, _ = _entity(_Agent, response, "agent")
    return model.Agent(agent_id, found.agent_name or found.name)


def active_agents(response: Response) -> list[model.Agent]:
    """Return the agents that had calls."""
    found, _ = _entity(_ActiveAgents, response, "agent")
    return [
        model.Agent(row.agent_id, row.agent_name or None)
        for row, _ in rows(_ActiveAgent, found.agents, response)
    ]


def answered_by(number: model.PhoneNumber, agent: model.Agent | None) -> model.PhoneNumber:
    """Return `number` as the list will show it; the response shows the agent only."""
    raw = {
        **number.raw,
        "status": "assigned" if agent else "free",
        "assigned_agent_id": agent.id if agent else None,
    }
    return number.model_copy(update={"assignment": agent, "raw": raw})


def one_way(number: model.PhoneNumber, **wanted: bool) -> tuple[str, ...]:
    """Return a notice for each direction `wanted` that the number does not support."""
    return tuple(
        f"Butter AI does not let this number {verb}: remove it in its dashboard, then import it "
        f"again with {way}=True."
        for way, verb in (("inbound", "receive calls"), ("outbound", "place calls"))
        if wanted.get(way) and number.raw.get(f"supports_{way}") is False
    )


def carrier(
    response: Response, provider: str, *, known: str | None = None, account: str | None = None
) -> model.CarrierAccount:
    """Return a linked carrier: the one with the id `known`, or one just linked.

    Butter AI does not show the `account` it was linked with.
    """
    found, raw = _entity(_Integration, response, "integration")
    link = found.integration_id or found.id or known
    if link is None:
        raise unreadable(response, "The response has no usable integration_id")
    linked = model.CarrierAccount(
        id=link,
        provider=provider,
        # Nothing else can be linked.
        kind=found.provider or "twilio",
        label=found.name,
        account=account,
    )
    return _with_raw(linked, raw)


def placed(response: Response, provider: str, number: str, to: str, agent: str) -> model.Call:
    """Return a call just placed. Its fields are at the top of the response, not under `data`."""
    body = _envelope(response)
    parts = (bytes(body.data), bytes(body.call))
    inner = next((part for part in parts if read_or_none(_Placed, part)), response.content)
    found = read(_Placed, inner, response)
    made = model.Call(
        id=found.call_sid,
        provider=provider,
        number=number,
        sender=found.sender or number,
        recipient=found.recipient or to,
        status=_CALL_STATUS.get(_word(found.status), model.CallStatus.UNKNOWN),
        agent=found.agent_id or agent,
    )
    return _with_raw(made, inner)


def call(response: Response, provider: str) -> model.Call:
    found, raw = _entity(_Call, response, "call")
    return found.normalized(provider, raw)


def transcript(response: Response, provider: str) -> model.Transcript:
    """Return what was said. Butter AI states no times; unknown speakers are the system."""
    found, raw = _entity(_Call, response, "call")
    turns = tuple(
        model.Turn(speaker=_SPEAKERS.get(_word(said.speaker), model.Speaker.SYSTEM), text=said.text)
        for said in found.transcript or ()
        if said.text
    )
    return _with_raw(model.Transcript(call=found.call_sid, provider=provider, turns=turns), raw)


def _word(text: str | None) -> str:
    """Return a word in one spelling: some pages have ``in-progress``, others ``in_progress``."""
    return (text or "").lower().replace("-", "_")


def _with_raw(result: R, raw: bytes) -> R:
    """Return `result` with its `raw`, without credentials: where Butter AI shows any is unknown."""
    if _SUSPECT.search(raw) is None:
        return with_raw(result, raw)
    return result.model_copy(update={"raw": _cleared(parsed(raw))})


def _without_secrets(raw: Json) -> Json:
    return {key: _cleared(value) for key, value in raw.items() if not _SECRET.search(key)}


def _cleared(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_cleared(element) for element in value]
    return _without_secrets(value) if isinstance(value, dict) else value


def agrees(number: model.PhoneNumber, body: Json) -> bool:
    """Return whether a number is what `body` requested, as far as Butter AI shows it."""
    return all(number.raw.get(key) in (None, value) for key, value in body.items())
