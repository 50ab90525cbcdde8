"""Twilio: numbers owned at the carrier, answered by webhooks, an application or a SIP trunk."""

from .adapter import Twilio
from .settings import TwilioSettings

__all__ = ["Twilio", "TwilioSettings"]
