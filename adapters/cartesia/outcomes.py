"""What becomes of each change at the vendor when its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import Capability, Outcome, once, repeated

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: once(
        "by the key in the label, else by the inventory before and after"
    ),
    Capability.IMPORT_NUMBER: once("by looking for the number"),
    Capability.UPDATE_NUMBER: repeated(),
    Capability.ASSIGN_NUMBER: repeated(),
    Capability.UNASSIGN_NUMBER: repeated(),
    Capability.RELEASE_NUMBER: repeated("sent again; finding nothing then is success"),
    Capability.PLACE_CALL: once("never dialled again: the outcome stays unknown"),
    Capability.LINK_CARRIER: once("by account and region; of a SIP trunk it stays unknown"),
    Capability.ROTATE_CARRIER: repeated("sent again: all of it is applied or nothing"),
    Capability.UNLINK_CARRIER: repeated("sent again; finding nothing then is success"),
}
