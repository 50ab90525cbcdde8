"""What a move does to a number: make before break, and what undoes it."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from datetime import timedelta

from msgspec.structs import replace

from telephony.capabilities import Capability
from telephony.fleet.declared.model import Row
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import Move, MoveState
from telephony.fleet.planning.ops import Holding, Op, Verb
from telephony.fleet.planning.plan import Offer, Plan
from telephony.fleet.targets import NOTHING, exactly, whole

_BREAKS = frozenset({Verb.UNASSIGN, Verb.DETACH})


def begun(
    plan: Plan,
    row: Row,
    held: tuple[Holding, ...],
    *,
    hold: timedelta,
    retire: bool,
    wired: bool,
    offers: Mapping[str, Offer],
) -> Move:
    """Return a move that was planned and not begun.

    Args:
        plan: of the row, as `telephony.fleet.planning.diff.plan` makes it.
        row: the number, its owner, and who is to answer it.
        held: every profile that holds the number, as it is.
        hold: how long the owner is looked at before the former answerer is let go.
        wired: whether the new answerer writes the owner's routing itself.
        retire: whether the former answerer is to give the number up at the end.
        offers: what each profile can do.

    Raises:
        FleetError: it cannot be planned, or there is nothing to move.
    """
    if plan.problems:
        said = " ".join(f"{one.profile}: {one.message}" for one in plan.problems)
        raise FleetError(f"{row.number} cannot be moved. {said}")
    if not row.owner:
        raise FleetError(
            f"{row.number} cannot be moved. No owner of the fleet holds it, so nothing here can "
            "route it: route it at its carrier, and assign it where it is answered."
        )
    if not plan.ops:
        raise FleetError(f"{row.number} is answered at {row.answer_at} as wanted: nothing to move.")
    cut = next((at for at, op in enumerate(plan.ops) if _is_past(op)), len(plan.ops))
    make, after = plan.ops[:cut], plan.ops[cut:]
    breaks = tuple(op for op in after if op.verb in _BREAKS)
    by_profile = {one.profile: one for one in held}
    former = [by_profile[op.profile] for op in breaks]
    retired = [one for one in former if one.profile != row.owner] if retire else []
    for one in retired:
        if Capability.RELEASE_NUMBER not in offers[one.profile].capabilities:
            raise FleetError(
                f"{one.profile} cannot give {row.number} up: move it without that. "
                f"{offers[one.profile].instead[Capability.RELEASE_NUMBER]}"
            )
    return Move(
        id=uuid.uuid4().hex[:12],
        number=row.number,
        owner=row.owner,
        to=row.answer_at,
        state=MoveState.PLANNED,
        make=tuple(_watched(make, row, by_profile, wired=wired)),
        breaks=breaks,
        retire=tuple(_op(Verb.DETACH, one.profile, row.number, one.id) for one in retired),
        undo=tuple(_undo(row, make, by_profile, former, offers)),
        policy=plan.policy,
        before=whole(by_profile[row.owner].assignment),
        wired=wired,
        hold=hold.total_seconds(),
    )


def _is_past(op: Op) -> bool:
    """Return whether an operation belongs behind the cut."""
    return op.verb in _BREAKS or op.verb is Verb.CHECK


def _watched(
    make: tuple[Op, ...], row: Row, held: dict[str, Holding], *, wired: bool
) -> Generator[Op, None, None]:
    """Yield operations, and looks at what they rely on.

    The owner's routing must be as it was; where a vendor writes it, it is read after that.
    """
    there, owner = held.get(row.answer_at), held[row.owner]
    if there is not None and there is not owner and all(op.profile == row.owner for op in make):
        # Nothing is done there, as it answers already: it still must.
        yield _op(Verb.CHECK, there.profile, row.number, there.id, there.assignment)
    yield _op(Verb.CHECK, owner.profile, row.number, owner.id, whole(owner.assignment))
    yield from make
    if wired:
        written = _op(Verb.CHECK, owner.profile, row.number, owner.id)
        yield replace(written, id=f"{written.id}/2")


def guarded(move: Move, breaks: tuple[Op, ...]) -> Generator[Op, None, None]:
    """Yield operations, and what makes sure that the routing stands before and after each."""
    if move.routed in (None, NOTHING):
        yield from breaks
        return
    for at, op in enumerate(breaks):
        if at == 0:
            yield _op(Verb.CHECK, move.owner, move.number, None, move.routed)
        yield op
        # Who answered it may have cleaned up at the carrier.
        kept = _op(Verb.ROUTE, move.owner, move.number, None, move.routed)
        yield replace(kept, id=f"{kept.id}/{at}") if at else kept


def _undo(
    row: Row,
    make: tuple[Op, ...],
    held: dict[str, Holding],
    former: list[Holding],
    offers: Mapping[str, Offer],
) -> Generator[Op, None, None]:
    """Yield what puts everything back, make before break, the owner's own routing last."""
    there = held.get(row.answer_at)
    for one in (*former, *([there] if there else [])):
        if one.profile != row.owner and one.assignment != NOTHING:
            if Capability.IMPORT_NUMBER in offers[one.profile].capabilities:
                # Nothing, unless somebody has released it there meanwhile.
                again = _op(Verb.IMPORT, one.profile, row.number, None, one.assignment, undo=True)
                yield replace(again, source=one.profile)
            yield _op(Verb.ASSIGN, one.profile, row.number, None, one.assignment, undo=True)
    owner = held.get(row.owner)
    if owner is not None:
        yield _routed(owner, offers[row.owner], undo="undo")
    touched = any(op.profile == row.answer_at != row.owner for op in make)
    if touched and there is None:
        can_release = Capability.RELEASE_NUMBER in offers[row.answer_at].capabilities
        verb, after = (Verb.DETACH, None) if can_release else (Verb.UNASSIGN, NOTHING)
        yield _op(verb, row.answer_at, row.number, None, after, undo=True)
    elif touched and there is not None and there.assignment == NOTHING:
        yield _op(Verb.UNASSIGN, row.answer_at, row.number, there.id, NOTHING, undo=True)
    if owner is not None and touched:
        # Who answered it may have cleaned up at the carrier.
        yield _routed(owner, offers[row.owner], undo="undo/2")


def _routed(owner: Holding, offer: Offer, undo: str) -> Op:
    """Return what gives calls and texts at the owner back to what answered them."""
    verb = Verb.UNASSIGN if owner.assignment == NOTHING else Verb.ROUTE
    # The new answerer may have routed the texts, too.
    read = owner.assignment
    before = exactly(read) if "split" in offer.targets else whole(read)
    found = _op(verb, owner.profile, owner.number, owner.id, before)
    return replace(found, id=f"{undo}/{found.id}")


def _op(
    verb: Verb,
    profile: str,
    number: str,
    holding: str | None,
    after: str | None = None,
    *,
    undo: bool = False,
) -> Op:
    return Op(
        id=f"{'undo/' if undo else ''}{verb}/{number}@{profile}",
        verb=verb,
        profile=profile,
        lane=number,
        number=number,
        holding=holding,
        after=after,
    )
