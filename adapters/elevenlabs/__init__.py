"""ElevenLabs: numbers imported from Twilio or a SIP trunk, answered by its voice agents."""

from .adapter import ElevenLabs
from .settings import ElevenLabsSettings

__all__ = ["ElevenLabs", "ElevenLabsSettings"]
