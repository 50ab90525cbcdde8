"""The protocols of providers (`PhoneNumberProvider`, and for asyncio) and of adapters."""

from telephony.protocols.adapter import Adapter
from telephony.protocols.asynchronous import AsyncPhoneNumberProvider
from telephony.protocols.blocking import PhoneNumberProvider

__all__ = ["Adapter", "AsyncPhoneNumberProvider", "PhoneNumberProvider"]
