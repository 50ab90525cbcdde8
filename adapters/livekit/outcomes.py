"""What becomes of each change at the vendor when its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import Capability, Outcome, once, repeated

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: once("by the number, which is always an exact one"),
    Capability.IMPORT_NUMBER: once("by looking for the trunk; what was made by half is taken back"),
    Capability.UPDATE_NUMBER: repeated(),
    Capability.ASSIGN_NUMBER: repeated("read back"),
    Capability.UNASSIGN_NUMBER: repeated("read back"),
    Capability.RELEASE_NUMBER: repeated("read back"),
    Capability.PLACE_CALL: once("never dialled again: the outcome stays unknown"),
}
