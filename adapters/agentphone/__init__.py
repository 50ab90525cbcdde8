"""AgentPhone: US and Canadian numbers that AgentPhone buys, for agents that talk and text."""

from .adapter import AgentPhone
from .settings import AgentPhoneSettings

__all__ = ["AgentPhone", "AgentPhoneSettings"]
