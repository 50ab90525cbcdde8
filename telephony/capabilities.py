"""What a vendor offers, said by its adapter as data that the gate and the matrix read."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Capability(enum.StrEnum):
    """An operation; the value is the method's name."""

    LIST_NUMBERS = "list_numbers"
    GET_NUMBER = "get_number"
    SEARCH_NUMBERS = "search_numbers"
    PROVISION_NUMBER = "provision_number"
    IMPORT_NUMBER = "import_number"
    UPDATE_NUMBER = "update_number"
    ASSIGN_NUMBER = "assign_number"
    UNASSIGN_NUMBER = "unassign_number"
    RELEASE_NUMBER = "release_number"
    LIST_MESSAGES = "list_messages"
    SEND_MESSAGE = "send_message"
    PLACE_CALL = "place_call"
    LIST_CARRIERS = "list_carriers"
    LINK_CARRIER = "link_carrier"
    ROTATE_CARRIER = "rotate_carrier"
    UNLINK_CARRIER = "unlink_carrier"
    PARSE_WEBHOOK = "parse_webhook"
    GET_WEBHOOK = "get_webhook"
    SET_WEBHOOK = "set_webhook"


class Level(enum.StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Support:
    """How far a vendor offers an operation.

    Attributes:
        level: full, partial or none.
        note: for partial, what is missing; for none, what to use instead.
    """

    level: Level
    note: str = ""


FULL = Support(Level.FULL)


def partial(note: str) -> Support:
    return Support(Level.PARTIAL, note)


def unsupported(instead: str) -> Support:
    return Support(Level.NONE, instead)


class CarrierOutcome(enum.StrEnum):
    """What release did to the number at its carrier."""

    RELEASED = "released"
    """It left the account for good, or until taken back in time."""
    KEPT = "kept"
    """It was detached from this vendor; the carrier still holds and bills it."""
    UNKNOWN = "unknown"
    """The vendor does not say."""
