"""Butter AI: numbers imported through a Twilio account or a SIP trunk; voice only."""

from .adapter import Butter
from .settings import ButterSettings

__all__ = ["Butter", "ButterSettings"]
