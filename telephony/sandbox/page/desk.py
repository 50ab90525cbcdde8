"""What the page reads and does at the vendors, by telephony's own public interface."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import telephony
from telephony.capabilities import Capability
from telephony.enums import CallStatus, Direction
from telephony.errors import TelephonyError
from telephony.model import Call, Message, PhoneNumber, Turn
from telephony.sandbox.walkthrough import obtain
from telephony.sandbox.world import Answerer
from telephony.targets import Webhook

if TYPE_CHECKING:
    from telephony.provider import Provider
    from telephony.sandbox.server import Sandbox

DIRECT = "/_sandbox/direct"
"""Below it, the vendors' APIs without faults, limits and records."""
_TEXTS = 100
_CALLS = 20
_TIMEOUT = 5.0
_STALE = 5.0
"""Seconds after which numbers are read again: some change with time."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The numbers of a vendor, or why they cannot be read.

    Attributes:
        answerers: who answers the calls of those that lead to another vendor.
    """

    vendor: str
    numbers: tuple[PhoneNumber, ...] = ()
    answerers: Mapping[str, Answerer] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class TalkedCall:
    """A call with one person, as far as the vendor reports it.

    Attributes:
        id: the vendor's.
        inbound: whether the person called.
        at: None: the vendor does not say.
        status: None: the vendor does not say.
        turns: what was said so far.
        can_end: whether it goes on, and the vendor lets one end it.
    """

    id: str
    inbound: bool
    at: datetime | None
    status: CallStatus | None
    turns: tuple[Turn, ...] = ()
    seconds: float | None = None
    can_end: bool = False


class Desk:
    """The vendors of one sandbox, connected where no fault strikes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._providers: dict[str, Provider] = {}
        self._connecting = threading.Lock()
        self._held: list[Holding] = []
        self._read: tuple[int, float] | None = None
        self._over: dict[tuple[str, str, str], TalkedCall] = {}

    def close(self) -> None:
        for provider in self._providers.values():
            provider.close()

    def holdings(self) -> list[Holding]:
        """Return the numbers of each vendor, read again once something may have changed them."""
        served, now = self._sandbox.exchange_count, time.monotonic()
        if self._read is None or self._read[0] != served or now - self._read[1] > _STALE:
            self._held = [self._holding(vendor) for vendor in self._sandbox.vendors]
            self._read = served, now
        return self._held

    def forget(self) -> None:
        """Read everything again, after a reset or a change of our own."""
        self._read = None
        self._over.clear()

    def offers(self, vendor: str, capability: Capability) -> bool:
        return self._provider(vendor).supports(capability)

    def texts(self, vendor: str, number: str) -> list[Message]:
        """Return the last texts of a number, oldest first."""
        if not self.offers(vendor, Capability.LIST_MESSAGES):
            return []
        found = list(islice(self._provider(vendor).list_messages(number), _TEXTS))
        return found[::-1]

    def calls(self, vendor: str, number: str, person: str) -> list[TalkedCall]:
        """Return the last calls between a number and a person."""
        received = [
            TalkedCall(call.id, inbound=True, at=call.at, status=None)
            for call in self._sandbox.received_calls(vendor)
            if (call.to, call.sender) == (number, person)
        ]
        placed = [
            TalkedCall(entry.id, inbound=False, at=None, status=None)
            for entry in self._sandbox.ledger(vendor, "call")
            if entry.number in (None, number)
        ]
        found = (
            self._details(vendor, call, person) for call in [*received[-_CALLS:], *placed[-_CALLS:]]
        )
        return [call for call in found if call is not None]

    def obtain(self, vendor: str) -> PhoneNumber:
        """Get a number that the vendor's sample target answers, if its webhooks can reach us."""
        sandbox, provider = self._sandbox.vendors[vendor], self._provider(vendor)
        held = {each.number for each in provider.list_numbers()}
        free = next(n for n in map("+1415555{:04d}".format, range(142, 10_000)) if n not in held)
        try:
            number = obtain(provider, sandbox.sample, free)
            if isinstance(sandbox.sample.target, Webhook):
                return number  # its URLs are an example's: the sandbox's go to the application
            return provider.assign_number(number, sandbox.sample.target)
        finally:
            self.forget()

    def hang_up(self, vendor: str, call: str) -> None:
        """End a call. Raises `TelephonyError`."""
        self._provider(vendor).end_call(call)

    def _holding(self, vendor: str) -> Holding:
        try:
            numbers = tuple(self._provider(vendor).list_numbers())
        except TelephonyError as error:
            return Holding(vendor, failure=str(error))
        found = {each.number: self._sandbox.answerer(each.number) for each in numbers}
        carried = self._sandbox.vendors[vendor].leads_to
        answerers = {
            number: answerer
            for number, answerer in found.items()
            if answerer is not None and answerer.vendor != vendor and carried(number) is not None
        }
        return Holding(vendor, numbers, answerers)

    def _details(self, vendor: str, call: TalkedCall, person: str) -> TalkedCall | None:
        """Return what the vendor reports of a call; None if it is with somebody else."""
        provider, key = self._provider(vendor), (vendor, call.id, person)
        if key in self._over:
            return self._over[key]
        try:
            reported = provider.get_call(call.id)
        except TelephonyError:
            return call
        other = reported.sender if call.inbound else reported.recipient
        if other not in (None, person):
            return None
        found = TalkedCall(
            call.id,
            call.inbound,
            call.at or reported.started_at,  # which is a whole second at some
            reported.status,
            self._turns(provider, reported),
            None if reported.duration is None else reported.duration.total_seconds(),
            not reported.status.is_final and provider.supports(Capability.END_CALL),
        )
        if reported.status.is_final:
            self._over[key] = found
        return found

    def _turns(self, provider: Provider, call: Call) -> tuple[Turn, ...]:
        if not provider.supports(Capability.GET_TRANSCRIPT):
            return ()
        try:
            return provider.get_transcript(call).turns
        except TelephonyError:
            return ()  # there is none yet

    def _provider(self, vendor: str) -> Provider:
        with self._connecting:  # requests of several pages come in several threads
            if vendor not in self._providers:
                direct = f"{self._sandbox.url}{DIRECT}/{vendor}"
                settings = {
                    **self._sandbox.vendors[vendor].settings(direct),
                    "timeout": _TIMEOUT,
                    "retries": 0,
                }
                self._providers[vendor] = telephony.connect(
                    vendor, adapter=vendor, settings=settings
                )
            return self._providers[vendor]


def other_side(message: Message) -> str | None:
    """Return the person in a text, where the vendor says who."""
    return message.sender if message.direction is Direction.INBOUND else message.recipient
