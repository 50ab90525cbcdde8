"""Twilio's documented API on loopback. Source: twilio.com/docs, API version 2010-04-01."""

from .vendor import TwilioSandbox

__all__ = ["TwilioSandbox"]
