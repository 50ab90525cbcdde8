"""The words of the unified model."""

from __future__ import annotations

import enum


class Channel(enum.StrEnum):
    """What a number can carry, or what a message was sent over."""

    VOICE = "voice"
    SMS = "sms"
    MMS = "mms"
    FAX = "fax"
    IMESSAGE = "imessage"
    WHATSAPP = "whatsapp"
    RCS = "rcs"
    UNKNOWN = "unknown"


class NumberKind(enum.StrEnum):
    """The kind of a number in its country's numbering plan."""

    LOCAL = "local"
    TOLL_FREE = "toll_free"
    MOBILE = "mobile"
    NATIONAL = "national"


class Ingress(enum.StrEnum):
    """How calls to a number that is held elsewhere come to the vendor that answers it."""

    SELF_WIRED = "self_wired"
    """The vendor writes the carrier's routing, with the account's key."""
    POINTED = "pointed"
    """You point the carrier at the vendor's SIP address."""


class NumberStatus(enum.StrEnum):
    """Whether a number works at the vendor."""

    ACTIVE = "active"
    PENDING = "pending"
    OFFLINE = "offline"
    RELEASED = "released"
    UNKNOWN = "unknown"


class Direction(enum.StrEnum):
    """Whether a number of yours received or placed it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


class MessageStatus(enum.StrEnum):
    """How far a message has got."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    RECEIVING = "receiving"
    RECEIVED = "received"
    UNKNOWN = "unknown"


class CallStatus(enum.StrEnum):
    """How far a call has got, or how it ended."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the call has ended. An unknown status is not final."""
        return self not in {
            CallStatus.QUEUED,
            CallStatus.RINGING,
            CallStatus.IN_PROGRESS,
            CallStatus.UNKNOWN,
        }


class Speaker(enum.StrEnum):
    """Who speaks in a call."""

    AGENT = "agent"
    CALLER = "caller"
    """The person at the other end, whoever called whom."""
    TOOL = "tool"
    """A tool that the agent uses, with what it was asked or its result."""
    SYSTEM = "system"
