"""Retell AI's webhooks. Source: docs.retellai.com/features/webhook and …/secure-webhook."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from pydantic import SecretStr

from telephony.errors import ConflictError, InvalidRequestError, SignatureError
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import WebhookEndpoint
from telephony.numbers import is_e164
from telephony.reading import Body, Id, Time, moment, read, read_or_none, required_header
from telephony.wire import Operation, Options, Request, Response, merged, path

from . import calls, secrets

TOLERANCE = 300_000
_SIGNATURE = re.compile(r"v=(\d{1,15}),d=([0-9a-f]{64})")
# The analysis of a call comes after its end, as a kind of its own.
_KINDS: Mapping[str, type[CallStarted | CallEnded]] = {
    "call_started": CallStarted,
    "call_ended": CallEnded,
}
_SHOWN = ("webhook_url", "webhook_events", "webhook_timeout_ms")


class _Envelope(Body):
    event: str = ""
    event_timestamp: Time = None


class _Agent(Body):
    agent_id: Id
    webhook_url: str | None = None


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr, provider: str) -> None:
    """Raise `SignatureError` for a wrong or stale signature."""
    header = required_header(request, "X-Retell-Signature", provider)
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        raise SignatureError(f"{provider}: X-Retell-Signature is not v=<milliseconds>,d=<digest>.")
    signed_at, digest = int(match[1]), match[2]
    if not hmac.compare_digest(digest, _digest(request.body, signed_at, secret)):
        raise SignatureError(
            f"{provider}: X-Retell-Signature does not match: the webhook was signed with another "
            "API key (`webhook_secret` is the one with the webhook badge), or its body was changed "
            "on the way."
        )
    age = request.received_at.timestamp() * 1000 - signed_at
    if abs(age) > TOLERANCE:
        raise SignatureError(
            f"{provider}: X-Retell-Signature is stale: signed {abs(age) / 1000:.0f} seconds "
            f"{'ago' if age > 0 else 'ahead'}, and {TOLERANCE // 1000} are allowed."
        )


def sign(body: bytes, milliseconds: int, secret: SecretStr) -> str:
    """Return the header for a body that is sent at a time in milliseconds since 1970."""
    return f"v={milliseconds},d={_digest(body, milliseconds, secret)}"


def _digest(body: bytes, milliseconds: int, secret: SecretStr) -> str:
    key = secret.get_secret_value().encode()
    return hmac.new(key, body + str(milliseconds).encode(), hashlib.sha256).hexdigest()


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    said = read_or_none(_Envelope, raw) or _Envelope()
    body = raw.get("call")
    call = read_or_none(calls.PhoneCall, body) if isinstance(body, dict) else None
    kind = _KINDS.get(said.event)
    if kind is None or call is None or not isinstance(body, dict):
        return [
            UnknownEvent(
                id=f"{said.event}:{request.digest()}",
                provider=provider,
                occurred_at=moment(said.event_timestamp),
                raw=secrets.removed(raw),
                kind=said.event,
            )
        ]
    moments = (said.event_timestamp, call.end_timestamp, call.start_timestamp)
    return [
        kind(
            # Retell's events have no ids.
            id=f"{said.event}:{call.call_id}",
            provider=provider,
            occurred_at=next(filter(None, map(moment, moments)), None),
            raw=secrets.removed(raw),
            call=call.described(provider, secrets.removed(body)),
        )
    ]


# --- Where it is sent ----------------------------------------------------------------------------


def get(of: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    """Return the URL of an agent; None: its webhooks go to the account's."""
    return _endpoint((yield Request.get(path("/get-agent/{}", _agent(of)))), provider)


def set_url(
    url: str, of: str | None, provider: str, *, replace: bool, options: Options
) -> Operation[WebhookEndpoint]:
    """Set the URL of an agent, which then takes the place of the account's."""
    agent = _agent(of)
    found = yield from get(agent, provider)
    if found is not None and found.url == url and not options:
        return found
    if found is not None and found.url != url and not replace:
        raise ConflictError(
            "Webhooks of this agent are sent to another URL",
            hint="Pass replace=True to overwrite it.",
        )
    body = merged({"webhook_url": url}, options)
    changed = _endpoint((yield Request.patch(path("/update-agent/{}", agent), body)), provider)
    if changed is None:
        raise ConflictError("Retell accepted the webhook, but does not show it", retry_safe=True)
    same = found is None or found.url == changed.url
    return changed.model_copy(update={"previous": None if same else found})


def _agent(of: str | None) -> str:
    """Return the agent whose webhook it is."""
    if of is None:
        raise InvalidRequestError(
            "The URL of the whole account is set in Retell's dashboard only.",
            argument="of",
            hint="Give of=Agent(id) for an agent's own.",
        )
    if is_e164(of):
        raise InvalidRequestError(
            "Retell sends what happens in a call to the URL of its agent.",
            argument="of",
            hint="Give of=Agent(id); assign the number to a Webhook to choose who answers it.",
        )
    return of


def _endpoint(response: Response, provider: str) -> WebhookEndpoint | None:
    found = read(_Agent, response.content, response)
    if not found.webhook_url:
        return None
    raw = response.object()
    return WebhookEndpoint(
        id=found.agent_id,
        provider=provider,
        url=found.webhook_url,
        of=found.agent_id,
        # The rest of an agent may hold secrets of its tools.
        raw={name: raw[name] for name in _SHOWN if name in raw},
    )
