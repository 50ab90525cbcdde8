"""The operations that Twilio has, and the outcome of each change after a lost response."""

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

_NO_CARRIERS = unsupported("Twilio is the carrier: there is no other account to link.")
CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: FULL,
    Capability.PROVISION_NUMBER: FULL,
    Capability.IMPORT_NUMBER: partial(
        "adopts a number that the account holds; porting one in is done in the Twilio console"
    ),
    Capability.UPDATE_NUMBER: FULL,
    Capability.LIST_TARGETS: FULL,
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: FULL,
    Capability.LIST_ALL_MESSAGES: FULL,
    Capability.GET_MESSAGE: FULL,
    Capability.SEND_MESSAGE: FULL,
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: FULL,
    Capability.GET_CALL: FULL,
    Capability.END_CALL: FULL,
    Capability.GET_TRANSCRIPT: unsupported(
        "Twilio transcribes recordings in Conversational Intelligence: read them there."
    ),
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: _NO_CARRIERS,
    Capability.LINK_CARRIER: _NO_CARRIERS,
    Capability.ROTATE_CARRIER: _NO_CARRIERS,
    Capability.UNLINK_CARRIER: _NO_CARRIERS,
    Capability.PARSE_WEBHOOK: FULL,
    Capability.GET_WEBHOOK: partial("a number's own URLs, for calls, texts and the ends of calls"),
    Capability.SET_WEBHOOK: partial("a number's own URLs, all three at once"),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried(
        "by the key in the label of the number, which is always an exact one"
    ),
    Capability.IMPORT_NUMBER: retried("retried: a number already held is only configured"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried(),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("retried; finding nothing then is success"),
    Capability.SEND_MESSAGE: not_retried("never retried: the outcome stays unknown"),
    Capability.PLACE_CALL: not_retried("never retried: the outcome stays unknown"),
    Capability.END_CALL: retried("retried: a call that has ended stays as it is"),
    Capability.SET_WEBHOOK: retried(),
}
