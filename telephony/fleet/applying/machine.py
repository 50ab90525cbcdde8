"""How one operation is done, and a lane of them: generators, without I/O.

They yield a `Save`, which is durable before they go on, or a `Call`, and are sent its result or
have its error thrown in. So blocking and asyncio apply the same way, and a test can be the vendor.

An operation is written down as started before the first request that changes anything. What was
started by a process that died is settled by reading: see `_look`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Container, Generator, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from telephony.errors import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    TelephonyError,
    UnavailableError,
    UnsupportedOperationError,
)
from telephony.fleet.journal.protocol import Entry, State
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.targets import NOTHING, UNCOVERED, parts, reads_as, target_of, text_of, whole
from telephony.idempotency import key_digest
from telephony.model import (
    AvailableNumber,
    LinkedCarrier,
    NumberStatus,
    PhoneNumber,
    Source,
    Webhook,
)

log: logging.Logger = logging.getLogger("telephony.fleet")


class Save(Struct, frozen=True, gc=False):
    """Write down where an operation stands; go on once that is durable.

    Attributes:
        entry: the operation.
        was: where it stood before.
    """

    entry: Entry
    was: State


class Call(Struct, frozen=True):
    """Call a method of a provider.

    Attributes:
        profile: which provider.
        operation: the method's name, such as ``get_number``.
        arguments: by name.
    """

    profile: str
    operation: str
    arguments: Mapping[str, object]


class Find(Struct, frozen=True):
    """Look in a provider's listing for the number that a purchase brought; None: it is not there.

    Attributes:
        profile: which provider.
        mark: the stored form of the purchase's idempotency key.
    """

    profile: str
    mark: str


Step: TypeAlias = Save | Call | Find
Steps: TypeAlias = Generator[Step, object, Entry]

# What did not happen because of the vendor or the way there, and not because of what was asked.
_FAILURES = (
    AuthenticationError,
    InvalidResponseError,
    ProviderTimeoutError,
    RateLimitedError,
    UnavailableError,
)
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
                yield from _ended(entry, State.CHANGED, reason=_OVERTAKEN)
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
    """Return whether an operation that a run is resumed with has not happened for sure."""
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
        return (yield from _ended(entry, State.FAILED, reason=_NOT_ACTIVE))
    if op.verb is Verb.CHECK:
        return (yield from _check(entry, op))
    if op.verb is Verb.BUY:
        return (yield from _bought(entry, op))
    resumed = entry.state in {State.STARTED, State.UNKNOWN}
    if op.after == UNCOVERED:
        try:
            held = yield from _read(op)
        except TelephonyError as error:
            state = entry.state if resumed else _state_after(error)
            return (yield from _ended(entry, state, error))
        if parts(text_of(held.assignment))[0] != op.before:
            return (yield from _done(entry, held))
        kept = held.overruled.voice_url if held.overruled else None
        if kept is None:
            return (yield from _ended(entry, State.CHANGED, reason=_NOTHING_KEPT))
        op = replace(op, after=text_of(Webhook(kept)))
    replaced = ""
    if resumed or op.verb in _READ_FIRST:
        try:
            seen, found = yield from _look(op, sources, resumed=resumed)
        except TelephonyError as error:
            # Nothing is known that was not known before.
            state = entry.state if resumed else _state_after(error)
            return (yield from _ended(entry, state, error))
        if seen is _Seen.WANTED:
            return (yield from _done(entry, found))
        if seen is _Seen.OTHER:
            return (yield from _ended(entry, State.CHANGED, reason=_differs(op, found)))
        if entry.state is State.UNKNOWN:
            return entry
        if _is_seen_again(op):
            replaced = text_of(found.assignment) if found else NOTHING
    started = replace(_cleared(entry), state=State.STARTED, reason=replaced)
    yield Save(started, entry.state)
    try:
        result = yield Call(op.profile, *_change(op, sources))
    except OutcomeUnknownError as lost:
        return (yield from _settle(started, op, sources, lost))
    except TelephonyError as error:
        return (yield from _ended(started, _state_after(error), error))
    return (yield from _done(started, result))


def _settle(
    entry: Entry, op: Op, sources: Mapping[str, Source], lost: OutcomeUnknownError
) -> Steps:
    """Read once what came of a lost response."""
    try:
        seen, found = yield from _look(op, sources, resumed=True)
    except TelephonyError:
        seen, found = _Seen.OTHER, None
    if seen is _Seen.WANTED:
        return (yield from _done(entry, found))
    state = State.FAILED if lost.retry_safe else State.UNKNOWN
    return (yield from _ended(entry, state, lost))


def _bought(entry: Entry, op: Op) -> Steps:
    """Buy a number for an order, at most once.

    The order is the idempotency key, which makes the provider look before it buys, and read back
    what it can after a lost response. Where the vendor keeps no keys, one of the numbers that it
    offers is written down first, and exactly that one is bought.
    """
    if entry.state is State.UNKNOWN:
        found = yield from _brought(entry, op)
        return entry if found is None else (yield from _done(entry, found))
    started = replace(_cleared(entry), state=State.STARTED)
    yield Save(started, entry.state)
    try:
        if not started.number:
            try:
                return (yield from _done(started, (yield _purchase(op))))
            except UnsupportedOperationError as no_keys:
                chosen = yield from _chosen(op, no_keys)
            started = replace(started, number=chosen)
            yield Save(started, State.STARTED)
        return (yield from _done(started, (yield _purchase(op, started.number))))
    except OutcomeUnknownError as lost:
        return (yield from _ended(started, State.UNKNOWN, lost))
    except TelephonyError as error:
        # Another one is chosen when the run is resumed.
        return (yield from _ended(replace(started, number=""), _state_after(error), error))


def _brought(entry: Entry, op: Op) -> Generator[Step, object, PhoneNumber | None]:
    """Return the number that a purchase of unknown outcome has brought, if that can be read."""
    try:
        if entry.number:
            found = yield Call(op.profile, "get_number", {"number": entry.number})
        else:
            found = yield Find(op.profile, key_digest(op.order or ""))
    except TelephonyError:
        return None
    return found if isinstance(found, PhoneNumber) else None


def _purchase(op: Op, number: str | None = None) -> Call:
    wanted = {"country": op.country or "US", "area_code": op.area_code}
    which = {"number": number} if number else wanted
    named = {"label": op.after, "idempotency_key": op.order}
    return Call(op.profile, "provision_number", {**which, **named})


def _chosen(op: Op, no_keys: UnsupportedOperationError) -> Generator[Step, object, str]:
    """Return the first number that the vendor offers.

    Raises:
        UnsupportedOperationError: it cannot be asked: `no_keys`.
        NotFoundError: it offers none.
    """
    wanted = {"country": op.country or "US", "area_code": op.area_code, "limit": 1}
    try:
        offered = yield Call(op.profile, "search_numbers", wanted)
    except UnsupportedOperationError:
        raise no_keys from None
    assert isinstance(offered, list)  # noqa: S101 - for the type checker
    for one in offered:
        if isinstance(one, AvailableNumber):
            return one.number
    raise NotFoundError(
        "The vendor offers no such number now", hint="Change the order's area code."
    )


def _check(entry: Entry, op: Op) -> Steps:
    """Read whether the owner has what is wanted; nothing is changed, so nothing is settled."""
    try:
        found = yield from _read(op)
    except TelephonyError as error:
        return (yield from _ended(entry, _state_after(error), error))
    read = text_of(found.assignment)
    if op.after is None:
        done = replace(_cleared(entry), state=State.DONE, reason=read)
        yield Save(done, entry.state)
        return done
    if reads_as(read, op.after):
        return (yield from _done(entry, found))
    return (yield from _ended(entry, State.CHANGED, reason=_differs(op, found)))


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
    return (yield from _done(bought, found)) if found.number else bought


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


# --- How an operation ended ----------------------------------------------------------------------

_NOTHING_KEPT = (
    "Its trunk or application goes before the URL that the vendor who is to answer it writes, and "
    "it has no such URL. Route it by hand, and plan again."
)
_OVERTAKEN = "A later run has changed this number. Plan again."
_CODE = re.compile(r"[\w.:/-]{1,64}")
_TARGETS = frozenset({"to", "assign_to", "target"})
_NOT_ACTIVE = "The vendor has yet to activate the number that was bought. Resume the run later."


def _done(entry: Entry, result: object) -> Steps:
    done = replace(_cleared(entry), state=State.DONE)
    if entry.op.verb is Verb.ROUTE and entry.state in {State.STARTED, State.DONE}:
        done = replace(done, reason=entry.reason)
    if isinstance(result, PhoneNumber) and entry.op.verb in {Verb.BUY, Verb.IMPORT}:
        done = replace(done, number=result.number, holding=result.id)
    yield Save(done, entry.state)
    return done


def _ended(
    entry: Entry, state: State, error: TelephonyError | None = None, *, reason: str = ""
) -> Steps:
    ended = replace(_cleared(entry), state=state, reason=reason)
    if error is not None:
        ended = replace(ended, error=type(error).__name__, reason=str(error))
    if isinstance(error, ProviderError) and error.status is not None:
        # The vendor's own words are for the log alone.
        log.info("%s: %s", entry.op.id, error)
        ended = replace(
            ended, status=error.status, code=_code(error.code), request_id=error.request_id,
            reason=_named(entry.op, error) + error.hint,
        )  # fmt: skip
    yield Save(ended, entry.state)
    return ended


def _code(code: str | None) -> str | None:
    """Return the vendor's code of an error, unless it is a text, which is not kept."""
    return code if code is not None and _CODE.fullmatch(code) else None


def _named(op: Op, error: ProviderError) -> str:
    """Return what there is not, where the vendor has no such target."""
    if isinstance(error, NotFoundError | InvalidRequestError) and error.argument in _TARGETS:
        return f"There is no {op.after} there. "
    return ""


def _cleared(entry: Entry) -> Entry:
    """Return an entry without how it ended before."""
    return replace(entry, error=None, status=None, code=None, request_id=None, reason="")


def _state_after(error: TelephonyError) -> State:
    return State.FAILED if isinstance(error, _FAILURES) else State.REFUSED


def _differs(op: Op, found: PhoneNumber | None) -> str:
    now = text_of(found.assignment) if found else NOTHING
    return (
        f"The vendor has {now!r}, neither {op.before or NOTHING!r} as planned from, nor "
        f"{op.after or NOTHING!r}. Plan again."
    )
