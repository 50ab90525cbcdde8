"""Move a number from who answers it to somebody else, so that it is answered all the time.

The new answerer is made ready and the owner routes there; that is looked at for a while, and undone
unless it stays; only then the former answerer is let go. A generator without I/O: it yields what is
to be done, and is sent what came of it.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from telephony.errors import OutcomeUnknownError
from telephony.fleet.applying.running import Run
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import Move, MoveState, RunState, State
from telephony.fleet.planning.moves import guarded
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.routes import both
from telephony.fleet.targets import NOTHING, UNCOVERED, parts, reads_as, texts_alone, whole

_LOOKS = timedelta(seconds=15)
"""How often the owner is looked at while a move is held."""
RUNS = "move-"
"""How the ids of the runs of moves begin."""

_ROUTES = frozenset({Verb.ROUTE, Verb.ASSIGN})


class Keep(Struct, frozen=True):
    """Write down how a move stands, unless another process has; go on once that is durable."""

    move: Move
    was: MoveState


class Apply(Struct, frozen=True):
    """Apply operations as a run of this id; answered with the `Run`.

    Nothing is done, and an error raised, if another process has gone on with the move.
    """

    ops: tuple[Op, ...]
    run: str
    move: Move


class Read(Struct, frozen=True):
    """Read a number at its owner; answered with its assignment as text."""

    profile: str
    number: str


class Wait(Struct, frozen=True):
    """Wait until then; answered with the time it is."""

    until: datetime


Step: TypeAlias = Keep | Apply | Read | Wait
Steps: TypeAlias = Generator[Step, object, Move]


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
    # A process that died may have let the vendor write the routing, and somebody since.
    had = (yield from _read(move)) if move.wired else move.before
    run = yield from _applied(move, "make", move.make)
    if reason := _why(run):
        begun = _begun(run)
        if not begun:
            state = MoveState.LEFT if run and run.changed else MoveState.ROLLED_BACK
            return replace(move, state=state, reason=reason)
        routed = move.routed if move.to in begun else move.before
        return replace(move, state=MoveState.ROLLING_BACK, reason=reason, routed=routed)
    routed = yield from _read(move)
    if not reads_as(routed, had) and not _is_own(move, had):
        move = _noted(move, had)
    written = _written(run)
    if written is not None and not reads_as(routed, written):
        return _given_back(move, written, routed)
    as_before = reads_as(routed, move.before) and _is_new(move)
    if move.wired and move.breaks and (as_before or parts(routed)[0] == NOTHING):
        reason = f"{move.to} answers it now, and {move.owner} routes it to {routed} nevertheless."
        return replace(move, state=MoveState.ROLLING_BACK, routed=routed, reason=reason)
    wanted = [op.after for op in move.make if op.profile == move.owner and op.verb in _ROUTES]
    if not wanted and not move.wired and not reads_as(routed, move.before):
        return replace(move, state=MoveState.ROLLING_BACK, routed=move.before)
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
    noted = _noted(move, has)
    return replace(noted, state=MoveState.ROLLING_BACK, routed=has, reason=reason)


def _let_go(move: Move) -> Steps:
    """Let the former answerer go; where it cleaned up at the carrier, route the number again."""
    for part, ops in (("breaks", move.breaks), ("retire", move.retire)):
        run = yield from _applied(move, part, tuple(guarded(move, ops)))
        move = _noted(move, *_replaced(run))
        if reason := _why(run):
            routed = yield from _read(move)
            if move.routed is not None and not reads_as(routed, move.routed):
                return _given_back(move, move.routed, routed)
            return replace(move, reason=reason)
    state = MoveState.RETIRED if move.retire else MoveState.MOVED
    return replace(move, state=state, reason=_in_between(replace(move, reason="")))


def _undone(move: Move) -> Steps:
    """Put everything back, unless the number is routed in a way that is not this move's."""
    routed = yield from _read(move)
    _, texts = parts(routed)
    foreign = not _is_own(move, routed)
    if foreign and not (move.wired and not move.routed):
        reason = f"{move.reason} At {move.owner} it is routed to {routed}: somebody else did that."
        return replace(move, state=MoveState.LEFT, reason=reason.strip())
    undo = move.undo
    own = [parts(one)[1] for one in (move.before, move.routed) if one is not None]
    if move.routed is not None and texts not in own:
        # Somebody else has routed the texts, and they stay.
        kept = both(parts(move.before)[0], texts)
        undo = tuple(
            replace(op, verb=Verb.ROUTE, after=kept) if op.profile == move.owner else op
            for op in undo
        )
    run = yield from _applied(move, "undo", undo)
    move = _noted(move, *([routed] if foreign else []), *_replaced(run))
    if reason := _why(run):
        return replace(move, state=MoveState.STUCK, reason=reason)
    reason = f"{move.reason} {_in_between(move)}".strip()
    return replace(move, state=MoveState.ROLLED_BACK, reason=reason)


def _is_own(move: Move, routed: str) -> bool:
    """Return whether a routing is one that the move made, or found at its beginning."""
    return parts(routed)[0] == parts(move.before)[0] or _is_made(move, routed)


def _is_made(move: Move, routed: str) -> bool:
    """Return whether a routing is one that the move made."""
    own = [op.after for op in move.make if op.profile == move.owner and op.verb in _ROUTES]
    known = [one for one in (*own, move.routed) if one not in (None, UNCOVERED)]
    return parts(routed)[0] in {parts(one)[0] for one in known if not texts_alone(one)}


def _noted(move: Move, *routed: str) -> Move:
    """Return a move with routings that it did not make, and has replaced."""
    new = [one for one in routed if one not in move.replaced and not _is_made(move, one)]
    return replace(move, replaced=(*move.replaced, *new)) if new else move


def _in_between(move: Move) -> str:
    """Return where the owner routed in between, as a sentence, unless the reason says that."""
    places = " and ".join(one for one in move.replaced if one not in move.reason)
    return f"In between {move.owner} routed it to {places}." if places else ""


def _applied(move: Move, part: str, ops: tuple[Op, ...]) -> Generator[Step, object, Run | None]:
    """Apply operations; return the run, or None where there are none."""
    if not ops:
        return None
    run = yield Apply(ops, f"{RUNS}{move.id}-{part}", move)
    assert isinstance(run, Run)  # noqa: S101 - for the type checker
    return run


def _begun(run: Run | None) -> set[str]:
    """Return the profiles where something may have been done."""
    return {
        entry.op.profile
        for entry in ((*run.done, *run.failed, *run.unknown, *run.changed) if run else ())
        if entry.op.verb is not Verb.CHECK
        and (entry.state is not State.FAILED or entry.error == OutcomeUnknownError.__name__)
    }


def _is_new(move: Move) -> bool:
    """Return whether the new answerer did not answer the number before."""
    there = [op for op in move.make if op.profile == move.to]
    return any(op.verb is Verb.IMPORT or op.before == NOTHING for op in there)


def _written(run: Run | None) -> str | None:
    """Return what the owner had once a vendor had written its routing; None: none did."""
    looks = [e for e in (run.done if run else ()) if e.op.verb is Verb.CHECK and not e.op.after]
    return whole(looks[0].reason) if looks else None


def _replaced(run: Run | None) -> list[str]:
    """Return what the routes of a run have replaced."""
    done = run.done if run else ()
    routes = [entry for entry in done if entry.op.verb is Verb.ROUTE and entry.reason]
    return [entry.reason for entry in routes if not texts_alone(entry.op.after or NOTHING)]


def _why(run: Run | None) -> str:
    """Return why the operations of a run are not all done, or an empty text."""
    if run is None or run.state is RunState.FINISHED:
        return ""
    ended = (*run.refused, *run.failed, *run.unknown, *run.changed)
    reasons = [f"{entry.op.id}: {entry.why}" for entry in ended]
    return " ".join(reasons or [*run.paused.values()]) or "It was interrupted."


def _read(move: Move) -> Generator[Step, object, str]:
    found = yield Read(move.owner, move.number)
    assert isinstance(found, str)  # noqa: S101 - for the type checker
    return whole(found)
