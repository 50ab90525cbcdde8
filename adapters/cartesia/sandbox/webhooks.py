"""The workspace's webhooks: kept, and sent as calls are answered and end."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso
from telephony.sandbox.webhook_sender import OutgoingWebhook

from .account import Account
from .input import Webhook, WebhookChange, reader

SECRET = "sandbox-webhook-secret"  # noqa: S105 - of the sandbox


async def create(account: Account, request: Request) -> Response:
    wanted = await reader.body(Webhook, request)
    made: Json = {"id": account.state.id("webhook_"), **wanted.model_dump(exclude_none=True)}
    account.webhooks[str(made["id"])] = made
    account.state.record("webhook", str(made["id"]))
    return JSONResponse(made)


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account.webhooks.find(request.path_params["id"])))


async def update(account: Account, request: Request) -> Response:
    webhook = account.webhooks.find(request.path_params["id"])
    wanted = await reader.body(WebhookChange, request)
    webhook.update(wanted.model_dump(exclude_none=True))
    return JSONResponse(_shown(webhook))


def send(account: Account, agent: str, *events: tuple[str, Json]) -> None:
    """Send events of a call, each a kind and the call as it is then."""
    state, url, secret, webhook = account.state, account.state.webhook_url, SECRET, None
    if agent in account.webhook_of_agent:
        webhook = account.webhook_of_agent[agent]
        url, secret = (str(account.webhooks[webhook][key]) for key in ("url", "secret"))
    if url is None:
        return
    headers = {"content-type": "application/json", "x-webhook-secret": secret}
    sent: list[Json] = [
        {
            "type": kind,
            "request_id": state.id("req_"),
            "agent_id": agent,
            "webhook_id": webhook,
            "timestamp": iso(state.now()),
            "call": call,
        }
        for kind, call in events
    ]
    state.send_webhooks(*(OutgoingWebhook(url, to_json(event), headers) for event in sent))


def _shown(webhook: Json) -> Json:
    """Return a webhook without its secret, which is shown only when it is made."""
    return {key: value for key, value in webhook.items() if key != "secret"}
