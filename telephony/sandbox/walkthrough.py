"""One number at one vendor, from purchase to release, through the public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import telephony
from telephony import Capability, CarrierOutcome, Level, LinkedCarrier, TelephonyError
from telephony.sandbox.vendor import Sample
from telephony.targets import CarrierCredentials

if TYPE_CHECKING:
    from telephony.sandbox.server import Sandbox

STEPS = (
    "get number",
    "number",
    "label",
    "assign",
    "receive text",
    "messages",
    "send text",
    "call",
    "unassign",
    "release",
)
NOT_OFFERED = "-"
FAILED = "failed: "
_IMPORTED = "+14155550142"
_PERSON = "+14155550199"
_LONG_ENOUGH = 3600.0  # seconds after which a call has ended


def tour(sandbox: Sandbox, vendor: str) -> dict[str, str]:
    """Return every step's outcome in a few words.

    It is ``-`` where the vendor offers no such thing, or ``failed: …``, after which the remaining
    steps are left out.
    """
    with telephony.connect(vendor, settings=sandbox.settings(vendor)) as provider:
        return _Tour(sandbox, vendor, provider).run()


def is_bought(sample: Sample) -> bool:
    """Return whether one buys numbers at the vendor; else they are imported."""
    return sample.carrier is None and sample.source is None


def obtain(provider: telephony.Provider, sample: Sample, number: str) -> telephony.PhoneNumber:
    """Buy a number, or import `number` where the vendor sells none."""
    if is_bought(sample):
        return provider.provision_number()
    source = sample.source
    if sample.carrier is not None:
        source = LinkedCarrier(_linked(provider, sample.carrier))
    return provider.import_number(number, source=source)


def _linked(provider: telephony.Provider, carrier: CarrierCredentials) -> str:
    """Return the id of a linked carrier account, of this one if there is none yet."""
    if provider.supports(Capability.LIST_CARRIERS):
        for account in provider.list_carriers():
            if account.id is not None:
                return account.id
    return provider.link_carrier(carrier, label="Demo").id or ""


class _Tour:
    def __init__(self, sandbox: Sandbox, vendor: str, provider: telephony.Provider) -> None:
        self._sandbox = sandbox
        self._vendor = vendor
        self._provider = provider
        self._sample = sandbox.vendors[vendor].sample
        self._number = ""

    def run(self) -> dict[str, str]:
        steps: dict[str, tuple[Capability | None, Callable[[], str]]] = {
            "get number": (None, self._get),
            "number": (None, lambda: self._number),
            "label": (Capability.UPDATE_NUMBER, self._label),
            "assign": (Capability.ASSIGN_NUMBER, self._assign),
            "receive text": (Capability.LIST_MESSAGES, self._receive),
            "messages": (Capability.LIST_MESSAGES, self._list),
            "send text": (Capability.SEND_MESSAGE, self._send),
            "call": (Capability.PLACE_CALL, self._call),
            "unassign": (Capability.UNASSIGN_NUMBER, self._unassign),
            "release": (Capability.RELEASE_NUMBER, self._release),
        }
        outcomes = dict.fromkeys(STEPS, "left out")
        for step, (capability, act) in steps.items():
            if capability is not None and not self._provider.supports(capability):
                outcomes[step] = NOT_OFFERED
                continue
            try:
                outcomes[step] = act()
            except (TelephonyError, LookupError) as error:
                outcomes[step] = f"{FAILED}{error}"
                break
        return outcomes

    def _get(self) -> str:
        number = obtain(self._provider, self._sample, _IMPORTED)
        self._number = number.number
        return "bought" if is_bought(self._sample) else "imported"

    def _label(self) -> str:
        label = self._provider.update_number(self._number, label="Front desk").label
        return f"{label!r}"

    def _assign(self) -> str:
        assigned = self._provider.assign_number(self._number, self._sample.target)
        return f"to {type(assigned.assignment).__name__.lower()}"

    def _receive(self) -> str:
        self._sandbox.receive_message(
            self._vendor, self._number, sender=_PERSON, body="Is my order ready?"
        )
        return "done"

    def _list(self) -> str:
        newest = next(self._provider.list_messages(self._number, limit=1))
        return f"{newest.body!r}"

    def _send(self) -> str:
        return self._provider.send_message(self._number, _PERSON, "Ready at five.").status

    def _call(self) -> str:
        call = self._provider.place_call(self._number, _PERSON, url=self._sample.call_url)
        if self._provider.capabilities[Capability.GET_CALL].level is not Level.FULL:
            return call.status
        self._sandbox.advance(self._vendor, _LONG_ENOUGH)
        return self._provider.get_call(call).status

    def _unassign(self) -> str:
        return "done" if self._provider.unassign_number(self._number).assignment is None else "no"

    def _release(self) -> str:
        released = self._provider.release_number(self._number)
        return "kept at its carrier" if released.at_carrier is CarrierOutcome.KEPT else "gone"
