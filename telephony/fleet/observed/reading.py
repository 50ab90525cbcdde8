"""What profiles can do and what they hold, as narrow rows: a listing of each profile, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from msgspec.structs import replace

from telephony.capabilities import Capability, Level
from telephony.errors import ProviderError, TelephonyError
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.planning.plan import Offer
from telephony.fleet.targets import text_of
from telephony.model import PhoneNumber
from telephony.numbers import is_e164
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider

Report: TypeAlias = Callable[[str, int], object]
"""Called with a profile and how many of its numbers were read, every thousand and at the end."""

_EVERY = 1000
NOTHING_KNOWN = Snapshot(holdings=(), unreadable={}, previous={})


def offer(provider: PhoneNumberProvider | AsyncPhoneNumberProvider) -> Offer:
    """Return what a connected provider can do for a fleet, without a request."""
    adapter = provider.adapter
    return Offer(
        profile=provider.name,
        vendor=adapter.vendor,
        account=provider.account,
        capabilities=frozenset(one for one in Capability if provider.supports(one)),
        instead={
            capability: support.note
            for capability, support in provider.capabilities.items()
            if support.level is Level.NONE
        },
        targets=frozenset(target.kind for target in adapter.targets),
        sources=frozenset(source.kind for source in adapter.sources),
        ingress=adapter.ingress,
        shared=adapter.shared_trunks,
        target=adapter.target,
    )


def snapshot(
    providers: Mapping[str, PhoneNumberProvider],
    *,
    before: Snapshot = NOTHING_KNOWN,
    report: Report | None = None,
) -> Snapshot:
    """Return what every profile holds; one that cannot be read is `unreadable`.

    Args:
        providers: the connected providers, by profile.
        before: what is known from before; its listings are not.
        report: called as the listings go on, from several threads.
    """
    read_so_far = {profile: _Rows(profile, report) for profile in providers}

    def read(profile: str) -> None:
        of_profile = read_so_far[profile]
        try:
            for number in providers[profile].list_numbers():
                of_profile.add(number)
        except TelephonyError as error:
            of_profile.failed = _why(error)
        of_profile.end()

    with ThreadPoolExecutor(max(len(read_so_far), 1), "telephony-fleet") as threads:
        for reading in [threads.submit(read, profile) for profile in read_so_far]:
            reading.result()
    return _snapshot(read_so_far, before)


async def snapshot_async(
    providers: Mapping[str, AsyncPhoneNumberProvider],
    *,
    before: Snapshot = NOTHING_KNOWN,
    report: Report | None = None,
) -> Snapshot:
    """As `snapshot`, with asyncio."""
    read_so_far = {profile: _Rows(profile, report) for profile in providers}

    async def read(profile: str) -> None:
        of_profile = read_so_far[profile]
        try:
            async for number in providers[profile].list_numbers():
                of_profile.add(number)
        except TelephonyError as error:
            of_profile.failed = _why(error)
        of_profile.end()

    await asyncio.gather(*map(read, read_so_far))
    return _snapshot(read_so_far, before)


def rows(profile: str, *numbers: PhoneNumber) -> list[Holding]:
    """Return numbers of a profile as narrow rows; without those that are not active yet."""
    found = _Rows(profile, None)
    for number in numbers:
        found.add(number)
    return found.held


def _why(error: TelephonyError) -> str:
    """Return an error without where it happened, which is said beside it."""
    text = str(error)
    if isinstance(error, ProviderError):
        text = text.removeprefix(f"{error.provider}: {error.operation}: ")
    return text.rstrip(".")


class _Rows:
    """The holdings of one profile, as they are read."""

    def __init__(self, profile: str, report: Report | None) -> None:
        self.held: list[Holding] = []
        self.failed: str | None = None
        self._profile = profile
        self._report = report
        # A hundred thousand numbers have a few targets and carriers: each is kept once.
        self._texts: dict[str, str] = {}

    def add(self, number: PhoneNumber) -> None:
        if not is_e164(number.number):
            return  # it is not active yet, or a SIP address
        carrier = number.carrier.account if number.carrier is not None else None
        self.held.append(
            Holding(
                profile=self._profile,
                id=number.id,
                number=number.number,
                label=number.label,
                assignment=self._once(text_of(number.assignment)),
                carrier=carrier and self._once(carrier),
                mark=number.mark,
            )
        )
        if len(self.held) % _EVERY == 0:
            self.end()

    def end(self) -> None:
        if self._report is not None:
            self._report(self._profile, len(self.held))

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def _snapshot(rows: Mapping[str, _Rows], before: Snapshot) -> Snapshot:
    whole = {profile: read for profile, read in rows.items() if read.failed is None}
    return replace(
        before,
        holdings=tuple(holding for read in whole.values() for holding in read.held),
        unreadable={p: read.failed for p, read in rows.items() if read.failed is not None},
    )
