"""The operations that Retell AI has, and the outcome of each change after a lost response."""

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

_CARRIERS = unsupported(
    "Each number has its own SIP trunk: import_number(source=SipTrunk(…)), and change it with "
    "update_number(source=SipTrunk(…))."
)

CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: unsupported(
        "Retell shows no numbers for sale: call provision_number() with `area_code` or `number`."
    ),
    Capability.PROVISION_NUMBER: partial(
        "US and Canada; by area code in the US only, toll-free with `options={'toll_free': True}`"
    ),
    Capability.IMPORT_NUMBER: partial(
        "by SIP trunk only; the carrier's side of the trunk is configured there, by hand"
    ),
    Capability.UPDATE_NUMBER: FULL,
    Capability.LIST_TARGETS: FULL,
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: partial(
        "from chats, which do not name the other party; ordering them takes a request for each"
    ),
    Capability.SEND_MESSAGE: unsupported(
        "Retell's agents word their texts themselves: send this one at the carrier that owns the "
        "number."
    ),
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: partial(
        "unanswered calls have no time: with `after` or `before` they are left out"
    ),
    Capability.GET_CALL: FULL,
    Capability.END_CALL: FULL,
    Capability.GET_TRANSCRIPT: FULL,
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: _CARRIERS,
    Capability.LINK_CARRIER: _CARRIERS,
    Capability.ROTATE_CARRIER: _CARRIERS,
    Capability.UNLINK_CARRIER: _CARRIERS,
    Capability.PARSE_WEBHOOK: partial("calls; Retell sends no webhook for each text"),
    Capability.GET_WEBHOOK: partial("of an agent"),
    Capability.SET_WEBHOOK: partial(
        "of an agent; the account's own is set in Retell's dashboard only"
    ),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried(
        "by the key in the nickname, or the number asked for; else it stays unknown"
    ),
    Capability.IMPORT_NUMBER: not_retried("by looking for the number, before and after"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried(),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("retried; finding nothing then is success"),
    Capability.PLACE_CALL: not_retried(
        "sent again with its key, or a random one: Retell dials once for each within an hour"
    ),
    Capability.END_CALL: retried("retried; a call that has ended stays as it is"),
    Capability.SET_WEBHOOK: retried(),
}
