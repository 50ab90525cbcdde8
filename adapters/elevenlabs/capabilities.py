"""What ElevenLabs supports, and what becomes of a change whose response is lost."""

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

_SELLS_NONE = unsupported("ElevenLabs sells no numbers: buy at a carrier, then import_number().")
_TEXTS = (
    "An agent answers the texts of an imported Twilio number by itself; they are in ElevenLabs's "
    "conversations only."
)
_NO_CARRIERS = unsupported(
    "ElevenLabs links no accounts: each number has its own credentials. Give them to "
    "import_number(source=…); update_number(source=SipTrunk(…)) changes those of a SIP trunk."
)

CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: _SELLS_NONE,
    Capability.PROVISION_NUMBER: _SELLS_NONE,
    Capability.IMPORT_NUMBER: partial(
        "from Twilio and SIP trunks; import a number of Exotel's in the dashboard"
    ),
    Capability.UPDATE_NUMBER: partial(
        "`source` changes a SIP trunk; a Twilio number is released and imported again"
    ),
    Capability.LIST_TARGETS: FULL,
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: unsupported(f"{_TEXTS} Or read them at the carrier."),
    Capability.SEND_MESSAGE: unsupported(f"{_TEXTS} Send texts at the carrier."),
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: partial(
        "the list shows neither the other party nor how a call failed: get_call() has both"
    ),
    Capability.GET_CALL: FULL,
    Capability.END_CALL: unsupported(
        "ElevenLabs has no API for it: let the agent hang up (its end call tool), or end the call "
        "at the carrier."
    ),
    Capability.GET_TRANSCRIPT: FULL,
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: _NO_CARRIERS,
    Capability.LINK_CARRIER: _NO_CARRIERS,
    Capability.ROTATE_CARRIER: _NO_CARRIERS,
    Capability.UNLINK_CARRIER: _NO_CARRIERS,
    Capability.PARSE_WEBHOOK: partial("the end of calls; nothing is sent when they begin"),
    Capability.GET_WEBHOOK: partial("the workspace's, which an agent may override"),
    Capability.SET_WEBHOOK: partial(
        "the workspace's; each URL is a new webhook with a new secret, shown once, and the former "
        "one stays, unused"
    ),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.IMPORT_NUMBER: not_retried("by looking for the number"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried(),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("retried; finding nothing then is success"),
    Capability.PLACE_CALL: not_retried("found by a variable of ours that the call carries"),
    Capability.SET_WEBHOOK: not_retried("a webhook whose secret was lost is deleted"),
}
