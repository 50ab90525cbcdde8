"""The operations that Butter AI has, and the outcome of each change after a lost response."""

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

_BUY_ELSEWHERE = (
    "Butter AI documents no API for it: buy at your carrier, or in Butter AI's dashboard if it "
    "offers numbers there; then import_number()."
)

_NO_WEBHOOKS = unsupported("Butter has no API for it: its webhooks are set up with Butter itself.")
CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: unsupported(_BUY_ELSEWHERE),
    Capability.PROVISION_NUMBER: unsupported(_BUY_ELSEWHERE),
    Capability.IMPORT_NUMBER: partial(
        "`source` must be named; a number has no label; the room name pattern of a SIP trunk goes "
        "into `options`, as `inbound_room_name`"
    ),
    Capability.UPDATE_NUMBER: unsupported(
        "A number has no label or other field to change at Butter AI: keep names on your side."
    ),
    Capability.LIST_TARGETS: partial(
        "Butter AI documents no list of agents: only those with calls in the last 30 days (50 at "
        "most), and, without names, those that numbers are assigned to"
    ),
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: unsupported(
        "Butter AI documents no API for it: remove the number in its dashboard. Until then "
        "unassign_number() stops calls from being answered."
    ),
    Capability.LIST_MESSAGES: unsupported(
        "Butter AI carries voice only: read texts at the carrier that owns the number."
    ),
    Capability.SEND_MESSAGE: unsupported(
        "Butter AI carries voice only: send texts at the carrier that owns the number."
    ),
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: partial(
        "in an undocumented order; selecting a number or a period means reading the whole list"
    ),
    Capability.GET_CALL: FULL,
    Capability.END_CALL: unsupported(
        "Butter AI documents no API for it: let the agent hang up (its `end_call_tool`), or end "
        "the call at the carrier."
    ),
    Capability.GET_TRANSCRIPT: partial("without the times of the turns"),
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: unsupported(
        "Butter AI documents no API for it: keep the id that link_carrier() returns, or look the "
        "integration up in its dashboard."
    ),
    Capability.LINK_CARRIER: FULL,
    Capability.ROTATE_CARRIER: FULL,
    Capability.UNLINK_CARRIER: FULL,
    Capability.PARSE_WEBHOOK: unsupported(
        "Butter documents no signature for its webhooks, so nothing proves that one is Butter's: "
        "get_call() returns the state of a call."
    ),
    Capability.GET_WEBHOOK: _NO_WEBHOOKS,
    Capability.SET_WEBHOOK: _NO_WEBHOOKS,
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.IMPORT_NUMBER: not_retried("by looking for the number"),
    Capability.ASSIGN_NUMBER: retried("read back; a failed move is undone"),
    Capability.UNASSIGN_NUMBER: retried("read back"),
    Capability.PLACE_CALL: not_retried("never retried: the outcome stays unknown"),
    Capability.LINK_CARRIER: not_retried("stays unknown: nothing lists the links"),
    Capability.ROTATE_CARRIER: retried(),
    Capability.UNLINK_CARRIER: retried("retried; finding nothing then is success"),
}
