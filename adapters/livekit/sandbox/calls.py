"""Calls, as livekit-server and livekit-sip handle them."""

from __future__ import annotations

from datetime import timedelta

from livekit.protocol import models, sip

from telephony.sandbox.calls import RINGS
from telephony.sandbox.vendor import Json, Refusal

from . import rooms, webhooks
from .account import Account, SipParticipant
from .refusals import WRAPPED, invalid, refusal

# What LiveKit makes of a SIP status; any other 4xx and 6xx is invalid_argument, 5xx
# failed_precondition.
_CODES = {
    **dict.fromkeys((401, 402, 403, 603, 607, 608), "permission_denied"),
    **dict.fromkeys((301, 302, 404, 410, 481, 604), "not_found"),
    **dict.fromkeys((480, 486, 600), "resource_exhausted"),
    **dict.fromkeys((408, 504), "deadline_exceeded"),
    **dict.fromkeys((487, 491), "aborted"),
    **dict.fromkeys((409, 412, 482, 483), "failed_precondition"),
    407: "unauthenticated",
}


def place(account: Account, request: sip.CreateSIPParticipantRequest) -> sip.SIPParticipantInfo:
    inline = request.HasField("trunk")
    if not (request.sip_trunk_id or inline or request.sip_number):
        raise invalid("missing sip trunk id and sip number")
    if inline and not request.trunk.hostname:
        raise invalid("no outbound hostname specified")
    if not request.sip_call_to:
        raise invalid("missing sip callee number")
    if "@" in request.sip_call_to:
        raise invalid("SipCallTo should be a phone number or SIP user, not a full SIP URI")
    if not request.room_name:
        raise invalid("missing room name")
    if request.sip_trunk_id:
        account.outbound.find(request.sip_trunk_id)
    if not account.has_bridge:
        raise refusal("unavailable", f"{WRAPPED}no response from servers")
    if request.wait_until_answered and account.next_sip_status is not None:
        status, account.next_sip_status = account.next_sip_status, None
        raise _sip_failure(*status)
    who = _participant(account, request)
    call = who.attributes["sip.callID"]

    def left() -> None:
        webhooks.left(account, found)

    found = SipParticipant(request.room_name, who, account.state.calls.place(on_ended=left))
    if request.wait_until_answered:
        # It has rung by the time of the response.
        found.played.start -= RINGS
        found.played.began_at -= timedelta(seconds=RINGS)
    who.joined_at = int(found.played.began_at.timestamp())
    account.participants[request.room_name, who.identity] = found
    account.state.record("call", call, _caller(account, request))
    webhooks.joined(account, found)
    return sip.SIPParticipantInfo(
        participant_id=who.sid,
        participant_identity=who.identity,
        room_name=request.room_name,
        sip_call_id=call,
    )


def transfer(
    account: Account, request: sip.TransferSIPParticipantRequest
) -> sip.TransferSIPParticipantResponse:
    if not request.transfer_to.strip("<>").startswith(("sip:", "sips:", "tel:")):
        raise invalid("transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:)")
    rooms.find(account, request.room_name, request.participant_identity)
    # Up to 1.13.5 the server says nothing more.
    return sip.TransferSIPParticipantResponse()


def _participant(
    account: Account, request: sip.CreateSIPParticipantRequest
) -> models.ParticipantInfo:
    who = models.ParticipantInfo(
        sid=account.id("PA_"),
        identity=request.participant_identity or f"sip_{request.sip_call_to}",
        name=request.participant_name,
        metadata=request.participant_metadata,
        state=models.ParticipantInfo.State.ACTIVE,
        kind=models.ParticipantInfo.Kind.SIP,
        attributes=request.participant_attributes,
    )
    who.attributes["sip.callID"] = account.id("SCL_")
    who.attributes["sip.trunkID"] = request.sip_trunk_id
    if not request.hide_phone_number:
        who.attributes["sip.trunkPhoneNumber"] = _caller(account, request) or ""
        who.attributes["sip.phoneNumber"] = request.sip_call_to
    return who


def _caller(account: Account, request: sip.CreateSIPParticipantRequest) -> str | None:
    trunk = account.outbound.get(request.sip_trunk_id)
    return request.sip_number or (trunk.numbers[0] if trunk else None)


def _sip_failure(status: int, reason: str) -> Refusal:
    code = _CODES.get(status, "failed_precondition" if 500 <= status < 600 else "invalid_argument")
    meta: Json = {"sip_status_code": str(status), "sip_status": reason}
    return refusal(code, f"{WRAPPED}sip status {status}: {reason}", meta)
