"""What answers a number: an assistant, a squad, a workflow, or a server that is asked for one.

Assistants are `Agent`s by their id; squads and workflows are ``squad:<id>`` and ``workflow:<id>``.
Source: docs.vapi.ai, API reference of phone numbers; vapi-server-sdk 3.0.0.
"""

from __future__ import annotations

from pydantic import JsonValue

from telephony.errors import InvalidRequestError
from telephony.model import Agent, Target, Webhook
from telephony.wire import Json

ASSISTANT = "assistantId"
_PREFIXES = {"squadId": "squad:", "workflowId": "workflow:"}
AGENTS = (ASSISTANT, *_PREFIXES)
"""The fields that name what answers; all of them unset, the server is asked."""


def target(text: str) -> Target:
    """Return what a text means: a URL, or an assistant, squad or workflow."""
    return Webhook(text) if text.startswith(("https://", "http://")) else Agent(text)


def agent(field: str, id: str, name: str | None = None) -> Agent:  # noqa: A002 - it is one
    """Return the agent that a field names."""
    return Agent(f"{_PREFIXES.get(field, '')}{id}", name)


def agent_field(agent: str) -> tuple[str, str]:
    """Return the field for an agent, and its id there."""
    for field, prefix in _PREFIXES.items():
        if agent.startswith(prefix):
            return field, agent.removeprefix(prefix)
    return ASSISTANT, agent


def chosen(to: Target | None) -> Json:
    """Return the fields of a new number that is answered by `to`."""
    if isinstance(to, Agent):
        field, found = agent_field(to.id)
        return {field: found}
    return {} if to is None else {"server": {"url": _url(to)}}


def changed(to: Target | None, server: JsonValue) -> Json:
    """Return the fields that let `to` answer a number; None: no one does.

    Args:
        server: as the number has it: a change replaces the whole of it.
    """
    body: Json = {**dict.fromkeys(AGENTS), **chosen(to)}
    if to is None and server:
        # Without an agent Vapi would ask the server who answers.
        body["server"] = None
    elif isinstance(to, Webhook):
        body["server"] = {**(server if isinstance(server, dict) else {}), "url": _url(to)}
    return body


def applied(body: Json, shown: Json) -> bool:
    """Return whether a number is answered as a change wanted it."""
    server = "server" not in body or _server_url(shown) == _server_url(body)
    return server and all((shown.get(each) or None) == (body.get(each) or None) for each in AGENTS)


def _server_url(of: Json) -> JsonValue:
    server = of.get("server")
    return server.get("url") if isinstance(server, dict) else None


def _url(to: Target) -> str:
    if not isinstance(to, Webhook):
        raise TypeError(f"not a target at Vapi: {type(to).__name__}")
    if to.voice_url is None or to.sms_url is not None:
        raise InvalidRequestError(
            "A number at Vapi has one server URL, for everything.",
            argument="to",
            hint="Give Webhook(voice_url) and no `sms_url`.",
        )
    return to.voice_url
