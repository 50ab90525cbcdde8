"""Where each number is: who owns it, who answers it, and where the two disagree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from telephony.fleet.declared.model import Declared
from telephony.fleet.declared.policy import SELF, Policy
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.targets import NOTHING, parts, reads_as


class Drift(StrEnum):
    """How what profiles hold of a number disagrees."""

    POINTS_ELSEWHERE = "points_elsewhere"
    """A profile answers it, but its owner sends the calls elsewhere."""
    ANSWERED_TWICE = "answered_twice"
    """Two profiles are set to answer it; one of them gets the calls."""
    NOBODY = "nobody"
    """Its calls go nowhere, or to a profile where nothing answers them."""
    UNOWNED = "unowned"
    """A profile answers it, but no owner of the fleet holds it."""
    STALE_IMPORT = "stale_import"
    """A profile holds it, and nothing answers it there while another does."""
    LABEL = "label"
    """It has other display names than the declared one."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a number is.

    Attributes:
        number: E.164.
        owner: as its owner holds it; None where no owner of the fleet does.
        answerers: as the other profiles hold it, sorted by profile.
        path: how a call goes, from the owner on, such as ``carrier > support > agent:reception``;
            empty where it is not known.
        drift: how what they hold disagrees; empty: it does not.
    """

    number: str
    owner: Holding | None
    answerers: tuple[Holding, ...]
    path: str
    drift: tuple[Drift, ...]


def places(declared: Declared, snapshot: Snapshot) -> Iterator[Place]:
    """Yield where every number is that is held anywhere, sorted by number.

    Whether a vendor that writes the carrier's routing itself still gets the calls can be said only
    where the journal knows what it had written, as that is documented by none.
    """
    policy = declared.policy
    labels = {row.number: row.label for row in declared.rows if row.label}
    owners = {row.number: row.owner for row in declared.rows if row.owner}
    answerers = {row.number: row.answer_at for row in declared.rows if row.answer_at}
    held: defaultdict[str, list[Holding]] = defaultdict(list)
    for holding in snapshot.holdings:
        held[holding.number].append(holding)
    for number in sorted(held):
        holdings = sorted(held[number], key=lambda one: (one.profile, one.id))
        owner = _owner(holdings, owners.get(number), policy.owners)
        others = tuple(one for one in holdings if one is not owner)
        led = _led(policy, owner, others, answerers.get(number), snapshot.wired)
        yield Place(
            number=number,
            owner=owner,
            answerers=others,
            path=_path(owner, led),
            drift=tuple(_drift(owner, others, led, labels.get(number))),
        )


def _owner(
    holdings: list[Holding], declared: str | None, owners: Mapping[str, object]
) -> Holding | None:
    """Return the holding at the declared owner, else at the first profile that is an owner."""
    for profile in (declared, *owners):
        for one in holdings:
            if one.profile == profile:
                return one
    return None


def _led(
    policy: Policy,
    owner: Holding | None,
    others: tuple[Holding, ...],
    declared: str | None,
    wired: Mapping[str, str],
) -> Holding | None:
    """Return the holding that calls are led to; the owner's own where they stay or leave there."""
    if owner is None:
        return None
    vias = [(one, policy.via(one.profile)) for one in others]
    for one, via in vias:
        if via not in (None, SELF) and reads_as(owner.assignment, via):
            return one
    calls, _ = parts(owner.assignment)
    if calls == NOTHING:
        return owner
    routed = [one for one, via in vias if via == SELF and one.assignment != NOTHING]
    routed.sort(key=lambda one: one.profile != declared)
    known = wired.get(owner.number)
    if routed and (known is None or parts(known)[0] == calls):
        return routed[0]
    return owner


def _path(owner: Holding | None, led: Holding | None) -> str:
    if owner is None or led is None:
        return ""
    steps = [owner.profile, *([] if led is owner else [led.profile]), led.assignment]
    return " > ".join(steps)


def _drift(
    owner: Holding | None,
    others: tuple[Holding, ...],
    led: Holding | None,
    label: str | None,
) -> Iterator[Drift]:
    answering = [one for one in others if one.assignment != NOTHING]
    if owner is None:
        yield Drift.UNOWNED
    elif led is not None:
        if led.assignment == NOTHING:
            yield Drift.NOBODY
        if answering and led not in answering:
            yield Drift.POINTS_ELSEWHERE
    if len(answering) > 1:
        yield Drift.ANSWERED_TWICE
    if any(one.assignment == NOTHING and one is not led for one in others):
        yield Drift.STALE_IMPORT
    if label and owner is not None and (owner.label or "").strip() != label:
        yield Drift.LABEL
