"""The account's webhook, and those of agents."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from pydantic import JsonValue, SecretStr
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import Speaker
from telephony.sandbox.calls import SPOKEN
from telephony.sandbox.vendor import Json, State, iso_seconds
from telephony.sandbox.webhook_sender import OutgoingWebhook, ignored, on_any_failure

from ..webhooks import sign
from .account import Account
from .input import Webhook, reader
from .mailbox import Text
from .played import Call
from .refusals import missing

SECRET = "whsec_sandbox"  # noqa: S105 - of the sandbox
_ATTEMPTS = 6
_ACCOUNT = ""


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(account.webhooks.get(_owner(request)))


async def create(account: Account, request: Request) -> Response:
    wanted = await reader.body(Webhook, request)
    held = account.webhooks.get(_owner(request))
    made: Json = {
        "id": held["id"] if held else account.state.id("wh_"),
        **wanted.model_dump(by_alias=True),
        # Documented: a new one every time, even if nothing else changes.
        "secret": account.state.id("whsec_", 24),
        "status": "active",
        "createdAt": iso_seconds(account.state.now()),
    }
    account.webhooks[_owner(request)] = made
    account.state.record("webhook", str(made["id"]))
    return JSONResponse(made)


async def delete(account: Account, request: Request) -> Response:
    if account.webhooks.pop(_owner(request), None) is None:
        raise missing("Webhook")
    return JSONResponse({"success": True})


def received(account: Account, text: Text, agent: JsonValue) -> None:
    """Send the event of a text that was received."""
    listed = text.in_number()
    data: Json = {
        "messageId": listed["id"],
        "conversationId": text.conversation,
        "numberId": text.number,
        "from": text.sender,
        "to": text.recipient,
        "contact": None,
        "message": listed["body"],
        "mediaUrl": None,
        "mediaUrls": listed["mediaUrls"],
        "direction": text.direction,
        "receivedAt": listed["receivedAt"],
    }
    event = _event(account.state, "agent.message", listed["channel"], agent, data)
    _send(account, agent, event)


def answered(account: Account, call: Call) -> None:
    """Send an event for each thing that the caller will say."""
    _send(account, call.data["agentId"], *_turns(account, call), on_success=partial(_spoken, call))


def _spoken(call: Call, response: bytes) -> None:
    """Let the agent say what the response to a turn says."""
    with contextlib.suppress(ValueError, AttributeError):
        parts = [from_json(line).get("text") for line in response.splitlines()]
        if any(parts):
            call.played.replies.append(" ".join(filter(None, parts)))


def ended(account: Account, call: Call) -> None:
    """Send the event of a call's end."""
    _send(account, call.data["agentId"], _end(account, call))


def _turns(account: Account, call: Call) -> list[Json]:
    said = [text for _, speaker, text in SPOKEN if speaker is Speaker.CALLER]
    turn: Json = {"status": "in-progress", "confidence": 0.95}
    return [
        _event_of(account, call, "agent.message", {**turn, "transcript": text}) for text in said
    ]


def _end(account: Account, call: Call) -> Json:
    completed = call.status == "completed"
    over: Json = {
        "contact": None,
        "status": call.status,
        **call.times(),
        "disconnectionReason": "user_hangup" if completed else None,
        "transcript": call.turns(dated=False),
        "summary": None,
        "userSentiment": None,
        "callSuccessful": completed,
    }
    return _event_of(account, call, "agent.call_ended", over)


def _event_of(account: Account, call: Call, event: str, data: Json) -> Json:
    common: Json = {
        "callId": call.id,
        "numberId": call.data["phoneNumberId"],
        "from": call.data["fromNumber"],
        "to": call.data["toNumber"],
        "direction": call.data["direction"],
    }
    return _event(account.state, event, "voice", call.data["agentId"], {**common, **data})


def _owner(request: Request) -> str:
    return str(request.path_params.get("agent", _ACCOUNT))


def _event(state: State, event: str, channel: JsonValue, agent: JsonValue, data: Json) -> Json:
    sent: Json = {
        "event": event,
        "channel": channel,
        "timestamp": iso_seconds(state.now()),
        "agentId": agent,
        "data": data,
    }
    if event == "agent.message":
        sent |= {"conversationState": None, "recentHistory": []}
    return sent


def _send(
    account: Account,
    agent: JsonValue,
    *events: Json,
    on_success: Callable[[bytes], None] = ignored,
) -> None:
    # An agent's own webhook gets its events instead of the account's.
    held = account.webhooks.get(str(agent)) or account.webhooks.get(_ACCOUNT)
    url = str(held["url"]) if held else account.state.webhook_url
    secret = str(held["secret"]) if held else SECRET
    if url is not None:
        bodies = map(to_json, events)
        account.state.send_webhooks(
            *(
                replace(_webhook(account.state, url, secret, body), on_success=on_success)
                for body in bodies
            )
        )


def _webhook(state: State, url: str, secret: str, body: bytes) -> OutgoingWebhook:
    headers = {"content-type": "application/json", "x-webhook-id": state.id("del_")}
    signed = partial(_signed, state, SecretStr(secret), body)
    return OutgoingWebhook(url, body, headers, _ATTEMPTS, on_any_failure, signed)


def _signed(state: State, secret: SecretStr, body: bytes) -> Mapping[str, str]:
    timestamp = str(int(state.now().timestamp()))
    return {
        "x-webhook-timestamp": timestamp,
        "x-webhook-signature": sign(body, timestamp, secret),
    }
