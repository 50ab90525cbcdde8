"""Webhooks, signed with the API key as the server's are."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken
from livekit.protocol.models import DisconnectReason, ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from telephony.enums import CallStatus
from telephony.sandbox.webhook_sender import OutgoingWebhook, on_server_error

from ..capabilities import WEBHOOK_TYPE
from ..webhooks import body_hash
from . import rooms
from .account import Account, SipParticipant

_ATTEMPTS = 4
_LIFE = timedelta(minutes=5)


_REASONS = {
    CallStatus.COMPLETED: DisconnectReason.CLIENT_INITIATED,
    CallStatus.BUSY: DisconnectReason.USER_REJECTED,
    CallStatus.NO_ANSWER: DisconnectReason.USER_UNAVAILABLE,
    CallStatus.FAILED: DisconnectReason.SIP_TRUNK_FAILURE,
}


def joined(account: Account, call: SipParticipant) -> None:
    """Send the webhook of a call that is placed: LiveKit sends none when it is answered."""
    who = rooms.shown(call)
    _send(account, _event(account, "participant_joined", call.room, who, call.played.began_at))


def left(account: Account, call: SipParticipant) -> None:
    """Send the webhook of a call that is over."""
    who = rooms.shown(call)
    if math.isfinite(call.played.cut):
        who.disconnect_reason = DisconnectReason.PARTICIPANT_REMOVED
    else:
        who.disconnect_reason = _REASONS[call.played.status]
    _send(account, _event(account, "participant_left", call.room, who, call.played.ended_at))


def called(account: Account, number: str, caller: str, rule: str) -> str:
    """Send the webhooks of a call that comes in and is hung up; return its id."""
    call = account.id("SCL_")
    who = ParticipantInfo(
        sid=account.id("PA_"),
        identity=f"sip_{caller}",
        kind=ParticipantInfo.Kind.SIP,
        joined_at=int(account.state.now().timestamp()),
        attributes={
            "sip.callID": call,
            "sip.ruleID": rule,
            "sip.trunkPhoneNumber": number,
            "sip.phoneNumber": caller,
            "sip.callStatus": "active",
        },
    )
    joined = _event(account, "participant_joined", f"call-{call}", who)
    who.attributes["sip.callStatus"] = "hangup"
    who.disconnect_reason = DisconnectReason.CLIENT_INITIATED
    _send(account, joined, _event(account, "participant_left", f"call-{call}", who))
    return call


def _event(
    account: Account, kind: str, room: str, who: ParticipantInfo, at: datetime | None = None
) -> bytes:
    event = WebhookEvent(
        event=kind,
        id=account.id("EV_"),
        created_at=int((at or account.state.now()).timestamp()),
        room=Room(sid=account.id("RM_"), name=room),
        participant=who,
    )
    return MessageToJson(event, indent=None).encode()


def _send(account: Account, *bodies: bytes) -> None:
    """Send webhooks, one after the other."""
    url = account.state.webhook_url
    if url is None:
        return
    made: list[OutgoingWebhook] = []
    for body in bodies:
        token = AccessToken(*account.login).with_sha256(body_hash(body)).with_ttl(_LIFE).to_jwt()
        headers = {"content-type": WEBHOOK_TYPE, "authorization": token}
        made.append(OutgoingWebhook(url, body, headers, _ATTEMPTS, on_server_error))
    account.state.send_webhooks(*made)
