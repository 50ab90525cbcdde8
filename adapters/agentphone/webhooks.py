"""AgentPhone's webhooks. Source: docs.agentphone.ai/documentation/guides/webhooks, SDK 0.20.3."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue, SecretStr, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from telephony.errors import (
    ConfigurationError,
    ConflictError,
    OutcomeUnknownError,
    SignatureError,
)
from telephony.events import (
    CallEnded,
    CallTurn,
    Event,
    MessageReceived,
    Reply,
    UnknownEvent,
    WebhookAnswer,
    WebhookRequest,
)
from telephony.model import Call, CallStatus, Direction, Message, WebhookEndpoint
from telephony.reading import read
from telephony.wire import Json, Operation, Options, Request, Response, merged, path, reconciled

from . import wire

TOLERANCE = 300


class _Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, defer_build=True, alias_generator=to_camel, populate_by_name=True
    )


class _Envelope(_Body):
    event: str = ""
    channel: str | None = None
    timestamp: datetime | None = None
    agent_id: str | None = None
    data: dict[str, JsonValue] = {}


class _Call(_Body):
    call_id: str
    # Absent from calls over the web, which concern no number.
    from_: str
    to: str
    direction: Direction
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    transcript: JsonValue = None

    model_config = ConfigDict(alias_generator=lambda name: to_camel(name).rstrip("_"))


class _Endpoint(_Body):
    id: str
    url: str
    secret: SecretStr | None = None


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr | None, provider: str) -> None:
    """Raises `SignatureError`, or `ConfigurationError` without a secret."""
    if secret is None:
        raise ConfigurationError(
            f"{provider}: `webhook_secret` is missing, without which no webhook can be verified: "
            "set it to the `secret` of get_webhook() or set_webhook()."
        )
    signature = request.headers.get("x-webhook-signature")
    timestamp = request.headers.get("x-webhook-timestamp")
    if signature is None:
        raise SignatureError(f"{provider}: the header X-Webhook-Signature is missing.")
    if timestamp is None:
        raise SignatureError(f"{provider}: the header X-Webhook-Timestamp is missing.")
    expected = sign(request.body, timestamp, secret)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise SignatureError(
            f"{provider}: X-Webhook-Signature does not match: the secret is another one (every "
            "change of the webhook issues a new one), or body or timestamp were changed on the way."
        )
    age = request.received_at.timestamp() - _seconds(timestamp, provider)
    if abs(age) > TOLERANCE:
        raise SignatureError(
            f"{provider}: X-Webhook-Timestamp is stale: signed {abs(age):.0f} seconds "
            f"{'ago' if age > 0 else 'ahead'}, and {TOLERANCE} are allowed."
        )


def sign(body: bytes, timestamp: str, secret: SecretStr) -> str:
    """The signature of a body that is sent at a timestamp."""
    key = secret.get_secret_value().encode()
    return f"sha256={hmac.new(key, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def _seconds(timestamp: str, provider: str) -> int:
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise SignatureError(f"{provider}: X-Webhook-Timestamp is not in seconds.")
    return int(timestamp)


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """What it tells. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    try:
        told = _Envelope.model_validate(raw)
        known = _known(told, raw, provider)
    except ValidationError:
        told, known = _Envelope(event=str(raw.get("event", ""))), None
    if known is not None:
        return [known]
    return [
        UnknownEvent(
            id=f"{told.event}:{_digest(raw)}",
            provider=provider,
            occurred_at=told.timestamp,
            raw=raw,
            kind=told.event,
        )
    ]


def _known(told: _Envelope, raw: Json, provider: str) -> Event | None:
    data = told.data
    if told.event == "agent.call_ended":
        call = _call(told, provider)
        return CallEnded(
            id=f"{told.event}:{call.id}",
            provider=provider,
            occurred_at=_Call.model_validate(data).ended_at or told.timestamp,
            raw=raw,
            call=call,
        )
    if told.event != "agent.message":
        return None
    if told.channel == "voice":
        return CallTurn(
            id=f"{told.event}:{_digest(raw)}",
            provider=provider,
            occurred_at=told.timestamp,
            raw=raw,
            call=_call(told, provider),
            text=str(data.get("transcript") or ""),
        )
    # Copies of what was sent out may come too; they tell nothing of what became of it.
    between = [data.get("from"), data.get("to")]
    if data.get("direction", "inbound") != "inbound" or not all(
        isinstance(side, str) and side for side in between
    ):
        return None
    message_id = data.get("messageId")
    named = f"{told.event}:{message_id or _digest(raw)}"
    return MessageReceived(
        id=named,
        provider=provider,
        occurred_at=told.timestamp,
        raw=raw,
        message=_message(told, message_id or named, provider),
    )


def _message(told: _Envelope, message_id: JsonValue, provider: str) -> Message:
    """The message as a number's listing has it, whose spelling differs."""
    data = told.data
    listed: Json = {
        **data,
        "id": message_id,
        "body": data.get("message"),
        "channel": told.channel,
        "direction": "inbound",
    }
    fields = wire.message_fields(listed, provider, str(data.get("to")))
    return Message.model_validate({**fields, "raw": data})


def _call(told: _Envelope, provider: str) -> Call:
    call = _Call.model_validate(told.data)
    return Call(
        id=call.call_id,
        provider=provider,
        number=call.from_ if call.direction is Direction.OUTBOUND else call.to,
        sender=call.from_,
        recipient=call.to,
        direction=call.direction,
        status=wire.CALL_STATUS.get(call.status or "", CallStatus.UNKNOWN),
        agent=told.agent_id,
        started_at=call.started_at,
        raw=told.data,
    )


def _digest(raw: Json) -> str:
    """Names an event by what it tells of itself; the history that is sent along may change."""
    own = {key: raw.get(key) for key in ("event", "channel", "timestamp", "data")}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:32]


def answer(event: Event | None, reply: Reply) -> WebhookAnswer | None:
    """A turn of a call is answered with what to say; None: with anything."""
    if isinstance(event, CallTurn) and (reply is None or isinstance(reply, str)):
        return WebhookAnswer("application/json", to_json({"text": reply or ""}))
    return None


# --- Where it is sent ----------------------------------------------------------------------------


def get(agent: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    return _endpoint((yield Request.get(_path(agent))), agent, provider)


def set_url(
    url: str, agent: str | None, provider: str, *, replace: bool, options: Options
) -> Operation[WebhookEndpoint]:
    """Every POST issues a new secret, so what is right already is left alone."""
    found = yield from get(agent, provider)
    if found is not None and found.url == url and not options:
        return found
    if found is not None and found.url != url and not replace:
        raise ConflictError(
            "Webhooks are sent to another URL", hint="Pass replace=True to overwrite it."
        )
    try:
        response = yield Request.post(_path(agent), merged({"url": url}, options))
        now = _read(response, agent, provider)
    except OutcomeUnknownError as lost:
        seen = yield from reconciled(get(agent, provider), lost)
        if seen is None or seen.url != url or (found is not None and seen.secret == found.secret):
            raise
        now = seen
    if found is None or found.url == url:
        return now
    return now.model_copy(update={"previous": found})


def _path(agent: str | None) -> str:
    return "/v1/webhooks" if agent is None else path("/v1/agents/{}/webhook", agent)


def _endpoint(response: Response, agent: str | None, provider: str) -> WebhookEndpoint | None:
    return None if response.json() is None else _read(response, agent, provider)


def _read(response: Response, agent: str | None, provider: str) -> WebhookEndpoint:
    raw = response.object()
    told = read(_Endpoint, raw, response)
    return WebhookEndpoint(
        id=told.id,
        provider=provider,
        url=told.url,
        of=agent,
        secret=told.secret,
        raw={key: value for key, value in raw.items() if key != "secret"},
    )
