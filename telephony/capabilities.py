"""What a vendor supports, declared by its adapter."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Capability(enum.StrEnum):
    """An operation; the value is the method's name.

    `LIST_ALL_MESSAGES` is ``list_messages`` without a number.
    """

    LIST_NUMBERS = "list_numbers"
    GET_NUMBER = "get_number"
    SEARCH_NUMBERS = "search_numbers"
    PROVISION_NUMBER = "provision_number"
    IMPORT_NUMBER = "import_number"
    UPDATE_NUMBER = "update_number"
    LIST_TARGETS = "list_targets"
    ASSIGN_NUMBER = "assign_number"
    UNASSIGN_NUMBER = "unassign_number"
    RELEASE_NUMBER = "release_number"
    LIST_MESSAGES = "list_messages"
    LIST_ALL_MESSAGES = "list_all_messages"
    GET_MESSAGE = "get_message"
    SEND_MESSAGE = "send_message"
    PLACE_CALL = "place_call"
    LIST_CALLS = "list_calls"
    GET_CALL = "get_call"
    END_CALL = "end_call"
    GET_TRANSCRIPT = "get_transcript"
    GET_RECORDING = "get_recording"
    LIST_CARRIERS = "list_carriers"
    LINK_CARRIER = "link_carrier"
    ROTATE_CARRIER = "rotate_carrier"
    UNLINK_CARRIER = "unlink_carrier"
    PARSE_WEBHOOK = "parse_webhook"
    GET_WEBHOOK = "get_webhook"
    SET_WEBHOOK = "set_webhook"


MUTATING = frozenset(Capability) - {
    Capability.LIST_NUMBERS,
    Capability.GET_NUMBER,
    Capability.SEARCH_NUMBERS,
    Capability.LIST_TARGETS,
    Capability.LIST_MESSAGES,
    Capability.LIST_ALL_MESSAGES,
    Capability.GET_MESSAGE,
    Capability.LIST_CALLS,
    Capability.GET_CALL,
    Capability.GET_TRANSCRIPT,
    Capability.GET_RECORDING,
    Capability.LIST_CARRIERS,
    Capability.PARSE_WEBHOOK,
    Capability.GET_WEBHOOK,
}
"""The operations that change something at the vendor."""


class Level(enum.StrEnum):
    """Whether an operation is supported."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Support:
    """How far a vendor supports an operation.

    Attributes:
        level: full, partial or none.
        note: for partial, what is missing; for none, what to use instead.
    """

    level: Level
    note: str = ""


FULL = Support(Level.FULL)


def partial(note: str) -> Support:
    """Return partial support; `note` says what is missing."""
    return Support(Level.PARTIAL, note)


def unsupported(instead: str) -> Support:
    """Return no support; `instead` says what to use."""
    return Support(Level.NONE, instead)


_UNDECLARED = unsupported("`telephony providers` shows which vendors have it.")
_FOLLOW = unsupported("Follow calls with the vendor's webhooks, or look in its dashboard.")
_INSTEAD = {
    Capability.LIST_TARGETS: unsupported("Look the ids up in the vendor's dashboard."),
    Capability.LIST_ALL_MESSAGES: unsupported("Name a number: list_messages(number)."),
    Capability.GET_MESSAGE: unsupported("Find it with list_messages(number)."),
    Capability.LIST_CALLS: _FOLLOW,
    Capability.GET_CALL: _FOLLOW,
    Capability.END_CALL: unsupported("Let the agent or the other side hang up."),
    Capability.GET_TRANSCRIPT: unsupported("Look in the vendor's dashboard."),
    Capability.GET_RECORDING: unsupported("Look in the vendor's dashboard."),
}


def support_of(declared: Mapping[Capability, Support], capability: Capability) -> Support:
    """Return how far an adapter supports an operation: not at all unless it declares it."""
    if capability in declared:
        return declared[capability]
    of_numbers = declared.get(Capability.LIST_MESSAGES, _UNDECLARED)
    if of_numbers.level is Level.NONE and capability in {
        Capability.LIST_ALL_MESSAGES,
        Capability.GET_MESSAGE,
    }:
        return of_numbers  # a vendor without texts has none of a number either
    return _INSTEAD.get(capability, _UNDECLARED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to an operation whose response is lost.

    Attributes:
        retried: whether doing it twice changes nothing more, so that the request is retried.
        resolution: how the adapter finds out what happened, or that it cannot.
    """

    retried: bool
    resolution: str


def retried(resolution: str = "retried") -> Outcome:
    """Return the outcome of an operation that is safe to retry."""
    return Outcome(True, resolution)


def not_retried(resolution: str) -> Outcome:
    """Return the outcome of an operation that is retried only if provably not processed."""
    return Outcome(False, resolution)


LOOK_IN: Mapping[Capability, tuple[Capability, str]] = {
    Capability.PROVISION_NUMBER: (Capability.LIST_NUMBERS, "list_numbers()"),
    Capability.IMPORT_NUMBER: (Capability.LIST_NUMBERS, "list_numbers()"),
    Capability.SEND_MESSAGE: (Capability.LIST_MESSAGES, "list_messages(number)"),
    Capability.PLACE_CALL: (Capability.LIST_CALLS, "list_calls(number)"),
    Capability.LINK_CARRIER: (Capability.LIST_CARRIERS, "list_carriers()"),
}
"""The listing in which a change of unknown outcome can be looked for, and how to call it."""


class CarrierOutcome(enum.StrEnum):
    """What releasing a number did at its carrier."""

    RELEASED = "released"
    """It left the account, for good or until it is taken back in time."""
    KEPT = "kept"
    """It was detached from this vendor; the carrier still holds and bills it."""
    UNKNOWN = "unknown"
    """The vendor does not say."""
