"""The sandbox itself: its project, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from livekit.protocol import agent_dispatch as agents
from livekit.protocol import room, sip
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telephony.model import Agent, SipTrunk
from telephony.sandbox.vendor import Refusal, Sample, State, VendorSandbox

from . import calls, dispatches, numbers, rooms, rules, trunks, webhooks
from .account import Account
from .refusals import refusal
from .twirp import (
    Method,
    claims,
    room_admin,
    room_list,
    serve,
    sip_admin,
    sip_call,
    sip_call_in_room,
)

_KEY = "APIsandbox"
_SECRET = "sandbox-secret-of-at-least-32-bytes"  # noqa: S105 - of the sandbox
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_SIP = {
    "CreateSIPInboundTrunk": Method(
        sip.CreateSIPInboundTrunkRequest, sip_admin, trunks.create_inbound
    ),
    "GetSIPInboundTrunk": Method(sip.GetSIPInboundTrunkRequest, sip_admin, trunks.fetch_inbound),
    "ListSIPInboundTrunk": Method(sip.ListSIPInboundTrunkRequest, sip_admin, trunks.listed_inbound),
    "UpdateSIPInboundTrunk": Method(
        sip.UpdateSIPInboundTrunkRequest, sip_admin, trunks.update_inbound
    ),
    "CreateSIPOutboundTrunk": Method(
        sip.CreateSIPOutboundTrunkRequest, sip_admin, trunks.create_outbound
    ),
    "GetSIPOutboundTrunk": Method(sip.GetSIPOutboundTrunkRequest, sip_admin, trunks.fetch_outbound),
    "ListSIPOutboundTrunk": Method(
        sip.ListSIPOutboundTrunkRequest, sip_admin, trunks.listed_outbound
    ),
    "UpdateSIPOutboundTrunk": Method(
        sip.UpdateSIPOutboundTrunkRequest, sip_admin, trunks.update_outbound
    ),
    "DeleteSIPTrunk": Method(sip.DeleteSIPTrunkRequest, sip_admin, trunks.delete),
    "CreateSIPDispatchRule": Method(sip.CreateSIPDispatchRuleRequest, sip_admin, rules.create),
    "ListSIPDispatchRule": Method(sip.ListSIPDispatchRuleRequest, sip_admin, rules.listed),
    "UpdateSIPDispatchRule": Method(sip.UpdateSIPDispatchRuleRequest, sip_admin, rules.update),
    "DeleteSIPDispatchRule": Method(sip.DeleteSIPDispatchRuleRequest, sip_admin, rules.delete),
    "CreateSIPParticipant": Method(sip.CreateSIPParticipantRequest, sip_call, calls.place),
    "TransferSIPParticipant": Method(
        sip.TransferSIPParticipantRequest, sip_call_in_room, calls.transfer
    ),
}
_DISPATCH = {
    "CreateDispatch": Method(agents.CreateAgentDispatchRequest, room_admin, dispatches.create),
    "ListDispatch": Method(agents.ListAgentDispatchRequest, room_admin, dispatches.listed),
    "DeleteDispatch": Method(agents.DeleteAgentDispatchRequest, room_admin, dispatches.delete),
}
_NUMBERS = {
    "SearchPhoneNumbers": Method(None, sip_admin, numbers.search),
    "PurchasePhoneNumber": Method(None, sip_admin, numbers.buy),
    "ListPhoneNumbers": Method(None, sip_admin, numbers.listed),
    "GetPhoneNumber": Method(None, sip_admin, numbers.fetch),
    "UpdatePhoneNumber": Method(None, sip_admin, numbers.update),
    "ReleasePhoneNumbers": Method(None, sip_admin, numbers.release),
}
_ROOMS = {
    "ListRooms": Method(room.ListRoomsRequest, room_list, rooms.listed),
    "ListParticipants": Method(room.ListParticipantsRequest, room_admin, rooms.participants),
    "RemoveParticipant": Method(room.RoomParticipantIdentity, room_admin, rooms.remove),
}
_SERVICES = {
    "SIP": _SIP,
    "RoomService": _ROOMS,
    "AgentDispatchService": _DISPATCH,
    "PhoneNumberService": _NUMBERS,
}


class LiveKitSandbox(VendorSandbox):
    """A LiveKit Cloud project without trunks, rules and numbers, where agents have any name.

    Attributes:
        account: the project; plant things in its tables.
        has_redis: False makes it a server without one, which refuses SIP: "redis required".
        has_phone_numbers: False makes it an own server, which has no Phone Numbers.
    """

    name: ClassVar[str] = "livekit"
    too_many: ClassVar[Refusal] = refusal("resource_exhausted", "rate limit exceeded")
    hosts: ClassVar[tuple[str, ...]] = ("sip.livekit.cloud",)

    def __init__(self) -> None:
        self.state: State = State(seed=0x11)
        self.account: Account = Account(self.state, (_KEY, _SECRET))
        self.has_redis = True
        self.has_phone_numbers = True
        self.sample: Sample = Sample(
            target=Agent("reception"),
            other_target=Agent("sales"),
            source=SipTrunk(
                "acme.pstn.example.com",
                username="acme",
                password=SecretStr("sandbox-sip-password"),
            ),
        )

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/twirp/livekit.{service}/{method}", self._serve, methods=_VERBS)]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        claims(request, {_KEY: _SECRET})
        return Refusal(404, "404 page not found\n")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {
            "base_url": base_url,
            "api_key": _KEY,
            "api_secret": _SECRET,
            "phone_numbers": "true",
        }

    def receive_call(self, to: str, sender: str) -> str:
        rule = rules.rule_for(self.account, to, sender) or numbers.rule_for(self.account, to)
        if rule is None:
            raise LookupError(f"No dispatch rule answers {to} in LiveKit's sandbox")
        return webhooks.called(self.account, to, sender, rule)

    def answered_by(self, number: str) -> str | None:
        rule = rules.rule_for(self.account, number, "") or numbers.rule_for(self.account, number)
        return rules.answering(self.account, rule) if rule is not None else None

    async def _serve(self, request: Request) -> Response:
        found = claims(request, {_KEY: _SECRET})
        if (planted := self.state.planted_response(request)) is not None:
            return planted
        methods = _SERVICES.get(request.path_params["service"])
        if methods is None or (methods is _NUMBERS and not self.has_phone_numbers):
            raise self.refuse_route(request, 404)
        unready = None
        if methods is _SIP and not self.has_redis:
            unready = refusal("internal", "sip not connected (redis required)")
        return await serve(self.account, request, found, methods, unready)
