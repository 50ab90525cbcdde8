"""Cartesia's webhooks. Source: docs.cartesia.ai/line, webhooks.

A delivery is proven by the shared secret alone, which it carries in the clear: body and URL are not
signed.
"""

from __future__ import annotations

import hmac
import secrets

from msgspec import Raw
from pydantic import SecretStr

from telephony.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    SignatureError,
)
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import WebhookEndpoint
from telephony.reading import Body, Id, Time, moment, read, read_or_none, required_header
from telephony.settings import is_blank
from telephony.wire import Json, Operation, Options, Request, Response, merged, path

from . import call_bodies

_WEBHOOKS = "/agents/webhooks"
_NULL = Raw(b"null")


class _Envelope(Body):
    type: str = ""
    request_id: str | None = None
    timestamp: Time = None
    call: Raw = _NULL


class _Endpoint(Body):
    id: Id
    url: Id


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr | None, provider: str) -> None:
    """Raise `SignatureError` for a wrong secret, `ConfigurationError` if none is configured."""
    if secret is None or is_blank(secret):
        raise ConfigurationError(
            f"{provider}: `webhook_secret` is missing, without which no webhook can be verified: "
            "set it, or CARTESIA_WEBHOOK_SECRET, to the secret that the webhook was created with."
        )
    given = required_header(request, "X-Webhook-Secret", provider)
    if not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
        raise SignatureError(f"{provider}: X-Webhook-Secret is not the configured secret.")


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    envelope = read_or_none(_Envelope, request.body) or _Envelope()
    known = _call_event(envelope, raw, provider)
    if known is not None:
        return [known]
    return [
        UnknownEvent(
            # One request id may stand for a whole call, all of its turns included.
            id=f"{envelope.request_id or ''}:{envelope.type}:{request.digest()}",
            provider=provider,
            occurred_at=moment(envelope.timestamp),
            raw=raw,
            kind=envelope.type,
        )
    ]


def _call_event(envelope: _Envelope, raw: Json, provider: str) -> Event | None:
    if envelope.type not in {"call_started", "call_completed", "call_failed"}:
        return None
    data = read_or_none(call_bodies.Call, envelope.call)
    if data is None:
        return None
    started = envelope.type == "call_started"
    kind = CallStarted if started else CallEnded
    return kind(
        id=f"{data.id}:{envelope.type}",
        provider=provider,
        occurred_at=moment(data.start_time if started else data.end_time)
        or moment(envelope.timestamp),
        raw=raw,
        call=data.normalized(provider, envelope.call, envelope.type.removeprefix("call_")),
    )


# --- Where it is sent ----------------------------------------------------------------------------


def get(webhook: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    if webhook is None:
        raise InvalidRequestError(
            "Cartesia shows a webhook by its id only.",
            argument="of",
            hint="Give of=id: the `id` of what set_webhook() returned, or from the dashboard.",
        )
    response = yield Request.get(path(f"{_WEBHOOKS}/{{}}", webhook))
    return _endpoint(response, provider)


def set_url(
    url: str,
    webhook: str | None,
    provider: str,
    secret: SecretStr | None,
    *,
    replace: bool,
    options: Options,
) -> Operation[WebhookEndpoint]:
    """Change a webhook, or make one where none is named; Cartesia does not list them.

    A new webhook gets no events until an agent names it.
    """
    if webhook is None:
        chosen = options.get("secret") or (secret or _new_secret()).get_secret_value()
        body: Json = {"url": url, "secret": chosen}
        response = yield Request.post(_WEBHOOKS, merged(body, options))
        made = _endpoint(response, provider)
        return made.model_copy(update={"secret": SecretStr(str(chosen))})
    found = _endpoint((yield Request.get(path(f"{_WEBHOOKS}/{{}}", webhook))), provider)
    if found.url == url and not options:
        return found
    if found.url != url and not replace:
        raise ConflictError(
            "The webhook has another URL", hint="Pass replace=True to overwrite it."
        )
    response = yield Request.patch(
        path(f"{_WEBHOOKS}/{{}}", webhook), merged({"url": url}, options)
    )
    changed = _endpoint(response, provider)
    return changed.model_copy(update={"previous": None if found.url == url else found})


def _new_secret() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


def _endpoint(response: Response, provider: str) -> WebhookEndpoint:
    raw = response.object()
    found = read(_Endpoint, raw, response)
    shown = {key: value for key, value in raw.items() if key != "secret"}
    return WebhookEndpoint(id=found.id, provider=provider, url=found.url, raw=shown)
