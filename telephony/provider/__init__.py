"""The two drivers, blocking and asyncio: each runs an adapter over a transport."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.provider.asynchronous import AsyncProvider
    from telephony.provider.blocking import Provider

__all__ = ["AsyncProvider", "Provider"]


def __getattr__(name: str) -> object:
    # Loaded when first used: a program needs one of them, and asyncio only for the other.
    if name == "Provider":
        from telephony.provider.blocking import Provider

        return Provider
    if name == "AsyncProvider":
        from telephony.provider.asynchronous import AsyncProvider

        return AsyncProvider
    raise AttributeError(f"module 'telephony.provider' has no attribute {name!r}")
