"""Move a number from who answers it to somebody else, so that it is answered all the time.

The new answerer is made ready and the owner routes there; that is looked at for a while, and undone
unless it stays; only then the former answerer is let go. A generator without I/O: it yields what is
to be done, and is sent what came of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from telephony.capabilities import Capability
from telephony.fleet.applying.running import Run
from telephony.fleet.declared.model import Row
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import Move, MoveState, RunState
from telephony.fleet.planning.ops import Holding, Op, Verb
from telephony.fleet.planning.plan import Offer, Plan
from telephony.fleet.planning.routes import both
from telephony.fleet.targets import NOTHING, UNCOVERED, exactly, parts, reads_as, texts_alone

_LOOKS = timedelta(seconds=15)
"""How often the owner is looked at while a move is held."""
RUNS = "move-"
"""How the ids of the runs of moves begin."""

_BREAKS = frozenset({Verb.UNASSIGN, Verb.DETACH})
_ROUTES = frozenset({Verb.ROUTE, Verb.ASSIGN})


class Keep(Struct, frozen=True):
    """Write down how a move stands, unless another process has; go on once that is durable."""

    move: Move
    was: MoveState


class Apply(Struct, frozen=True):
    """Apply operations as a run of this id; answered with the `Run`."""

    ops: tuple[Op, ...]
    run: str


class Read(Struct, frozen=True):
    """Read a number at its owner; answered with its assignment as text."""

    profile: str
    number: str


class Wait(Struct, frozen=True):
    """Wait until then; answered with the time it is."""

    until: datetime


Step: TypeAlias = Keep | Apply | Read | Wait
Steps: TypeAlias = Generator[Step, object, Move]


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
        make=make,
        breaks=breaks,
        retire=tuple(_op(Verb.DETACH, one.profile, row.number, one.id) for one in retired),
        undo=tuple(_undo(row, make, by_profile, former, offers)),
        policy=plan.policy,
        before=by_profile[row.owner].assignment,
        wired=wired,
        hold=hold.total_seconds(),
    )


def steps(move: Move, now: datetime) -> Steps:
    """Go on with a move until it is ended, or cannot go on now; return how it stands then.

    Args:
        move: as it stands.
        now: the time at which it is begun.
    """
    while not move.ended:
        before = move
        match move.state:
            case MoveState.PLANNED:
                move = yield from _made(move, now)
            case MoveState.CUT:
                move = yield from _held(move, now)
            case MoveState.VERIFIED:
                move = yield from _let_go(move)
            case MoveState.ROLLING_BACK | MoveState.STUCK:
                move = yield from _undone(move)
        yield Keep(move, before.state)
        if move.state in (before.state, MoveState.STUCK):
            break
    return move


def back(move: Move) -> Move:
    """Return a move that is to be undone.

    Raises:
        FleetError: the former answerer has given the number up, or it is undone already.
    """
    if move.state is MoveState.RETIRED:
        raise FleetError(
            f"The move {move.id} cannot be undone: the former answerer has given {move.number} up. "
            "Move it there anew."
        )
    if move.state in (MoveState.ROLLED_BACK, MoveState.LEFT):
        raise FleetError(f"The move {move.id} is undone already ({move.state}).")
    return replace(move, state=MoveState.ROLLING_BACK, reason="")


def _made(move: Move, now: datetime) -> Steps:
    """Let the new answerer answer, and the owner route there."""
    reason = yield from _applied(move, "make", move.make)
    if reason:
        return replace(move, state=MoveState.ROLLING_BACK, reason=reason)
    routed = yield from _read(move)
    wanted = [op.after for op in move.make if op.profile == move.owner and op.verb in _ROUTES]
    if not all(after in (None, UNCOVERED) or reads_as(routed, after) for after in wanted[-1:]):
        return _given_back(move, str(wanted[-1]), routed)
    return replace(
        move,
        state=MoveState.CUT,
        routed=routed,
        until=(now + timedelta(seconds=move.hold)).isoformat(),
    )


def _held(move: Move, now: datetime) -> Steps:
    """Look, again and again, whether the owner still routes as it did once it was changed."""
    # A clock that was set back never makes the wait longer than was asked for.
    longest = now + timedelta(seconds=move.hold)
    until = min(datetime.fromisoformat(move.until), longest) if move.until else now
    while True:
        routed = yield from _read(move)
        if move.routed is not None and not reads_as(routed, move.routed):
            return _given_back(move, move.routed, routed)
        if now >= until:
            return replace(move, state=MoveState.VERIFIED)
        waited = yield Wait(min(until, now + _LOOKS))
        assert isinstance(waited, datetime)  # noqa: S101 - for the type checker
        now = max(now + timedelta(milliseconds=1), waited)


def _given_back(move: Move, had: str, has: str) -> Move:
    """Return a move that is to be undone, as the routing that it made did not stay."""
    reason = f"At {move.owner} {move.number} was routed to {had}, and is routed to {has} now."
    return replace(move, state=MoveState.ROLLING_BACK, routed=has, reason=reason)


def _let_go(move: Move) -> Steps:
    """Let the former answerer go; where it cleaned up at the carrier, route the number again."""
    looked, kept = _looked(move), _kept(move)
    reason = yield from _applied(move, "breaks", (*looked, *move.breaks, *kept))
    if not reason and move.retire:
        reason = yield from _applied(move, "retire", (*looked, *move.retire, *kept))
        if not reason:
            return replace(move, state=MoveState.RETIRED, reason="")
    if not reason:
        return replace(move, state=MoveState.MOVED, reason="")
    routed = yield from _read(move)
    if move.routed is not None and not reads_as(routed, move.routed):
        return _given_back(move, move.routed, routed)
    return replace(move, reason=reason)


def _undone(move: Move) -> Steps:
    """Put everything back, unless the number is routed in a way that is not this move's."""
    routed = yield from _read(move)
    calls, texts = parts(routed)
    made = [op.after for op in move.make if op.profile == move.owner and op.verb in _ROUTES]
    led = {parts(one)[0] for one in made if one not in (None, UNCOVERED) and not texts_alone(one)}
    own = [parts(one) for one in (move.before, move.routed) if one is not None]
    if calls not in led.union(to for to, _ in own) and not (move.wired and not move.routed):
        reason = f"{move.reason} At {move.owner} it is routed to {routed}: somebody else did that."
        return replace(move, state=MoveState.LEFT, reason=reason.strip())
    undo = move.undo
    if move.routed is not None and texts not in {to for _, to in own}:
        # Somebody else has routed the texts, and they stay.
        kept = both(parts(move.before)[0], texts)
        undo = tuple(
            replace(op, verb=Verb.ROUTE, after=kept) if op.profile == move.owner else op
            for op in undo
        )
    reason = yield from _applied(move, "undo", undo)
    if reason:
        return replace(move, state=MoveState.STUCK, reason=reason)
    return replace(move, state=MoveState.ROLLED_BACK)


def _applied(move: Move, part: str, ops: tuple[Op, ...]) -> Generator[Step, object, str]:
    """Apply operations; return why they are not all done, or an empty text."""
    if not ops:
        return ""
    run = yield Apply(ops, f"{RUNS}{move.id}-{part}")
    assert isinstance(run, Run)  # noqa: S101 - for the type checker
    if run.state is RunState.FINISHED:
        return ""
    ended = (*run.refused, *run.failed, *run.unknown, *run.changed)
    reasons = [f"{entry.op.id}: {entry.why}" for entry in ended]
    return " ".join(reasons or [*run.paused.values()]) or "It was interrupted."


def _read(move: Move) -> Generator[Step, object, str]:
    found = yield Read(move.owner, move.number)
    assert isinstance(found, str)  # noqa: S101 - for the type checker
    return found


def _is_past(op: Op) -> bool:
    """Return whether an operation belongs behind the cut."""
    return op.verb in _BREAKS or op.verb is Verb.CHECK


def _looked(move: Move) -> tuple[Op, ...]:
    """Return what makes sure, under the same lock as what follows, that the routing stands."""
    if move.routed in (None, NOTHING):
        return ()
    return (_op(Verb.CHECK, move.owner, move.number, None, move.routed),)


def _kept(move: Move) -> tuple[Op, ...]:
    """Return what routes a number again if the routing is not what it was after the cut."""
    if move.routed in (None, NOTHING):
        return ()
    return (_op(Verb.ROUTE, move.owner, move.number, None, move.routed),)


def _undo(
    row: Row,
    make: tuple[Op, ...],
    held: dict[str, Holding],
    former: list[Holding],
    offers: Mapping[str, Offer],
) -> Generator[Op, None, None]:
    """Yield what puts everything back, make before break, the owner's own routing last."""
    for one in former:
        if one.profile != row.owner and one.assignment != NOTHING:
            if Capability.IMPORT_NUMBER in offers[one.profile].capabilities:
                # Nothing, unless somebody has released it there meanwhile.
                again = _op(Verb.IMPORT, one.profile, row.number, None, one.assignment, undo=True)
                yield replace(again, source=one.profile)
            yield _op(Verb.ASSIGN, one.profile, row.number, None, one.assignment, undo=True)
    owner = held.get(row.owner)
    if owner is not None:
        yield _routed(owner, offers[row.owner], undo="undo")
    touched = {op.profile for op in make} - {row.owner}
    for profile in sorted(touched):
        there = held.get(profile)
        if there is None:
            can_release = Capability.RELEASE_NUMBER in offers[profile].capabilities
            verb, after = (Verb.DETACH, None) if can_release else (Verb.UNASSIGN, NOTHING)
            yield _op(verb, profile, row.number, None, after, undo=True)
        elif there.assignment == NOTHING:
            yield _op(Verb.UNASSIGN, profile, row.number, there.id, NOTHING, undo=True)
        else:
            yield _op(Verb.ASSIGN, profile, row.number, there.id, there.assignment, undo=True)
    if owner is not None and touched:
        # Who answered it may have cleaned up at the carrier.
        yield _routed(owner, offers[row.owner], undo="undo/2")


def _routed(owner: Holding, offer: Offer, undo: str) -> Op:
    """Return what gives calls and texts at the owner back to what answered them."""
    verb = Verb.UNASSIGN if owner.assignment == NOTHING else Verb.ROUTE
    # The new answerer may have routed the texts, too.
    before = exactly(owner.assignment) if "split" in offer.targets else owner.assignment
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
