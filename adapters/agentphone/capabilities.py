"""The operations that AgentPhone has, and the outcome of each change after a lost response."""

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

_CARRIERS = unsupported("The carrier is AgentPhone's own: there is no account to link.")
CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: partial(
        "by country and area code, and by `city`, `state` and `zip` in `options`, where the API "
        "has it yet; the numbers it finds cannot be ordered"
    ),
    Capability.PROVISION_NUMBER: partial(
        "US and Canada; AgentPhone picks the number, from the area code where it has one"
    ),
    Capability.IMPORT_NUMBER: unsupported(
        "AgentPhone takes no numbers from elsewhere: buy one with provision_number()."
    ),
    Capability.UPDATE_NUMBER: unsupported(
        "Numbers have no label at AgentPhone; tag one with "
        "provision_number(options={'externalId': …})."
    ),
    Capability.LIST_TARGETS: FULL,
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: FULL,
    Capability.LIST_ALL_MESSAGES: unsupported(
        "AgentPhone lists texts by number: list_messages(number) for each of list_numbers()."
    ),
    Capability.SEND_MESSAGE: FULL,
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: FULL,
    Capability.GET_CALL: FULL,
    Capability.END_CALL: FULL,
    Capability.GET_TRANSCRIPT: FULL,
    Capability.GET_RECORDING: partial("where the account has AgentPhone's recording add-on"),
    Capability.LIST_CARRIERS: _CARRIERS,
    Capability.LINK_CARRIER: _CARRIERS,
    Capability.ROTATE_CARRIER: _CARRIERS,
    Capability.UNLINK_CARRIER: _CARRIERS,
    Capability.PARSE_WEBHOOK: partial(
        "incoming texts, turns and ends of calls; AgentPhone sends no status of sent texts"
    ),
    Capability.GET_WEBHOOK: FULL,
    Capability.SET_WEBHOOK: FULL,
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried(
        "by the key, or a random mark, in externalId; without it the outcome stays unknown"
    ),
    Capability.ASSIGN_NUMBER: retried("read back; a failed move is undone"),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("read back; what is only accepted is in `notices`"),
    Capability.SEND_MESSAGE: not_retried("never retried: the outcome stays unknown"),
    Capability.PLACE_CALL: not_retried("never retried: the outcome stays unknown"),
    Capability.END_CALL: retried("read back; it ends a moment later"),
    Capability.SET_WEBHOOK: not_retried(
        "by the URL, and by the secret, which every change makes anew"
    ),
}
