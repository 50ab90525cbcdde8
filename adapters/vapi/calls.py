"""Vapi's calls: placed at most once, listed, ended, and what was said in them.

A call names its two sides as the number's id and the customer. Source: docs.vapi.ai, API reference
of calls; docs.vapi.ai/calls/call-features.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    reclassified,
)
from telephony.idempotency import find_digest
from telephony.model import (
    Agent,
    Call,
    CallStatus,
    Direction,
    PhoneNumber,
)
from telephony.raw import parsed
from telephony.reading import Body, Id, Time, moment, read
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Response,
    Safety,
    collect,
    first,
    merged,
    path,
    reconciled,
)

from . import assignment, bodies, endings, lookup, paging, secrets, targets
from .purchase import NUMBERS

ROUTE = "/call"
KEPT = timedelta(days=1)
"""How far back a call is looked for by its idempotency key."""

_STATUSES = {
    "scheduled": CallStatus.QUEUED,
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "forwarding": CallStatus.IN_PROGRESS,
}
_ANSWERED = {CallStatus.IN_PROGRESS, CallStatus.COMPLETED}
_DIRECTIONS = {
    "inboundPhoneCall": Direction.INBOUND,
    "outboundPhoneCall": Direction.OUTBOUND,
}
# What a call has of its own in the settings of what answers it; those of a workflow keep nothing.
_OVERRIDES = {assignment.ASSISTANT: "assistantOverrides", "squadId": "squadOverrides"}


class _Customer(Body, rename="camel"):
    number: str | None = None
    sip_uri: str | None = None


class OwnNumber(Body, rename="camel"):
    """A number that a call, or a webhook, describes itself."""

    number: str | None = None
    twilio_phone_number: str | None = None


class _Monitor(Body, rename="camel"):
    control_url: str | None = None


class Placed(paging.Row, kw_only=True, rename="camel"):
    """A call."""

    id: Id
    type: str | None = None
    name: str | None = None
    status: str | None = None
    ended_reason: str | None = None
    created_at: Time = None
    started_at: Time = None
    ended_at: Time = None
    phone_number_id: str | None = None
    phone_number: OwnNumber | None = None
    customer: _Customer | None = None
    assistant_id: str | None = None
    squad_id: str | None = None
    workflow_id: str | None = None
    monitor: _Monitor | None = None

    @property
    def described_number(self) -> str | None:
        """The number of ours, where the call itself says it."""
        own = self.phone_number or OwnNumber()
        return own.number or own.twilio_phone_number or None

    def normalized(self, provider: str, number: str | None, raw: Json) -> Call:
        number = number or self.described_number
        customer = self.customer or _Customer()
        other = customer.number or customer.sip_uri or None
        direction = _DIRECTIONS.get(self.type or "", Direction.UNKNOWN)
        status = _STATUSES.get(self.status or "", CallStatus.UNKNOWN)
        if self.status == "ended":
            status = endings.status(self.ended_reason)
        answered = moment(self.started_at) if status in _ANSWERED else None
        ended = moment(self.ended_at)
        outbound = direction is Direction.OUTBOUND
        return Call(
            id=self.id,
            provider=provider,
            number=number,
            sender=number if outbound else other,
            recipient=other if outbound else number,
            direction=direction,
            status=status,
            agent=self._agent(),
            started_at=moment(self.created_at),
            answered_at=answered,
            ended_at=ended,
            duration=max(ended - answered, timedelta()) if ended and answered else None,
            reason=self.ended_reason or None,
            raw=secrets.removed(raw),
        )

    def _agent(self) -> str | None:
        ids = (self.assistant_id, self.squad_id, self.workflow_id)
        for field, found in zip(assignment.AGENTS, ids, strict=True):
            if found:
                return assignment.agent(field, found).id
        return None


# --- Placed --------------------------------------------------------------------------------------


def place(
    number: PhoneNumber,
    to: str,
    *,
    agent: str | None,
    metadata: Mapping[str, str],
    key: str | None,
    options: Options,
) -> Operation[Call]:
    """Call at most once: a mark in the name of the call finds it if the response is lost."""
    speaker = agent or (number.assignment.id if isinstance(number.assignment, Agent) else None)
    if speaker is None:
        raise InvalidRequestError(
            "The number has no assistant to speak with.",
            argument="agent",
            hint="Give `agent`, or assign the number to one.",
        )
    if "customers" in options:
        raise InvalidRequestError(
            "place_call() places one call, and `customers` has others.",
            argument="options",
            hint="Call place_call() once for each of them.",
        )
    if key is not None and (earlier := (yield from _marked(number, key, KEPT))):
        return earlier
    field, id_ = assignment.agent_field(speaker)
    wanted: Json = {
        field: id_,
        "phoneNumberId": number.id,
        "customer": {"sipUri" if to.startswith("sip:") else "number": to},
    }
    body = _with_metadata(merged(wanted, options), field, metadata)
    mark = key or uuid.uuid4().hex[:12]
    body = bodies.named(body, mark)
    try:
        response = yield Request.post(ROUTE, body)
        return _call(response, number.provider, number.number)
    except InvalidRequestError as refused:
        raise (yield from targets.missing(speaker, refused, "agent")) from None
    except OutcomeUnknownError as lost:
        placed = yield from reconciled(_marked(number, mark, KEPT), lost)
        if placed is None:
            raise
        return placed


def _with_metadata(body: Json, field: str, metadata: Mapping[str, str]) -> Json:
    """Return a body with metadata, beside what else the call has of its own."""
    if not metadata:
        return body
    name = _OVERRIDES.get(field)
    if name is None:
        raise InvalidRequestError(
            "A call of a workflow keeps no metadata.",
            argument="metadata",
            hint="Leave it out, or call with an assistant or a squad.",
        )
    others = body.get(name)
    others = others if isinstance(others, dict) else {}
    return {**body, name: {**others, "metadata": dict(metadata)}}


def _marked(number: PhoneNumber, mark: str, within: timedelta) -> Operation[Call | None]:
    """Return the call of a number that has this mark in its name, its only proof."""
    listing = listed(number, number.provider, after=datetime.now(UTC) - within, before=None)

    def ours(call: Call) -> bool:
        name = call.raw.get("name")
        return isinstance(name, str) and find_digest(name) == mark

    return (yield from first(listing, ours))


# --- Read ----------------------------------------------------------------------------------------


def listed(
    number: PhoneNumber | None,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None = None,
) -> Listing[Call]:
    """List the calls of a number, or of all, with the numbers that the account has now."""
    known: dict[str, str] = {}
    if number is None:
        held = yield from collect(paging.numbers(provider))
        known = {one.id: one.number for one in held}
    else:
        known[number.id] = number.number

    def made(row: Placed, raw: bytes) -> Call | None:
        value = parsed(raw)
        own = known.get(row.phone_number_id or "")
        return row.normalized(provider, own, value) if isinstance(value, dict) else None

    yield from paging.by_time(
        ROUTE,
        Placed,
        made,
        params={"phoneNumberId": number.id if number else None},
        after=after,
        before=before,
        limit=limit,
    )


def get(call: str, provider: str) -> Operation[Call]:
    response = yield from fetched(call)
    return (yield from _with_number(response, provider))


def end(call: str, provider: str) -> Operation[Call]:
    """Hang up through the call's own URL; only a call that is scheduled can be deleted.

    Deleting one that has begun or ended would remove what is stored of it.
    """
    response = yield from fetched(call)
    found = read(Placed, response.content, response)
    if found.status == "ended":
        return (yield from _with_number(response, provider))
    if found.status == "scheduled":
        deletion = yield Request.delete(path(f"{ROUTE}/{{}}", found.id))
        return (yield from _with_number(deletion, provider))
    url = found.monitor.control_url if found.monitor else None
    if not url:
        raise ConflictError(
            "Vapi gives no URL to control this call with",
            hint="Enable `monitorPlan.controlEnabled` of its assistant, or let it hang up.",
        )
    request = Request(
        "POST", url, json={"type": "end-call"}, safety=Safety.IDEMPOTENT, anonymous=True
    )
    try:
        yield request
    except ProviderError as refused:
        # It may have ended in the meantime, or at an attempt before.
        now = yield from reconciled(get(call, provider), refused)
        if now.ended_at is not None or now.reason is not None:
            return now
        if isinstance(refused, NotFoundError):
            raise reclassified(
                refused,
                ConflictError,
                "The call is there, but its URL for control is refused",
                hint="Call end_call() again; if that does not help, look whether its assistant "
                "sets `monitorPlan.controlAuthenticationEnabled`, which asks for another key.",
                retry_safe=True,
            ) from refused
        raise
    try:
        return (yield from get(call, provider))
    except ProviderError as unread:
        raise reclassified(
            unread,
            OutcomeUnknownError,
            hint="Vapi accepted the end of the call: get_call() shows how it ended.",
            retry_safe=True,
        ) from unread


# --- Shared steps --------------------------------------------------------------------------------


def fetched(call: str) -> Operation[Response]:
    return lookup.fetched(f"{ROUTE}/{{}}", call)


def _with_number(response: Response, provider: str) -> Operation[Call]:
    """Return a call, with the number that it names by its id only."""
    found = read(Placed, response.content, response)
    number = found.described_number
    if number is None and found.phone_number_id:
        try:
            own = yield from lookup.fetched(f"{NUMBERS}/{{}}", found.phone_number_id)
        except NotFoundError:
            pass  # it was released since
        else:
            number = bodies.number(own, provider).number or None
    return _call(response, provider, number)


def _call(response: Response, provider: str, number: str | None) -> Call:
    found = read(Placed, response.content, response)
    return found.normalized(provider, number, response.object())
