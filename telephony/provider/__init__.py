"""The two drivers, blocking and asyncio: each runs an adapter over a transport."""

from telephony.provider.asynchronous import AsyncProvider
from telephony.provider.blocking import Provider

__all__ = ["AsyncProvider", "Provider"]
