"""Agent dispatch and calls for the sandbox, as livekit-server and livekit-sip answer them."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message
from livekit.protocol import agent_dispatch as agents
from livekit.protocol import sip

from telephony.sandbox.vendor import Json, Refusal, State

from . import checks as check
from .trunks import BASE57, SipService
from .twirp import Claims, Method, refusal, room_admin, sip_grant

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


class Calls:
    """Who is in which room.

    Attributes:
        dispatches: agents sent into rooms, by id of the dispatch.
        participants: calls that were placed: the id of the call by room and identity.
        has_bridge: False makes it a server without livekit-sip, which cannot call.
        next_sip_status: what the carrier answers the next call that waits for an answer, and why.
    """

    def __init__(self, state: State, trunks: SipService) -> None:
        self._state = state
        self._trunks = trunks
        self.dispatches: dict[str, agents.AgentDispatch] = {}
        self.participants: dict[tuple[str, str], str] = {}
        self.has_bridge = True
        self.next_sip_status: tuple[int, str] | None = None

    def sip_methods(self) -> Mapping[str, Method]:
        call = sip_grant("call")

        def transfers(found: Claims, wanted: Message | Json) -> bool:
            return call(found, wanted) and room_admin(found, wanted)

        return {
            "CreateSIPParticipant": Method(sip.CreateSIPParticipantRequest, call, self._call),
            "TransferSIPParticipant": Method(
                sip.TransferSIPParticipantRequest, transfers, self._transfer
            ),
        }

    def dispatch_methods(self) -> Mapping[str, Method]:
        return {
            "CreateDispatch": Method(agents.CreateAgentDispatchRequest, room_admin, self._dispatch),
            "DeleteDispatch": Method(agents.DeleteAgentDispatchRequest, room_admin, self._delete),
            "ListDispatch": Method(agents.ListAgentDispatchRequest, room_admin, self._list),
        }

    def _call(self, request: sip.CreateSIPParticipantRequest) -> sip.SIPParticipantInfo:
        inline = request.HasField("trunk")
        if not (request.sip_trunk_id or inline or request.sip_number):
            raise check.invalid("missing sip trunk id and sip number")
        if inline and not request.trunk.hostname:
            raise check.invalid("no outbound hostname specified")
        if not request.sip_call_to:
            raise check.invalid("missing sip callee number")
        if "@" in request.sip_call_to:
            raise check.invalid(
                "SipCallTo should be a phone number or SIP user, not a full SIP URI"
            )
        if not request.room_name:
            raise check.invalid("missing room name")
        if request.sip_trunk_id and request.sip_trunk_id not in self._trunks.outbound:
            raise refusal("not_found", "requested sip trunk does not exist")
        if not self.has_bridge:
            raise refusal("unavailable", f"{check.WRAPPED}no response from servers")
        if request.wait_until_answered and self.next_sip_status is not None:
            status, self.next_sip_status = self.next_sip_status, None
            raise _sip_failure(*status)
        identity = request.participant_identity or f"sip_{request.sip_call_to}"
        call = self._state.id("SCL_", 12, BASE57)
        self.participants[request.room_name, identity] = call
        self._state.record("call", call, self._caller(request))
        return sip.SIPParticipantInfo(
            participant_id=self._state.id("PA_", 12, BASE57),
            participant_identity=identity,
            room_name=request.room_name,
            sip_call_id=call,
        )

    def _caller(self, request: sip.CreateSIPParticipantRequest) -> str | None:
        trunk = self._trunks.outbound.get(request.sip_trunk_id)
        return request.sip_number or (trunk.numbers[0] if trunk else None)

    def _transfer(
        self, request: sip.TransferSIPParticipantRequest
    ) -> sip.TransferSIPParticipantResponse:
        if not request.transfer_to.strip("<>").startswith(("sip:", "sips:", "tel:")):
            raise check.invalid(
                "transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:)"
            )
        if (request.room_name, request.participant_identity) not in self.participants:
            raise refusal("not_found", f"{check.WRAPPED}participant does not exist")
        # Up to 1.13.5 the server says nothing more.
        return sip.TransferSIPParticipantResponse()

    def _dispatch(self, request: agents.CreateAgentDispatchRequest) -> agents.AgentDispatch:
        made = agents.AgentDispatch(
            id=self._state.id("AD_", 12, BASE57),
            agent_name=request.agent_name,
            room=request.room,
            metadata=request.metadata,
            state=agents.AgentDispatchState(created_at=int(self._state.now().timestamp() * 1e9)),
        )
        self.dispatches[made.id] = made
        return made

    def _delete(self, request: agents.DeleteAgentDispatchRequest) -> agents.AgentDispatch:
        found = self.dispatches.get(request.dispatch_id)
        if found is None or found.room != request.room:
            raise refusal("not_found", f"{check.WRAPPED}dispatch ID not found")
        return self.dispatches.pop(found.id)

    def _list(self, request: agents.ListAgentDispatchRequest) -> agents.ListAgentDispatchResponse:
        found = [one for one in self.dispatches.values() if one.room == request.room]
        return agents.ListAgentDispatchResponse(agent_dispatches=found)


def _sip_failure(status: int, reason: str) -> Refusal:
    code = _CODES.get(status, "failed_precondition" if 500 <= status < 600 else "invalid_argument")
    meta: Json = {"sip_status_code": str(status), "sip_status": reason}
    return refusal(code, f"{check.WRAPPED}sip status {status}: {reason}", meta)
