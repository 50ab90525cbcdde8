"""The SIP service of the sandbox: trunks and dispatch rules, as livekit-server keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from livekit.protocol import sip
from livekit.protocol.models import Pagination

from telephony.sandbox.vendor import State

from . import checks as check
from .twirp import Method, refusal, sip_grant

BASE57 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

T = TypeVar("T", sip.SIPInboundTrunkInfo, sip.SIPOutboundTrunkInfo, sip.SIPDispatchRuleInfo)


class SipService:
    """Trunks and dispatch rules.

    Attributes:
        inbound, outbound, rules: what is kept, by id; plant there what another client made.
        page_cap: the most items of any answer, for a server that caps them; livekit-server gives
            everything, whatever `limit` says.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.inbound: dict[str, sip.SIPInboundTrunkInfo] = {}
        self.outbound: dict[str, sip.SIPOutboundTrunkInfo] = {}
        self.rules: dict[str, sip.SIPDispatchRuleInfo] = {}
        self.page_cap: int | None = None

    def methods(self) -> Mapping[str, Method]:
        admin = sip_grant("admin")
        return {
            "CreateSIPInboundTrunk": Method(
                sip.CreateSIPInboundTrunkRequest, admin, self._create_inbound
            ),
            "CreateSIPOutboundTrunk": Method(
                sip.CreateSIPOutboundTrunkRequest, admin, self._create_outbound
            ),
            "CreateSIPDispatchRule": Method(
                sip.CreateSIPDispatchRuleRequest, admin, self._create_rule
            ),
            "GetSIPInboundTrunk": Method(sip.GetSIPInboundTrunkRequest, admin, self._get_inbound),
            "GetSIPOutboundTrunk": Method(
                sip.GetSIPOutboundTrunkRequest, admin, self._get_outbound
            ),
            "ListSIPInboundTrunk": Method(
                sip.ListSIPInboundTrunkRequest, admin, self._list_inbound
            ),
            "ListSIPOutboundTrunk": Method(
                sip.ListSIPOutboundTrunkRequest, admin, self._list_outbound
            ),
            "ListSIPDispatchRule": Method(sip.ListSIPDispatchRuleRequest, admin, self._list_rules),
            "UpdateSIPInboundTrunk": Method(
                sip.UpdateSIPInboundTrunkRequest, admin, self._update_inbound
            ),
            "UpdateSIPOutboundTrunk": Method(
                sip.UpdateSIPOutboundTrunkRequest, admin, self._update_outbound
            ),
            "UpdateSIPDispatchRule": Method(
                sip.UpdateSIPDispatchRuleRequest, admin, self._update_rule
            ),
            "DeleteSIPTrunk": Method(sip.DeleteSIPTrunkRequest, admin, self._delete_trunk),
            "DeleteSIPDispatchRule": Method(
                sip.DeleteSIPDispatchRuleRequest, admin, self._delete_rule
            ),
        }

    def rule_for(self, number: str) -> str | None:
        """The dispatch rule that a call to `number` meets, which must be on a trunk."""
        trunks = {
            trunk_id
            for trunk_id, trunk in self.inbound.items()
            if number in map(check.normalized, trunk.numbers)
        }
        for rule_id, rule in self.rules.items():
            if trunks and (not rule.trunk_ids or trunks & set(rule.trunk_ids)):
                return rule_id
        return None

    # --- Creating --------------------------------------------------------------------------------

    def _create_inbound(self, request: sip.CreateSIPInboundTrunkRequest) -> sip.SIPInboundTrunkInfo:
        trunk = request.trunk
        _without_id(request.HasField("trunk"), trunk.sip_trunk_id)
        check.inbound(trunk)
        check.inbound_conflict(trunk, self.inbound.values())
        trunk.sip_trunk_id = self._state.id("ST_", 12, BASE57)
        with self._counted(trunk.sip_trunk_id):
            self.inbound[trunk.sip_trunk_id] = trunk
        return trunk

    def _create_outbound(
        self, request: sip.CreateSIPOutboundTrunkRequest
    ) -> sip.SIPOutboundTrunkInfo:
        trunk = request.trunk
        _without_id(request.HasField("trunk"), trunk.sip_trunk_id)
        check.outbound(trunk)
        trunk.sip_trunk_id = self._state.id("ST_", 12, BASE57)
        with self._counted(trunk.sip_trunk_id):
            self.outbound[trunk.sip_trunk_id] = trunk
        return trunk

    def _create_rule(self, request: sip.CreateSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
        rule = sip.SIPDispatchRuleInfo()
        if request.HasField("dispatch_rule"):
            rule.CopyFrom(request.dispatch_rule)
            check.upgrade(rule)
            if rule.sip_dispatch_rule_id:
                raise check.invalid("rule id must not be set")
        else:
            # The fields of before, which have the same names.
            check.apply(rule, request)
        check.rule(rule)
        check.rule_conflict(rule, self.rules.values())
        rule.sip_dispatch_rule_id = self._state.id("SDR_", 12, BASE57)
        self._keep(rule)
        return rule

    # --- Reading ---------------------------------------------------------------------------------

    def _get_inbound(
        self, request: sip.GetSIPInboundTrunkRequest
    ) -> sip.GetSIPInboundTrunkResponse:
        _id_given(request.sip_trunk_id, "trunk ID is required")
        return sip.GetSIPInboundTrunkResponse(trunk=_known(self.inbound, request.sip_trunk_id))

    def _get_outbound(
        self, request: sip.GetSIPOutboundTrunkRequest
    ) -> sip.GetSIPOutboundTrunkResponse:
        _id_given(request.sip_trunk_id, "trunk ID is required")
        return sip.GetSIPOutboundTrunkResponse(trunk=_known(self.outbound, request.sip_trunk_id))

    def _list_inbound(
        self, request: sip.ListSIPInboundTrunkRequest
    ) -> sip.ListSIPInboundTrunkResponse:
        asked = {check.normalized(text) for text in request.numbers}
        found = {
            key: trunk
            for key, trunk in self._chosen(self.inbound, request.trunk_ids).items()
            if _meet(asked, {check.normalized(text) for text in trunk.numbers})
        }
        return sip.ListSIPInboundTrunkResponse(items=self._page(found, request.page))

    def _list_outbound(
        self, request: sip.ListSIPOutboundTrunkRequest
    ) -> sip.ListSIPOutboundTrunkResponse:
        found = {
            key: trunk
            for key, trunk in self._chosen(self.outbound, request.trunk_ids).items()
            if _meet(set(request.numbers), set(trunk.numbers))
        }
        return sip.ListSIPOutboundTrunkResponse(items=self._page(found, request.page))

    def _list_rules(
        self, request: sip.ListSIPDispatchRuleRequest
    ) -> sip.ListSIPDispatchRuleResponse:
        found = {
            key: rule
            for key, rule in self._chosen(self.rules, request.dispatch_rule_ids).items()
            if _meet(set(request.trunk_ids), set(rule.trunk_ids))
        }
        return sip.ListSIPDispatchRuleResponse(items=self._page(found, request.page))

    @staticmethod
    def _chosen(kept: Mapping[str, T], ids: Sequence[str]) -> dict[str, T]:
        return {key: one for key, one in kept.items() if not ids or key in ids}

    def _page(self, found: Mapping[str, T], page: Pagination) -> list[T]:
        return [found[key] for key in sorted(found) if key > page.after_id][: self.page_cap]

    # --- Updating --------------------------------------------------------------------------------

    def _update_inbound(self, request: sip.UpdateSIPInboundTrunkRequest) -> sip.SIPInboundTrunkInfo:
        check.update(request, "trunk", request.sip_trunk_id, request.replace.sip_trunk_id)
        if request.HasField("replace"):
            check.inbound(request.replace)
        check.list_updates(request.update)
        trunk = sip.SIPInboundTrunkInfo()
        trunk.CopyFrom(_known(self.inbound, request.sip_trunk_id))
        if request.HasField("replace"):
            trunk.CopyFrom(request.replace)
            trunk.sip_trunk_id = request.sip_trunk_id
        else:
            check.inbound(check.partial(trunk, request.update), updated=True)
        check.inbound_conflict(trunk, self.inbound.values())
        self._renamed(self.inbound[trunk.sip_trunk_id], trunk)
        with self._counted(trunk.sip_trunk_id):
            self.inbound[trunk.sip_trunk_id] = trunk
        return trunk

    def _update_outbound(
        self, request: sip.UpdateSIPOutboundTrunkRequest
    ) -> sip.SIPOutboundTrunkInfo:
        check.update(request, "trunk", request.sip_trunk_id, request.replace.sip_trunk_id)
        if request.HasField("replace"):
            check.outbound(request.replace)
        check.list_updates(request.update)
        trunk = sip.SIPOutboundTrunkInfo()
        trunk.CopyFrom(_known(self.outbound, request.sip_trunk_id))
        if request.HasField("replace"):
            trunk.CopyFrom(request.replace)
            trunk.sip_trunk_id = request.sip_trunk_id
        else:
            check.outbound(check.partial(trunk, request.update), updated=True)
        self._renamed(self.outbound[trunk.sip_trunk_id], trunk)
        with self._counted(trunk.sip_trunk_id):
            self.outbound[trunk.sip_trunk_id] = trunk
        return trunk

    def _update_rule(self, request: sip.UpdateSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
        rule_id, replaced = request.sip_dispatch_rule_id, request.replace.sip_dispatch_rule_id
        check.update(request, "rule", rule_id, replaced)
        if request.HasField("replace"):
            check.rule(request.replace)
        check.list_updates(request.update)
        rule = sip.SIPDispatchRuleInfo()
        rule.CopyFrom(self._rule(rule_id))
        if request.HasField("replace"):
            rule.CopyFrom(request.replace)
            rule.sip_dispatch_rule_id = rule_id
        else:
            check.rule(check.partial(rule, request.update), updated=True)
        check.rule_conflict(rule, self.rules.values())
        self._keep(rule)
        return rule

    # --- Deleting --------------------------------------------------------------------------------

    def _delete_trunk(self, request: sip.DeleteSIPTrunkRequest) -> sip.SIPTrunkInfo:
        _id_given(request.sip_trunk_id, "trunk ID is required")
        with self._counted(request.sip_trunk_id):
            self.inbound.pop(request.sip_trunk_id, None)
            self.outbound.pop(request.sip_trunk_id, None)
        return sip.SIPTrunkInfo(sip_trunk_id=request.sip_trunk_id)

    def _delete_rule(self, request: sip.DeleteSIPDispatchRuleRequest) -> sip.SIPDispatchRuleInfo:
        _id_given(request.sip_dispatch_rule_id, "dispatch rule ID is required")
        rule = self._rule(request.sip_dispatch_rule_id)
        del self.rules[rule.sip_dispatch_rule_id]
        self._state.record("unassign", rule.sip_dispatch_rule_id, self._number_of(rule))
        return rule

    # --- Keeping the ledger ----------------------------------------------------------------------

    @contextmanager
    def _counted(self, trunk_id: str) -> Iterator[None]:
        """A number is imported when the first trunk carries it, released when the last one goes."""
        before = self._carried()
        yield
        after = self._carried()
        for number in sorted(after - before):
            self._state.record("import", trunk_id, number)
        for number in sorted(before - after):
            self._state.record("release", trunk_id, number)

    def _carried(self) -> set[str]:
        written = [text for trunk in self.inbound.values() for text in trunk.numbers]
        written += [text for trunk in self.outbound.values() for text in trunk.numbers]
        return {check.normalized(text) for text in written}

    def _keep(self, rule: sip.SIPDispatchRuleInfo) -> None:
        self.rules[rule.sip_dispatch_rule_id] = rule
        self._state.record("assign", rule.sip_dispatch_rule_id, self._number_of(rule))

    def _number_of(self, rule: sip.SIPDispatchRuleInfo) -> str | None:
        numbers = [*rule.numbers]
        for trunk_id in rule.trunk_ids:
            if trunk_id in self.inbound:
                numbers += self.inbound[trunk_id].numbers
        return check.normalized(numbers[0]) if numbers else None

    def _renamed(self, before: T, after: T) -> None:
        if before.name != after.name:
            self._state.record("label", _id_of(after))

    def _rule(self, rule_id: str) -> sip.SIPDispatchRuleInfo:
        if rule_id not in self.rules:
            raise refusal("not_found", "requested sip dispatch rule does not exist")
        return self.rules[rule_id]


def _id_of(info: T) -> str:
    return str(getattr(info, info.DESCRIPTOR.fields[0].name))


def _without_id(given: bool, trunk_id: str) -> None:
    if not given:
        raise check.invalid("missing trunk")
    if trunk_id:
        raise check.invalid("trunk id must not be set")


def _id_given(value: str, message: str) -> None:
    if not value:
        raise check.invalid(message)


def _known(kept: Mapping[str, T], trunk_id: str) -> T:
    if trunk_id not in kept:
        raise refusal("not_found", "requested sip trunk does not exist")
    return kept[trunk_id]


def _meet(asked: Iterable[str], has: set[str]) -> bool:
    """A filter lets through what it does not name, and what holds for everything."""
    wanted = set(asked)
    return not wanted or not has or bool(wanted & has)
