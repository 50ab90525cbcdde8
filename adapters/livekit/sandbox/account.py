"""What a project of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, Refusal, State, Table

from .refusals import missing

_BASE57 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _no_trunk(_: str) -> Refusal:
    return missing("requested sip trunk does not exist")


def _no_rule(_: str) -> Refusal:
    return missing("requested sip dispatch rule does not exist")


@dataclass
class SipParticipant:
    """A call in its room, as long as it is played."""

    room: str
    info: ParticipantInfo
    played: PlayedCall

    def present(self) -> bool:
        return not self.played.ended


@dataclass
class Account:
    """A project.

    Attributes:
        inbound, outbound, rules: trunks and dispatch rules by id; plant there what another client
            made.
        dispatches: agents sent into rooms, by id of the dispatch.
        participants: calls that were placed, by room and identity; those that ended too.
        login: API key and secret, which webhooks are signed with.
        numbers: LiveKit Phone Numbers that were bought, by id, released ones too.
        page_cap: the most trunks or rules of any response, for a server that caps them;
            livekit-server gives everything, whatever `limit` says.
        has_bridge: False makes it a server without livekit-sip, which cannot call.
        next_sip_status: the carrier's SIP status and reason for the next call that waits until it
            is answered.
    """

    state: State
    login: tuple[str, str]
    inbound: Table[SIPInboundTrunkInfo] = field(default_factory=lambda: Table(_no_trunk))
    outbound: Table[SIPOutboundTrunkInfo] = field(default_factory=lambda: Table(_no_trunk))
    rules: Table[SIPDispatchRuleInfo] = field(default_factory=lambda: Table(_no_rule))
    dispatches: dict[str, AgentDispatch] = field(default_factory=dict)
    participants: dict[tuple[str, str], SipParticipant] = field(default_factory=dict)
    numbers: dict[str, Json] = field(default_factory=dict)
    page_cap: int | None = None
    has_bridge: bool = True
    next_sip_status: tuple[int, str] | None = None

    def id(self, prefix: str) -> str:
        """Return a new id, as LiveKit makes them."""
        return self.state.id(prefix, 12, _BASE57)
