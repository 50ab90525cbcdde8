"""What answers a number's calls and texts: agents, or a URL that is asked for one.

Each has a list of agents with weights that add up to 1, one list for either direction; one of them
is drawn at random. A URL goes before them. The fields of a single agent, which Retell stopped
reading in March 2026, are read where older responses have them, and never sent.
Source: docs.retellai.com/api-references/update-phone-number; retell-sdk 6.2.
"""

from __future__ import annotations

from pydantic import JsonValue
from pydantic_core import to_json

from telephony.errors import InvalidRequestError
from telephony.model import Agent, Split, Target, Webhook
from telephony.reading import Body, read_or_none
from telephony.wire import Json

_VOICE = ("inbound_agents", "outbound_agents")
_SMS = ("inbound_sms_agents", "outbound_sms_agents")
_VOICE_URL, _SMS_URL = "inbound_webhook_url", "inbound_sms_webhook_url"
_FIELDS = (*_VOICE, *_SMS, _VOICE_URL, _SMS_URL)
_AGENT, _CHAT_AGENT = "/get-agent/{}", "/get-chat-agent/{}"


class Weighted(Body):
    """An agent of a list."""

    agent_id: str | None = None
    weight: float | None = None
    agent_version: str | int | None = None


class Routes(Body):
    """What a number says of who answers it; unset fields are null, empty or missing."""

    inbound_agents: list[Weighted] | None = None
    outbound_agents: list[Weighted] | None = None
    inbound_sms_agents: list[Weighted] | None = None
    outbound_sms_agents: list[Weighted] | None = None
    inbound_webhook_url: str | None = None
    inbound_sms_webhook_url: str | None = None
    inbound_agent_id: str | None = None
    outbound_agent_id: str | None = None
    inbound_sms_agent_id: str | None = None
    outbound_sms_agent_id: str | None = None

    def agents(self, field: str) -> list[Weighted]:
        """Return the agents of one of the four lists."""
        found: list[Weighted] | None = getattr(self, field)
        usable = [each for each in found or () if each.agent_id]
        single: str | None = getattr(self, f"{field.removesuffix('s')}_id")
        if not usable and found is None and single:
            return [Weighted(agent_id=single, weight=1)]
        return usable

    def target(self) -> Target | None:
        """Return what answers calls and texts; of several agents the heaviest."""
        voice, sms = self._answering(_VOICE[0]), self._answering(_SMS[0])
        voice_url, sms_url = self.inbound_webhook_url or None, self.inbound_sms_webhook_url or None
        by_url = voice_url is not None or voice is None
        if by_url and (sms_url is not None or sms is None):
            return Webhook(voice_url, sms_url) if voice_url or sms_url else None
        if sms_url is None and sms is None:
            return voice
        return Split(
            Webhook(voice_url) if voice_url else voice, Webhook(None, sms_url) if sms_url else sms
        )

    def _answering(self, field: str) -> Agent | None:
        found = self.agents(field)
        heaviest = max(found, key=lambda each: each.weight or 0, default=None)
        return Agent(heaviest.agent_id) if heaviest and heaviest.agent_id else None


def target(text: str) -> Target:
    """Return what a text means: a URL, or an agent."""
    return Webhook(text) if text.startswith(("https://", "http://")) else Agent(text)


def chosen(to: Target | None) -> Json:
    """Return the fields of a new number that is answered by `to`.

    Raises:
        InvalidRequestError: it would answer texts, which can be assigned later only.
    """
    body = {} if to is None else changed(to, {})
    if body.keys() & {*_SMS, _SMS_URL}:
        raise InvalidRequestError(
            "Who answers texts cannot be chosen together with the number.",
            argument="assign_to",
            hint="Get the number first, then call assign_number().",
        )
    return {field: value for field, value in body.items() if value is not None}


def changed(to: Target | None, number: Json) -> Json:
    """Return the fields that let `to` answer a number, or leave it unanswered.

    An agent answers calls, and texts stay as they are. So do agents under a URL: they answer where
    it gives no answer.

    Args:
        number: as Retell shows it now.
    """
    match to:
        case None:
            unset = {field: None for field in (*_SMS, _VOICE_URL, _SMS_URL) if number.get(field)}
            return {**dict.fromkeys(_VOICE), **unset}
        case Split(overruled=None):
            return _one(to.voice, _VOICE, _VOICE_URL, number) | _one(to.sms, _SMS, _SMS_URL, number)
        case Webhook(voice_url=None, sms_url=None):
            raise _misfit("The webhook has no URL.", "Give `voice_url`, `sms_url` or both.")
        case Webhook():
            urls = {_VOICE_URL: to.voice_url, _SMS_URL: to.sms_url}
            return {field: _checked(url) for field, url in urls.items() if url is not None}
        case Agent():
            return _one(to, _VOICE, _VOICE_URL, number)
    raise _misfit(
        "Retell keeps no URL that is overruled.", "Leave `overruled` out, and give agents or URLs."
    )


def replaced(before: Json, after: Json) -> tuple[Target | None, str | None]:
    """Return the target that was replaced, and a notice if assigning it restores not everything."""
    was, now = _routes(before), _routes(after)
    if _same(was, now):
        return None, None
    former = was.target()
    again = after | changed(former, after)
    if _same(was, _routes(again)):
        return former, None
    fields = {
        field: before.get(field) for field in _FIELDS if before.get(field) != again.get(field)
    }
    restoring = to_json(fields).decode()
    return former, (
        "Assigning `replaced` does not restore everything that answered the number: to do so, "
        f"also give these `options`: {restoring}"
    )


def is_set(number: Json) -> bool:
    """Return whether anything answers a number, or calls from it."""
    return not _same(_routes(number), Routes())


def readers(to: Target) -> list[tuple[str, str]]:
    """Return for each agent of a target the route that reads it, and its id."""
    if isinstance(to, Split):
        sides = ((to.voice, _AGENT), (to.sms, _CHAT_AGENT))
        return [(route, side.id) for side, route in sides if isinstance(side, Agent)]
    return [(_AGENT, to.id)] if isinstance(to, Agent) else []


def _one(to: Target | None, lists: tuple[str, str], url: str, number: Json) -> Json:
    """Return the fields that let `to` answer calls, or texts."""
    match to:
        case Agent():
            agents: list[JsonValue] = [{"agent_id": to.id, "weight": 1}]
            # A URL would be asked first.
            return {**dict.fromkeys(lists, agents), **({url: None} if number.get(url) else {})}
        case Webhook(voice_url=str(voice), sms_url=None) if url == _VOICE_URL:
            return {url: _checked(voice)}
        case Webhook(voice_url=None, sms_url=str(sms)) if url == _SMS_URL:
            return {url: _checked(sms)}
        case None:
            return {**dict.fromkeys(lists), url: None}
    raise _misfit(
        f"{type(to).__name__} cannot answer this here.",
        "Give an Agent, or a Webhook with `voice_url` for calls and with `sms_url` for texts.",
    )


def _routes(number: Json) -> Routes:
    return read_or_none(Routes, number) or Routes()


def _same(one: Routes, other: Routes) -> bool:
    return (
        all(_agents(one, field) == _agents(other, field) for field in (*_VOICE, *_SMS))
        and (one.inbound_webhook_url or None) == (other.inbound_webhook_url or None)
        and (one.inbound_sms_webhook_url or None) == (other.inbound_sms_webhook_url or None)
    )


def _agents(routes: Routes, field: str) -> list[tuple[str | None, float | None, str | int | None]]:
    found = routes.agents(field)
    # A single agent is drawn whatever its weight.
    return [
        (each.agent_id, None if len(found) == 1 else each.weight, each.agent_version)
        for each in found
    ]


def _checked(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise _misfit("It is not a URL.", "Begin it with https://; to clear it, unassign.")
    return url


def _misfit(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="to", hint=hint)
