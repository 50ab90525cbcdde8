"""Acme's bodies, and the way from them into the unified model."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from telephony import errors, model
from telephony.raw import with_raw
from telephony.reading import Body, Id, Rows, Time, error_object, moment, read, read_or_none, rows
from telephony.wire import Response

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


class _Number(Body):
    id: Id
    number: Id
    line: str | None = None

    def normalized(self, provider: str, raw: bytes) -> model.PhoneNumber:
        held = model.PhoneNumber(
            id=self.id,
            number=self.number,
            provider=provider,
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(self.line) if self.line else None,
        )
        return with_raw(held, raw)


class _Call(Body):
    id: Id
    number: str | None = None
    to: str | None = None
    line: str | None = None
    status: str | None = None
    began: Time = None
    answered: Time = None
    ended: Time = None
    seconds: float | None = None
    why: str | None = None

    def normalized(self, provider: str, raw: bytes) -> model.Call:
        made = model.Call(
            id=self.id,
            provider=provider,
            number=self.number,
            sender=self.number,
            recipient=self.to,
            status=_STATUSES.get(self.status or "", model.CallStatus.UNKNOWN),
            agent=self.line,
            started_at=moment(self.began),
            answered_at=moment(self.answered),
            ended_at=moment(self.ended),
            duration=None if self.seconds is None else timedelta(seconds=self.seconds),
            reason=self.why,
        )
        return with_raw(made, raw)


class _Turn(Body):
    said: str
    who: str | None = None
    at: Time = None

    def normalized(self) -> model.Turn:
        speaker = _SPEAKERS.get(self.who or "", model.Speaker.SYSTEM)
        return model.Turn(speaker=speaker, text=self.said, at=moment(self.at))


class _Line(Body):
    id: Id
    name: str | None = None


class _Page(Body):
    numbers: Rows = None
    calls: Rows = None
    lines: Rows = None
    turns: Rows = None
    next: str | None = None


class _Error(Body):
    code: str | None = None
    text: str | None = None


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(_Number, response.content, response).normalized(provider, response.content)


def numbers(provider: str) -> Read[model.PhoneNumber]:
    def read_page(page: _Page, response: Response) -> list[model.PhoneNumber]:
        return [row.normalized(provider, raw) for row, raw in rows(_Number, page.numbers, response)]

    return _paged(read_page)


def call(response: Response, provider: str) -> model.Call:
    return read(_Call, response.content, response).normalized(provider, response.content)


def calls(provider: str) -> Read[model.Call]:
    def read_page(page: _Page, response: Response) -> list[model.Call]:
        return [row.normalized(provider, raw) for row, raw in rows(_Call, page.calls, response)]

    return _paged(read_page)


def lines() -> Read[model.Agent]:
    def read_page(page: _Page, response: Response) -> list[model.Agent]:
        return [model.Agent(row.id, row.name) for row, _ in rows(_Line, page.lines, response)]

    return _paged(read_page)


def transcript(response: Response, call: str, provider: str) -> model.Transcript:
    page = read(_Page, response.content, response)
    turns = tuple(row.normalized() for row, _ in rows(_Turn, page.turns, response))
    made = model.Transcript(call=call, provider=provider, turns=turns)
    return with_raw(made, response.content)


def error(response: Response) -> errors.ProviderError:
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    text = said.text or "Acme refused the request"
    return errors.class_for(response.status)(text, code=said.code, raw=body or None)


def _paged(read_page: Callable[[_Page, Response], list[T]]) -> Read[T]:
    """Return a reader of pages, which also returns the cursor of the next one."""

    def paged(response: Response) -> tuple[list[T], str | None]:
        page = read(_Page, response.content, response)
        return read_page(page, response), page.next or None

    return paged
