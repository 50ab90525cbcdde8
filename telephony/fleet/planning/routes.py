"""What is assigned at the owner so that its calls and its texts lead where they are declared to."""

from __future__ import annotations

from typing import TypeAlias, cast

from telephony.fleet.targets import NOTHING, parts, reads_as, target_of, text_of
from telephony.model import Agent, Application, Room, Split, Trunk, Webhook

_Sms: TypeAlias = Agent | Webhook | Application | Room | None
_Voice: TypeAlias = _Sms | Trunk


def adjusted(before: str | None, calls: str | None, texts: str | None) -> str | None:
    """Return the target to assign, or None where nothing differs.

    Args:
        before: what is assigned now; None: the number is not bought yet.
        calls: what is to answer calls; None: left alone.
        texts: what is to answer texts; None: left alone.
    """
    if before is None:
        return both(calls or NOTHING, texts) if texts else calls
    calls_now, texts_now = parts(before)
    if calls is not None and (calls == calls_now or reads_as(before, calls)):
        calls = None
    if texts == texts_now:
        texts = None
    if calls is None:
        # A URL for texts alone leaves calls alone.
        alone = texts is None or isinstance(target_of(texts), Webhook)
        return texts if alone else both(calls_now, texts or NOTHING)
    # Nothing and an application would take the texts too.
    if texts is None and not isinstance(target_of(calls), Application | None):
        return calls
    return both(parts(calls)[0], texts or texts_now)


def both(calls: str, texts: str) -> str:
    """Return one target for calls and texts, of which neither is one for both already."""
    voice, sms = target_of(calls), target_of(texts)
    if isinstance(voice, Webhook) and isinstance(sms, Webhook):
        return text_of(Webhook(voice.voice_url, sms.sms_url))
    return text_of(Split(cast("_Voice", voice), cast("_Sms", sms)))
