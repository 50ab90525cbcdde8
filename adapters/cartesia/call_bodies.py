"""Cartesia's bodies of calls, and the way from them into the unified model and back.

Source: docs.cartesia.ai/api-reference/agents/calls.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import timedelta

from msgspec import Raw, field
from pydantic import JsonValue

from telephony import model
from telephony.errors import InvalidRequestError, NotFoundError
from telephony.model import CallStatus, Direction, Speaker
from telephony.raw import parsed, with_raw
from telephony.reading import Body, Id, Rows, Time, later, moment, read, read_or_none, rows
from telephony.wire import Json, Options, Response, merged, unreadable

_NULL = Raw(b"null")
_MARK = "telephony_key"
"""What the stored form of the caller's key is called in a call's metadata."""
_SHORTEST, _LONGEST = 5, 80
"""How many seconds a call can be let ring."""

_STATUS: Mapping[str, CallStatus] = {
    "created": CallStatus.QUEUED,
    "started": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    # Before version 2026-03-01, and in the SDK:
    "active": CallStatus.IN_PROGRESS,
    "cancelled": CallStatus.CANCELED,
}
_END_REASONS: Mapping[str, CallStatus] = {
    "dial_busy": CallStatus.BUSY,
    "dial_no_answer": CallStatus.NO_ANSWER,
    "dial_failed": CallStatus.FAILED,
    "error": CallStatus.FAILED,
    "api_cancelled": CallStatus.CANCELED,
}
_ENDED = frozenset(CallStatus) - {
    CallStatus.QUEUED,
    CallStatus.RINGING,
    CallStatus.IN_PROGRESS,
    CallStatus.UNKNOWN,
}
_DIRECTIONS = {known.value: known for known in Direction}
_SPEAKERS = {
    "assistant": Speaker.AGENT,
    "agent": Speaker.AGENT,
    "user": Speaker.CALLER,
    "tool": Speaker.TOOL,
}


class _Line(Body, kw_only=True):
    """Cartesia calls the other side `to` and the agent's number `from`, whoever called whom."""

    other: str | None = field(default=None, name="to")
    number: str | None = field(default=None, name="from")
    direction: str | None = None


class _LogEvent(Body):
    event: str | None = None


class _LogMetric(Body):
    name: str | None = None
    value: str | int | float | None = None


class _ToolCall(Body):
    name: str | None = None
    arguments: Raw = _NULL
    result: Raw = _NULL


class _Chunk(Body):
    text: str | None = None


class _Turn(Body):
    role: str | None = None
    text: str | None = None
    text_chunks: list[_Chunk] | None = None
    start_timestamp: float | None = None
    tool_calls: list[_ToolCall] | None = None
    log_event: _LogEvent | None = None
    log_metric: _LogMetric | None = None

    def said(self) -> Iterator[tuple[Speaker, str]]:
        """Return who said what: the turn itself, and what its tools were asked and replied."""
        text = self.text or "".join(chunk.text or "" for chunk in self.text_chunks or [])
        if not text and self.log_event:
            text = self.log_event.event or ""
        if not text and self.log_metric:
            text = f"{self.log_metric.name}: {self.log_metric.value}"
        if text:
            yield _SPEAKERS.get(self.role or "", Speaker.SYSTEM), text
        for used in self.tool_calls or []:
            arguments, result = _shown(used.arguments), _shown(used.result)
            yield Speaker.TOOL, f"{used.name or 'tool'}({arguments})"
            if result:
                yield Speaker.TOOL, result


class Call(Body, kw_only=True):
    """A call, as Cartesia lists, shows and reports it."""

    id: Id
    agent_id: str | None = None
    status: str | None = None
    start_time: Time = None
    end_time: Time = None
    end_reason: str | None = None
    error_message: str | None = None
    # Absent from calls over the web.
    telephony_params: _Line | None = None

    def normalized(self, provider: str, raw: bytes | Raw, word: str = "") -> model.Call:
        """Return the call; `word` is its status where it states none itself."""
        line = self.telephony_params or _Line()
        direction = _DIRECTIONS.get(line.direction or "", Direction.UNKNOWN)
        outbound = direction is Direction.OUTBOUND
        status = _STATUS.get(self.status or word, CallStatus.UNKNOWN)
        began, ended = moment(self.start_time), moment(self.end_time)
        call = model.Call(
            id=self.id,
            provider=provider,
            number=line.number,
            sender=line.number if outbound else line.other,
            recipient=line.other if outbound else line.number,
            direction=direction,
            status=_END_REASONS.get(self.end_reason or "", status),
            agent=self.agent_id,
            started_at=began,
            ended_at=ended,
            duration=max(ended - began, timedelta()) if began and ended else None,
            reason=self.end_reason or self.error_message,
        )
        return with_raw(call, raw)


class _Transcribed(Body, kw_only=True):
    start_time: Time = None
    transcript: Rows = None


class _Placed(Body):
    calls: Rows = None


class _PlacedCall(Body):
    """One item of the response to an outbound call; each succeeds or fails by itself."""

    number: str | None = None
    agent_call_id: Id | None = None
    error: Raw = _NULL


class _Cancelled(Body):
    cancelled: bool


# --- What is sent --------------------------------------------------------------------------------


def request(
    to: str,
    metadata: Mapping[str, str],
    timeout: float | None,
    key: str | None,
    options: Options,
) -> Json:
    """Return the request for one call to `to`, marked with the key; who calls is yet to be added.

    Raises:
        InvalidRequestError: `options` name other calls, or Cartesia does not ring that long.
    """
    call = _one_call(to, options)
    mark: Json = {} if key is None else {_MARK: key}
    known = call.get("metadata")
    kept: Json = {**metadata, **(known if isinstance(known, dict) else {}), **mark}
    calls: list[JsonValue] = [{"to_number": to, **call, **({"metadata": kept} if kept else {})}]
    wanted: Json = {"ringing_timeout_seconds": _ringing(timeout)}
    return merged(wanted, {**options, "outbound_calls": calls})


def _one_call(to: str, options: Options) -> Json:
    """Return what `options` say of the call to `to`."""
    calls = options.get("outbound_calls", [{}])
    call = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    if not isinstance(call, dict) or call.get("to_number", to) != to:
        raise InvalidRequestError(
            "place_call() places one call, and `outbound_calls` has others.",
            argument="options",
            hint="Call place_call() once for each number.",
        )
    return call


def _ringing(timeout: float | None) -> int | None:
    """Return how long to let it ring, in whole seconds."""
    if timeout is not None and not _SHORTEST <= timeout <= _LONGEST:
        raise InvalidRequestError(
            f"Cartesia lets a call ring for {_SHORTEST} to {_LONGEST} seconds.",
            argument="timeout",
            hint="Give a time in between, or leave `timeout` out: Cartesia then takes 60.",
        )
    return None if timeout is None else math.ceil(timeout)


# --- What is read --------------------------------------------------------------------------------


def placed(response: Response, provider: str, number: str, to: str, agent: str) -> model.Call:
    """Return the call just placed.

    Raises:
        InvalidRequestError: Cartesia did not place it.
        OutcomeUnknownError: the response does not say.
    """
    calls = read(_Placed, response.content, response).calls
    made = read(_PlacedCall, calls[0] if calls else None, response)
    if error := parsed(made.error):
        raise InvalidRequestError(
            "Cartesia did not place the call",
            status=response.status,
            hint="See `raw` for the reason.",
            raw=error,
        )
    if made.agent_call_id is None:
        raise unreadable(response, "The response names neither a call nor an error")
    call = model.Call(
        id=made.agent_call_id,
        provider=provider,
        number=number,
        sender=number,
        recipient=made.number or to,
        status=CallStatus.QUEUED,
        agent=agent,
    )
    return with_raw(call, response.content)


def is_marked(call: model.Call, key: str) -> bool:
    """Return whether a call was placed with this key."""
    metadata = call.raw.get("metadata")
    return isinstance(metadata, dict) and metadata.get(_MARK) == key


def call(response: Response, provider: str) -> model.Call:
    return read(Call, response.content, response).normalized(provider, response.content)


def calls(found: Rows, response: Response, provider: str) -> list[model.Call]:
    return [call.normalized(provider, raw) for call, raw in rows(Call, found, response)]


def has_ended(call: model.Call) -> bool:
    return call.ended_at is not None or call.status in _ENDED


def is_cancelled(response: Response) -> bool:
    """Return whether Cartesia confirms that it ended a call."""
    said = read_or_none(_Cancelled, response.content)
    return said is not None and said.cancelled


def cancelled(call: str, provider: str) -> model.Call:
    """Return what is documented of a call that was just ended, and cannot be read back."""
    return model.Call(
        id=call,
        provider=provider,
        number=None,
        direction=Direction.UNKNOWN,
        status=CallStatus.CANCELED,
        reason="api_cancelled",
    )


def transcript(response: Response, provider: str) -> model.Transcript:
    """Return what was said; a call that goes on may have nothing yet.

    Raises:
        NotFoundError: the call has ended and has no transcript.
    """
    of = call(response, provider)
    found = read(_Transcribed, response.content, response)
    if found.transcript is None and has_ended(of):
        raise NotFoundError(
            "Cartesia has no transcript of this call",
            status=response.status,
            hint="It has none of calls that were not answered, whose data was deleted, or that "
            "an agent without data retention took.",
        )
    began = moment(found.start_time)
    turns = [
        model.Turn(speaker=speaker, text=text, at=later(began, turn.start_timestamp))
        for turn, _ in rows(_Turn, found.transcript, response)
        for speaker, text in turn.said()
    ]
    made = model.Transcript(call=of.id, provider=provider, turns=tuple(turns))
    return with_raw(made, response.content)


def _shown(value: Raw) -> str:
    """Return what a tool was asked, or its result, as text."""
    found = parsed(value)
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
