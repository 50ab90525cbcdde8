"""Vapi: numbers of its own, or of Twilio, Vonage, Telnyx and SIP trunks; answered by assistants."""

from .adapter import Vapi
from .settings import VapiSettings

__all__ = ["Vapi", "VapiSettings"]
