"""Who sends and receives at Twilio besides numbers of the account.

Source: twilio.com/docs/messaging/api/message-resource and …/voice/api/call-resource.
"""

from __future__ import annotations

import re

from telephony.model import Channel
from telephony.numbers import is_short_code

SCHEMES = ("whatsapp:", "messenger:", "rcs:", "sip:", "sips:", "client:")

_SERVICE = re.compile("MG[0-9a-fA-F]{32}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_CHANNELS = {"whatsapp": Channel.WHATSAPP, "rcs": Channel.RCS}


def is_service(text: str) -> bool:
    """Return whether it is the sid of a Messaging Service, which chooses the sender itself."""
    return _SERVICE.fullmatch(text) is not None


def is_sender(text: str) -> bool:
    """Return whether it can send as written, and is not the sid of a number."""
    return (
        text.startswith(SCHEMES)
        or is_service(text)
        or is_short_code(text)
        or _NAME.fullmatch(text) is not None
    )


def matching(sender: str, to: str) -> str:
    """Return the sender on the recipient's channel: WhatsApp messages go from WhatsApp senders."""
    return f"whatsapp:{sender}" if to.startswith("whatsapp:") and sender[:1] == "+" else sender


def bare(address: str) -> str:
    """Return the number of a WhatsApp address; any other address as it is."""
    return address.removeprefix("whatsapp:")


def channel(*addresses: str | None) -> Channel | None:
    """Return the channel that an address names; None: that of plain numbers."""
    for address in addresses:
        # Nearly all are numbers.
        if address and address[0] != "+" and address.startswith(SCHEMES):
            return _CHANNELS.get(address.partition(":")[0], Channel.UNKNOWN)
    return None
