"""What a plan may do without a flag."""

from __future__ import annotations

from telephony.fleet.errors import UnsafePlanError
from telephony.fleet.planning.ops import Verb
from telephony.fleet.planning.plan import Plan, Unsafe


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
    reasons = [one for one in plan.unsafe if one.flag == "--over-limits" and not over_limits]
    for flag, verb, given, done in (
        ("--buy", Verb.BUY, buy, "buys"),
        ("--release", Verb.RELEASE, release, "releases"),
    ):
        count = plan.counts.get(verb, 0)
        if count != given:
            said = f", but {flag} says {given}" if given else ""
            reasons.append(
                Unsafe(flag=flag, count=count, reason=f"It {done} {_numbers(count)}{said}.")
            )
    if reasons:
        raise UnsafePlanError(plan, reasons)


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count:,} numbers"
