"""The one HTTP transport: connections, deadlines, rate limits and retries."""

from telephony._transport.http import AsyncTransport, Transport

__all__ = ["AsyncTransport", "Transport"]
