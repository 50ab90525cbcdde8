"""LiveKit: numbers on SIP trunks, routed by dispatch rules; LiveKit Phone Numbers on its Cloud."""

from .adapter import LiveKit
from .settings import LiveKitSettings

__all__ = ["LiveKit", "LiveKitSettings"]
