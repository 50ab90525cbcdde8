"""Twilio's webhooks. Source: twilio.com/docs/usage/webhooks and …/security, SDK 9.13."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from pydantic import JsonValue, SecretStr

from telephony.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    SignatureError,
)
from telephony.events import (
    CallEnded,
    CallStarted,
    CallTurn,
    Event,
    MessageReceived,
    MessageStatusChanged,
    UnknownEvent,
    WebhookRequest,
    WebhookResponse,
)
from telephony.model import (
    Call,
    Direction,
    MessageError,
    MessageStatus,
    PhoneNumber,
    Webhook,
    WebhookEndpoint,
)
from telephony.reading import moment, required_header
from telephony.settings import is_blank
from telephony.wire import Json, NumberRef, Options, merged

from . import addresses, assignment, bodies, calls

FORM = "application/x-www-form-urlencoded"
NOTHING = WebhookResponse(
    "text/xml; charset=utf-8", b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
)
_OVER = {"completed", "busy", "failed", "no-answer", "canceled"}
_BEGUN = {"queued", "initiated", "ringing", "in-progress"}
# What only a later step of a call reports: the outcome of a Gather, Record, Dial, Enqueue or Pay.
_STEPS = {
    "Digits", "SpeechResult", "FinishedOnKey", "RecordingUrl", "DialCallStatus", "QueueResult",
    "Result", "msg",
}  # fmt: skip
_URLS = {"VoiceUrl": "voice_url", "SmsUrl": "sms_url", "StatusCallback": "status_callback"}


class _Form(dict[str, list[str]]):
    """Parameters as the validator of the SDK wants them: a name may have several values."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]


# --- What arrives --------------------------------------------------------------------------------


def verify(request: WebhookRequest, url: str, secret: SecretStr | None, provider: str) -> None:
    """Raise `SignatureError` for a wrong signature, `ConfigurationError` without a secret.

    Args:
        url: as Twilio requested it.
    """
    try:
        from twilio.request_validator import (  # type: ignore[import-untyped]
            RequestValidator,
            get_signature_algorithm,
        )
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"{provider}: verifying webhooks needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[twilio]'"
        ) from missing
    if secret is None or is_blank(secret):
        raise ConfigurationError(
            f"{provider}: no API key can verify a webhook: set `auth_token` to the account's own "
            "token, or `webhook_secret` to what its webhooks are signed with."
        )
    given = required_header(request, "X-Twilio-Signature", provider)
    form = _Form(_pairs(request) if request.method == "POST" and _is_form(request) else ())
    algorithm = get_signature_algorithm(request.headers.get("x-twilio-webhooks-signature-settings"))
    validator = RequestValidator(secret.get_secret_value())
    try:
        expected = [
            validator.compute_signature(each, form, algorithm)
            for each in _with_and_without_port(url)
        ]
    except ValueError:
        raise SignatureError(
            f"{provider}: X-Twilio-Webhooks-Signature-Settings names an unknown algorithm."
        ) from None
    # All are compared, so that the time taken reveals nothing.
    if not any([hmac.compare_digest(given.encode(), each.encode()) for each in expected]):  # noqa: C419
        parts = urlsplit(url)
        raise SignatureError(
            f"{provider}: X-Twilio-Signature does not match: the token is another one, something "
            "was changed on the way, or Twilio called another URL than "
            f"{parts.scheme}://{parts.netloc}{parts.path} (behind a proxy, set `webhook_url`)."
        )
    _verify_body(request, url, provider)


def _verify_body(request: WebhookRequest, url: str, provider: str) -> None:
    """Raise `SignatureError` if a body that is no form lacks its hash in the signed URL."""
    hashed = dict(parse_qsl(urlsplit(url).query)).get("bodySHA256")
    if hashed is None:
        if request.body and not (request.method == "POST" and _is_form(request)):
            raise SignatureError(f"{provider}: the URL has no bodySHA256, so the body is unsigned.")
    elif not hmac.compare_digest(
        hashed.encode(), hashlib.sha256(request.body).hexdigest().encode()
    ):
        raise SignatureError(f"{provider}: the body does not match bodySHA256 of the URL.")


def public_url(request: WebhookRequest, webhook_url: str | None) -> str:
    """Return the URL that Twilio requested: the setting, if any, with the actual query."""
    if webhook_url is None:
        return request.url
    query = urlsplit(request.url).query
    return f"{webhook_url}?{query}" if query else webhook_url


def _with_and_without_port(url: str) -> Iterator[str]:
    """Yield a URL without its port and with it: Twilio signs either."""
    found = re.fullmatch(r"(https?)://([^/?#]*?)(?::(\d+))?([/?#].*)?", url, re.DOTALL)
    if found is None:
        yield url
        return
    scheme, host, port, rest = found.groups("")
    yield f"{scheme}://{host}{rest}"
    yield f"{scheme}://{host}:{port or {'http': 80, 'https': 443}[scheme]}{rest}"


def _is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _pairs(request: WebhookRequest) -> list[tuple[str, str]]:
    if request.method == "GET":
        return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    return parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def events(request: WebhookRequest, url: str, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError`: neither a form nor a JSON object."""
    if request.method == "POST" and not _is_form(request):
        raw = request.object()
        kind = str(raw.get("type") or raw.get("Type") or "")
        return [UnknownEvent(id=request.digest(), provider=provider, raw=raw, kind=kind)]
    params = dict(_pairs(request))
    known = _message_event(params, provider) or _call_event(params, request, url, provider)
    name = _request_id(request, url)
    return [known or UnknownEvent(id=name, provider=provider, raw=dict(params), kind="webhook")]


def _message_event(params: Mapping[str, str], provider: str) -> Event | None:
    sid = params.get("MessageSid")
    if not sid:
        return None
    raw: Json = dict(params)
    if "MessageStatus" in params:
        word, code = params["MessageStatus"], params.get("ErrorCode")
        error = MessageError(code=code, message=params.get("ErrorMessage")) if code else None
        return MessageStatusChanged(
            id=f"{sid}:{word}",
            provider=provider,
            raw=raw,
            message_id=sid,
            status=bodies.MESSAGE_STATUS.get(word, MessageStatus.UNKNOWN),
            error=error,
        )
    if "From" not in params or "To" not in params:
        return None
    # As the listing spells it. When it was received a webhook does not say.
    numbered = (f"MediaUrl{nth}" for nth in range(len(params)))
    media = [params[name] for name in numbered if name in params]
    listed = bodies.Message(
        sid=sid,
        sender=params["From"],
        recipient=params["To"],
        body=params.get("Body"),
        direction="inbound",
        status=params.get("SmsStatus", "received"),
        num_media=len(media),
    )
    message = listed.normalized(provider, addresses.bare(params["To"]), b"{}")
    message = message.model_copy(update={"media": tuple(media), "raw": raw})
    return MessageReceived(id=f"{sid}:received", provider=provider, raw=raw, message=message)


def _call_event(
    params: Mapping[str, str], request: WebhookRequest, url: str, provider: str
) -> Event | None:
    sid, word = params.get("CallSid"), params.get("CallStatus", "")
    if not sid or not (params.get("From") and params.get("To")):
        return None
    raw: Json = dict(params)
    call = _call(params, word, provider)
    at = moment(params.get("Timestamp"))
    wants_twiml = _expects_twiml(params)
    if wants_twiml and _STEPS & params.keys():
        heard = params.get("SpeechResult") or params.get("Digits")
        name = f"{sid}:{_request_id(request, url)}"
        if not heard or word in _OVER:
            return UnknownEvent(id=name, provider=provider, occurred_at=at, raw=raw, kind="webhook")
        return CallTurn(id=name, provider=provider, occurred_at=at, raw=raw, call=call, text=heard)
    if word in _OVER:
        return CallEnded(id=f"{sid}:{word}", provider=provider, occurred_at=at, raw=raw, call=call)
    if word not in _BEGUN or (
        wants_twiml and word == "in-progress" and call.direction is Direction.INBOUND
    ):
        return None
    if not wants_twiml:
        name = f"{sid}:callback:{word}"
    elif word == "in-progress":
        # Every step of an outbound call sends these same parameters, redirects included.
        name = f"{sid}:{word}:{_request_id(request, url)}"
    else:
        # Each URL gives instructions of its own, so a request to another is another event.
        name = f"{sid}:{word}:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    return CallStarted(id=name, provider=provider, occurred_at=at, raw=raw, call=call)


def _expects_twiml(params: Mapping[str, JsonValue]) -> bool:
    """Return whether Twilio expects TwiML: not in the status callbacks of a call."""
    return {"CallSid", "CallStatus", "From", "To"} <= params.keys() and not (
        {"CallbackSource", "CallDuration"} & params.keys()
    )


def _call(params: Mapping[str, str], word: str, provider: str) -> Call:
    """Return a call as the listing spells it."""
    body = calls.CallBody(
        sid=params["CallSid"],
        sender=params["From"],
        recipient=params["To"],
        direction=params.get("Direction", "inbound"),
        status=word,
        duration=params.get("CallDuration"),
    )
    return body.normalized(provider, b"{}").model_copy(update={"raw": dict(params)})


def _request_id(request: WebhookRequest, url: str) -> str:
    """Return an id for a request and its retries.

    The same words may be said twice in a call, and a step repeated. Twilio's token, though no
    signature covers it, is shared only by the retries of one request.
    """
    token = request.headers.get("i-twilio-idempotency-token")
    own = (url, sorted(set(_pairs(request))), token)
    return hashlib.sha256(repr(own).encode()).hexdigest()[:32]


def verb(event: Event) -> str | None:
    """Return the TwiML verb that replies to an event, where a response can."""
    if isinstance(event, MessageReceived):
        return "Message"
    if isinstance(event, CallStarted | CallTurn | UnknownEvent) and _expects_twiml(event.raw):
        return "Say"
    return None


def twiml(text: str, verb: str) -> WebhookResponse:
    """Return the TwiML of one verb."""
    # XML has no way to write most control characters.
    readable = "".join(char for char in text if char >= " " or char in "\t\n")
    content = f"<{verb}>{escape(readable)}</{verb}>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{content}</Response>'
    return WebhookResponse("text/xml; charset=utf-8", body.encode("utf-8", "replace"))


# --- Where it is sent ----------------------------------------------------------------------------


def owner(of: str | None) -> NumberRef:
    """Return the number whose webhook is meant."""
    if of is None:
        raise InvalidRequestError(
            "At Twilio every number has webhooks of its own.",
            argument="of",
            hint="Give of=number, for each of them.",
        )
    return NumberRef(number=of) if of.startswith("+") else NumberRef(id=of)


def change(number: PhoneNumber, url: str, *, replace: bool, options: Options) -> Json | None:
    """Return the form that sends calls, texts and call endings to `url`; None if they go there.

    Raises:
        ConflictError: a trunk or an application answers the number, or another URL.
    """
    routes = assignment.current(number.raw)
    if not all(route is None or isinstance(route, Webhook) for route in (routes.voice, routes.sms)):
        raise ConflictError(
            "The number is answered by a trunk or an application, which has webhooks of its own",
            hint="Unassign it first; unassign_number() says how it was, in `replaced`.",
        )
    if not options and all(number.raw.get(held) == url for held in _URLS.values()):
        return None
    if _others(number, url) and not replace:
        raise ConflictError(
            "The number's webhooks are sent to another URL",
            hint="Pass replace=True to overwrite it.",
        )
    return merged(dict.fromkeys(_URLS, url), options)


def changed(before: PhoneNumber, after: PhoneNumber, url: str) -> WebhookEndpoint:
    """Return the webhook as it is after a change, with the `previous` one."""
    now = WebhookEndpoint(
        id=after.id, provider=after.provider, url=url, of=after.number, raw=after.raw
    )
    previous = endpoint(before) if _others(before, url) else None
    return now.model_copy(update={"previous": previous})


def endpoint(number: PhoneNumber) -> WebhookEndpoint | None:
    """Return the URL for calls, or else for texts or call endings; `raw` has each of them.

    URLs that a trunk or an application overrules are not in force.
    """
    url = assignment.webhook_url(number.raw)
    if url is None:
        return None
    return WebhookEndpoint(
        id=number.id, provider=number.provider, url=url, of=number.number, raw=number.raw
    )


def _others(number: PhoneNumber, url: str) -> bool:
    return any(number.raw.get(held) not in (None, "", url) for held in _URLS.values())
