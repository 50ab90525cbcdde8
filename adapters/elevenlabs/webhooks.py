"""ElevenLabs's webhooks. Source: SDK 2.78.0 (webhooks_custom.py), docs of post-call webhooks.

The workspace has a registry of webhooks, of which its settings name the one that gets the calls.
"""

from __future__ import annotations

import hmac
import uuid

from pydantic import SecretStr

from telephony.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
    SignatureError,
)
from telephony.events import CallEnded, Event, UnknownEvent, WebhookRequest
from telephony.model import Call, CallStatus, WebhookEndpoint
from telephony.reading import (
    Body,
    Id,
    Rows,
    Time,
    moment,
    read,
    read_or_none,
    required_header,
    rows,
)
from telephony.settings import is_blank
from telephony.wire import Json, Operation, Options, Request, deleted, path, reconciled

from . import conversations, secrets

TOLERANCE = 30 * 60
"""Seconds for which a signature is valid."""
AHEAD = 60
"""Seconds by which the vendor's clock may be ahead of ours."""
_HEADER = "ElevenLabs-Signature"
_REGISTRY = "/v1/workspace/webhooks"
_SETTINGS = "/v1/convai/settings"
_EVENTS = ("transcript", "call_initiation_failure")


class _Envelope(Body):
    type: str = ""
    event_timestamp: Time = None


class _FailureMetadata(Body):
    body: dict[str, object] | None = None


class _Failure(Body):
    """A call that was never answered."""

    conversation_id: Id
    agent_id: str | None = None
    failure_reason: str | None = None
    metadata: _FailureMetadata | None = None


class _Webhook(Body):
    webhook_id: Id
    webhook_url: str


class _Registry(Body):
    webhooks: Rows = None


class _Made(Body):
    webhook_id: Id
    webhook_secret: str | None = None


class _Chosen(Body):
    post_call_webhook_id: str | None = None


class _Settings(Body):
    webhooks: _Chosen | None = None


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr | None, provider: str) -> None:
    """Raise `SignatureError` for a wrong signature, `ConfigurationError` without a secret."""
    if secret is None or is_blank(secret):
        raise ConfigurationError(
            f"{provider}: `webhook_secret` is missing, without which no webhook can be verified: "
            "set it to the `secret` of set_webhook(), or to the one that the dashboard showed."
        )
    header = required_header(request, _HEADER, provider)
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v0"]
    if len(times) != 1 or not signatures:
        raise SignatureError(f"{provider}: {_HEADER} has not the form t=…,v0=….")
    expected = sign(request.body, times[0], secret).encode()
    matches = [hmac.compare_digest(given.encode(), expected) for given in signatures]
    if not any(matches):
        raise SignatureError(
            f"{provider}: {_HEADER} does not match: the secret is another one (each webhook has "
            "its own), or body or timestamp were changed on the way."
        )
    age = request.received_at.timestamp() - _seconds(times[0], provider)
    if not -AHEAD <= age <= TOLERANCE:
        raise SignatureError(
            f"{provider}: {_HEADER} is stale: signed {abs(age):.0f} seconds "
            f"{'ago' if age > 0 else 'ahead'}, and {TOLERANCE if age > 0 else AHEAD} are allowed."
        )


def sign(body: bytes, timestamp: str, secret: SecretStr) -> str:
    """Return the signature of a body that is sent at a timestamp."""
    key = secret.get_secret_value().encode()
    return hmac.digest(key, timestamp.encode() + b"." + body, "sha256").hex()


def _seconds(timestamp: str, provider: str) -> int:
    # Python refuses to read a number of thousands of digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 18):
        raise SignatureError(f"{provider}: the time in {_HEADER} is not in seconds.")
    return int(timestamp)


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    envelope = read_or_none(_Envelope, raw) or _Envelope()
    shown = secrets.removed(raw)
    occurred = moment(envelope.event_timestamp)
    data = raw.get("data")
    call = _call(envelope.type, data, provider) if isinstance(data, dict) else None
    if call is None:
        return [
            UnknownEvent(
                id=f"{envelope.type}:{request.digest()}",
                provider=provider,
                occurred_at=occurred,
                raw=shown,
                kind=envelope.type,
            )
        ]
    # A call that was never answered may be reported in two ways, and has ended once.
    return [
        CallEnded(
            id=f"{call.id}:ended", provider=provider, occurred_at=occurred, raw=shown, call=call
        )
    ]


def _call(kind: str, data: Json, provider: str) -> Call | None:
    """Return the call that ended; None for other events, and for written conversations."""
    if kind == "post_call_transcription":
        found = read_or_none(conversations.Conversation, data)
        if found is None or found.is_text:
            return None
        return conversations.reported(found, provider, data)
    failed = read_or_none(_Failure, data) if kind == "call_initiation_failure" else None
    if failed is None:
        return None
    return _failed(failed, provider, data)


def _failed(failed: _Failure, provider: str, raw: Json) -> Call:
    said = (failed.metadata.body if failed.metadata else None) or {}
    # Twilio's fields; those of SIP are not documented.
    own, other = said.get("From"), said.get("To")
    number = own if isinstance(own, str) and own else None
    reason = failed.failure_reason or None
    return Call(
        id=failed.conversation_id,
        provider=provider,
        number=number,
        sender=number,
        recipient=other if isinstance(other, str) and other else None,
        status=conversations.STATUS_OF_FAILURE.get(reason or "", CallStatus.FAILED),
        agent=failed.agent_id or None,
        reason=reason,
        raw=secrets.removed(raw),
    )


# --- Where it is sent ----------------------------------------------------------------------------


def get(of: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    _check_workspace(of)
    found, _ = yield from _current(provider)
    return found


def set_url(
    url: str, of: str | None, provider: str, *, replace: bool, options: Options
) -> Operation[WebhookEndpoint]:
    """Send calls to a new webhook: the URL of one that exists cannot be changed.

    The former one stays in the registry, where an agent may still use it.
    """
    _check_workspace(of)
    found, chosen = yield from _current(provider)
    if found is not None and found.url == url:
        if options:
            yield Request.patch(_SETTINGS, {"webhooks": {**chosen, **options}})
        return (yield from _enabled(found))
    # One that the registry does not show is none of ours either.
    if chosen.get("post_call_webhook_id") and not replace:
        raise ConflictError(
            "Calls are reported to another URL", hint="Pass replace=True to overwrite it."
        )
    made = yield from _made(url, provider)
    events = chosen.get("events") or list(_EVENTS)
    wanted: Json = {**chosen, "post_call_webhook_id": made.id, "events": events, **options}
    try:
        yield Request.patch(_SETTINGS, {"webhooks": wanted})
    except ProviderError as failure:
        now, _ = yield from reconciled(_current(provider), failure)
        if now is None or now.id != made.id:
            # Nothing uses it, and only this call knows its secret.
            yield from reconciled(_delete(made.id), failure)
            raise
    return made.model_copy(update={"previous": found})


def _enabled(found: WebhookEndpoint) -> Operation[WebhookEndpoint]:
    """Return a webhook, enabled if it was not: ElevenLabs disables those that fail for long."""
    off = found.raw.get("is_disabled") is True or found.raw.get("is_auto_disabled") is True
    if not off:
        return found
    body: Json = {"is_disabled": False, "name": found.raw.get("name")}
    yield Request.patch(path(f"{_REGISTRY}/{{}}", found.id), body)
    shown = {**found.raw, "is_disabled": False, "is_auto_disabled": False}
    return found.model_copy(update={"raw": shown})


def _check_workspace(of: str | None) -> None:
    if of is not None:
        raise InvalidRequestError(
            "ElevenLabs's webhook is the workspace's; an agent's own is set in the dashboard.",
            argument="of",
            hint="Leave `of` out.",
        )


def _current(provider: str) -> Operation[tuple[WebhookEndpoint | None, Json]]:
    """Return the webhook that gets the calls, and the settings that name it."""
    response = yield Request.get(_SETTINGS)
    settings = read(_Settings, response.content, response)
    raw = response.object().get("webhooks")
    chosen: Json = raw if isinstance(raw, dict) else {}
    wanted = settings.webhooks.post_call_webhook_id if settings.webhooks else None
    if not wanted:
        return None, chosen
    found = next((one for one in (yield from _registry(provider)) if one.id == wanted), None)
    return found, chosen


def _registry(provider: str) -> Operation[list[WebhookEndpoint]]:
    response = yield Request.get(_REGISTRY)
    page = read(_Registry, response.content, response)
    return [
        secrets.with_safe_raw(
            WebhookEndpoint(id=row.webhook_id, provider=provider, url=row.webhook_url), raw
        )
        for row, raw in rows(_Webhook, page.webhooks, response)
    ]


def _made(url: str, provider: str) -> Operation[WebhookEndpoint]:
    """Make a webhook. The secret of one whose response is lost is lost, so it is deleted."""
    name = f"telephony {uuid.uuid4().hex[:12]}"
    settings: Json = {"auth_type": "hmac", "name": name, "webhook_url": url}
    try:
        response = yield Request.post(_REGISTRY, {"settings": settings})
        made = read(_Made, response.content, response)
    except OutcomeUnknownError as lost:
        held = yield from reconciled(_registry(provider), lost)
        for one in held:
            if one.raw.get("name") == name:
                yield from reconciled(_delete(one.id), lost)
        lost.retry_safe = True
        lost.hint = "Calls are reported where they were before: make the same call again."
        raise
    secret = None if made.webhook_secret is None else SecretStr(made.webhook_secret)
    shown: Json = {"webhook_id": made.webhook_id, **settings}
    return WebhookEndpoint(id=made.webhook_id, provider=provider, url=url, secret=secret, raw=shown)


def _delete(webhook: str) -> Operation[None]:
    yield from deleted(Request.delete(path(f"{_REGISTRY}/{{}}", webhook)))
