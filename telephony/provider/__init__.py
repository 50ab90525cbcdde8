"""The only two drivers: an adapter and a transport, blocking or asyncio."""

from telephony.provider.asynchronous import AsyncProvider
from telephony.provider.blocking import Provider

__all__ = ["AsyncProvider", "Provider"]
