"""Dispatch rules, which say who answers the calls of a trunk or number."""

from __future__ import annotations

from collections.abc import Iterable

from livekit.protocol import sip

from . import checks, updates
from .account import Account
from .paging import chosen, meet, page
from .refusals import invalid

_KINDS = ("dispatch_rule_direct", "dispatch_rule_individual", "dispatch_rule_callee")


def create(account: Account, request: sip.CreateSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
    rule = sip.SIPDispatchRuleInfo()
    if request.HasField("dispatch_rule"):
        rule.CopyFrom(request.dispatch_rule)
        updates.upgrade(rule)
        if rule.sip_dispatch_rule_id:
            raise invalid("rule id must not be set")
    else:
        # The fields of before, which have the same names.
        updates.apply(rule, request)
    checks.rule(rule)
    # Of all trunks, unless the fields of before name some.
    known = _listed(account, request.trunk_ids)
    checks.rule_conflict([*known.values(), rule])
    rule.sip_dispatch_rule_id = account.id("SDR_")
    _keep(account, rule)
    return rule


def listed(
    account: Account, request: sip.ListSIPDispatchRuleRequest
) -> sip.ListSIPDispatchRuleResponse:
    named = chosen(account.rules, request.dispatch_rule_ids)
    found = {key: rule for key, rule in _listed(account, request.trunk_ids).items() if key in named}
    return sip.ListSIPDispatchRuleResponse(items=page(account, found, request.page))


def update(account: Account, request: sip.UpdateSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
    rule_id, replaced = request.sip_dispatch_rule_id, request.replace.sip_dispatch_rule_id
    updates.check(request, "rule", rule_id, replaced)
    if request.HasField("replace"):
        checks.rule(request.replace)
    updates.check_lists(request.update)
    rule = sip.SIPDispatchRuleInfo()
    rule.CopyFrom(account.rules.find(rule_id))
    if request.HasField("replace"):
        rule.CopyFrom(request.replace)
        rule.sip_dispatch_rule_id = rule_id
    else:
        checks.rule(updates.partial(rule, request.update), updated=True)
    # The server checks the rule again only where its old trunks are among the new ones.
    known = _listed(account, rule.trunk_ids)
    checks.rule_conflict([rule if key == rule_id else one for key, one in known.items()])
    _keep(account, rule)
    return rule


def delete(account: Account, request: sip.DeleteSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
    checks.id_given(request.sip_dispatch_rule_id, "dispatch rule ID is required")
    rule = account.rules.find(request.sip_dispatch_rule_id)
    del account.rules[rule.sip_dispatch_rule_id]
    account.state.record("unassign", rule.sip_dispatch_rule_id, _number_of(account, rule))
    return rule


def rule_for(account: Account, called: str, caller: str) -> str | None:
    """Return the rule that a call meets: of trunks in any spelling, of rules letter by letter."""
    number = checks.normalized(called)
    trunks = [
        trunk_id
        for trunk_id, trunk in account.inbound.items()
        if number in map(checks.normalized, trunk.numbers)
        and (
            not trunk.allowed_numbers
            or checks.normalized(caller) in map(checks.normalized, trunk.allowed_numbers)
        )
    ]
    met = [
        rule
        for rule in account.rules.values()
        if (not rule.numbers or called in rule.numbers)
        and (not rule.inbound_numbers or caller in rule.inbound_numbers)
        and (not rule.trunk_ids or set(trunks[:1]) & set(rule.trunk_ids))
    ]
    best = min(met, key=lambda rule: (not rule.trunk_ids, *_priority(rule)), default=None)
    # Without a trunk, only a number of LiveKit's own is called.
    return best.sip_dispatch_rule_id if best is not None and trunks else None


def answering(account: Account, rule_id: str) -> str:
    """Return the agent that a rule dispatches, else the room that it leads to."""
    rule = account.rules[rule_id]
    for agent in rule.room_config.agents:
        return agent.agent_name
    return rule.rule.dispatch_rule_direct.room_name


def _priority(rule: sip.SIPDispatchRuleInfo) -> tuple[int, str]:
    kind = rule.rule.WhichOneof("rule") or ""
    leads = getattr(rule.rule, kind)
    rank = _KINDS.index(kind) + (0 if checks.pin(rule) else 100)
    room = leads.room_name if kind == _KINDS[0] else leads.room_prefix
    return rank + 1000 * (not rule.inbound_numbers) + 1000 * (not rule.numbers), str(room)


def _listed(account: Account, trunk_ids: Iterable[str]) -> dict[str, sip.SIPDispatchRuleInfo]:
    """Return the rules that concern some of the trunks, by their ids, in order."""
    wanted = set(trunk_ids)
    return {
        key: rule
        for key, rule in sorted(account.rules.items())
        if meet(wanted, set(rule.trunk_ids))
    }


def _keep(account: Account, rule: sip.SIPDispatchRuleInfo) -> None:
    account.rules[rule.sip_dispatch_rule_id] = rule
    account.state.record("assign", rule.sip_dispatch_rule_id, _number_of(account, rule))


def _number_of(account: Account, rule: sip.SIPDispatchRuleInfo) -> str | None:
    numbers = [*rule.numbers]
    for trunk_id in rule.trunk_ids:
        if trunk_id in account.inbound:
            numbers += account.inbound[trunk_id].numbers
    return checks.normalized(numbers[0]) if numbers else None
