"""Assigning: which dispatch rule is a number's own, and how it is made to lead elsewhere.

A rule is bound to trunks, and can be narrowed to numbers. Rules that answer other numbers too are
left alone: a rule narrowed to the number goes before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pydantic import JsonValue

from telephony.errors import ConflictError, InvalidRequestError, ProviderError
from telephony.model import Agent, PhoneNumber, Room, Target
from telephony.wire import Json, Operation, Options, merged

from . import wire
from .trunks import Trunks, held
from .twirp import as_json
from .wire import Held, Rule

_Step: TypeAlias = tuple[Rule, Json | None]
"""A rule and its changes; None: it is deleted."""


def assign(
    trunks: Trunks, number: Held, to: Target, provider: str, options: Options
) -> Operation[PhoneNumber]:
    """Let `to` answer a number on a trunk."""
    if number.inbound is None:
        raise InvalidRequestError(
            "The number only places calls: no inbound trunk carries it.",
            argument="number",
            hint="Import it once more, with outbound=False.",
        )
    general = [rule for rule in number.rules if not rule.info.inbound_numbers]
    before = wire.answering(general)
    notices: tuple[str, ...] = ()
    if before is not None and _own(before, number):
        rules = [rule for rule in number.rules if rule is not before]
        rules.append((yield from trunks.replace_rule(before, leading(before, to, options))))
    else:
        narrowed: list[str] = []
        if before is not None and before.info.trunk_ids:
            # Rules compare called numbers letter by letter: name both spellings that carriers use.
            spelled = wire.spellings(number.inbound, number.number)
            narrowed = [number.number, number.number.removeprefix("+"), *spelled]
            notices = (f"{before.id} answers other numbers too, and stays as it is.",)
        info = wire.new_rule(
            to,
            name=number.number,
            trunk_ids=[number.inbound.id],
            numbers=list(dict.fromkeys(narrowed)),
        )
        rules = [*number.rules, (yield from trunks.create_rule(info, options))]
    return changed(number, rules, provider, notices)


def unassign(
    trunks: Trunks, number: Held, provider: str, options: Options
) -> Operation[PhoneNumber]:
    """Let nothing answer a number on a trunk.

    Raises:
        ConflictError: a rule that answers it cannot let go of a single number.
    """
    steps, stuck = _detached(number)
    if stuck:
        whose = "every number of its trunk" if stuck[0].info.trunk_ids else "every trunk"
        raise ConflictError(
            f"The dispatch rule {stuck[0].id} answers {whose}",
            hint="Change that rule at LiveKit, or assign the number to something else.",
        )
    notices: tuple[str, ...] = ()
    if any(rule.info.pin for rule, changes in steps if changes is None):
        notices = ("The PIN that callers had to key in went with the rule.",)
    yield from _take(trunks, steps, options)
    return changed(number, [], provider, notices)


def detach(trunks: Trunks, number: Held) -> Operation[None]:
    """Take away what would be left of a number's rules when it is gone from its trunk."""
    steps, _ = _detached(number)
    yield from _take(trunks, steps, {})


def leading(rule: Rule, to: Target, options: Options) -> Json:
    """The fields of `rule` that change so that `to` answers; its PIN and room settings stay."""
    room = rule.raw.get("room_config")
    agents: JsonValue = [{"agent_name": to.id}] if isinstance(to, Agent) else []
    changes: Json = {"room_config": {**(room if isinstance(room, dict) else {}), "agents": agents}}
    if isinstance(to, Room) or rule.info.room is not None:
        fresh = wire.new_rule(to, name="", trunk_ids=[], numbers=[], pin=rule.info.pin)
        changes["rule"] = as_json(fresh.rule)
    return merged(changes, options)


def changed(
    number: Held, rules: Sequence[Rule], provider: str, notices: tuple[str, ...]
) -> PhoneNumber:
    """The number with `rules`, and what answered it before."""
    before = wire.target_of(wire.answering(number.rules))
    now = held(number.number, number.inbound, number.outbound, rules).normalized(provider)
    if before is None and wire.answering(number.rules) is not None:
        notices = (*notices, "A rule that names no agent answered the number before.")
    replaced = before if before != now.assignment else None
    return now.model_copy(update={"replaced": replaced, "notices": notices})


def _own(rule: Rule, number: Held) -> bool:
    """Whether a rule answers this number only."""
    called = {wire.normalized(text) for text in rule.info.numbers}
    if called:
        return called == {number.number} and len(rule.info.trunk_ids) <= 1
    return len(rule.info.trunk_ids) == 1 and not number.shared


def _detached(number: Held) -> tuple[list[_Step], list[Rule]]:
    """What to do with each rule so that it does not answer the number any more, and the rules with
    which nothing can be done."""
    steps: list[_Step] = []
    stuck: list[Rule] = []
    for rule in number.rules:
        others = [text for text in rule.info.numbers if wire.normalized(text) != number.number]
        alone = bool(rule.info.numbers) and not others
        if _own(rule, number):
            steps.append((rule, None))
        elif len(rule.info.trunk_ids) > 1 and (alone or not number.shared):
            mine = number.trunk.id
            steps.append((rule, {"trunk_ids": [t for t in rule.info.trunk_ids if t != mine]}))
        elif others:
            steps.append((rule, {"numbers": [*others]}))
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
