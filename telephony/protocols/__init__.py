"""What callers get (`PhoneNumberProvider` and its asyncio twin) and what adapters promise."""

from telephony.protocols.adapter import Adapter
from telephony.protocols.asynchronous import AsyncPhoneNumberProvider
from telephony.protocols.blocking import PhoneNumberProvider

__all__ = ["Adapter", "AsyncPhoneNumberProvider", "PhoneNumberProvider"]
