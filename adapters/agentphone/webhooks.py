"""AgentPhone's webhooks. Source: docs.agentphone.ai/documentation/guides/webhooks, SDK 0.20.3."""

from __future__ import annotations

import hashlib
import hmac
import json

from msgspec import field
from pydantic import SecretStr
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
    MessageToSend,
    UnknownEvent,
    WebhookRequest,
    WebhookResponse,
)
from telephony.model import Call, WebhookEndpoint
from telephony.numbers import is_e164
from telephony.reading import Body, Id, Time, moment, read, read_or_none, required_header
from telephony.settings import is_blank
from telephony.wire import Json, Operation, Options, Request, Response, merged, path, reconciled

from . import bodies, calls

TOLERANCE = 300


class _Envelope(Body, rename="camel"):
    event: str = ""
    channel: str | None = None
    timestamp: Time = None
    agent_id: str | None = None
    test: bool | None = None
    conversation_state: dict[str, object] | None = None

    @property
    def is_test(self) -> bool:
        """Whether it comes from the dashboard's button that tests a webhook."""
        return bool(self.test) or (self.conversation_state or {}).get("testMode") is True


class _Call(Body, kw_only=True, rename="camel"):
    call_id: Id
    # Absent from calls over the web, which concern no number.
    sender: str | None = field(default=None, name="from")
    to: str | None = None
    direction: str | None = None
    status: str | None = None
    transcript: object = None
    started_at: Time = None
    ended_at: Time = None
    duration_seconds: float | None = None
    disconnection_reason: str | None = None


class _Group(Body, rename="camel"):
    group_id: Id


class _Text(Body, kw_only=True, rename="camel"):
    """A text's data, apart from what `bodies.Message` reads."""

    message_id: Id | None = None
    named_from: Id | None = field(default=None, name="from")
    to: Id | None = None
    direction: str = "inbound"
    number_id: Id | None = None
    sender_identifier: Id | None = None
    group: _Group | None = None

    @property
    def sender(self) -> str | None:
        return (self.sender_identifier if self.group else None) or self.named_from

    @property
    def recipient(self) -> str | None:
        return self.group.group_id if self.group else self.to

    @property
    def own(self) -> str | None:
        """The account's number: by its id if the text was sent to a group."""
        if self.group is None or (is_e164(self.to or "") and self.to != self.sender):
            return self.to
        return self.number_id


class _Endpoint(Body):
    id: Id
    url: str
    secret: str | None = None


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr | None, provider: str) -> None:
    """Raise `SignatureError` for a wrong signature, `ConfigurationError` without a secret."""
    if secret is None or is_blank(secret):
        raise ConfigurationError(
            f"{provider}: `webhook_secret` is missing, without which no webhook can be verified: "
            "set it to the `secret` of get_webhook() or set_webhook()."
        )
    signature = required_header(request, "X-Webhook-Signature", provider)
    timestamp = required_header(request, "X-Webhook-Timestamp", provider)
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
    """Return the signature of a body that is sent at a timestamp."""
    key = secret.get_secret_value().encode()
    return f"sha256={hmac.new(key, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def _seconds(timestamp: str, provider: str) -> int:
    # Python refuses to read a number of thousands of digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 18):
        raise SignatureError(f"{provider}: X-Webhook-Timestamp is not in seconds.")
    return int(timestamp)


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    envelope = read_or_none(_Envelope, raw) or _Envelope()
    known = None if envelope.is_test else _known(envelope, raw, provider)
    return [
        known
        or UnknownEvent(
            id=f"{envelope.event}:{_digest(raw)}",
            provider=provider,
            occurred_at=moment(envelope.timestamp),
            raw=raw,
            kind=envelope.event,
        )
    ]


def _known(envelope: _Envelope, raw: Json, provider: str) -> Event | None:
    data = raw.get("data")
    if not isinstance(data, dict):
        return None
    if envelope.event == "agent.call_ended":
        return _call_ended(envelope, data, raw, provider)
    if envelope.event != "agent.message":
        return None
    if envelope.channel == "voice":
        return _call_turn(envelope, data, raw, provider)
    return _message_received(envelope, data, raw, provider)


def _call_ended(envelope: _Envelope, data: Json, raw: Json, provider: str) -> Event | None:
    call = read_or_none(_Call, data)
    if call is None:
        return None
    return CallEnded(
        id=f"{envelope.event}:{call.call_id}",
        provider=provider,
        occurred_at=moment(call.ended_at) or moment(envelope.timestamp),
        raw=raw,
        call=_call(call, envelope, data, provider),
    )


def _call_turn(envelope: _Envelope, data: Json, raw: Json, provider: str) -> Event | None:
    call = read_or_none(_Call, data)
    if call is None:
        return None
    return CallTurn(
        id=f"{envelope.event}:{_digest(raw)}",
        provider=provider,
        occurred_at=moment(envelope.timestamp),
        raw=raw,
        call=_call(call, envelope, data, provider),
        text=str(call.transcript or ""),
    )


def _message_received(envelope: _Envelope, data: Json, raw: Json, provider: str) -> Event | None:
    text = read_or_none(_Text, data)
    # Copies of what was sent out may come too; they say nothing of what became of it.
    if text is None or text.direction != "inbound" or text.own is None or text.sender is None:
        return None
    named = f"{envelope.event}:{text.message_id or _digest(raw)}"
    # The message as a number's listing has it, whose spelling differs.
    listed: Json = {
        **data,
        "id": text.message_id or named,
        "body": data.get("message"),
        "channel": envelope.channel,
        "direction": "inbound",
    }
    row = read_or_none(bodies.Message, listed)
    if row is None:
        return None
    fields = row.fields(provider, text.own)
    fields |= {"sender": text.sender, "recipient": text.recipient}
    return MessageReceived(
        id=named,
        provider=provider,
        occurred_at=moment(envelope.timestamp),
        raw=raw,
        message=bodies.MESSAGES.made(fields, to_json(data)),
    )


def _call(call: _Call, envelope: _Envelope, data: Json, provider: str) -> Call:
    found = calls.CallBody(
        id=call.call_id,
        status=call.status,
        direction=call.direction,
        agent_id=envelope.agent_id,
        from_number=call.sender,
        to_number=call.to,
        started_at=call.started_at,
        ended_at=call.ended_at,
        duration_seconds=call.duration_seconds,
        disconnection_reason=call.disconnection_reason,
    )
    return found.normalized(provider, to_json(data))


def _digest(raw: Json) -> str:
    """Return an id for an event, independent of the history that comes with it."""
    own = {key: raw.get(key) for key in ("event", "channel", "timestamp", "data")}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:32]


def expects_speech(event: Event | None) -> bool:
    """Return whether the response is spoken: in every turn of a call, including tests."""
    return event is not None and (event.raw.get("event"), event.raw.get("channel")) == (
        "agent.message",
        "voice",
    )


def spoken(text: str) -> WebhookResponse:
    return WebhookResponse("application/json", to_json({"text": text}))


def to_group(event: Event, text: str) -> MessageToSend | None:
    """Return a reply to a whole group; None if the event is not a text from one."""
    if not isinstance(event, MessageReceived):
        return None
    data = read_or_none(_Text, event.message.raw)
    if data is None or data.group is None:
        return None
    return MessageToSend(event.message.number, data.group.group_id, text)


# --- Where it is sent ----------------------------------------------------------------------------


def get(agent: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    return _endpoint((yield Request.get(_path(agent))), agent, provider)


def set_url(
    url: str, agent: str | None, provider: str, *, replace: bool, options: Options
) -> Operation[WebhookEndpoint]:
    """Set the URL, unless it is set already.

    Every change issues a new secret, so nothing is sent without need. A change resets the settings
    that it leaves out, so they are sent as they are.
    """
    found = yield from get(agent, provider)
    if found is not None and found.url == url and not options:
        return found
    if found is not None and found.url != url and not replace:
        raise ConflictError(
            "Webhooks are sent to another URL", hint="Pass replace=True to overwrite it."
        )
    body: Json = {"url": url, **(_kept(found) if found else {})}
    try:
        response = yield Request.post(_path(agent), merged(body, options))
        now = _read(response, agent, provider)
    except OutcomeUnknownError as lost:
        seen = yield from reconciled(get(agent, provider), lost)
        if seen is None or seen.url != url or (found is not None and seen.secret == found.secret):
            raise
        now = seen
    if found is None or found.url == url:
        return now
    return now.model_copy(update={"previous": found})


def _kept(found: WebhookEndpoint) -> Json:
    settings = {key: found.raw.get(key) for key in ("contextLimit", "timeout")}
    return {key: value for key, value in settings.items() if type(value) is int}


def _path(agent: str | None) -> str:
    return "/v1/webhooks" if agent is None else path("/v1/agents/{}/webhook", agent)


def _endpoint(response: Response, agent: str | None, provider: str) -> WebhookEndpoint | None:
    return None if response.json() is None else _read(response, agent, provider)


def _read(response: Response, agent: str | None, provider: str) -> WebhookEndpoint:
    raw = response.object()
    found = read(_Endpoint, raw, response)
    return WebhookEndpoint(
        id=found.id,
        provider=provider,
        url=found.url,
        of=agent,
        secret=None if found.secret is None else SecretStr(found.secret),
        raw={key: value for key, value in raw.items() if key != "secret"},
    )
