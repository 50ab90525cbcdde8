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
from typing import cast

import jwt
from livekit.api import TokenVerifier

from telephony.errors import ConfigurationError, SignatureError
from telephony.events import CallEnded, CallStarted, Event, UnknownEvent, WebhookRequest
from telephony.model import Call, CallStatus, Direction
from telephony.reading import Body, Time, moment, read_or_none, required_header
from telephony.settings import is_blank
from telephony.wire import Json

from .bodies import normalized
from .settings import LiveKitSettings

_LEEWAY = timedelta(seconds=60)
# HMAC fills a short key with zeros itself, so the signature is the same. Unfilled, PyJWT would warn
# of what the server's own log says: that `livekit-server --dev` has a short key.
_KEY_LENGTH = 32
_SIP = ("SIP", 3)

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
# Why a participant left its room, in the order of LiveKit's numbers for it.
_REASONS = (
    "UNKNOWN_REASON", "CLIENT_INITIATED", "DUPLICATE_IDENTITY", "SERVER_SHUTDOWN",
    "PARTICIPANT_REMOVED", "ROOM_DELETED", "STATE_MISMATCH", "JOIN_FAILURE", "MIGRATION",
    "SIGNAL_CLOSE", "ROOM_CLOSED", "USER_UNAVAILABLE", "USER_REJECTED", "SIP_TRUNK_FAILURE",
    "CONNECTION_TIMEOUT", "MEDIA_FAILURE", "AGENT_ERROR",
)  # fmt: skip
_ENDS: Mapping[str, CallStatus] = {
    "UNKNOWN_REASON": CallStatus.UNKNOWN,
    "USER_UNAVAILABLE": CallStatus.NO_ANSWER,
    "USER_REJECTED": CallStatus.BUSY,
    "SIP_TRUNK_FAILURE": CallStatus.FAILED,
    "CONNECTION_TIMEOUT": CallStatus.FAILED,
    "MEDIA_FAILURE": CallStatus.FAILED,
    "JOIN_FAILURE": CallStatus.FAILED,
}


class _Participant(Body, rename="camel"):
    identity: str = ""
    kind: str | int | None = None
    attributes: dict[str, object] | None = None
    joined_at: Time = None
    disconnect_reason: str | int | None = None

    @property
    def reason(self) -> str:
        """Why it left the room, in LiveKit's words."""
        reason = self.disconnect_reason
        if isinstance(reason, int) and 0 <= reason < len(_REASONS):
            return _REASONS[reason]
        return str(reason or _REASONS[0])

    def attribute(self, name: str) -> str:
        value = (self.attributes or {}).get(name)
        return value if isinstance(value, str) else ""


class _Room(Body):
    name: str = ""


class _Event(Body, rename="camel"):
    event: str = ""
    id: str = ""
    created_at: Time = None
    room: _Room | None = None
    participant: _Participant | None = None


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
    event = read_or_none(_Event, raw) or _Event()
    at = moment(event.created_at) if event.created_at not in (0, "0") else None
    name = event.id or request.digest()
    call = _call(event, provider)
    if call is not None and event.event == "participant_joined":
        return [CallStarted(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    if call is not None and event.event == "participant_left":
        return [CallEnded(id=name, provider=provider, occurred_at=at, raw=raw, call=call)]
    return [UnknownEvent(id=name, provider=provider, occurred_at=at, raw=raw, kind=event.event)]


def _call(event: _Event, provider: str) -> Call | None:
    """Return the call of a SIP participant; None for others, and if its number is hidden."""
    who = event.participant
    if who is None or who.kind not in _SIP:
        return None
    number, call = who.attribute("sip.trunkPhoneNumber"), who.attribute("sip.callID")
    if not number or not call:
        return None
    # As the carrier writes them, often without a "+".
    number = normalized(number)
    other = normalized(who.attribute("sip.phoneNumber")) or None
    # Only calls that come in meet a dispatch rule.
    inbound = bool(who.attribute("sip.ruleID"))
    word = who.attribute("sip.callStatus")
    status = _STATUS.get(word, CallStatus.UNKNOWN)
    if event.event == "participant_left":
        # The attributes are those of the last moment: who answered is active, or has hung up.
        answered = _UNANSWERED.get(word, CallStatus.COMPLETED)
        known = who.reason in _REASONS
        status = _ENDS.get(who.reason, answered) if known else CallStatus.UNKNOWN
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
        started_at=moment(who.joined_at) if who.joined_at not in (0, "0") else None,
        raw={
            "room": event.room.name if event.room else "",
            "participant": who.identity,
            "attributes": cast("Json", who.attributes or {}),
        },
    )
