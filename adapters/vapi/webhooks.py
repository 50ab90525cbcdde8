"""Vapi's webhooks ("server messages"). Source: docs.vapi.ai/server-url, vapi-server-sdk.

How they are proven is chosen with a credential: by an HMAC, a shared secret or a bearer token.
"""

from __future__ import annotations

import base64
import hmac

from pydantic import SecretStr

from telephony.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    SignatureError,
)
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import PhoneNumber, WebhookEndpoint
from telephony.numbers import is_e164
from telephony.reading import Body, Id, Time, moment, read, read_or_none
from telephony.settings import is_blank
from telephony.wire import Json, Operation, Options, Request, Response, path

from . import assignment, bodies, calls, lookup, purchase, secrets

TOLERANCE = 300
_ALGORITHMS = ("sha256", "sha512", "sha1")
_BEGUN = {"queued", "ringing", "in-progress"}
_ENDS = {"status-update", "end-of-call-report"}


class _Message(Body, kw_only=True, rename="camel"):
    type: str = ""
    status: str | None = None
    ended_reason: str | None = None
    timestamp: Time = None
    started_at: Time = None
    ended_at: Time = None
    phone_number: calls.OwnNumber | None = None


class _Owner(Body):
    id: Id


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, secret: SecretStr | None, provider: str) -> None:
    """Raise `SignatureError` for what is not proven, `ConfigurationError` without a secret.

    Whoever sends it chooses the kind of proof, but each one needs the secret.
    """
    if secret is None or is_blank(secret):
        raise ConfigurationError(
            f"{provider}: `webhook_secret` is missing, without which no webhook can be verified: "
            "set it to the secret or token of the credential that the server URL has at Vapi."
        )
    key = secret.get_secret_value().encode()
    headers = request.headers
    signature = headers.get("x-signature") or headers.get("x-vapi-signature")
    if signature is not None:
        _check_signature(signature, headers.get("x-timestamp"), request, key, provider)
    elif "x-vapi-secret" in headers:
        if not _same(headers["x-vapi-secret"], key):
            raise SignatureError(f"{provider}: X-Vapi-Secret is not the configured secret.")
    elif "authorization" in headers:
        if not _same(headers["authorization"], b"Bearer " + key):
            raise SignatureError(f"{provider}: the bearer token is not the configured secret.")
    else:
        raise SignatureError(
            f"{provider}: none of the headers X-Signature, X-Vapi-Signature, X-Vapi-Secret and "
            "Authorization is there: give the server URL a credential at Vapi."
        )


def _check_signature(
    signature: str, timestamp: str | None, request: WebhookRequest, key: bytes, provider: str
) -> None:
    signed = request.body if timestamp is None else timestamp.encode() + b"." + request.body
    digests = [hmac.digest(key, signed, algorithm) for algorithm in _ALGORITHMS]
    written = [form for one in digests for form in (one.hex().encode(), base64.b64encode(one))]
    if not any(_same(signature, form) for form in written):
        raise SignatureError(
            f"{provider}: the signature does not match: the secret is another one, the credential "
            "signs something else than its defaults, or body or timestamp were changed on the way."
        )
    if timestamp is not None:
        signed_at = moment(timestamp)
        age = (request.received_at - signed_at).total_seconds() if signed_at else None
        if age is None or abs(age) > TOLERANCE:
            raise SignatureError(
                f"{provider}: X-Timestamp is stale: {TOLERANCE} seconds are allowed."
            )


def _same(given: str, wanted: bytes) -> bool:
    return hmac.compare_digest(given.encode(), wanted)


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    message = raw.get("message")
    body = message if isinstance(message, dict) else {}
    said = read_or_none(_Message, body) or _Message()
    shown = secrets.removed(raw)
    known = _call_event(said, body, shown, provider)
    if known is not None:
        return [known]
    return [
        UnknownEvent(
            id=f"{said.type}:{request.digest()}",
            provider=provider,
            occurred_at=moment(said.timestamp),
            raw=shown,
            kind=said.type,
        )
    ]


def _call_event(said: _Message, body: Json, shown: Json, provider: str) -> Event | None:
    """Return the event of a call that begins or ends.

    Vapi reports its end twice, and which of the two is chosen with the assistant: both have the
    same id, so that it is handled once.
    """
    call = body.get("call")
    status = "ended" if said.type == "end-of-call-report" else said.status
    if said.type not in _ENDS or not isinstance(call, dict):
        return None
    changes: Json = {
        "status": status,
        "endedReason": said.ended_reason,
        "startedAt": body.get("startedAt"),
        "endedAt": body.get("endedAt"),
        "customer": body.get("customer"),
        "phoneNumber": body.get("phoneNumber"),
    }
    whole = {**call, **{key: value for key, value in changes.items() if value is not None}}
    found = read_or_none(calls.Placed, whole)
    if found is None or not (status == "ended" or status in _BEGUN):
        return None
    kind = CallEnded if status == "ended" else CallStarted
    return kind(
        id=f"{found.id}:{'ended' if kind is CallEnded else 'started'}",
        provider=provider,
        occurred_at=moment(said.timestamp),
        raw=shown,
        call=found.normalized(provider, None, call),
    )


# --- Where it is sent ----------------------------------------------------------------------------


def get(of: str | None, provider: str) -> Operation[WebhookEndpoint | None]:
    """Return the server URL of a number (E.164) or an assistant (its id)."""
    _, response = yield from _owner(of, provider)
    return _endpoint(response, of, provider)


def set_url(
    url: str, of: str | None, provider: str, *, replace: bool, options: Options
) -> Operation[WebhookEndpoint]:
    """Change a server URL, and keep what else the server is configured with."""
    route, response = yield from _owner(of, provider)
    found = _endpoint(response, of, provider)
    if found is not None and found.url == url and not options:
        return found
    if found is not None and found.url != url and not replace:
        raise ConflictError(
            "The webhook has another URL", hint="Pass replace=True to overwrite it."
        )
    kind = response.object().get("provider")
    body: Json = {"server": {**bodies.server_of(response), "url": url}, **options}
    # A number's change names its kind, as in every other change.
    body = {"provider": kind, **body} if route.startswith(purchase.NUMBERS) and kind else body
    changed = _endpoint((yield Request.patch(route, body)), of, provider)
    if changed is None:
        raise ConflictError("Vapi accepted the webhook, but does not show it", retry_safe=True)
    same = found is None or found.url == changed.url
    return changed.model_copy(update={"previous": None if same else found})


def _owner(of: str | None, provider: str) -> Operation[tuple[str, Response]]:
    """Return the route of what a server URL belongs to, and the response with it."""
    if of is None:
        raise InvalidRequestError(
            "The URL of the whole organization is set in Vapi's dashboard only.",
            argument="of",
            hint="Give of=number, or of=Agent(id) for an assistant's own.",
        )
    if is_e164(of):
        number: PhoneNumber | None = yield from purchase.find(of, provider)
        if number is None:
            raise NotFoundError("Vapi knows no such number", hint="Import it first.")
        template, id_ = f"{purchase.NUMBERS}/{{}}", number.id
    else:
        field, id_ = assignment.agent_field(of)
        if field != assignment.ASSISTANT:
            raise InvalidRequestError(
                "Squads and workflows have no URL of their own.",
                argument="of",
                hint="Give of=number, or of=Agent(id) of each assistant.",
            )
        template = "/assistant/{}"
    return path(template, id_), (yield from lookup.fetched(template, id_))


def _endpoint(response: Response, of: str | None, provider: str) -> WebhookEndpoint | None:
    server = bodies.server_of(response)
    url = server.get("url")
    if not isinstance(url, str) or not url:
        return None
    return WebhookEndpoint(
        id=read(_Owner, response.content, response).id,
        provider=provider,
        url=url,
        of=of,
        raw=secrets.removed(server),
    )
