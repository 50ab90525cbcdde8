"""How one operation is done, and a lane of them: generators, without I/O.

They yield a `Save`, which is durable before they go on, or a `Call`, and are sent its result or
have its error thrown in. So blocking and asyncio apply the same way, and a test can be the vendor.

An operation is written down as started before the first request that changes anything. What was
started by a process that died is settled by reading: see `_look`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping, Sequence
from enum import Enum

from msgspec.structs import replace

from telephony.errors import NotFoundError, OutcomeUnknownError, TelephonyError
from telephony.fleet.applying.purchase import bought as buy
from telephony.fleet.applying.steps import (
    Call,
    Save,
    Step,
    Steps,
    cleared,
    done,
    ended,
    state_after,
)
from telephony.fleet.journal.protocol import Entry, State
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.targets import NOTHING, UNCOVERED, parts, reads_as, target_of, text_of, whole
from telephony.model import LinkedCarrier, NumberStatus, PhoneNumber, Source, Webhook

_NOTHING_KEPT = (
    "Its trunk or application goes before the URL that the vendor who is to answer it writes, and "
    "it has no such URL. Route it by hand, and plan again."
)
_OVERTAKEN = "A later run has changed this number. Plan again."
_NOT_ACTIVE = "The vendor has yet to activate the number that was bought. Resume the run later."
_ROUTES = frozenset({Verb.IMPORT, Verb.ASSIGN, Verb.ROUTE})
_BREAKS = frozenset({Verb.UNASSIGN, Verb.DETACH, Verb.RELEASE})
_READ_FIRST = frozenset({Verb.IMPORT, Verb.ROUTE, Verb.UNASSIGN, Verb.DETACH, Verb.RELEASE})


class _Seen(Enum):
    """What reading showed."""

    WANTED = "wanted"
    BEFORE = "before"
    OTHER = "other"


def lane_steps(
    entries: Sequence[Entry],
    sources: Mapping[str, Source],
    can_go_on: Callable[[str], bool],
    overtaken: Container[str] = (),
) -> Generator[Step, object, None]:
    """Do the operations of a lane that are not done, until one does not end as done.

    Args:
        entries: all operations of the lane, in order.
        sources: where numbers are imported from, by the profile that answers them.
        can_go_on: whether another operation may begin at a profile.
        overtaken: numbers that a later run has changed.
    """
    bought: Entry | None = None
    imported: dict[tuple[str, str], str | None] = {}
    seen: Entry | None = None  # of what was done before: what stood then may not any more
    for entry in entries:
        if entry.state is State.DONE:
            if _is_seen_again(entry.op):
                seen = entry
            elif entry.op.verb in _ROUTES:
                seen = None  # it may have changed that
        else:
            if not can_go_on(entry.op.profile):
                return
            if (entry.op.number or (bought.number if bought else "")) in overtaken:
                yield from ended(entry, State.CHANGED, reason=_OVERTAKEN)
                return
            op = _filled(entry.op, bought, imported)
            if seen is not None and (yield from _is_to_do(entry, op, sources)):
                seen = yield from op_steps(seen, _filled(seen.op, bought, imported), sources)
                if seen.state is not State.DONE:
                    return
            seen = None
            entry = yield from op_steps(entry, op, sources)
            if entry.state is not State.DONE:
                return
        if entry.op.verb is Verb.BUY:
            bought = entry if entry.number else (yield from _with_number(entry))
        elif entry.op.verb is Verb.IMPORT:
            number = entry.op.number or (bought.number if bought else "")
            imported[entry.op.profile, number] = entry.holding


def _is_seen_again(op: Op) -> bool:
    """Return whether it must still stand when a run is resumed, before what relies on it."""
    return op.verb is Verb.CHECK or (op.verb is Verb.ROUTE and op.before is None)


def _is_to_do(entry: Entry, op: Op, sources: Mapping[str, Source]) -> Generator[Step, object, bool]:
    """Return whether an operation of a resumed run may still have to be done."""
    if entry.state not in {State.STARTED, State.UNKNOWN}:
        return True
    if op.verb not in _BREAKS:
        return False
    try:
        happened, _ = yield from _look(op, sources, resumed=True)
    except TelephonyError:
        return True
    return happened is not _Seen.WANTED


def op_steps(entry: Entry, op: Op, sources: Mapping[str, Source]) -> Steps:
    """Do one operation, or settle it if it was started before; return how it stands.

    Args:
        entry: as the journal has it.
        op: the same operation, with what operations before it brought.
        sources: as for `lane_steps`.
    """
    if not _ref(op) and op.verb is not Verb.BUY:
        return (yield from ended(entry, State.FAILED, reason=_NOT_ACTIVE))
    if op.verb is Verb.CHECK:
        return (yield from _check(entry, op))
    if op.verb is Verb.BUY:
        return (yield from buy(entry, op))
    resumed = entry.state in {State.STARTED, State.UNKNOWN}
    if op.after == UNCOVERED:
        try:
            held = yield from _read(op)
        except TelephonyError as error:
            state = entry.state if resumed else state_after(error)
            return (yield from ended(entry, state, error))
        if parts(text_of(held.assignment))[0] != op.before:
            return (yield from done(entry, held))
        kept = held.overruled.voice_url if held.overruled else None
        if kept is None:
            return (yield from ended(entry, State.CHANGED, reason=_NOTHING_KEPT))
        op = replace(op, after=text_of(Webhook(kept)))
    replaced = ""
    if resumed or op.verb in _READ_FIRST:
        try:
            seen, found = yield from _look(op, sources, resumed=resumed)
        except TelephonyError as error:
            # Nothing is known that was not known before.
            state = entry.state if resumed else state_after(error)
            return (yield from ended(entry, state, error))
        if seen is _Seen.WANTED:
            return (yield from done(entry, found))
        if seen is _Seen.OTHER:
            return (yield from ended(entry, State.CHANGED, reason=_differs(op, found)))
        if entry.state is State.UNKNOWN:
            return entry
        if _is_seen_again(op):
            replaced = text_of(found.assignment) if found else NOTHING
    started = replace(cleared(entry), state=State.STARTED, reason=replaced)
    yield Save(started, entry.state)
    try:
        result = yield Call(op.profile, *_change(op, sources))
    except OutcomeUnknownError as lost:
        return (yield from _settle(started, op, sources, lost))
    except TelephonyError as error:
        return (yield from ended(started, state_after(error), error))
    return (yield from done(started, result))


def _settle(
    entry: Entry, op: Op, sources: Mapping[str, Source], lost: OutcomeUnknownError
) -> Steps:
    """Read once what came of a lost response."""
    try:
        seen, found = yield from _look(op, sources, resumed=True)
    except TelephonyError:
        seen, found = _Seen.OTHER, None
    if seen is _Seen.WANTED:
        return (yield from done(entry, found))
    state = State.FAILED if lost.retry_safe else State.UNKNOWN
    return (yield from ended(entry, state, lost))


def _check(entry: Entry, op: Op) -> Steps:
    """Read whether the owner has what is wanted; nothing is changed, so nothing is settled."""
    try:
        found = yield from _read(op)
    except TelephonyError as error:
        return (yield from ended(entry, state_after(error), error))
    read = text_of(found.assignment)
    if op.after is None:
        looked = replace(cleared(entry), state=State.DONE, reason=read)
        yield Save(looked, entry.state)
        return looked
    if reads_as(read, op.after):
        return (yield from done(entry, found))
    return (yield from ended(entry, State.CHANGED, reason=_differs(op, found)))


def _look(
    op: Op, sources: Mapping[str, Source], *, resumed: bool
) -> Generator[Step, object, tuple[_Seen, PhoneNumber | None]]:
    """Read whether an operation has happened, is yet to do, or was overtaken."""
    try:
        found = yield from _read(op)
    except NotFoundError:
        if op.verb in _BREAKS:
            return _Seen.WANTED, None
        if op.verb is Verb.IMPORT:
            return _Seen.BEFORE, None
        raise
    match op.verb:
        case Verb.LABEL:
            as_wanted, as_before = (found.label or "") == (op.after or ""), True
        case Verb.IMPORT:
            as_wanted, as_before = _is_from(found, sources.get(op.profile)), False
        case Verb.DETACH | Verb.RELEASE:
            as_wanted = found.status is NumberStatus.RELEASED
            as_before = found.number == op.number and _had(found, op.before, NOTHING)
        case Verb.UNASSIGN:
            # Something else may stay, such as what sends the number's texts.
            as_wanted = _has(found, NOTHING) or (resumed and not _had(found, op.before))
            as_before = _had(found, op.before)
        case Verb.ASSIGN if op.before is None or reads_as(op.before, op.after or NOTHING):
            # It is for what the vendor does elsewhere with it, such as at the carrier.
            as_wanted, as_before = False, True
        case _:
            as_wanted, as_before = _has(found, op.after), _had(found, op.before)
    if as_wanted:
        return _Seen.WANTED, found
    return (_Seen.BEFORE if as_before else _Seen.OTHER), found


def _has(found: PhoneNumber, *targets: str | None) -> bool:
    """Return whether the assignment is one of these; None: whatever it is."""
    read = text_of(found.assignment)
    return any(target is None or reads_as(read, target) for target in targets)


def _had(found: PhoneNumber, *read: str | None) -> bool:
    """Return whether the assignment is one of these that were read; None: whatever it is."""
    return _has(found, *(one and whole(one) for one in read))


def _is_from(found: PhoneNumber, source: Source | None) -> bool:
    """Return whether a number comes from the source, as far as the vendor says."""
    known = found.carrier.id if found.carrier else None
    return not isinstance(source, LinkedCarrier) or known in {None, source.id}


def _read(op: Op) -> Generator[Step, object, PhoneNumber]:
    found = yield Call(op.profile, "get_number", {"number": _ref(op)})
    assert isinstance(found, PhoneNumber)  # noqa: S101 - for the type checker
    return found


def _with_number(bought: Entry) -> Steps:
    """Read the number of a purchase again that the vendor has yet to activate."""
    op = replace(bought.op, holding=bought.holding)
    try:
        found = yield from _read(op)
    except TelephonyError:
        return bought
    return (yield from done(bought, found)) if found.number else bought


def _filled(op: Op, bought: Entry | None, imported: Mapping[tuple[str, str], str | None]) -> Op:
    """Return an operation with what those before it in its lane brought."""
    number, holding = op.number, op.holding
    if bought is not None and not number:
        number = bought.number
        holding = holding or (bought.holding if bought.op.profile == op.profile else None)
    return replace(op, number=number, holding=holding or imported.get((op.profile, number)))


def _ref(op: Op) -> str:
    return op.holding or op.number


def _change(op: Op, sources: Mapping[str, Source]) -> tuple[str, Mapping[str, object]]:
    """Return the provider's method that does it, and its arguments."""
    match op.verb:
        case Verb.LABEL:
            return "update_number", {"number": _ref(op), "label": op.after}
        case Verb.IMPORT:
            # Some vendors route a number as soon as it is imported.
            to, source = target_of(op.after or NOTHING), sources.get(op.profile)
            return "import_number", {"number": op.number, "source": source, "assign_to": to}
        case Verb.DETACH | Verb.RELEASE:
            return "release_number", {"number": _ref(op), "unassign": True}
    target = target_of(op.after or NOTHING)
    if target is None:
        return "unassign_number", {"number": _ref(op)}
    return "assign_number", {"number": _ref(op), "to": target}


def _differs(op: Op, found: PhoneNumber | None) -> str:
    now = text_of(found.assignment) if found else NOTHING
    return (
        f"The vendor has {now!r}, neither {op.before or NOTHING!r} as planned from, nor "
        f"{op.after or NOTHING!r}. Plan again."
    )
