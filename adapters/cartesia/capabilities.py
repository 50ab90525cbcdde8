"""The operations that Cartesia has, and the outcome of each change after a lost response."""

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

CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: unsupported(
        "Cartesia picks the number itself: call provision_number(), or buy at a carrier and "
        "import_number()."
    ),
    Capability.PROVISION_NUMBER: partial("United States only; Cartesia picks the number"),
    Capability.IMPORT_NUMBER: FULL,
    Capability.UPDATE_NUMBER: FULL,
    Capability.LIST_TARGETS: FULL,
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: unsupported(
        "Cartesia carries voice only: read texts at the carrier that owns the number."
    ),
    Capability.SEND_MESSAGE: unsupported(
        "Cartesia carries voice only: send texts at the carrier that owns the number."
    ),
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: partial("only calls of existing agents, requested agent by agent"),
    Capability.GET_CALL: FULL,
    Capability.END_CALL: partial("once it is answered: Cartesia does not stop a ringing call"),
    Capability.GET_TRANSCRIPT: FULL,
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: FULL,
    Capability.LINK_CARRIER: partial(
        "a SIP trunk places calls only with an `address`, and receives them only with "
        "`allowed_addresses`, `allowed_numbers` or an inbound login"
    ),
    Capability.ROTATE_CARRIER: FULL,
    Capability.UNLINK_CARRIER: FULL,
    Capability.PARSE_WEBHOOK: partial(
        "calls; verified by a shared secret in a header, so the body itself is not signed"
    ),
    Capability.GET_WEBHOOK: partial("by the id of the webhook: Cartesia does not list them"),
    Capability.SET_WEBHOOK: partial(
        "makes a webhook, or changes one by its id; which agents use it is set at Cartesia"
    ),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried(
        "by the key in the label; without a key it stays unknown"
    ),
    Capability.IMPORT_NUMBER: not_retried("by looking for the number"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried(),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("retried; finding nothing then is success"),
    Capability.PLACE_CALL: not_retried(
        "by the key in the metadata, among the agent's calls of the last day; without a key it "
        "stays unknown"
    ),
    Capability.END_CALL: retried("retried; a call that has ended is success"),
    Capability.LINK_CARRIER: not_retried(
        "by account, region and key; of a SIP trunk it stays unknown"
    ),
    Capability.ROTATE_CARRIER: retried("retried: all of it is applied or nothing"),
    Capability.UNLINK_CARRIER: retried("retried; finding nothing then is success"),
    Capability.SET_WEBHOOK: not_retried(
        "of a new one it stays unknown: nothing lists them; a change is retried"
    ),
}
