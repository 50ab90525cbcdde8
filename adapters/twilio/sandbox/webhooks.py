"""Webhooks, signed and retried as Twilio does."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from telephony.sandbox.vendor import Json
from telephony.sandbox.webhook_sender import OutgoingWebhook, on_any_failure, on_server_error

from .account import Account, Text, rfc2822

# twilio.com/docs/usage/webhooks/webhooks-connection-overrides: what a URL's fragment may say.
_POLICIES: Mapping[str, Callable[[int | None], bool]] = {
    "all": on_any_failure,
    "5xx": on_server_error,
    "4xx": lambda status: status is not None and 400 <= status < 500,
}
_RETRIES = 1
_STEPS = ("initiated", "ringing", "in-progress")


def received(
    account: Account, number: Json, text: Text, on_success: Callable[[bytes], None]
) -> None:
    """Send the webhook of a text that was received."""
    sid = str(text.body["sid"])
    params = {
        "ToCountry": "US",
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": account.sid,
        "NumMedia": str(text.body["num_media"]),
        "NumSegments": str(text.body["num_segments"]),
        "SmsStatus": "received",
        "From": str(text.body["from"]),
        "To": str(text.body["to"]),
        "Body": str(text.body["body"]),
        "ApiVersion": "2010-04-01",
    }
    url = _url(account, number, "sms")
    if url:
        webhook = _webhook(account, url, str(number["sms_method"]), params)
        account.state.send_webhooks(replace(webhook, on_success=on_success))


def status(account: Account, callback: str, message: Json) -> None:
    """Send the status callbacks of a text that was sent."""
    steps = []
    for word in ("sent", "delivered"):
        params = {
            "MessageSid": str(message["sid"]),
            "MessageStatus": word,
            "SmsSid": str(message["sid"]),
            "SmsStatus": word,
            "AccountSid": account.sid,
            "From": str(message["from"]),
            "To": str(message["to"]),
            "ApiVersion": "2010-04-01",
        }
        steps.append(_webhook(account, callback, "POST", params))
    account.state.send_webhooks(*steps)


def rings(account: Account, number: Json, call: Json) -> None:
    """Request instructions for a call that comes in."""
    url = _url(account, number, "voice")
    # For a call that a trunk carries, Twilio requests none.
    if url and not number["trunk_sid"]:
        params = {**_call_params(call), "CallStatus": "ringing"}
        account.state.send_webhooks(_webhook(account, url, str(number["voice_method"]), params))


def hung_up(account: Account, number: Json, call: Json) -> None:
    """Send the status callback of a received call that is over."""
    url = _url(account, number, "status_callback")
    if url and not number["trunk_sid"]:
        params = _call_params(call) | _progress(account, call, str(call["status"]))
        method = str(number["status_callback_method"])
        account.state.send_webhooks(_webhook(account, url, method, params))


def call_status(account: Account, callback: str, call: Json, word: str) -> None:
    """Send the status callback of a call that was placed."""
    params = _call_params(call) | _progress(account, call, word)
    account.state.send_webhooks(_webhook(account, callback, "POST", params))


def _call_params(call: Json) -> dict[str, str]:
    return {
        "CallSid": str(call["sid"]),
        "AccountSid": str(call["account_sid"]),
        "From": str(call["from"]),
        "To": str(call["to"]),
        "Caller": str(call["from"]),
        "Called": str(call["to"]),
        "Direction": str(call["direction"]),
        "ApiVersion": "2010-04-01",
    }


def _progress(account: Account, call: Json, word: str) -> dict[str, str]:
    """Return what a status callback has besides: only at the end the duration."""
    over = {"CallDuration": str(call["duration"] or 0)} if call["end_time"] else {}
    return {
        "CallStatus": word,
        "Timestamp": rfc2822(account.state.now()),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(_STEPS.index(word) if word in _STEPS else len(_STEPS)),
        **over,
    }


def _url(account: Account, number: Json, kind: str) -> str:
    """Return a webhook's URL: the application's, the number's, or the sandbox's."""
    name = kind if kind == "status_callback" else f"{kind}_url"
    application = account.applications.get(str(number.get(f"{kind}_application_sid")))
    return str((application or number).get(name) or account.state.webhook_url or "")


def _webhook(account: Account, url: str, method: str, params: Mapping[str, str]) -> OutgoingWebhook:
    url, _, fragment = url.partition("#")
    overrides = dict(parse_qsl(fragment))
    retried = _POLICIES.get(overrides.get("rp", "ct"), lambda status: status is None)
    body = urlencode(params)
    if method == "GET":
        url, params = f"{url}{'&' if '?' in url else '?'}{body}", {}
    headers = {
        "x-twilio-signature": _signature(account.logins[account.sid], url, params),
        "i-twilio-idempotency-token": account.state.id("", 32),
        **({} if method == "GET" else {"content-type": "application/x-www-form-urlencoded"}),
    }
    return OutgoingWebhook(
        url=url,
        body=b"" if method == "GET" else body.encode(),
        headers=headers,
        attempts=1 + int(overrides.get("rc", _RETRIES)),
        retried=retried,
        method=method,
    )


def _signature(token: str, url: str, params: Mapping[str, str]) -> str:
    signed = url + "".join(name + params[name] for name in sorted(params))
    mac = hmac.new(token.encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()
