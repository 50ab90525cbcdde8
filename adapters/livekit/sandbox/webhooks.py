"""Webhooks, signed with the API key as the server's are."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken
from livekit.protocol.models import DisconnectReason, ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from telephony.sandbox.webhook_sender import OutgoingWebhook, on_server_error

from ..capabilities import WEBHOOK_TYPE
from ..webhooks import body_hash
from .account import Account

_ATTEMPTS = 4
_LIFE = timedelta(minutes=5)


def called(account: Account, login: tuple[str, str], number: str, caller: str, rule: str) -> str:
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
    room = Room(sid=account.id("RM_"), name=f"call-{call}")
    joined = _event(account, "participant_joined", room, who)
    who.attributes["sip.callStatus"] = "hangup"
    who.disconnect_reason = DisconnectReason.CLIENT_INITIATED
    left = _event(account, "participant_left", room, who)
    if account.state.webhook_url is not None:
        url = account.state.webhook_url
        account.state.send_webhooks(*(_webhook(url, login, event) for event in (joined, left)))
    return call


def _event(account: Account, kind: str, room: Room, who: ParticipantInfo) -> bytes:
    event = WebhookEvent(
        event=kind,
        id=account.id("EV_"),
        created_at=int(account.state.now().timestamp()),
        room=room,
        participant=who,
    )
    return MessageToJson(event, indent=None).encode()


def _webhook(url: str, login: tuple[str, str], body: bytes) -> OutgoingWebhook:
    token = AccessToken(*login).with_sha256(body_hash(body)).with_ttl(_LIFE).to_jwt()
    headers = {"content-type": WEBHOOK_TYPE, "authorization": token}
    return OutgoingWebhook(url, body, headers, _ATTEMPTS, on_server_error)
