"""What Retell AI sends of calls: to the agent's URL, else to the account's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pydantic import SecretStr
from pydantic_core import to_json

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json
from telephony.sandbox.webhook_sender import OutgoingWebhook, on_any_failure

from ..webhooks import sign
from . import calls
from .account import Account, milliseconds

KEY = "key_sandbox_3f9c"
_ATTEMPTS = 3
_DEFAULT = ["call_started", "call_ended", "call_analyzed"]


def report(account: Account, call: Json, played: PlayedCall, *events: str) -> None:
    """Send the webhooks of a call for events that its agent's webhook gets, in order."""
    agent = account.agents.get(str(call["agent_id"]), {})
    url = agent.get("webhook_url") or account.state.webhook_url
    wanted = agent.get("webhook_events") or _DEFAULT
    if url is not None:
        account.state.send_webhooks(
            *(
                _webhook(account, str(url), _body(account, call, played, event))
                for event in events
                if isinstance(wanted, list) and event in wanted
            )
        )


def _body(account: Account, call: Json, played: PlayedCall, event: str) -> bytes:
    shown = calls.described(call, played)
    if event == "call_started":
        spared = ("end_timestamp", "disconnection_reason", "duration_ms")
        shown = {
            name: value
            for name, value in {**shown, "call_status": "ongoing"}.items()
            if name not in spared and not name.startswith("transcript")
        }
    if event == "call_analyzed":
        analysis: Json = {"call_successful": played.answered, "in_voicemail": False}
        shown["call_analysis"] = analysis
    return to_json({"event": event, "call": shown, "event_timestamp": account.now()})


def _webhook(account: Account, url: str, body: bytes) -> OutgoingWebhook:
    headers = {"content-type": "application/json"}
    signed = partial(_signed, account, body)
    return OutgoingWebhook(url, body, headers, _ATTEMPTS, on_any_failure, signed)


def _signed(account: Account, body: bytes) -> Mapping[str, str]:
    now = milliseconds(account.state.now())
    return {"x-retell-signature": sign(body, now, SecretStr(KEY))}
