"""What answers a number at Twilio, and the form fields that change it.

Calls and texts are configured apart. For calls a trunk goes before an application, and that before
a URL; for texts an application goes before a URL. What is overruled keeps its value.
Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from pydantic import JsonValue

from telephony.errors import InvalidRequestError
from telephony.model import Application, Split, Target, Trunk, Webhook
from telephony.wire import Json

_NO_VOICE: Json = {"VoiceUrl": "", "VoiceApplicationSid": "", "TrunkSid": ""}
_NO_SMS: Json = {"SmsUrl": "", "SmsApplicationSid": ""}

Voice: TypeAlias = Trunk | Application | Webhook | None
Sms: TypeAlias = Application | Webhook | None

NOTHING = Split()


def target(text: str) -> Target:
    """What a plain string means as an assignment.

    Raises:
        InvalidRequestError: it is neither a URL nor a sid of a kind that answers numbers.
    """
    if text.startswith(("https://", "http://")):
        return Webhook(voice_url=text)
    if re.fullmatch("AP[0-9a-fA-F]{32}", text):
        return Application(text)
    if re.fullmatch("TK[0-9a-fA-F]{32}", text):
        return Trunk(text)
    raise _misfit(
        "`to` is not a URL, an application's sid (AP…) or a trunk's sid (TK…).",
        "Write one out, or give a Webhook, an Application or a Trunk.",
    )


def current(number: Mapping[str, JsonValue]) -> Split:
    """What answers a number, from Twilio's body of it."""
    return Split(*answering(number))


def answering(number: Mapping[str, JsonValue]) -> tuple[Voice, Sms]:
    """What answers calls and what answers texts. Unset fields are null or empty there."""
    voice: Voice = None
    if trunk := _text(number, "trunk_sid"):
        voice = Trunk(trunk)
    elif application := _text(number, "voice_application_sid"):
        voice = Application(application)
    elif url := _text(number, "voice_url"):
        voice = _webhook(url, None)
    sms: Sms = None
    if application := _text(number, "sms_application_sid"):
        sms = Application(application)
    elif url := _text(number, "sms_url"):
        sms = _webhook(None, url)
    return voice, sms


@lru_cache(maxsize=256)
def _webhook(voice_url: str | None, sms_url: str | None) -> Webhook:
    # The numbers of an account share theirs, mostly.
    return Webhook(voice_url, sms_url)


def _text(number: Mapping[str, JsonValue], field: str) -> str | None:
    found = number.get(field)
    return found if isinstance(found, str) else None


def assignment(voice: Target | None, sms: Target | None) -> Target | None:
    """The one target that stands for both: what answers calls, or texts if nothing answers calls.

    Two URLs are one `Webhook`.
    """
    if isinstance(sms, Webhook) and (voice is None or isinstance(voice, Webhook)):
        return _webhook(voice.voice_url if voice else None, sms.sms_url)
    return voice or sms


def replaced(before: Split, after: Split) -> Target | None:
    """What to assign to a number that is routed as `after`, to have it as `before` again."""
    if before in (after, NOTHING):
        return None
    plain = assignment(before.voice, before.sms)
    return plain if plain is not None and _applied(plain, after) == before else before


def _applied(to: Target, routes: Split) -> Split:
    """How a number is routed once it is assigned to `to`."""
    match to:
        case Trunk():
            return Split(to, routes.sms)
        case Application():
            return Split(to, to)
        case Webhook(voice_url=voice_url, sms_url=sms_url):
            return Split(
                Webhook(voice_url=voice_url) if voice_url else routes.voice,
                Webhook(sms_url=sms_url) if sms_url else routes.sms,
            )
    return routes


def fields(to: Target) -> Json:
    """The form fields that assign a number to `to`; an empty value clears.

    A trunk carries calls only and leaves texts as they are; an application answers both.

    Raises:
        InvalidRequestError: it cannot answer what it is given for.
    """
    match to:
        case Split(voice=voice, sms=sms):
            return _voice(voice) | _sms(sms)
        case Webhook(voice_url=voice_url, sms_url=sms_url):
            if voice_url is None and sms_url is None:
                raise _misfit("The webhook has no URL.", "Give `voice_url`, `sms_url` or both.")
            return ({} if voice_url is None else _voice(to)) | ({} if sms_url is None else _sms(to))
        case Application():
            return _voice(to) | _sms(to)
    return _voice(to)


def _voice(to: Target | None) -> Json:
    match to:
        case None:
            return dict(_NO_VOICE)
        # Twilio itself takes the application off when a trunk is set, and the reverse.
        case Trunk(id=sid):
            return {"TrunkSid": sid}
        case Application(id=sid):
            return {"VoiceApplicationSid": sid}
        case Webhook(voice_url=url) if url is not None:
            return _NO_VOICE | {"VoiceUrl": _url(url, "voice_url")}
    raise _misfit(
        f"{type(to).__name__} cannot answer calls here.",
        "Give a Trunk, an Application, or a Webhook with a `voice_url`.",
    )


def _sms(to: Target | None) -> Json:
    match to:
        case None:
            return dict(_NO_SMS)
        case Application(id=sid):
            return {"SmsApplicationSid": sid}
        case Webhook(sms_url=url) if url is not None:
            return _NO_SMS | {"SmsUrl": _url(url, "sms_url")}
    raise _misfit(
        f"{type(to).__name__} cannot answer texts here.",
        "Give an Application, or a Webhook with an `sms_url`.",
    )


def _url(url: str, name: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise _misfit(f"`{name}` is not a URL.", "Begin it with https://; to clear it, unassign.")
    return url


def _misfit(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="to", hint=hint)
