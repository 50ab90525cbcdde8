"""What becomes of each change at the vendor when its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import Capability, Outcome, once, repeated

OUTCOMES: Mapping[Capability, Outcome] = {
    Capability.PROVISION_NUMBER: once(
        "by the key in externalId, else by the inventory before and after"
    ),
    Capability.ASSIGN_NUMBER: repeated("read back; a failed move is undone"),
    Capability.UNASSIGN_NUMBER: repeated(),
    Capability.RELEASE_NUMBER: repeated("sent again; finding nothing then is success"),
    Capability.SEND_MESSAGE: once("never sent again: the outcome stays unknown"),
    Capability.PLACE_CALL: once("never dialled again: the outcome stays unknown"),
}
