"""One library for phone numbers at every voice and messaging vendor.

import telephony

with telephony.connect("cartesia") as provider:
    number = provider.get_number("+14155550123")
    provider.assign_number(number, "agent_7Hq2LmX9")
"""

from importlib import import_module
from typing import TYPE_CHECKING

from telephony._version import __version__

if TYPE_CHECKING:
    from telephony.capabilities import Capability, CarrierOutcome, Level, Support
    from telephony.config import connect, connect_async
    from telephony.errors import (
        AuthenticationError,
        ConfigurationError,
        ConflictError,
        InvalidRequestError,
        InvalidResponseError,
        NotFoundError,
        OutcomeUnknownError,
        PermissionDeniedError,
        ProviderError,
        ProviderTimeoutError,
        QuotaExceededError,
        RateLimitedError,
        SignatureError,
        TelephonyError,
        UnavailableError,
        UnsupportedOperationError,
    )
    from telephony.model import (
        Agent,
        Application,
        AvailableNumber,
        Call,
        CallStatus,
        CarrierAccount,
        Channel,
        Direction,
        LinkedCarrier,
        Message,
        MessageError,
        MessageStatus,
        NumberKind,
        NumberStatus,
        PhoneNumber,
        Recording,
        Release,
        Room,
        SipTrunk,
        Source,
        Speaker,
        Split,
        Target,
        TelnyxAccount,
        Transcript,
        Trunk,
        Turn,
        TwilioAccount,
        VonageAccount,
        Webhook,
        WebhookEndpoint,
    )
    from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider
    from telephony.provider import AsyncProvider, Provider

__all__ = [
    "Agent",
    "Application",
    "AsyncPhoneNumberProvider",
    "AsyncProvider",
    "AuthenticationError",
    "AvailableNumber",
    "Call",
    "CallStatus",
    "Capability",
    "CarrierAccount",
    "CarrierOutcome",
    "Channel",
    "ConfigurationError",
    "ConflictError",
    "Direction",
    "InvalidRequestError",
    "InvalidResponseError",
    "Level",
    "LinkedCarrier",
    "Message",
    "MessageError",
    "MessageStatus",
    "NotFoundError",
    "NumberKind",
    "NumberStatus",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "PhoneNumber",
    "PhoneNumberProvider",
    "Provider",
    "ProviderError",
    "ProviderTimeoutError",
    "QuotaExceededError",
    "RateLimitedError",
    "Recording",
    "Release",
    "Room",
    "SignatureError",
    "SipTrunk",
    "Source",
    "Speaker",
    "Split",
    "Support",
    "Target",
    "TelephonyError",
    "TelnyxAccount",
    "Transcript",
    "Trunk",
    "Turn",
    "TwilioAccount",
    "UnavailableError",
    "UnsupportedOperationError",
    "VonageAccount",
    "Webhook",
    "WebhookEndpoint",
    "__version__",
    "connect",
    "connect_async",
]


def __getattr__(name: str) -> object:
    # Loaded when first used: pytest imports this package at every start, for its plugin, and the
    # command line must be able to say that it was interrupted while it loads.
    if name in __all__:
        for module in ("capabilities", "errors", "model", "protocols", "config", "provider"):
            found: object = getattr(import_module(f"telephony.{module}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module 'telephony' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
