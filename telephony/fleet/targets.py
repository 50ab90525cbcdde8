"""A target as text and back, so that a line of a file, a journal and a plan can hold it.

``agent:ID``, ``trunk:TK…``, ``application:AP…``, ``room:NAME``, ``webhook:https://…`` (for calls
only) and ``-`` for nothing. Everything else is compact JSON with sorted keys. The names of targets
are left out: they take no part in equality. In a file a plain word is what the vendor makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from telephony.errors import InvalidRequestError
from telephony.model import Agent, Application, Room, Split, Target, Trunk, Webhook

NOTHING = "-"
UNCOVERED = "overruled"
"""Of a route: the URL that the number keeps for calls, once the trunk or application that was there
is off; nothing, where a vendor has taken that off already."""


def text_of(target: Target | None) -> str:
    """Return a target as text; equal targets have the same."""
    match target:
        case None:
            return NOTHING
        case Agent() | Trunk() | Application():
            return f"{target.kind}:{target.id}"
        case Room():
            return f"room:{target.name}"
        case Webhook(voice_url=str(url), sms_url=None):
            return f"webhook:{url}"
        case Split(voice=None, sms=None):
            return NOTHING
    return json.dumps(_fields(target), separators=(",", ":"), sort_keys=True)


def target_of(text: str, word: Callable[[str], Target] | None = None) -> Target | None:
    """Return the target that a text means, or None for nothing.

    Args:
        text: what `text_of` returned, or with `word` also what somebody wrote.
        word: what a vendor makes of a plain word: ``provider.adapter.target``.

    Raises:
        InvalidRequestError: it means no target.
    """
    if text == NOTHING:
        return None
    if text.startswith("{"):
        return _of_json(text)
    kind, colon, value = text.partition(":")
    if colon and value:
        match kind:
            case "agent":
                return Agent(value)
            case "trunk":
                return Trunk(value)
            case "application":
                return Application(value)
            case "room":
                return Room(value)
            case "webhook":
                return Webhook(value)
    if word is None or not text.strip() or (kind in _KINDS and colon):
        raise _misfit(text)
    return word(text)


@lru_cache(maxsize=4096)
def parts(text: str) -> tuple[str, str]:
    """Return what answers calls and what answers texts, each as text.

    An application takes both; an agent, a trunk and a room alone take calls.
    """
    match target_of(text):
        case None:
            return NOTHING, NOTHING
        case Split(voice=voice, sms=sms):
            return text_of(voice), text_of(sms)
        case Webhook(voice_url=voice_url, sms_url=sms_url):
            voice = None if voice_url is None else Webhook(voice_url)
            sms = None if sms_url is None else Webhook(None, sms_url)
            return text_of(voice), text_of(sms)
        case Application():
            return text, text
    return text, NOTHING


def texts_alone(text: str) -> str | None:
    """Return the URL of a target that takes texts and leaves calls as they are; else None."""
    target = target_of(text)
    return target.sms_url if isinstance(target, Webhook) and target.voice_url is None else None


def whole(read: str) -> str:
    """Return a reading as a target that settles calls, too.

    A URL for texts alone leaves calls as they are when it is assigned; when it is read, it means
    that nothing answers them.
    """
    calls, texts = parts(read)
    if calls != NOTHING or texts == NOTHING:
        return read
    sms = target_of(texts)
    assert isinstance(sms, Webhook | Application | Agent | Room)  # noqa: S101 - for the type checker
    return text_of(Split(None, sms))


def reads_as(read: str, wanted: str) -> bool:
    """Return whether a number that reads as `read` has the target `wanted`.

    What assigning `wanted` leaves alone, such as the texts of a trunk's number, is no difference.
    """
    if read == wanted:
        return True
    calls, texts = parts(read)
    wanted_calls, wanted_texts = _asked(wanted)
    return wanted_calls in (None, calls) and wanted_texts in (None, texts)


def exactly(text: str) -> str:
    """Return what restores both calls and texts, of an owner that takes a target for each.

    A `Webhook` with one URL leaves the other as it is, and so does a trunk the texts.
    """
    target = target_of(text)
    if isinstance(target, Trunk):
        return text_of(Split(target))
    if isinstance(target, Webhook) and None in (target.voice_url, target.sms_url):
        voice = None if target.voice_url is None else Webhook(target.voice_url)
        return text_of(
            Split(voice, None if target.sms_url is None else Webhook(None, target.sms_url))
        )
    return text


_KINDS = frozenset({"agent", "trunk", "application", "room", "webhook"})


@lru_cache(maxsize=4096)
def _asked(wanted: str) -> tuple[str | None, str | None]:
    """Return what answers calls and texts once `wanted` is assigned; None: what did before."""
    calls, texts = parts(wanted)
    match target_of(wanted):
        case None | Split():
            return calls, texts
        case Webhook(voice_url=voice_url, sms_url=sms_url):
            return voice_url and calls, sms_url and texts
    return calls, None


def _fields(target: Target) -> dict[str, object]:
    fields: dict[str, object] = {"kind": target.kind}
    match target:
        case Split():
            for name in ("voice", "sms", "overruled"):
                part: Target | None = getattr(target, name)
                if part is not None:
                    fields[name] = _fields(part)
        case Webhook():
            if target.voice_url is not None:
                fields["voice_url"] = target.voice_url
            if target.sms_url is not None:
                fields["sms_url"] = target.sms_url
        case Room():
            fields["name"] = target.name
        case _:
            fields["id"] = target.id
    return fields


def _of_json(text: str) -> Target:
    try:
        return _schema().validate_json(text)
    except ValidationError:
        raise _misfit(text) from None


@cache
def _schema() -> TypeAdapter[Target]:
    return TypeAdapter(Annotated[Target, Field(discriminator="kind")])


def _misfit(text: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{text[:80]!r} is not a target",
        argument="target",
        hint="Write it like agent:ID, trunk:ID, application:ID, room:NAME or webhook:https://….",
    )
