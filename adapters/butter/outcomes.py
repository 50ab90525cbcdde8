"""What becomes of each change at the vendor when its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import Capability, Outcome, once, repeated

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.IMPORT_NUMBER: once("by looking for the number"),
    Capability.ASSIGN_NUMBER: repeated("read back; a failed move is undone"),
    Capability.UNASSIGN_NUMBER: repeated("read back"),
    Capability.PLACE_CALL: once("never dialled again: the outcome stays unknown"),
    Capability.LINK_CARRIER: once("stays unknown: nothing lists the links"),
    Capability.ROTATE_CARRIER: repeated(),
    Capability.UNLINK_CARRIER: repeated("sent again; finding nothing then is success"),
}
