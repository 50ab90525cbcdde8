"""Retell AI's calls: placed at most once, listed, ended, and what was said in them.

`start_timestamp` is when a call was connected: one that is being dialled, or was never answered,
has no time at all. Source: docs.retellai.com/api-references (create-phone-call, get-call,
list-calls, stop-call); retell-sdk 6.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex

from pydantic import JsonValue

from telephony import recordings
from telephony.errors import NotFoundError, OutcomeUnknownError, ProviderError, reclassified
from telephony.model import Call, CallStatus, Direction, Recording, Speaker, Transcript, Turn
from telephony.reading import EARLIEST, LATEST, Body, Id, Time, duration, later, moment, read
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

from . import merging, paging, secrets

_PLACE = "/v2/create-phone-call"
# The vendor's own client waits as long: the response may come after the dialling.
_PATIENCE = 120.0
_DIRECTIONS = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_STATUSES = {"registered": CallStatus.QUEUED, "ongoing": CallStatus.IN_PROGRESS}
_REASONS = {
    "dial_busy": CallStatus.BUSY,
    "dial_no_answer": CallStatus.NO_ANSWER,
    "user_declined": CallStatus.NO_ANSWER,
    **dict.fromkeys(
        (
            "user_hangup", "agent_hangup", "user_requested_dnc", "user_requested_callback",
            "call_transfer", "transfer_bridged", "transfer_cancelled", "call_take_over",
            "voicemail_reached", "ivr_reached", "inactivity", "max_duration_reached",
        ),
        CallStatus.COMPLETED,
    ),
    **dict.fromkeys(
        (
            "dial_failed", "invalid_destination", "telephony_provider_permission_denied",
            "telephony_provider_unavailable", "sip_routing_error", "marked_as_spam",
            "network_blocked", "concurrency_limit_reached", "no_concurrency_fallback",
            "no_valid_payment", "credit_exhausted", "budget_reached", "scam_detected",
            "registered_call_timeout",
        ),
        CallStatus.FAILED,
    ),
}  # fmt: skip
_ENDED = {
    "ended": CallStatus.COMPLETED,
    "not_connected": CallStatus.FAILED,
    "error": CallStatus.FAILED,
}
_SPEAKERS = {
    "agent": Speaker.AGENT,
    "user": Speaker.CALLER,
    # The person to whom the call was passed on.
    "transfer_target": Speaker.CALLER,
    "tool_call_invocation": Speaker.TOOL,
    "tool_call_result": Speaker.TOOL,
}


class PhoneCall(Body, kw_only=True):
    """A call; one over the web has no numbers and no direction."""

    call_id: Id
    call_status: str | None = None
    agent_id: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    start_timestamp: Time = None
    end_timestamp: Time = None
    duration_ms: int | float | None = None
    disconnection_reason: str | None = None

    @property
    def status(self) -> CallStatus:
        """How far it has got, or how it ended."""
        status = self.call_status or ""
        if status not in _ENDED:
            return _STATUSES.get(status, CallStatus.UNKNOWN)
        reason = self.disconnection_reason or ""
        if reason == "manual_stopped":
            return CallStatus.CANCELED if self.start_timestamp is None else CallStatus.COMPLETED
        if reason.startswith("error_"):
            return CallStatus.FAILED
        return _REASONS.get(reason, _ENDED[status])

    @property
    def has_ended(self) -> bool:
        return self.call_status in _ENDED

    def normalized(self, provider: str, raw: bytes) -> Call:
        return secrets.kept_out(self.described(provider, {}), raw)

    def described(self, provider: str, raw: Json) -> Call:
        """Return the call; `raw` is without secrets."""
        direction = _DIRECTIONS.get(self.direction or "", Direction.UNKNOWN)
        sender, recipient = self.from_number or None, self.to_number or None
        own = {Direction.INBOUND: recipient, Direction.OUTBOUND: sender}
        started = moment(self.start_timestamp)
        connected = self.status in {CallStatus.IN_PROGRESS, CallStatus.COMPLETED}
        return Call(
            id=self.call_id,
            provider=provider,
            number=own.get(direction),
            sender=sender,
            recipient=recipient,
            direction=direction,
            status=self.status,
            agent=self.agent_id or None,
            started_at=started,
            answered_at=started if connected else None,
            ended_at=moment(self.end_timestamp),
            duration=duration(self.duration_ms / 1000)
            if self.duration_ms is not None and self.has_ended
            else None,
            reason=self.disconnection_reason or None,
            raw=raw,
        )


class _Word(Body):
    start: float | None = None


class _Utterance(Body):
    role: str = ""
    content: str | None = None
    name: str | None = None
    arguments: str | None = None
    words: list[_Word] | None = None


class _Spoken(Body, kw_only=True):
    start_timestamp: Time = None
    transcript_with_tool_calls: list[_Utterance] | None = None
    transcript_object: list[_Utterance] | None = None


class _Recorded(Body):
    recording_url: str | None = None
    scrubbed_recording_url: str | None = None


# --- Placed --------------------------------------------------------------------------------------


def place(
    number: str,
    to: str,
    provider: str,
    *,
    agent: str | None,
    metadata: Mapping[str, str],
    timeout: float | None,
    key: str | None,
    options: Options,
) -> Operation[Call]:
    """Call at most once: with the same key Retell dials no second time for an hour."""
    wanted: Json = {
        "from_number": number,
        "to_number": to,
        "override_agent_id": agent,
        "metadata": dict(metadata) or None,
        "idempotency_key": key or token_hex(12),
    }
    body = merged(wanted, options)
    if timeout is not None:
        body["agent_override"] = _ringing(timeout, options.get("agent_override"))

    def placed(safety: Safety) -> Operation[Call]:
        response = yield Request("POST", _PLACE, json=body, safety=safety, timeout=_PATIENCE)
        return _call(response, provider)

    try:
        return (yield from placed(Safety.UNSAFE))
    except OutcomeUnknownError as lost:
        lost.retry_safe = key is not None
        return (yield from reconciled(placed(Safety.IDEMPOTENT), lost))


def _ringing(timeout: float, override: JsonValue) -> Json:
    """Return what overrides the agent so that the telephone rings so many seconds."""
    others = override if isinstance(override, dict) else {}
    agent = others.get("agent")
    given = agent if isinstance(agent, dict) else {}
    return {**others, "agent": {"ring_duration_ms": round(timeout * 1000), **given}}


# --- Read ----------------------------------------------------------------------------------------


def listed(
    number: str | None,
    provider: str,
    *,
    after: datetime | None,
    before: datetime | None,
    limit: int | None,
) -> Listing[Call]:
    """List telephone calls, newest first; within bounds only those that were connected."""
    low, high = after or EARLIEST, before or LATEST
    bounded = after is not None or before is not None
    period = {"start_timestamp": _period(after, before)} if bounded else {}

    def calls(**sides: JsonValue) -> Listing[Call]:
        def made(row: PhoneCall, raw: bytes) -> Call | None:
            # What a number calls itself with is among its calls from it already.
            if "to_number" in sides and row.from_number == number:
                return None
            found = row.normalized(provider, raw)
            within = found.started_at is not None and low <= found.started_at < high
            return found if within or not bounded else None

        criteria: Json = {
            "call_type": {"type": "enum", "op": "in", "value": ["phone_call"]},
            **sides,
            **period,
        }
        size = min(limit or paging.PAGE, paging.PAGE)
        request = paging.by_body("/v3/list-calls", {"filter_criteria": criteria, "limit": size})
        return paging.pages(request, PhoneCall, made, lambda row: row.call_id)

    if number is None:
        return calls()
    own: Json = {"type": "string", "op": "eq", "value": number}
    return merging.newest_first(
        calls(from_number=own), calls(to_number=own), lambda call: call.started_at or LATEST
    )


def get(call: str, provider: str) -> Operation[Call]:
    return _call((yield from _fetched(call)), provider)


def end(call: str, provider: str) -> Operation[Call]:
    """Hang up a call that has not ended: what Retell responds to others is not documented."""
    response = yield from _fetched(call)
    if read(PhoneCall, response.content, response).has_ended:
        return _call(response, provider)
    try:
        yield Request.post(path("/v2/stop-call/{}", call), safety=Safety.IDEMPOTENT)
    except ProviderError as refused:
        # It may have ended in the meantime, or at an attempt before.
        response = yield from reconciled(_fetched(call), refused)
        if not read(PhoneCall, response.content, response).has_ended:
            raise
        return _call(response, provider)
    try:
        return (yield from get(call, provider))
    except ProviderError as unread:
        raise reclassified(
            unread,
            OutcomeUnknownError,
            hint="Retell accepted the end of the call: get_call() shows how it ended.",
            retry_safe=True,
        ) from unread


def transcript(call: str, provider: str) -> Operation[Transcript]:
    """Return what was said, and the tools that were used."""
    response = yield from _fetched(call)
    found = read(_Spoken, response.content, response)
    said = found.transcript_with_tool_calls or found.transcript_object
    if said is None:
        raise NotFoundError(
            "Retell has no transcript of this call", hint="Ask again once the call has ended."
        )
    began = moment(found.start_timestamp)
    turns = tuple(
        Turn(speaker=_SPEAKERS[each.role], text=_text(each), at=_at(each, began))
        for each in said
        if each.role in _SPEAKERS
    )
    raw = {
        name: value
        for name, value in secrets.removed(response.object()).items()
        if "transcript" in name
    }
    return Transcript(call=call, provider=provider, turns=turns, raw=raw)


def recording(call: str, provider: str) -> Operation[Recording]:
    response = yield from _fetched(call)
    found = read(_Recorded, response.content, response)
    url = found.recording_url or found.scrubbed_recording_url
    if not url:
        raise NotFoundError(
            "Retell has no recording of this call",
            hint="It is there once the call has ended, if its agent stores everything.",
        )
    request = Request("GET", url, anonymous=True)
    return (yield from recordings.fetched(request, call, provider))


# --- Shared steps --------------------------------------------------------------------------------


def _fetched(call: str) -> Operation[Response]:
    return (yield Request.get(path("/v2/get-call/{}", call)))


def _call(response: Response, provider: str) -> Call:
    return read(PhoneCall, response.content, response).normalized(provider, response.content)


def _period(after: datetime | None, before: datetime | None) -> Json:
    """Return the filter for a period, a little wider than it: the vendor counts milliseconds."""
    low = None if after is None else int(after.timestamp() * 1000)
    high = None if before is None else int(before.timestamp() * 1000) + 1
    if low is not None and high is not None:
        return {"type": "range", "op": "bt", "value": [low, high]}
    if low is not None:
        return {"type": "number", "op": "ge", "value": low}
    return {"type": "number", "op": "le", "value": high}


def _text(said: _Utterance) -> str:
    if said.role == "tool_call_invocation":
        return f"{said.name or ''}({said.arguments or ''})"
    return said.content or ""


def _at(said: _Utterance, began: datetime | None) -> datetime | None:
    """Return when something was said: its words count seconds from the start of the call."""
    first = next((word.start for word in said.words or () if word.start is not None), None)
    return later(began, first)
