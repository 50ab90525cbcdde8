"""Dispatch rules, which say who answers the calls of a trunk or number."""

from __future__ import annotations

from livekit.protocol import sip

from . import checks, updates
from .account import Account
from .paging import chosen, meet, page
from .refusals import invalid


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
    checks.rule_conflict(rule, account.rules.values())
    rule.sip_dispatch_rule_id = account.id("SDR_")
    _keep(account, rule)
    return rule


def listed(
    account: Account, request: sip.ListSIPDispatchRuleRequest
) -> sip.ListSIPDispatchRuleResponse:
    found = {
        key: rule
        for key, rule in chosen(account.rules, request.dispatch_rule_ids).items()
        if meet(set(request.trunk_ids), set(rule.trunk_ids))
    }
    return sip.ListSIPDispatchRuleResponse(items=page(account, found, request.page))


def update(account: Account, request: sip.UpdateSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
    rule_id, replaced = request.sip_dispatch_rule_id, request.replace.sip_dispatch_rule_id
    updates.check(request, "rule", rule_id, replaced)
    if request.HasField("replace"):
        checks.rule(request.replace)
    updates.check_lists(request.update)
    rule = sip.SIPDispatchRuleInfo()
    rule.CopyFrom(account.rule(rule_id))
    if request.HasField("replace"):
        rule.CopyFrom(request.replace)
        rule.sip_dispatch_rule_id = rule_id
    else:
        checks.rule(updates.partial(rule, request.update), updated=True)
    checks.rule_conflict(rule, account.rules.values())
    _keep(account, rule)
    return rule


def delete(account: Account, request: sip.DeleteSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
    checks.id_given(request.sip_dispatch_rule_id, "dispatch rule ID is required")
    rule = account.rule(request.sip_dispatch_rule_id)
    del account.rules[rule.sip_dispatch_rule_id]
    account.state.record("unassign", rule.sip_dispatch_rule_id, _number_of(account, rule))
    return rule


def rule_for(account: Account, number: str) -> str | None:
    """The rule that a call to a number meets, which must be on a trunk."""
    trunks = {
        trunk_id
        for trunk_id, trunk in account.inbound.items()
        if number in map(checks.normalized, trunk.numbers)
    }
    for rule_id, rule in account.rules.items():
        if trunks and (not rule.trunk_ids or trunks & set(rule.trunk_ids)):
            return rule_id
    return None


def _keep(account: Account, rule: sip.SIPDispatchRuleInfo) -> None:
    account.rules[rule.sip_dispatch_rule_id] = rule
    account.state.record("assign", rule.sip_dispatch_rule_id, _number_of(account, rule))


def _number_of(account: Account, rule: sip.SIPDispatchRuleInfo) -> str | None:
    numbers = [*rule.numbers]
    for trunk_id in rule.trunk_ids:
        if trunk_id in account.inbound:
            numbers += account.inbound[trunk_id].numbers
    return checks.normalized(numbers[0]) if numbers else None
