"""What was said in a call: in words, and as a recording.

Source: docs.vapi.ai, API reference of calls; vapi-server-sdk.
"""

from __future__ import annotations

from telephony import recordings
from telephony.errors import NotFoundError
from telephony.model import Recording, Speaker, Transcript, Turn
from telephony.reading import Body, Time, moment, read
from telephony.wire import Operation, Request, path

from . import calls, lookup, secrets

_SPEAKERS = {
    "user": Speaker.CALLER,
    "bot": Speaker.AGENT,
    "assistant": Speaker.AGENT,
    "tool_calls": Speaker.TOOL,
    "tool_call_result": Speaker.TOOL,
}


class _Message(Body, kw_only=True):
    role: str = ""
    message: str | None = None
    result: str | None = None
    time: Time = None


class _Artifact(Body):
    messages: list[_Message] | None = None


class _Spoken(Body):
    artifact: _Artifact | None = None
    messages: list[_Message] | None = None


def get(call: str, provider: str) -> Operation[Transcript]:
    """Return what was said, without the assistant's instructions."""
    response = yield from calls.fetched(call)
    found = read(_Spoken, response.content, response)
    said = (found.artifact.messages if found.artifact else None) or found.messages
    if said is None:
        raise NotFoundError(
            "Vapi has no transcript of this call", hint="Ask again once the call has ended."
        )
    turns = tuple(
        Turn(
            speaker=_SPEAKERS[each.role],
            text=each.message or each.result or "",
            at=moment(each.time),
        )
        for each in said
        if each.role in _SPEAKERS
    )
    artifact = response.object().get("artifact")
    raw = secrets.removed(artifact) if isinstance(artifact, dict) else {}
    return Transcript(call=call, provider=provider, turns=turns, raw=raw)


def recording(call: str, provider: str) -> Operation[Recording]:
    """Fetch the recording: the URLs in the call itself can no longer be downloaded."""
    request = Request.get(path(f"{calls.ROUTE}/{{}}/mono-recording", call))
    return lookup.found(recordings.fetched(request, call, provider))
