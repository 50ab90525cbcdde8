"""LiveKit's webhooks. Source: docs.livekit.io/home/server/webhooks, livekit-api 1.2.2.

None of them is specific to telephony: a call is a participant of the kind SIP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
from livekit.api import TokenVerifier

from telephony.errors import ConfigurationError, SignatureError
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import Call, CallStatus
from telephony.reading import Body, Time, read_or_none, required_header
from telephony.settings import is_blank

from .participants import REASONS, Participant, ended_as, moment_of
from .settings import LiveKitSettings

_LEEWAY = timedelta(seconds=60)
# HMAC fills a short key with zeros itself, so the signature is the same. Unfilled, PyJWT would warn
# of what the server's own log says: that `livekit-server --dev` has a short key.
_KEY_LENGTH = 32
_ABORTED = "participant_connection_aborted"
# The latter where it never got as far as being connected.
_LEFT = ("participant_left", _ABORTED)
_NOBODY = msgspec.Raw(b"null")


class _Participant(Participant):
    joined_at: Time = msgspec.field(default=None, name="joinedAt")
    disconnect_reason: str | int | None = msgspec.field(default=None, name="disconnectReason")

    @property
    def reason(self) -> str:
        """Why it left the room, in LiveKit's words."""
        reason = self.disconnect_reason
        if isinstance(reason, int) and 0 <= reason < len(REASONS):
            return REASONS[reason]
        return str(reason or REASONS[0])


class _Room(Body):
    name: str = ""


class _Event(Body, rename="camel"):
    event: str = ""
    id: str = ""
    created_at: Time = None
    room: _Room | None = None
    participant: msgspec.Raw = _NOBODY


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
    secret = settings.api_secret.get_secret_value().ljust(_KEY_LENGTH, "\0")
    verifier = TokenVerifier(settings.api_key, secret, leeway=_LEEWAY + age)
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
    event = read_or_none(_Event, request.body) or _Event()
    at = moment_of(event.created_at)
    name = event.id or request.digest()
    call = _call(event, at, provider)
    if call is not None and event.event == "participant_joined":
        return [CallStarted(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    if call is not None and event.event in _LEFT:
        return [CallEnded(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    return [UnknownEvent(id=name, provider=provider, occurred_at=at, raw=raw, kind=event.event)]


def _call(event: _Event, at: datetime | None, provider: str) -> Call | None:
    """Return the call of a SIP participant; None for others."""
    who = read_or_none(_Participant, event.participant)
    if who is None or who.call_id is None:
        return None
    room, raw = event.room.name if event.room else "", bytes(event.participant)
    if event.event not in _LEFT:
        return who.call(provider, who.call_id, who.status, room, raw)
    status = ended_as(who.reason, who.status)
    if event.event == _ABORTED and status is CallStatus.COMPLETED:
        status = CallStatus.FAILED
    call = who.call(provider, who.call_id, status, room, raw)
    reason = who.reason if who.reason != REASONS[0] else None
    return call.model_copy(update={"ended_at": at, "reason": reason})
