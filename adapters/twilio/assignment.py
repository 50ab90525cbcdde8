"""What answers a number at Twilio, and the form fields that change it.

Calls and texts are configured apart. For calls a trunk goes before an application, and that before
a URL; for texts an application goes before a URL. What is overruled keeps its value.
Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from telephony.errors import InvalidRequestError
from telephony.model import Application, Split, Target, Trunk, Webhook
from telephony.reading import Body, read_or_none
from telephony.wire import Json

from . import addresses

_NO_VOICE: Json = {"VoiceUrl": "", "VoiceApplicationSid": "", "TrunkSid": ""}
_NO_SMS: Json = {"SmsUrl": "", "SmsApplicationSid": ""}
_FIELDS = {
    "VoiceUrl": "voice_url",
    "VoiceApplicationSid": "voice_application_sid",
    "TrunkSid": "trunk_sid",
    "SmsUrl": "sms_url",
    "SmsApplicationSid": "sms_application_sid",
}
"""Form fields, and how Twilio's bodies spell them."""

Voice: TypeAlias = Trunk | Application | Webhook | None
Sms: TypeAlias = Application | Webhook | None

NOTHING = Split()


class Routes(Body):
    """What Twilio's body of a number says of who answers it; unset fields are null or empty."""

    voice_url: str | None = None
    voice_application_sid: str | None = None
    trunk_sid: str | None = None
    sms_url: str | None = None
    sms_application_sid: str | None = None


def target(text: str) -> Target:
    """Return the target that a plain string means.

    Raises:
        InvalidRequestError: it is neither a URL nor the sid of anything of these.
    """
    if text.startswith(("https://", "http://")):
        return Webhook(voice_url=text)
    if re.fullmatch("(AP|MG)[0-9a-fA-F]{32}", text):
        return Application(text)
    if re.fullmatch("TK[0-9a-fA-F]{32}", text):
        return Trunk(text)
    raise _misfit(
        "`to` is not a URL, nor the sid of an application (AP…), a trunk (TK…) or a Messaging "
        "Service (MG…).",
        "Write one out, or give a Webhook, an Application or a Trunk.",
    )


def current(number: Json) -> Split:
    """Return what answers a number, from Twilio's body of it, and the URLs that it overrules."""
    routes = _routes(number)
    return Split(*answering(routes), overruled(routes))


def overruled(number: Routes) -> Webhook | None:
    """Return the URLs that a number keeps while a trunk or an application goes before them."""
    calls = number.voice_url if number.trunk_sid or number.voice_application_sid else None
    texts = number.sms_url if number.sms_application_sid else None
    return _webhook(calls or None, texts or None) if calls or texts else None


def answering(number: Routes) -> tuple[Voice, Sms]:
    """Return what answers calls and what answers texts."""
    voice: Voice = None
    if number.trunk_sid:
        voice = Trunk(number.trunk_sid)
    elif number.voice_application_sid:
        voice = Application(number.voice_application_sid)
    elif number.voice_url:
        voice = _webhook(number.voice_url, None)
    sms: Sms = None
    if number.sms_application_sid:
        sms = Application(number.sms_application_sid)
    elif number.sms_url:
        sms = _webhook(None, number.sms_url)
    return voice, sms


def webhook_url(number: Json) -> str | None:
    """Return the URL that gets the calls of a number, or else its texts or call endings.

    None if no URL is in force.
    """
    voice, sms = answering(_routes(number))
    if isinstance(voice, Webhook):
        return voice.voice_url
    if isinstance(sms, Webhook):
        return sms.sms_url
    callback = number.get("status_callback")
    return callback if voice is None and isinstance(callback, str) and callback else None


def _routes(number: Json) -> Routes:
    return read_or_none(Routes, number) or Routes()


@lru_cache(maxsize=256)
def _webhook(voice_url: str | None, sms_url: str | None) -> Webhook:
    # The numbers of an account share theirs, mostly.
    return Webhook(voice_url, sms_url)


@lru_cache(maxsize=256)
def _split(voice: Voice, sms: Sms) -> Split:
    return Split(voice, sms)


def target_of(voice: Voice, sms: Sms) -> Target | None:
    """Return one target for both: two URLs are one `Webhook`; an application alone takes both."""
    if isinstance(voice, Webhook | None) and isinstance(sms, Webhook | None):
        urls = voice and voice.voice_url, sms and sms.sms_url
        return _webhook(*urls) if any(urls) else None
    if voice == sms or (sms is None and isinstance(voice, Trunk)):
        return voice
    return _split(voice, sms)


def replaced(before: Json, after: Json) -> Target | None:
    """Return the target that restores the state `before` of a number that is now `after`.

    It includes every URL that was kept there.
    """
    was = current(before)
    if was in (current(after), NOTHING):
        return None
    plain = target_of(*answering(_routes(before)))
    return plain if plain is not None and _restores(plain, was, after) else was


def _restores(to: Target, was: Split, number: Json) -> bool:
    """Return whether a number that is assigned to `to` is again as it was."""
    changes = {_FIELDS[name]: value for name, value in fields(to).items()}
    if "trunk_sid" in changes:
        changes.setdefault("voice_application_sid", "")
    elif "voice_application_sid" in changes:
        changes["trunk_sid"] = ""
    now = current({**number, **changes})
    kept, had = now.overruled or Webhook(), was.overruled or Webhook()
    return (
        (now.voice, now.sms) == (was.voice, was.sms)
        and had.voice_url in (None, kept.voice_url)
        and had.sms_url in (None, kept.sms_url)
    )


def fields(to: Target) -> Json:
    """Return the form fields that assign a number to `to`; an empty value clears a field.

    A trunk takes calls only and leaves texts as they are; an application takes both.

    Raises:
        InvalidRequestError: the target cannot answer the calls or texts it is given for.
    """
    for part in (to.voice, to.sms) if isinstance(to, Split) else (to,):
        if isinstance(part, Application) and addresses.is_service(part.id):
            raise _misfit(
                "A Messaging Service takes the texts of a number that is held already.",
                "Give it to assign_number(), alone or as `sms`.",
            )
    match to:
        case Split(voice=voice, sms=sms, overruled=overruled):
            return _voice(voice) | _sms(sms) | _kept(voice, sms, overruled or Webhook())
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


def _kept(voice: Target | None, sms: Target | None, kept: Webhook) -> Json:
    """Return the fields of overruled URLs, if a trunk or an application overrules them."""
    if kept.voice_url is not None and not isinstance(voice, Trunk | Application):
        raise _misfit("Nothing overrules the `voice_url`.", "Give it as `voice`.")
    if kept.sms_url is not None and not isinstance(sms, Application):
        raise _misfit("Nothing overrules the `sms_url`.", "Give it as `sms`.")
    urls = {"VoiceUrl": kept.voice_url, "SmsUrl": kept.sms_url}
    return {name: _url(url, _FIELDS[name]) for name, url in urls.items() if url is not None}


def _url(url: str, name: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise _misfit(f"`{name}` is not a URL.", "Begin it with https://; to clear it, unassign.")
    return url


def _misfit(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="to", hint=hint)
