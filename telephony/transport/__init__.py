"""The one HTTP transport: what is retried, how long it waits, and what it tells nobody."""

from telephony.transport.http import AsyncTransport, Transport

__all__ = ["AsyncTransport", "Transport"]
