"""The operations that LiveKit has, and the outcome of each change after a lost response."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import (
    FULL,
    Capability,
    Outcome,
    Support,
    not_retried,
    partial,
    retried,
    unsupported,
)

WEBHOOK_TYPE = "application/webhook+json"

_IMPORT_INSTEAD = (
    "Buy at a carrier and import_number(); on LiveKit Cloud set `phone_numbers` to true to buy US "
    "numbers there."
)
_NO_CARRIERS = (
    "A number's trunk holds its carrier's credentials: give them at "
    "import_number(source=SipTrunk(…))."
)
_NO_MESSAGES = "LiveKit carries voice only: use the carrier that owns the number for texts."
_WHILE = "while it lasts"
_NO_TRANSCRIPTS = (
    "LiveKit keeps none: your agent has it, in `session.history` at the end of its session."
)
_NO_RECORDINGS = (
    "Start an egress of the call's room at LiveKit, which uploads the file to a storage of yours."
)
_NO_WEBHOOKS = (
    "LiveKit has no API for it: give the URL, and this provider's API key to sign with, in the "
    "project's settings, or under `webhook` in livekit-server's configuration."
)

CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: unsupported(_IMPORT_INSTEAD),
    Capability.PROVISION_NUMBER: unsupported(_IMPORT_INSTEAD),
    Capability.IMPORT_NUMBER: FULL,
    Capability.UPDATE_NUMBER: partial(
        "the label is the trunk's name: numbers on shared trunks have none"
    ),
    Capability.LIST_TARGETS: partial("the agents and rooms that dispatch rules name"),
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: unsupported(_NO_MESSAGES),
    Capability.SEND_MESSAGE: unsupported(_NO_MESSAGES),
    Capability.LIST_ALL_MESSAGES: unsupported(_NO_MESSAGES),
    Capability.GET_MESSAGE: unsupported(_NO_MESSAGES),
    Capability.PLACE_CALL: partial("needs a number imported with the carrier's address"),
    Capability.LIST_CALLS: partial(f"a call {_WHILE}; each room is asked who is in it"),
    Capability.GET_CALL: partial(f"a call {_WHILE}; each room is asked who is in it"),
    Capability.END_CALL: partial(
        f"a call {_WHILE}; of a call that is over, only the id is returned"
    ),
    Capability.GET_TRANSCRIPT: unsupported(_NO_TRANSCRIPTS),
    Capability.GET_RECORDING: unsupported(_NO_RECORDINGS),
    Capability.LIST_CARRIERS: unsupported(_NO_CARRIERS),
    Capability.LINK_CARRIER: unsupported(_NO_CARRIERS),
    Capability.ROTATE_CARRIER: unsupported(_NO_CARRIERS),
    Capability.UNLINK_CARRIER: unsupported(_NO_CARRIERS),
    Capability.PARSE_WEBHOOK: partial(
        "calls as they start and end; LiveKit does not say when a placed call is answered"
    ),
    Capability.GET_WEBHOOK: unsupported(_NO_WEBHOOKS),
    Capability.SET_WEBHOOK: unsupported(_NO_WEBHOOKS),
}
WITH_PHONE_NUMBERS = {
    **CAPABILITIES,
    Capability.SEARCH_NUMBERS: partial("US numbers of LiveKit Cloud, by country and area code"),
    Capability.PROVISION_NUMBER: partial("US numbers of LiveKit Cloud, without a label"),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried("by the number, which is always an exact one"),
    Capability.IMPORT_NUMBER: not_retried("by looking for the trunk; a partial import is undone"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried("read back"),
    Capability.UNASSIGN_NUMBER: retried("read back"),
    Capability.RELEASE_NUMBER: retried("read back"),
    Capability.PLACE_CALL: not_retried("by who is in the room, while the call lasts"),
    Capability.END_CALL: retried(),
}
