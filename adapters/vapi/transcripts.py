"""What was said in a call: in words, and as a recording.

Source: docs.vapi.ai, API reference of calls; vapi-server-sdk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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

_NAMES = {"AI": Speaker.AGENT, "User": Speaker.CALLER}
# A turn may go on over several lines, until the next one begins.
_LINE = re.compile(r"^(AI|User): (.*?)(?=^(?:AI|User): |\Z)", re.MULTILINE | re.DOTALL)


class _Message(Body, kw_only=True):
    role: str = ""
    message: str | None = None
    result: str | None = None
    time: Time = None


class _Artifact(Body):
    messages: list[_Message] | None = None
    transcript: str | None = None


class _Spoken(Body):
    artifact: _Artifact | None = None
    messages: list[_Message] | None = None


def get(call: str, provider: str) -> Operation[Transcript]:
    """Return what was said, without the assistant's instructions."""
    response = yield from calls.fetched(call)
    found = read(_Spoken, response.content, response)
    artifact = found.artifact or _Artifact()
    said = artifact.messages or found.messages
    if said is None and artifact.transcript is None:
        raise NotFoundError(
            "Vapi has no transcript of this call", hint="Ask again once the call has ended."
        )
    turns = _written(artifact.transcript or "") if said is None else _turns(said)
    shown = response.object().get("artifact")
    raw = secrets.removed(shown) if isinstance(shown, dict) else {}
    return Transcript(call=call, provider=provider, turns=tuple(turns), raw=raw)


def _turns(said: Iterable[_Message]) -> Iterator[Turn]:
    for each in said:
        speaker = _SPEAKERS.get(each.role)
        if speaker is not None:
            text = each.message or each.result or ""
            yield Turn(speaker=speaker, text=text, at=moment(each.time))


def _written(transcript: str) -> Iterator[Turn]:
    """Yield the turns of a transcript that is one text, of lines such as ``AI: Hello``."""
    for name, text in _LINE.findall(transcript):
        yield Turn(speaker=_NAMES[name], text=text.strip())


def recording(call: str, provider: str) -> Operation[Recording]:
    """Fetch the recording: the URLs in the call itself can no longer be downloaded."""
    request = Request.get(path(f"{calls.ROUTE}/{{}}/mono-recording", call))
    return lookup.found(recordings.fetched(request, call, provider))
