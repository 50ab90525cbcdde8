"""AgentPhone's documented API on loopback. Source: docs.agentphone.ai and its SDK 0.20.3."""

from .vendor import AgentPhoneSandbox

__all__ = ["AgentPhoneSandbox"]
