"""Acme's bodies, and the way from them into the unified model."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel

from telephony import errors, model
from telephony.reading import items, read
from telephony.wire import Json, Response

T = TypeVar("T")
Read = Callable[[Response], tuple[list[T], str | None]]

_SPEAKERS = {"line": model.Speaker.AGENT, "person": model.Speaker.CALLER}
_STATUSES = {
    "ringing": model.CallStatus.RINGING,
    "talking": model.CallStatus.IN_PROGRESS,
    "over": model.CallStatus.COMPLETED,
    "cancelled": model.CallStatus.CANCELED,
    "busy": model.CallStatus.BUSY,
}


class _Number(BaseModel):
    id: str
    number: str
    line: str | None = None


class _Call(BaseModel):
    id: str
    number: str
    to: str
    line: str | None = None
    status: str | None = None
    began: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    why: str | None = None


class _Turn(BaseModel):
    who: str | None = None
    said: str
    at: datetime | None = None


class _Line(BaseModel):
    id: str
    name: str | None = None


class _Error(BaseModel):
    code: str | None = None
    text: str = "Acme refused the request"


def number(response: Response, provider: str) -> model.PhoneNumber:
    return _number(response.object(), response, provider)


def numbers(provider: str) -> Read[model.PhoneNumber]:
    return _page("numbers", lambda raw, response: _number(raw, response, provider))


def call(response: Response, provider: str) -> model.Call:
    return _call(response.object(), response, provider)


def calls(provider: str) -> Read[model.Call]:
    return _page("calls", lambda raw, response: _call(raw, response, provider))


def lines() -> Read[model.Agent]:
    def line(raw: Json, response: Response) -> model.Agent:
        found = read(_Line, raw, response)
        return model.Agent(found.id, found.name)

    return _page("lines", line)


def transcript(response: Response, call: str, provider: str) -> model.Transcript:
    raw = response.object()
    said = [read(_Turn, part, response) for part in items(raw.get("turns"), response)]
    turns = tuple(
        model.Turn(
            speaker=_SPEAKERS.get(turn.who or "", model.Speaker.SYSTEM), text=turn.said, at=turn.at
        )
        for turn in said
    )
    return model.Transcript(call=call, provider=provider, turns=turns, raw=raw)


def error(response: Response) -> errors.ProviderError:
    try:
        body = response.object()
        said = _Error.model_validate(body)
    except (errors.InvalidResponseError, errors.OutcomeUnknownError, ValueError):
        body, said = {}, _Error()
    return errors.class_for(response.status)(said.text, code=said.code, raw=body or None)


def _number(raw: Json, response: Response, provider: str) -> model.PhoneNumber:
    found = read(_Number, raw, response)
    return model.PhoneNumber(
        id=found.id,
        number=found.number,
        provider=provider,
        channels=frozenset({model.Channel.VOICE}),
        assignment=model.Agent(found.line) if found.line else None,
        raw=raw,
    )


def _call(raw: Json, response: Response, provider: str) -> model.Call:
    found = read(_Call, raw, response)
    return model.Call(
        id=found.id,
        provider=provider,
        number=found.number,
        sender=found.number,
        recipient=found.to,
        status=_STATUSES.get(found.status or "", model.CallStatus.UNKNOWN),
        agent=found.line,
        started_at=found.began,
        answered_at=found.answered,
        ended_at=found.ended,
        duration=None if found.seconds is None else timedelta(seconds=found.seconds),
        reason=found.why,
        raw=raw,
    )


def _page(name: str, made: Callable[[Json, Response], T]) -> Read[T]:
    def page(response: Response) -> tuple[list[T], str | None]:
        body = response.object()
        rows = [row if isinstance(row, dict) else {} for row in items(body.get(name), response)]
        after = body.get("next")
        return [made(row, response) for row in rows], str(after) if after else None

    return page
