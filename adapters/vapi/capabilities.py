"""The operations that Vapi has, and the outcome of each change after a lost response."""

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

_TEXTS = unsupported(
    "Vapi's assistants answer texts by themselves: read and send them at the carrier that owns the "
    "number."
)

CAPABILITIES: Mapping[Capability, Support] = {
    Capability.LIST_NUMBERS: FULL,
    Capability.GET_NUMBER: FULL,
    Capability.SEARCH_NUMBERS: unsupported(
        "Vapi picks the number itself: call provision_number(), or buy at a carrier and "
        "import_number()."
    ),
    Capability.PROVISION_NUMBER: partial(
        "United States only, by area code; Vapi picks the number, activates it within minutes, and "
        "according to its newest pages, lets it only receive calls"
    ),
    Capability.IMPORT_NUMBER: FULL,
    Capability.UPDATE_NUMBER: FULL,
    Capability.LIST_TARGETS: partial(
        "assistants, and squads as `squad:<id>`; a workflow is `workflow:<id>`, but not listed"
    ),
    Capability.ASSIGN_NUMBER: FULL,
    Capability.UNASSIGN_NUMBER: FULL,
    Capability.RELEASE_NUMBER: FULL,
    Capability.LIST_MESSAGES: _TEXTS,
    Capability.SEND_MESSAGE: _TEXTS,
    Capability.PLACE_CALL: FULL,
    Capability.LIST_CALLS: FULL,
    Capability.GET_CALL: FULL,
    Capability.END_CALL: partial(
        "needs `monitorPlan.controlEnabled` of the assistant, which is the default"
    ),
    Capability.GET_TRANSCRIPT: FULL,
    Capability.GET_RECORDING: FULL,
    Capability.LIST_CARRIERS: FULL,
    Capability.LINK_CARRIER: partial(
        "Vonage, Telnyx and SIP trunks: Twilio's credentials go with each number; the routes are "
        "in Vapi's guides, but not in its published API"
    ),
    Capability.ROTATE_CARRIER: partial(
        "not a Twilio number's, which update_number() replaces; only older pages have the route"
    ),
    Capability.UNLINK_CARRIER: FULL,
    Capability.PARSE_WEBHOOK: partial(
        "calls; verified by an HMAC with Vapi's default settings, a secret or a bearer token"
    ),
    Capability.GET_WEBHOOK: partial("of a number or an assistant"),
    Capability.SET_WEBHOOK: partial(
        "of a number or an assistant; the organization's own is set in Vapi's dashboard"
    ),
}

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: not_retried(
        "by the key in the name; without a key it stays unknown"
    ),
    Capability.IMPORT_NUMBER: not_retried("by looking for the number, before and after"),
    Capability.UPDATE_NUMBER: retried(),
    Capability.ASSIGN_NUMBER: retried(),
    Capability.UNASSIGN_NUMBER: retried(),
    Capability.RELEASE_NUMBER: retried("retried; finding nothing then is success"),
    Capability.PLACE_CALL: not_retried("by the key, or a random mark, in the name of the call"),
    Capability.END_CALL: retried("retried; a call that has ended stays as it is"),
    Capability.LINK_CARRIER: not_retried("stays unknown: nothing in a link is unique"),
    Capability.ROTATE_CARRIER: retried("retried: all of it is applied or nothing"),
    Capability.UNLINK_CARRIER: retried("retried; finding nothing then is success"),
    Capability.SET_WEBHOOK: retried(),
}
