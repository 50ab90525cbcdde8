"""What a plan may do without a flag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from telephony.fleet.errors import UnsafePlanError
from telephony.fleet.planning.held import Held
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.plan import Plan, Unsafe

_CHANGES = frozenset({Verb.LABEL, Verb.ASSIGN, Verb.ROUTE, Verb.UNASSIGN})
_OVER = "--over-limits"
_EXACT = {"--buy": (Verb.BUY, "buys"), "--release": (Verb.RELEASE, "releases")}


def permit(plan: Plan, *, buy: int = 0, release: int = 0, over_limits: bool = False) -> None:
    """Raise unless the flags permit the plan.

    Args:
        plan: what is to be applied.
        buy: how many numbers it may buy: exactly as many as it does.
        release: how many numbers it may release: exactly as many as it does.
        over_limits: whether it may exceed the limits of ``[safety]``.

    Raises:
        UnsafePlanError: it does more, or less, than the flags say.
    """
    reasons = [one for one in plan.unsafe if one.flag == _OVER and not over_limits]
    for flag, (verb, done) in _EXACT.items():
        count, given = plan.counts.get(verb, 0), {Verb.BUY: buy, Verb.RELEASE: release}[verb]
        if count != given:
            said = f", but {flag} says {given}" if given else ""
            reasons.append(
                Unsafe(flag=flag, count=count, reason=f"It {done} {_numbers(count)}{said}.")
            )
    if reasons:
        raise UnsafePlanError(plan, reasons)


def unsafe(ops: Iterable[Op], held: Held) -> Iterator[Unsafe]:
    """Yield the reasons why operations need a flag."""
    changed: defaultdict[str, set[str]] = defaultdict(set)
    detached: defaultdict[str, set[str]] = defaultdict(set)
    exact: defaultdict[Verb, int] = defaultdict(int)
    for op in ops:
        exact[op.verb] += 1
        if op.verb is Verb.DETACH:
            detached[op.profile].add(op.number)
        elif op.verb in _CHANGES and op.holding is not None:
            changed[op.profile].add(op.number)
    for flag, (verb, done) in _EXACT.items():
        if exact[verb]:
            reason = f"It {done} {_numbers(exact[verb])}."
            yield Unsafe(flag=flag, count=exact[verb], reason=reason)
    limits = held.policy.safety.limits
    for profile, holdings in held.by_profile.items():
        many = len(holdings)
        for done, found, share in (
            ("changes", changed[profile], limits.change),
            ("detaches", detached[profile], limits.detach),
        ):
            if many >= limits.least and len(found) > share * many:
                yield Unsafe(
                    flag=_OVER,
                    count=len(found),
                    reason=f"It {done} {len(found):,} of the {_numbers(many)} at {profile}, more "
                    f"than the limit of {share:.0%}.",
                )
        before = held.snapshot.previous.get(profile, 0)
        shrunk = before >= limits.least and many < before * (1 - limits.shrink)
        if shrunk and profile not in held.closed:
            yield Unsafe(
                flag=_OVER,
                count=before - many,
                reason=f"{profile} lists {_numbers(many)}, where it listed {before:,} before.",
            )


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count:,} numbers"
