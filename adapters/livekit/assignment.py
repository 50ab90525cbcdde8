"""Assigning a number on a trunk: finding or creating the dispatch rule that is its own.

A rule is bound to trunks, and can be narrowed to numbers. Rules for other numbers stay in force: a
number that a rule names beside others is taken out of it, and a rule for a whole trunk is preceded
by one narrowed to the number. LiveKit compares called numbers letter by letter, so such a rule is
for the spelling on the trunk.

Source: the dispatch of livekit-server 1.13.5, docs.livekit.io/telephony/accepting-calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.model import PhoneNumber, Room, Target
from telephony.wire import Json, Operation, Options, merged

from . import bodies, dispatch_rules
from .bodies import Rule
from .trunk_numbers import TrunkNumber, joined
from .trunks import Trunks

_Step: TypeAlias = tuple[Rule, Json | None]
"""A rule and its changes; None: it is deleted."""


def assign(
    trunks: Trunks, number: TrunkNumber, to: Target, provider: str, options: Options
) -> Operation[PhoneNumber]:
    """Make calls to a number on a trunk lead to `to`."""
    if number.inbound is None:
        raise InvalidRequestError(
            "The number only places calls: no inbound trunk carries it.",
            argument="number",
            hint="Import it once more, with outbound=False.",
        )
    general = [rule for rule in number.rules if not rule.info.inbound_numbers]
    before = dispatch_rules.answering(general)
    others = [rule for rule in number.rules if rule is not before]
    notices = _without_pin(before, general)
    if before is not None and _own(before, number):
        changes = merged(dispatch_rules.leading(before, to), options)
        notices += lost_settings(before, to)
        now = yield from trunks.replace_rule(before, changes)
        return changed(number, [*others, now], provider, notices)
    written = bodies.spellings(number.inbound, number.number)
    # More than one spelling would be two rules for the same number to the server.
    narrowed = written[:1] if number.shared else []
    spelled = tuple(
        f"LiveKit compares letter by letter: the rule is for calls to {text}, as the trunk has it."
        for text in narrowed
    )
    trunk_ids = [number.inbound.id]
    if before is None:
        body = dispatch_rules.new_rule(
            to, name=number.number, trunk_ids=trunk_ids, numbers=narrowed
        )
        now = yield from trunks.create_rule(merged(body, options))
        return changed(number, [*others, now], provider, spelled)
    body = dispatch_rules.copied(
        before, to, name=number.number, trunk_ids=trunk_ids, numbers=narrowed
    )
    body = merged(body, options)
    notices += lost_settings(before, to)
    if not _excludes(before, number):
        notices += (f"{before.id} answers other numbers too, and stays as it is.",)
        now = yield from trunks.create_rule(body)
        return changed(number, [before, *others, now], provider, notices + spelled)
    freed = _freed(before, number)
    if freed is None:
        raise ConflictError(
            f"The dispatch rule {before.id} answers the number on other trunks too",
            hint="Split that rule at LiveKit, one for each trunk.",
        )
    now = yield from _moved(trunks, before, freed, body)
    return changed(number, [*others, now], provider, notices + spelled)


def unassign(
    trunks: Trunks, number: TrunkNumber, provider: str, options: Options
) -> Operation[PhoneNumber]:
    """Delete the rules of this number alone; those of its whole trunk stay.

    Raises:
        ConflictError: it has no rule of its own.
    """
    steps, stuck = _detached(number)
    if stuck and not steps:
        raise ConflictError(
            f"The dispatch rule {stuck[0].id} answers {_whose(stuck[0])}",
            hint="Change that rule at LiveKit, or assign the number to something else.",
        )
    notices = tuple(
        f"Deleted with the dispatch rule {rule.id}: {', '.join(lost)}."
        for rule, changes in steps
        if changes is None and (lost := dispatch_rules.further_settings(rule, kept=False))
    )
    left = dispatch_rules.answering(stuck)
    if left is not None:
        notices += (f"The dispatch rule {left.id}, which answers {_whose(left)}, answers it now.",)
    yield from _take(trunks, steps, options)
    return changed(number, stuck, provider, notices)


def detach(trunks: Trunks, number: TrunkNumber) -> Operation[None]:
    """Delete or change the rules that only the number still needs, when it leaves its trunk."""
    steps, _ = _detached(number)
    yield from _take(trunks, steps, {})


def changed(
    number: TrunkNumber, rules: Sequence[Rule], provider: str, notices: tuple[str, ...]
) -> PhoneNumber:
    """Return the number with `rules`, and what answered it before."""
    rule = dispatch_rules.answering(number.rules)
    before = dispatch_rules.target_of(rule)
    now = joined(number.number, number.inbound, number.outbound, rules).normalized(provider)
    if before is None and rule is not None:
        notices = (*notices, "A rule that names no agent answered the number before.")
    replaced = before if before != now.assignment else None
    return now.model_copy(update={"replaced": replaced, "notices": notices})


def _own(rule: Rule, number: TrunkNumber) -> bool:
    """Return whether a rule is for this number only."""
    called = {bodies.normalized(text) for text in rule.info.numbers}
    if not rule.info.trunk_ids:
        return called == {number.number} and not number.elsewhere
    if rule.info.trunk_ids != (number.trunk.id,):
        return False
    return called == {number.number} or (not called and not number.shared)


def _excludes(rule: Rule, number: TrunkNumber) -> bool:
    """Return whether a rule of the number's own would conflict with this one or come after it."""
    if number.trunk.id not in rule.info.trunk_ids:
        return False
    return bool(rule.info.numbers) or not number.shared


def _freed(rule: Rule, number: TrunkNumber) -> Json | None:
    """Return the changes that take the number out of a rule for others; None if impossible."""
    trunk_ids, called = rule.info.trunk_ids, rule.info.numbers
    named = {bodies.normalized(text) for text in called}
    here = {text for text in bodies.entries_on(number.trunk) if not named or text in named}
    if number.trunk.id in trunk_ids and len(trunk_ids) > 1 and here == {number.number}:
        return {"trunk_ids": [one for one in trunk_ids if one != number.trunk.id]}
    others = [text for text in called if bodies.normalized(text) != number.number]
    also = number.elsewhere.intersection(trunk_ids) if trunk_ids else number.elsewhere
    return {"numbers": [*others]} if others and not also else None


def _detached(number: TrunkNumber) -> tuple[list[_Step], list[Rule]]:
    """Return how each rule changes to leave the number out, and the rules that cannot."""
    steps: list[_Step] = []
    stuck: list[Rule] = []
    for rule in number.rules:
        if _own(rule, number):
            steps.append((rule, None))
        elif (freed := _freed(rule, number)) is not None:
            steps.append((rule, freed))
        else:
            stuck.append(rule)
    return steps, stuck


def _take(trunks: Trunks, steps: Sequence[_Step], options: Options) -> Operation[None]:
    for done, (rule, changes) in enumerate(steps):
        try:
            if changes is None:
                yield from trunks.delete_rule(rule, options)
            else:
                yield from trunks.replace_rule(rule, merged(changes, options))
        except ProviderError as failure:
            if done:
                failure.hint = f"{done} of {len(steps)} rules were taken away. {failure.hint}"
            raise


def _moved(trunks: Trunks, rule: Rule, freed: Json, body: Json) -> Operation[Rule]:
    """Take the number out of a rule, which LiveKit wants first, and make one of its own."""
    yield from trunks.replace_rule(rule, freed)
    try:
        return (yield from trunks.create_rule(body))
    except OutcomeUnknownError as lost:
        lost.hint = f"The dispatch rule {rule.id} does not answer the number any more. {lost.hint}"
        raise
    except ProviderError as refused:
        try:
            yield from trunks.replace_rule(rule, {})
        except ProviderError:
            refused.hint = f"Nothing answers the number now: assign it again. {refused.hint}"
        raise


def lost_settings(rule: Rule, to: Target) -> tuple[str, ...]:
    """Return a notice of the settings that a rule for a room cannot keep."""
    lost = dispatch_rules.further_settings(rule, kept=True) if isinstance(to, Room) else []
    return (f"A room has no place for what {rule.id} said of {', '.join(lost)}.",) if lost else ()


def _without_pin(answering: Rule | None, general: Sequence[Rule]) -> tuple[str, ...]:
    """Return a notice if another rule still answers callers who enter no PIN."""
    if answering is None or not answering.info.pin:
        return ()
    reached = dispatch_rules.answering([rule for rule in general if not rule.info.pin])
    if reached is None:
        return ()
    return (f"{reached.id} answers callers who enter no PIN, and stays as it is.",)


def _whose(rule: Rule) -> str:
    return "every number of its trunk" if rule.info.trunk_ids else "every trunk"
