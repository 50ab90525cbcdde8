"""Acme's calls: placed at most once, listed, ended, and what was said in them."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from telephony import errors
from telephony.model import Agent, Call, PhoneNumber
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Safety,
    first,
    merged,
    path,
    reconciled,
)

from . import bodies
from .paging import pages


def place(
    number: PhoneNumber,
    to: str,
    *,
    agent: str | None,
    metadata: Mapping[str, str],
    timeout: float | None,
    key: str | None,
    options: Options,
) -> Operation[Call]:
    """Call at most once: a reference of ours finds the call if the response is lost."""
    line = agent or (number.assignment.id if isinstance(number.assignment, Agent) else None)
    if line is None:
        raise errors.InvalidRequestError(
            "The number has no line to speak with.",
            argument="agent",
            hint="Give `agent`, or assign the number to a line.",
        )
    if key is not None and (earlier := (yield from _referenced(number, key))):
        return earlier
    reference = key or uuid.uuid4().hex
    body: Json = {
        "number": number.id,
        "to": to,
        "line": line,
        "reference": reference,
        "tags": dict(metadata) or None,
        "ring": None if timeout is None else round(timeout),
    }
    try:
        response = yield Request.post("/calls", merged(body, options))
        return bodies.call(response, number.provider)
    except errors.OutcomeUnknownError as lost:
        placed = yield from reconciled(_referenced(number, reference), lost)
        if placed is None:
            raise
        return placed


def listed(
    number: str | None, provider: str, after: datetime | None, before: datetime | None
) -> Listing[Call]:
    def wanted(call: Call) -> bool:
        began = call.started_at
        return began is not None and (
            (after is None or began >= after) and (before is None or began < before)
        )

    return pages("/calls", {"number": number}, bodies.calls(provider), wanted)


def end(call: str, provider: str) -> Operation[Call]:
    response = yield Request("POST", path("/calls/{}/end", call), safety=Safety.IDEMPOTENT)
    return bodies.call(response, provider)


def _referenced(number: PhoneNumber, reference: str) -> Operation[Call | None]:
    listing = listed(number.id, number.provider, None, None)
    return (yield from first(listing, lambda call: call.raw.get("reference") == reference))
