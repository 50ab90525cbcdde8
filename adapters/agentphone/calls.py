"""Calls: listed, read and ended, and what was said in them.

The documents give no schema of a call. What it has is what the pages print, what the Python SDK
0.20.3 reads, and what AgentPhone's own MCP server shows; of transcripts two forms were seen.
Source: docs.agentphone.ai/api-reference/calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from telephony.errors import ProviderError
from telephony.model import Call, CallStatus, Direction, Speaker, Transcript, Turn
from telephony.raw import with_raw
from telephony.reading import (
    LATEST,
    Body,
    Id,
    Rows,
    Time,
    duration,
    is_between,
    items,
    moment,
    read,
    read_or_none,
    rows,
)
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Response,
    Safety,
    merged,
    path,
    reconciled,
)

from . import paging

_CALLS = "/v1/calls"
_OVER = frozenset(
    {
        CallStatus.COMPLETED,
        CallStatus.BUSY,
        CallStatus.NO_ANSWER,
        CallStatus.FAILED,
        CallStatus.CANCELED,
    }
)
# The reference names in-progress, completed and failed; the vendor's MCP server also ringing, busy
# and no-answer. The others are how the carriers behind it spell theirs.
_STATUS = {
    **{status.value.replace("_", "-"): status for status in CallStatus},
    "initiated": CallStatus.QUEUED,
    "cancelled": CallStatus.CANCELED,
}
# The third word is "web", of calls that concern no number.
_DIRECTIONS = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_SPEAKERS = {
    "agent": Speaker.AGENT,
    "assistant": Speaker.AGENT,
    "user": Speaker.CALLER,
    "caller": Speaker.CALLER,
    "human": Speaker.CALLER,
    "tool": Speaker.TOOL,
}


class CallBody(Body, kw_only=True, rename="camel"):
    """A call, as it is read and listed."""

    id: Id
    status: str | None = None
    direction: str | None = None
    agent_id: str | None = None
    phone_number: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    started_at: Time = None
    ended_at: Time = None
    duration_seconds: float | None = None
    disconnection_reason: str | None = None

    def normalized(self, provider: str, raw: bytes, own: str | None = None) -> Call:
        """Return the unified call; `own` is the number that it is known to concern."""
        own = self.phone_number or own
        direction = self._direction(own)
        ends = {Direction.INBOUND: self.to_number, Direction.OUTBOUND: self.from_number}
        found = Call(
            id=self.id,
            provider=provider,
            number=own or ends.get(direction),
            sender=self.from_number,
            recipient=self.to_number,
            direction=direction,
            status=_STATUS.get(self.status or "", CallStatus.UNKNOWN),
            agent=self.agent_id,
            started_at=moment(self.started_at),
            ended_at=moment(self.ended_at),
            duration=duration(self.duration_seconds),
            reason=self.disconnection_reason,
        )
        return with_raw(found, raw)

    def _direction(self, own: str | None) -> Direction:
        if self.direction or own is None:
            return _DIRECTIONS.get(self.direction or "", Direction.UNKNOWN)
        # Some lists leave it out.
        if self.from_number == own:
            return Direction.OUTBOUND
        return Direction.INBOUND if self.to_number == own else Direction.UNKNOWN


class _Turn(Body, rename="camel"):
    """Something said: by whom, or by the caller with the agent's response."""

    role: str | None = None
    content: str | None = None
    transcript: str | None = None
    response: str | None = None
    created_at: Time = None

    def turns(self) -> Iterator[Turn]:
        at = moment(self.created_at)
        said = (
            (_SPEAKERS.get(self.role or "", Speaker.SYSTEM), self.content),
            (Speaker.CALLER, self.transcript),
            (Speaker.AGENT, self.response),
        )
        for speaker, text in said:
            if text:
                yield Turn(speaker=speaker, text=text, at=at)


def place(
    number_id: str, own: str, to: str, agent: str, options: Options, provider: str
) -> Operation[Call]:
    """Place a call from a number of the agent's. AgentPhone refuses any other number."""
    body: Json = {"agentId": agent, "toNumber": to, "fromNumberId": number_id}
    response = yield Request.post(_CALLS, merged(body, options))
    placed = _call(response, provider, own)
    known = {
        "direction": Direction.OUTBOUND,
        "number": own,
        "sender": placed.sender or own,
        "recipient": placed.recipient or to,
        "agent": placed.agent or agent,
    }
    return placed.model_copy(update=known)


def listing(
    number_id: str | None,
    own: str | None,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Call]:
    """List the calls of a number, or all, newest first, ``after <= started_at < before``.

    AgentPhone has no bounds of time: they are applied here. A call without a time has yet to begin.
    """
    url = _CALLS if number_id is None else path("/v1/numbers/{}/calls", number_id)
    bounded = after is not None or before is not None
    size = paging.LARGEST if bounded else min(limit or paging.LARGEST, paging.LARGEST)
    passed = False

    def within(values: Rows, response: Response) -> list[Call]:
        nonlocal passed
        bodies = rows(CallBody, values, response)
        found = [body.normalized(provider, raw, own) for body, raw in bodies]
        # The order is not documented: without it, a page of old calls is no reason to stop.
        newest_first = bool(found) and _began(found[0]) >= _began(found[-1])
        found.sort(key=_began, reverse=True)
        passed = newest_first and after is not None and _began(found[0]) < after
        return [call for call in found if is_between(call.started_at, after, before)]

    yield from paging.offset_pages(url, size, within, ended=lambda: passed)


def get(call: str, provider: str) -> Operation[Call]:
    """Return a call as it is now."""
    response = yield Request.get(path("/v1/calls/{}", call))
    return _call(response, provider)


def end(call: str, provider: str) -> Operation[Call]:
    """Hang up. AgentPhone does so a moment later.

    What it responds for a call that has ended is undocumented, so that is read back.
    """
    request = Request.post(path("/v1/calls/{}/end", call), {}, safety=Safety.IDEMPOTENT)
    try:
        response = yield request
        response.object()
    except ProviderError as failure:
        now = yield from reconciled(get(call, provider), failure)
        if now.status not in _OVER:
            raise
        return now
    found = read_or_none(CallBody, response.content)
    if found is None:
        # It is accepted, and the official clients read nothing of the response.
        return (yield from get(call, provider))
    return found.normalized(provider, response.content)


def transcript(call: str, provider: str) -> Operation[Transcript]:
    """Return what was said in a call, in either of the forms that were seen."""
    response = yield Request.get(path("/v1/calls/{}/transcript", call))
    body = response.json()
    raw: Json = body if isinstance(body, dict) else {"transcript": body}
    said = raw.get("transcript") or raw.get("data") or raw.get("transcripts")
    found = rows(_Turn, items(said, response), response)
    turns = tuple(turn for row, _ in found for turn in row.turns())
    return Transcript(call=call, provider=provider, turns=turns, raw=raw)


def recording(call: str) -> Request:
    return Request.get(path("/v1/calls/{}/recording", call))


def _call(response: Response, provider: str, own: str | None = None) -> Call:
    found = read(CallBody, response.content, response)
    return found.normalized(provider, response.content, own)


def _began(call: Call) -> datetime:
    return call.started_at or LATEST
