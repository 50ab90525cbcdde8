"""ElevenLabs's conversations, which its calls are, and the way from them into the unified model.

The list shows a conversation without the numbers of its two sides, and without how the attempt to
reach the other side went. Source: SDK 2.78.0 (types of conversations).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from telephony.model import Call, CallStatus, Direction, Speaker, Transcript, Turn
from telephony.raw import with_raw
from telephony.reading import Body, Id, Rows, Time, duration, later, moment, read, rows
from telephony.wire import Json, Response

from . import paging, secrets

MARK = "telephony_key"
"""The dynamic variable that identifies a call of ours."""

_STATUSES = {
    # The call is on its way: dialling and ringing are one.
    "initiated": CallStatus.QUEUED,
    "in-progress": CallStatus.IN_PROGRESS,
    "processing": CallStatus.COMPLETED,
    "done": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
}
_RESULTS = {
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
}
_ENDED = {CallStatus.COMPLETED, CallStatus.FAILED}
_DIRECTIONS = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_SPEAKERS = {"user": Speaker.CALLER, "agent": Speaker.AGENT}
# Where conversations come from that are written ones.
TEXTS = frozenset(
    {
        "twilio_sms",
        "whatsapp",
        "zendesk_integration",
        "slack_integration",
        "telegram_integration",
        "intercom_integration",
        "freshdesk_integration",
        "salesforce_integration",
    }
)


class _PhoneCall(Body):
    direction: str | None = None
    agent_number: str | None = None
    external_number: str | None = None
    call_result: str | None = None


class _Failure(Body):
    reason: str | None = None


class _Metadata(Body):
    start_time_unix_secs: Time = None
    accepted_time_unix_secs: Time = None
    call_duration_secs: float | None = None
    termination_reason: str | None = None
    conversation_initiation_source: str | None = None
    error: _Failure | None = None
    phone_call: _PhoneCall | None = None
    # Of conversations that are no calls.
    sms: dict[str, object] | None = None
    text_only: bool | None = None

    @property
    def is_text(self) -> bool:
        written = self.conversation_initiation_source in TEXTS and self.phone_call is None
        return written or self.sms is not None or self.text_only is True


class _ToolCall(Body):
    tool_name: str = ""
    params_as_json: str | None = None


class _ToolResult(Body):
    result_value: str | None = None


class _Said(Body):
    role: str | None = None
    message: str | None = None
    time_in_call_secs: float | None = None
    created_at_unix_ms: Time = None
    tool_calls: list[_ToolCall] | None = None
    tool_results: list[_ToolResult] | None = None


class _ClientData(Body):
    dynamic_variables: dict[str, object] | None = None


class Conversation(Body, kw_only=True):
    """A conversation as it is shown alone, and in the webhook of its end."""

    conversation_id: Id
    agent_id: str | None = None
    status: str | None = None
    has_audio: bool | None = None
    metadata: _Metadata | None = None
    transcript: list[_Said] | None = None
    conversation_initiation_client_data: _ClientData | None = None

    @property
    def is_text(self) -> bool:
        return self.metadata is not None and self.metadata.is_text

    @property
    def mark(self) -> object:
        """Return what identifies it, if the call is one of ours."""
        data = self.conversation_initiation_client_data
        return ((data.dynamic_variables if data else None) or {}).get(MARK)

    def normalized(self, provider: str) -> Call:
        """Return the call, without its `raw`."""
        about = self.metadata or _Metadata()
        line = about.phone_call or _PhoneCall()
        status = _STATUSES.get(self.status or "", CallStatus.UNKNOWN)
        if status in _ENDED:
            status = _RESULTS.get(line.call_result or "", status)
        direction = _DIRECTIONS.get(line.direction or "", Direction.UNKNOWN)
        own, other = line.agent_number or None, line.external_number or None
        outbound = direction is Direction.OUTBOUND
        answered = status in {CallStatus.IN_PROGRESS, CallStatus.COMPLETED}
        return Call(
            id=self.conversation_id,
            provider=provider,
            # None in a call over the web.
            number=own,
            sender=own if outbound else other,
            recipient=other if outbound else own,
            direction=direction,
            status=status,
            agent=self.agent_id or None,
            started_at=_moment(about.start_time_unix_secs),
            answered_at=_moment(about.accepted_time_unix_secs) if answered else None,
            duration=duration(about.call_duration_secs) if status.is_final else None,
            reason=about.termination_reason or (about.error.reason if about.error else None),
        )

    def turns(self) -> tuple[Turn, ...]:
        """Return what was said, and what tools were asked and answered."""
        start = _moment(self.metadata.start_time_unix_secs) if self.metadata else None
        found: list[Turn] = []
        for said in self.transcript or ():
            at = _moment(said.created_at_unix_ms) or later(start, said.time_in_call_secs)
            if said.message:
                speaker = _SPEAKERS.get(said.role or "", Speaker.SYSTEM)
                found.append(Turn(speaker=speaker, text=said.message, at=at))
            asked = [
                f"{one.tool_name}({one.params_as_json or ''})" for one in said.tool_calls or ()
            ]
            results = [one.result_value for one in said.tool_results or () if one.result_value]
            found += [Turn(speaker=Speaker.TOOL, text=text, at=at) for text in asked + results]
        return tuple(found)


class _Summary(Body, kw_only=True):
    """A conversation as the list shows it."""

    conversation_id: Id
    agent_id: str | None = None
    status: str | None = None
    direction: str | None = None
    start_time_unix_secs: Time = None
    call_duration_secs: float | None = None
    termination_reason: str | None = None
    conversation_initiation_source: str | None = None

    def normalized(self, provider: str, number: str | None, raw: bytes) -> Call:
        direction = _DIRECTIONS.get(self.direction or "", Direction.UNKNOWN)
        status = _STATUSES.get(self.status or "", CallStatus.UNKNOWN)
        if status is CallStatus.COMPLETED and not self.call_duration_secs:
            # It may be one that was not answered: only the conversation itself shows that.
            status = CallStatus.UNKNOWN
        found = Call(
            id=self.conversation_id,
            provider=provider,
            number=number,
            sender=number if direction is Direction.OUTBOUND else None,
            recipient=number if direction is Direction.INBOUND else None,
            direction=direction,
            status=status,
            agent=self.agent_id or None,
            started_at=_moment(self.start_time_unix_secs),
            duration=duration(self.call_duration_secs) if status.is_final else None,
            reason=self.termination_reason or None,
        )
        return with_raw(found, raw)


class _Conversations(paging.Page):
    conversations: Rows = None


def conversation(response: Response) -> Conversation:
    return read(Conversation, response.content, response)


def call(response: Response, provider: str) -> Call:
    found = conversation(response).normalized(provider)
    return secrets.with_safe_raw(found, response.content)


def reported(found: Conversation, provider: str, raw: Json) -> Call:
    """Return the call of a webhook."""
    return found.normalized(provider).model_copy(update={"raw": secrets.removed(raw)})


def transcript(response: Response, provider: str) -> Transcript:
    found = conversation(response)
    said = Transcript(call=found.conversation_id, provider=provider, turns=found.turns())
    return secrets.with_safe_raw(said, response.content)


def call_page(
    response: Response, provider: str, number: str | None
) -> tuple[list[Call], paging.Page]:
    """Return the calls of a page, without written conversations; `number` is theirs."""
    page = read(_Conversations, response.content, response)
    return [
        row.normalized(provider, number, raw)
        for row, raw in rows(_Summary, page.conversations, response)
        if row.conversation_initiation_source not in TEXTS
    ], page


def ids(response: Response) -> list[str]:
    """Return the ids of a page."""
    page = read(_Conversations, response.content, response)
    return [row.conversation_id for row, _ in rows(_Summary, page.conversations, response)]


def _moment(time: Time) -> datetime | None:
    """Return a time; zero stands for none."""
    return moment(time) if time else None


STATUS_OF_FAILURE: Mapping[str, CallStatus] = {
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
}
"""How a call ended that was never answered, by the reason in its webhook."""
