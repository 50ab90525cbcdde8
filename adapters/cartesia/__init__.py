"""Cartesia: numbers linked from Twilio or a SIP trunk, or provisioned by Cartesia; voice only."""

from .adapter import Cartesia
from .settings import CartesiaSettings

__all__ = ["Cartesia", "CartesiaSettings"]
