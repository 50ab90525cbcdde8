"""The account's webhook, and those of agents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pydantic import JsonValue, SecretStr
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, State, iso_seconds
from telephony.sandbox.webhook_sender import OutgoingWebhook, on_any_failure

from ..webhooks import sign
from .account import Account
from .input import Webhook, reader
from .mailbox import Text
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


def called(account: Account, call: Json) -> None:
    """Send the events of a call: one turn, and its end."""
    common: Json = {
        "callId": call["id"],
        "numberId": call["phoneNumberId"],
        "from": call["fromNumber"],
        "to": call["toNumber"],
        "direction": call["direction"],
    }
    said = "Is five okay?"
    turn: Json = {
        **common, "status": "in-progress", "transcript": said, "confidence": 0.95,
    }  # fmt: skip
    over: Json = {
        **common,
        "contact": None,
        "status": "completed",
        "startedAt": call["startedAt"],
        "endedAt": call["endedAt"],
        "durationSeconds": call["durationSeconds"],
        "disconnectionReason": "user_hangup",
        "transcript": [{"role": "user", "content": said}],
        "summary": None,
        "userSentiment": None,
        "callSuccessful": True,
    }
    state, agent = account.state, call["agentId"]
    _send(
        account,
        agent,
        _event(state, "agent.message", "voice", agent, turn),
        _event(state, "agent.call_ended", "voice", agent, over),
    )


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


def _send(account: Account, agent: JsonValue, *events: Json) -> None:
    # An agent's own webhook gets its events instead of the account's.
    held = account.webhooks.get(str(agent)) or account.webhooks.get(_ACCOUNT)
    url = str(held["url"]) if held else account.state.webhook_url
    secret = str(held["secret"]) if held else SECRET
    if url is not None:
        bodies = map(to_json, events)
        account.state.send_webhooks(
            *(_webhook(account.state, url, secret, body) for body in bodies)
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
