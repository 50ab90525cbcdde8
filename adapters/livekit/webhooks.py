"""LiveKit's webhooks. Source: docs.livekit.io/home/server/webhooks, livekit-api 1.2.2.

None of them is specific to telephony: a call is a participant of the kind SIP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import jwt
from google.protobuf.json_format import ParseDict, ParseError
from livekit.api import TokenVerifier
from livekit.protocol.models import DisconnectReason, ParticipantInfo
from livekit.protocol.webhook import WebhookEvent
from pydantic import SecretStr

from telephony.errors import ConfigurationError, SignatureError
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import Call, CallStatus, Direction
from telephony.reading import required_header
from telephony.settings import is_blank

from .bodies import normalized
from .settings import LiveKitSettings

_LEEWAY = timedelta(seconds=60)
# HMAC fills a short key with zeros itself, so the signature is the same. Unfilled, PyJWT would warn
# on every webhook of what the server's own log says: that `livekit-server --dev` has a short key.
_KEY_LENGTH = 32

_STATUS: Mapping[str, CallStatus] = {
    "dialing": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "automation": CallStatus.IN_PROGRESS,
    "active": CallStatus.IN_PROGRESS,
}
# Of a call that is over: it rang, or never came that far.
_UNANSWERED: Mapping[str, CallStatus] = {
    "dialing": CallStatus.FAILED,
    "ringing": CallStatus.NO_ANSWER,
}
_ENDS: Mapping[int, CallStatus] = {
    DisconnectReason.UNKNOWN_REASON: CallStatus.UNKNOWN,
    DisconnectReason.USER_UNAVAILABLE: CallStatus.NO_ANSWER,
    DisconnectReason.USER_REJECTED: CallStatus.BUSY,
    DisconnectReason.SIP_TRUNK_FAILURE: CallStatus.FAILED,
    DisconnectReason.CONNECTION_TIMEOUT: CallStatus.FAILED,
    DisconnectReason.MEDIA_FAILURE: CallStatus.FAILED,
    DisconnectReason.JOIN_FAILURE: CallStatus.FAILED,
}


def verify(request: WebhookRequest, settings: LiveKitSettings, provider: str) -> None:
    """Verify the sender by the token, and the body by the hash in it.

    Raises `SignatureError`, or `ConfigurationError` without a secret.
    """
    if is_blank(settings.api_key) or is_blank(settings.api_secret):
        raise ConfigurationError(
            f"{provider}: webhooks are verified with `api_key` and `api_secret`: set both."
        )
    token = required_header(request, "Authorization", provider)
    _must_be_canonical(token, provider)
    # The verifier knows the present only; a webhook of the past gets as much more leeway.
    age = max(datetime.now(UTC) - request.received_at, timedelta())
    verifier = TokenVerifier(settings.api_key, _key(settings.api_secret), leeway=_LEEWAY + age)
    try:
        hashed = verifier.verify(token).sha256
    except jwt.ExpiredSignatureError:
        raise SignatureError(f"{provider}: the token in Authorization is stale.") from None
    except jwt.InvalidSignatureError:
        raise SignatureError(
            f"{provider}: the token in Authorization is not signed with this `api_secret`: was it "
            "changed on the way, or are webhooks signed with another API key?"
        ) from None
    except jwt.InvalidIssuerError:
        raise SignatureError(f"{provider}: the token is not issued by this `api_key`.") from None
    except (jwt.PyJWTError, ValueError, TypeError):
        raise SignatureError(f"{provider}: Authorization holds no valid token.") from None
    # Whatever stands there: the verifier does not look at its type.
    if not isinstance(hashed, str) or not hashed:
        raise SignatureError(f"{provider}: the token in Authorization has no hash of the body.")
    if not hmac.compare_digest(hashed.encode(), body_hash(request.body).encode()):
        raise SignatureError(f"{provider}: the body does not match the hash in the token.")


def _key(secret: SecretStr) -> str:
    """Return the secret as long as PyJWT wants it."""
    return secret.get_secret_value().ljust(_KEY_LENGTH, "\0")


def body_hash(body: bytes) -> str:
    """Return the hash of a body as its token holds it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _must_be_canonical(token: str, provider: str) -> None:
    """Raise `SignatureError` if the signature has ignored bits set.

    The last character of a signature has bits that decoding ignores.
    """
    signature = token.rpartition(".")[2]
    try:
        decoded = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (binascii.Error, ValueError):
        decoded = b""
    if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != signature:
        raise SignatureError(f"{provider}: Authorization holds no valid token.")


def events(request: WebhookRequest, provider: str) -> list[Event]:
    """Return its events. Raises `InvalidRequestError` for what is not a JSON object."""
    raw = request.object()
    try:
        event = ParseDict(raw, WebhookEvent(), ignore_unknown_fields=True)
    except ParseError:
        event = WebhookEvent(event=str(raw.get("event", "")), id=str(raw.get("id", "")))
    at = _moment(event.created_at)
    name = event.id or request.digest()
    call = _call(event, provider)
    if call is not None and event.event == "participant_joined":
        return [CallStarted(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    if call is not None and event.event == "participant_left":
        return [CallEnded(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    return [UnknownEvent(id=name, provider=provider, occurred_at=at, raw=raw, kind=event.event)]


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _call(event: WebhookEvent, provider: str) -> Call | None:
    """Return the call of a SIP participant; None for others, and if its number is hidden."""
    who = event.participant
    attributes = dict(who.attributes)
    number, call = attributes.get("sip.trunkPhoneNumber"), attributes.get("sip.callID")
    if who.kind != ParticipantInfo.Kind.SIP or not number or not call:
        return None
    # As the carrier writes them, often without a "+".
    number = normalized(number)
    other = normalized(attributes.get("sip.phoneNumber", "")) or None
    # Only calls that come in meet a dispatch rule.
    inbound = bool(attributes.get("sip.ruleID"))
    word = attributes.get("sip.callStatus", "")
    status = _STATUS.get(word, CallStatus.UNKNOWN)
    if event.event == "participant_left":
        # The attributes are those of the last moment: who answered is active, or has hung up.
        answered = _UNANSWERED.get(word, CallStatus.COMPLETED)
        status = _ENDS.get(who.disconnect_reason, answered)
        if word in _UNANSWERED and status is CallStatus.UNKNOWN:
            status = answered
    return Call(
        id=call,
        provider=provider,
        number=number,
        sender=other if inbound else number,
        recipient=number if inbound else other,
        direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
        status=status,
        started_at=_moment(who.joined_at),
        raw={"room": event.room.name, "participant": who.identity, "attributes": {**attributes}},
    )
