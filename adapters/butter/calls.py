"""Calls. Source: docs.getbutter.ai/api-reference/calls (make-call, list, get, recording)."""

from __future__ import annotations

from datetime import datetime

from telephony import recordings
from telephony.errors import InvalidRequestError, NotFoundError
from telephony.model import Call, PhoneNumber, Recording, Transcript
from telephony.reading import is_between
from telephony.wire import Json, Listing, Operation, Options, Request, merged, path

from . import bodies
from .paging import pages

_CALLS = "/api/calls"
_LARGEST_PAGE = 100


def place(
    held: PhoneNumber, to: str, agent: str, provider: str, options: Options
) -> Operation[Call]:
    """Place a call once. Nothing of it can be marked, so a lost response stays unknown."""
    body: Json = {"call_to": to, "call_from": held.number, "agent_id": agent}
    try:
        response = yield Request.post("/api/make-call", merged(body, options))
    except InvalidRequestError as refused:
        refused.hint = " ".join(bodies.one_way(held, outbound=True)) or refused.hint
        raise
    return bodies.placed(response, provider, held.number, to, agent)


def listed(
    number: str | None,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Call]:
    """List calls. Butter AI filters nothing and documents no order, so all pages are read."""
    every = number is None and after is None and before is None

    def wanted(call: Call) -> bool:
        mine = number is None or number in (call.sender, call.recipient)
        return mine and is_between(call.started_at, after, before)

    return pages(
        _CALLS,
        {"limit": min(limit or _LARGEST_PAGE, _LARGEST_PAGE) if every else _LARGEST_PAGE},
        lambda response: bodies.call_page(response, provider),
        id_of=lambda call: call.id,
        wanted=lambda call: every or wanted(call),
    )


def get(call: str, provider: str) -> Operation[Call]:
    response = yield Request.get(path(f"{_CALLS}/{{}}", call))
    return bodies.call(response, provider)


def transcript(call: str, provider: str) -> Operation[Transcript]:
    response = yield Request.get(path(f"{_CALLS}/{{}}", call))
    return bodies.transcript(response, provider)


def recording(call: str, provider: str) -> Operation[Recording]:
    try:
        request = Request.get(path(f"{_CALLS}/{{}}/recording/download", call))
        return (yield from recordings.fetched(request, call, provider))
    except NotFoundError as missing:
        if missing.hint == missing.default_hint:
            missing.hint = (
                "It is there once the call has ended, if the agent records: get_call(call).raw has "
                "`recording_enabled`."
            )
        raise
