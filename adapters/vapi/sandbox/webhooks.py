"""What Vapi sends of calls: to the assistant's server, else to the number's."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import partial

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json
from telephony.sandbox.webhook_sender import OutgoingWebhook

from . import calls
from .account import Account
from .input import AssistantChange, kept, reader

SECRET = "sandbox-webhook-secret"  # noqa: S105 - of the sandbox


async def update(account: Account, request: Request) -> Response:
    """Change an assistant's server."""
    assistant = account.assistants.find(request.path_params["id"])
    assistant |= kept(await reader.body(AssistantChange, request))
    account.touched(assistant)
    account.state.record("webhook", str(assistant["id"]))
    return JSONResponse(assistant)


def report(account: Account, call: Json, played: PlayedCall, *words: str) -> None:
    """Send the webhooks of a call for each status that it has come to, in order."""
    number = account.numbers.get(str(call["phoneNumberId"]), {})
    url = _server(account, call, number)
    if url is not None:
        messages = [one for word in words for one in _messages(account, call, played, word)]
        account.state.send_webhooks(
            *(
                _signed(account, url, {"message": {**one, "phoneNumber": number}})
                for one in messages
            )
        )


def _messages(account: Account, call: Json, played: PlayedCall, word: str) -> list[Json]:
    now, ended = calls.described(call, played), word == "ended"
    artifact = now.pop("artifact", {})
    ends: Json = {key: now[key] for key in ("endedReason", "endedAt") if ended}
    common: Json = {
        "call": {**(now if ended else call), "status": word},
        "customer": call["customer"],
        "timestamp": int(account.state.now().timestamp() * 1000),
        **ends,
    }
    update: Json = {**common, "type": "status-update", "status": word}
    over: Json = {**common, "type": "end-of-call-report", "artifact": artifact, "analysis": {}}
    return [update, over] if ended else [update]


def _server(account: Account, call: Json, number: Json) -> str | None:
    assistant = account.assistants.get(str(call.get("assistantId")), {})
    for owner in (assistant, number):
        server = owner.get("server")
        if isinstance(server, dict) and server.get("url"):
            return str(server["url"])
    return account.state.webhook_url


def _signed(account: Account, url: str, message: Json) -> OutgoingWebhook:
    body = to_json(message)
    headers = {"content-type": "application/json"}
    return OutgoingWebhook(url, body, headers, sign=partial(_signature, account, body))


def _signature(account: Account, body: bytes) -> Mapping[str, str]:
    timestamp = str(int(account.state.now().timestamp()))
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return {"x-signature": digest, "x-timestamp": timestamp}
