"""The one HTTP transport: connections, deadlines, rate limits, and what is sent again."""

from telephony.transport.http import AsyncTransport, Transport

__all__ = ["AsyncTransport", "Transport"]
