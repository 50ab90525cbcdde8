"""The webhooks of LiveKit's sandbox, signed with its API key as the server's are."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken
from livekit.protocol.models import DisconnectReason, ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from telephony.sandbox.courier import Delivery, on_server_error
from telephony.sandbox.vendor import State

from ..webhooks import JSON, body_hash
from .trunks import BASE57

_TRIES = 4
_LIFE = timedelta(minutes=5)


def called(state: State, login: tuple[str, str], number: str, caller: str, rule: str) -> str:
    """Tell of a call that comes in and is hung up; returns its id."""
    call = state.id("SCL_", 12, BASE57)
    who = ParticipantInfo(
        sid=state.id("PA_", 12, BASE57),
        identity=f"sip_{caller}",
        kind=ParticipantInfo.Kind.SIP,
        joined_at=int(state.now().timestamp()),
        attributes={
            "sip.callID": call,
            "sip.ruleID": rule,
            "sip.trunkPhoneNumber": number,
            "sip.phoneNumber": caller,
            "sip.callStatus": "active",
        },
    )
    room = Room(sid=state.id("RM_", 12, BASE57), name=f"call-{call}")
    joined = _event(state, "participant_joined", room, who)
    who.attributes["sip.callStatus"] = "hangup"
    who.disconnect_reason = DisconnectReason.CLIENT_INITIATED
    left = _event(state, "participant_left", room, who)
    if state.webhook is not None:
        url = state.webhook
        state.deliver(*(_delivery(url, login, event) for event in (joined, left)))
    return call


def _event(state: State, kind: str, room: Room, who: ParticipantInfo) -> bytes:
    told = WebhookEvent(
        event=kind,
        id=state.id("EV_", 12, BASE57),
        created_at=int(state.now().timestamp()),
        room=room,
        participant=who,
    )
    return MessageToJson(told, indent=None).encode()


def _delivery(url: str, login: tuple[str, str], body: bytes) -> Delivery:
    token = AccessToken(*login).with_sha256(body_hash(body)).with_ttl(_LIFE).to_jwt()
    headers = {"content-type": JSON, "authorization": token}
    return Delivery(url, body, partial(dict, headers), _TRIES, on_server_error)
