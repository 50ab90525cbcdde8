"""Calls: placed once, listed agent by agent, ended, and what was said in them.

Source: docs.cartesia.ai/api-reference/agents/calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from telephony import recordings
from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    reclassified,
)
from telephony.model import Call, PhoneNumber, Recording, Transcript
from telephony.reading import LATEST
from telephony.wire import (
    Batch,
    Json,
    Listing,
    Operation,
    Request,
    Safety,
    path,
    reconciled,
)

from . import call_bodies
from .paging import LARGEST, Pages

_CALLS = "/agents/calls"
_KEPT = timedelta(days=1)
"""How old the calls are among which a key is looked for."""


def place(
    number: PhoneNumber, to: str, agent: str, wanted: Json, key: str | None
) -> Operation[Call]:
    """Call once.

    After a lost response the key, stored in the metadata, proves the call; without a key nothing
    distinguishes it from another caller's.

    Args:
        number: what to call from.
        to: whom to call.
        agent: the id of the agent that speaks.
        wanted: the request without these two.
        key: the stored form of the caller's key.
    """
    body: Json = {"from_number_id": number.id, "agent_id": agent, **wanted}
    speaker = str(body["agent_id"])
    if key is not None:
        made = yield from _marked(speaker, key, number.provider)
        if made is not None:
            return made
    try:
        response = yield Request.post(_CALLS, body)
        return call_bodies.placed(response, number.provider, number.number, to, speaker)
    except OutcomeUnknownError as lost:
        if key is None:
            raise
        lost.hint = (
            "Wait a moment, then make the same call with the same idempotency_key: it looks "
            "before it dials."
        )
        made = yield from reconciled(_marked(speaker, key, number.provider), lost)
        if made is None:
            raise
        return made


def fetch(call: str, provider: str) -> Operation[Call]:
    return call_bodies.call((yield Request.get(path(f"{_CALLS}/{{}}", call))), provider)


def end(call: str, provider: str) -> Operation[Call]:
    """Hang up. Cartesia refuses it for a call that has ended, and for one not yet answered."""
    try:
        response = yield Request.post(path(f"{_CALLS}/{{}}/cancel", call), safety=Safety.IDEMPOTENT)
    except (InvalidRequestError, ConflictError) as refused:
        found = yield from _read_back(call, provider)
        if call_bodies.has_ended(found):
            return found
        raise reclassified(
            refused,
            ConflictError,
            hint="Cartesia ends a call only once it was answered: see get_call(), and try again.",
            retry_safe=True,
        ) from None
    try:
        return (yield from _read_back(call, provider))
    except OutcomeUnknownError:
        if not call_bodies.is_cancelled(response):
            raise
        return call_bodies.cancelled(call, provider)


def _read_back(call: str, provider: str) -> Operation[Call]:
    try:
        return (yield from fetch(call, provider))
    except ProviderError as unread:
        raise reclassified(
            unread,
            OutcomeUnknownError,
            hint="It may have ended: see get_call(), or make the same call again.",
            retry_safe=True,
        ) from unread


def transcript(call: str, provider: str) -> Operation[Transcript]:
    response = yield Request.get(path(f"{_CALLS}/{{}}", call))
    return call_bodies.transcript(response, provider)


def recording(call: str, provider: str) -> Operation[Recording]:
    request = Request.get(path(f"{_CALLS}/{{}}/audio", call))
    try:
        return (yield from recordings.fetched(request, call, provider))
    except NotFoundError as missing:
        missing.hint = "Cartesia has a recording of a call that was answered, once it has ended."
        raise


def _marked(agent: str, key: str, provider: str) -> Operation[Call | None]:
    """Return the agent's call with this key; None if there is none of the last day."""
    oldest = datetime.now(UTC) - _KEPT
    pages = _pages(agent, {"limit": LARGEST}, provider)
    while pages.more:
        page = yield from pages.fetch()
        for call in page:
            if call_bodies.is_marked(call, key):
                return call
        if any(_began(call) < oldest for call in page):
            break
    return None


class CallLog:
    """The calls of several agents, newest first. Cartesia lists those of one agent at a time.

    Args:
        agents: their ids.
        number: only its calls; None: all.
        after: the earliest time at which they began.
        before: the time before which they began.
        limit: how many the caller wants.
        provider: the name that results carry.

    Attributes:
        empty: whether no call was listed so far.
    """

    def __init__(
        self,
        agents: Sequence[str],
        number: str | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
        provider: str,
    ) -> None:
        self._number, self._after, self._before = number, after, before
        size = min(limit or LARGEST, LARGEST) if number is None else LARGEST
        # Documented as inclusive. The earliest time is no filter of the request: a call that has
        # not begun has none, and the listing ends by itself.
        until = before.isoformat().replace("+00:00", "Z") if before else None
        params: dict[str, str | int | None] = {"limit": size, "start_time_lte": until}
        self._of_agents = [_OfAgent(_pages(agent, params, provider)) for agent in agents]
        self.empty: bool = True

    def calls(self) -> Listing[Call]:
        """List the calls."""
        while True:
            for one in self._of_agents:
                while not one.waiting and one.pages.more:
                    yield from self._fetch(one)
            self._of_agents = [one for one in self._of_agents if one.waiting]
            if not self._of_agents:
                return
            ready: list[Call] = []
            while all(one.waiting for one in self._of_agents):
                newest = max(self._of_agents, key=lambda one: _began(one.waiting[0]))
                ready.append(newest.waiting.popleft())
            self.empty = False
            yield Batch(ready)

    def _fetch(self, one: _OfAgent) -> Operation[None]:
        try:
            page = yield from one.pages.fetch()
        except NotFoundError:
            # The agent was deleted since it was listed.
            one.pages.more = False
            return
        for call in page:
            began = _began(call)
            if self._after is not None and began < self._after:
                one.pages.more = False
            elif (self._before is None or began < self._before) and self._is_wanted(call):
                one.waiting.append(call)

    def _is_wanted(self, call: Call) -> bool:
        return self._number is None or self._number in {call.number, call.sender, call.recipient}


@dataclass
class _OfAgent:
    """The calls of one agent, and those that are fetched and not yet handed out."""

    pages: Pages[Call]
    waiting: deque[Call] = field(default_factory=deque)


def _pages(agent: str, params: Mapping[str, str | int | None], provider: str) -> Pages[Call]:
    return Pages(
        _CALLS,
        {"agent_id": agent, **params},
        read=lambda found, response: call_bodies.calls(found, response, provider),
        id_of=lambda call: call.id,
    )


def _began(call: Call) -> datetime:
    # Without any time it has not begun yet.
    return call.started_at or call.ended_at or LATEST
