"""The workspace's webhooks: kept in a registry, chosen by the settings, sent as calls end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pydantic import JsonValue, SecretStr
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.enums import CallStatus
from telephony.sandbox.vendor import Json, State
from telephony.sandbox.webhook_sender import OutgoingWebhook

from ..webhooks import sign
from .account import Account, Held
from .input import NewWebhook, SettingsChange, WebhookChange, reader
from .refusals import refusal

SECRET = "wsec_sandbox"  # noqa: S105 - of the sandbox
_REASONS = {CallStatus.BUSY: "busy", CallStatus.NO_ANSWER: "no-answer"}


async def listed(account: Account, _: Request) -> Response:
    return JSONResponse({"webhooks": list(account.webhooks.values())})


async def create(account: Account, request: Request) -> Response:
    """Make a webhook, which no calls are reported to yet; its secret is shown here only."""
    wanted = (await reader.body(NewWebhook, request)).settings
    made: Json = {
        "name": wanted.name,
        "webhook_id": account.state.id("", 32),
        "webhook_url": wanted.webhook_url,
        "is_disabled": False,
        "is_auto_disabled": False,
        "created_at_unix": int(account.state.now().timestamp()),
        "auth_type": wanted.auth_type,
    }
    id_, secret = str(made["webhook_id"]), account.state.id("wsec_", 64)
    account.webhooks[id_] = made
    account.secrets[id_] = secret
    account.state.record("webhook", id_)
    return JSONResponse({"webhook_id": id_, "webhook_secret": secret})


async def update(account: Account, request: Request) -> Response:
    webhook = account.webhooks.find(request.path_params["id"])
    wanted = await reader.body(WebhookChange, request)
    webhook.update(name=wanted.name, is_disabled=wanted.is_disabled)
    if not wanted.is_disabled:
        webhook["is_auto_disabled"] = False
    return JSONResponse({"status": "ok"})


async def delete(account: Account, request: Request) -> Response:
    id_ = str(account.webhooks.find(request.path_params["id"])["webhook_id"])
    if account.routing.get("post_call_webhook_id") == id_:
        raise refusal(400, "webhook_in_use", "The webhook is still used.")
    del account.webhooks[id_]
    return JSONResponse({"status": "ok"})


async def settings(account: Account, _: Request) -> Response:
    return JSONResponse(_settings(account))


async def change_settings(account: Account, request: Request) -> Response:
    wanted = (await reader.body(SettingsChange, request)).webhooks
    if wanted is not None:
        if wanted.post_call_webhook_id is not None:
            account.webhooks.find(wanted.post_call_webhook_id)
        account.routing = wanted.model_dump(exclude_none=True)
    return JSONResponse(_settings(account))


def ended(account: Account, call: Held, conversation: Json) -> None:
    """Send the webhook of a call that has ended."""
    chosen = account.routing.get("post_call_webhook_id")
    url, secret = account.state.webhook_url, SECRET
    events: JsonValue = ["transcript", "call_initiation_failure"]
    if chosen is not None:
        url = str(account.webhooks[str(chosen)]["webhook_url"])
        secret, events = account.secrets[str(chosen)], account.routing.get("events")
    name, event = _event(call, conversation)
    if url is None or not isinstance(events, list) or name not in events:
        return
    at = call.played.ended_at or account.state.now()
    body = to_json({**event, "event_timestamp": int(at.timestamp())})
    signed = partial(_signed, account.state, SecretStr(secret), body)
    headers = {"content-type": "application/json"}
    account.state.send_webhooks(OutgoingWebhook(url, body, headers, sign=signed))


def _event(call: Held, conversation: Json) -> tuple[str, Json]:
    """Return the event of a call's end, after the name by which it is chosen."""
    if call.played.answered:
        return "transcript", {"type": "post_call_transcription", "data": conversation}
    carriers: Json = {
        "CallSid": call.carriers_id,
        "From": call.number["phone_number"],
        "To": call.other,
        "CallStatus": call.played.status.replace("_", "-"),
    }
    kind = "twilio" if call.number["provider"] == "twilio" else "sip"
    data: Json = {
        "agent_id": call.agent,
        "conversation_id": call.id,
        "failure_reason": _REASONS.get(call.played.status, "unknown"),
        "metadata": {"type": kind, "body": carriers},
    }
    return "call_initiation_failure", {"type": "call_initiation_failure", "data": data}


def _settings(account: Account) -> Json:
    return {
        "conversation_initiation_client_data_webhook": None,
        "webhooks": dict(account.routing),
        "can_use_mcp_servers": False,
        "rag_retention_period_days": 10,
    }


def _signed(state: State, secret: SecretStr, body: bytes) -> Mapping[str, str]:
    timestamp = str(int(state.now().timestamp()))
    return {"elevenlabs-signature": f"t={timestamp},v0={sign(body, timestamp, secret)}"}
