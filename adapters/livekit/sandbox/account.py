"""What a project of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo

from telephony.sandbox.vendor import Json, State

from .refusals import missing

_BASE57 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass
class Account:
    """A project.

    Attributes:
        inbound, outbound, rules: trunks and dispatch rules by id; plant there what another client
            made.
        dispatches: agents sent into rooms, by id of the dispatch.
        participants: calls that were placed: the id of the call by room and identity.
        numbers: LiveKit Phone Numbers that were bought, by id, released ones too.
        page_cap: the most trunks or rules of any answer, for a server that caps them;
            livekit-server gives everything, whatever `limit` says.
        has_bridge: False makes it a server without livekit-sip, which cannot call.
        next_sip_status: what the carrier answers the next call that waits for an answer, and why.
    """

    state: State
    inbound: dict[str, SIPInboundTrunkInfo] = field(default_factory=dict)
    outbound: dict[str, SIPOutboundTrunkInfo] = field(default_factory=dict)
    rules: dict[str, SIPDispatchRuleInfo] = field(default_factory=dict)
    dispatches: dict[str, AgentDispatch] = field(default_factory=dict)
    participants: dict[tuple[str, str], str] = field(default_factory=dict)
    numbers: dict[str, Json] = field(default_factory=dict)
    page_cap: int | None = None
    has_bridge: bool = True
    next_sip_status: tuple[int, str] | None = None

    def id(self, prefix: str) -> str:
        """A new one, as LiveKit makes them."""
        return self.state.id(prefix, 12, _BASE57)

    def rule(self, rule_id: str) -> SIPDispatchRuleInfo:
        if rule_id not in self.rules:
            raise missing("requested sip dispatch rule does not exist")
        return self.rules[rule_id]
