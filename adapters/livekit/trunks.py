"""Trunks and dispatch rules: found and joined into numbers, made, and taken away again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from livekit.protocol.sip import (
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)
from pydantic import JsonValue

from telephony.errors import ConflictError, NotFoundError, OutcomeUnknownError
from telephony.model import PhoneNumber
from telephony.wire import (
    Batch,
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    Safety,
    merged,
    reconciled,
)

from . import wire
from .twirp import Twirp, as_json
from .wire import (
    B,
    DispatchRule,
    Held,
    Inbound,
    InboundTrunk,
    Outbound,
    OutboundTrunk,
    Rule,
    Stored,
)

T = TypeVar("T", InboundTrunk, OutboundTrunk)

_PAGE = 100
_TRUNK = "ST_"


class Trunks:
    """What LiveKit SIP keeps."""

    def __init__(self, twirp: Twirp) -> None:
        self._twirp = twirp

    # --- Finding ---------------------------------------------------------------------------------

    def all(self, provider: str) -> Listing[PhoneNumber]:
        """Every number: those that take calls first, then those that can only place them."""
        outbound = yield from self._all("ListSIPOutboundTrunk", OutboundTrunk)
        rules = yield from self._all("ListSIPDispatchRule", DispatchRule)
        known = _Index(outbound, rules)
        taken: set[str] = set()
        after = ""
        while page := (yield from self._page("ListSIPInboundTrunk", InboundTrunk, after)):
            after = page[-1].id
            # One by one: a server that gives everything at once would fill the memory twice.
            for trunk in page:
                found = [known.held(number, trunk) for number in wire.numbers_on(trunk)]
                taken.update(one.number for one in found)
                yield Batch([one.normalized(provider) for one in found])
        rest = [known.held(number, None) for number in known.dialling if number not in taken]
        yield Batch([one.normalized(provider) for one in rest])

    def find(self, ref: NumberRef) -> Operation[Held | None]:
        """A number by its id or its E.164 form.

        Raises:
            ConflictError: it could be either of several.
        """
        number, trunk_id = ref.number, None
        if ref.id is not None:
            trunk_id, _, own = ref.id.partition("/")
            if not is_trunk(trunk_id):
                return None
            number = own or number or (yield from self._only_number(trunk_id))
        if number is None:
            return None
        inbound = yield from self.inbound(number)
        outbound = yield from self.outbound(number)
        if trunk_id is not None and trunk_id not in {trunk.id for trunk in outbound}:
            inbound = [trunk for trunk in inbound if trunk.id == trunk_id]
        elif not inbound and outbound:
            return Held(number, None, outbound, ())
        if not inbound:
            return None
        if len(inbound) > 1:
            raise ConflictError(
                f"The number is on {len(inbound)} inbound trunks, and none is named",
                hint="Address it by the id that list_numbers() gives.",
            )
        rules = yield from self.rules({"trunk_ids": [inbound[0].id]})
        return held(number, inbound[0], outbound, rules)

    def inbound(self, number: str) -> Operation[list[Inbound]]:
        """The trunks that take calls to `number`, without those that take calls to any number."""
        body: Json = {"numbers": [number]}
        response = yield self._twirp.sip("ListSIPInboundTrunk", body, Safety.READ)
        found = wire.listed(InboundTrunk, response)
        return [trunk for trunk in found if number in wire.numbers_on(trunk)]

    def outbound(self, number: str) -> Operation[list[Outbound]]:
        """The trunks that can place calls from `number`."""
        # Compared letter by letter here, unlike with inbound trunks: ask for both usual spellings.
        body: Json = {"numbers": [number, number.removeprefix("+")]}
        response = yield self._twirp.sip("ListSIPOutboundTrunk", body, Safety.READ)
        found = wire.listed(OutboundTrunk, response)
        return [trunk for trunk in found if number in wire.numbers_on(trunk)]

    def rules(self, only: Json) -> Operation[list[Rule]]:
        """Dispatch rules, chosen by the fields of ListSIPDispatchRuleRequest."""
        response = yield self._twirp.sip("ListSIPDispatchRule", only, Safety.READ)
        return wire.listed(DispatchRule, response)

    def _only_number(self, trunk_id: str) -> Operation[str | None]:
        body: Json = {"trunk_ids": [trunk_id]}
        response = yield self._twirp.sip("ListSIPInboundTrunk", body, Safety.READ)
        found: Sequence[Inbound | Outbound] = wire.listed(InboundTrunk, response)
        if not found:
            response = yield self._twirp.sip("ListSIPOutboundTrunk", body, Safety.READ)
            found = wire.listed(OutboundTrunk, response)
        numbers = wire.numbers_on(found[0]) if found else []
        if len(numbers) > 1:
            raise ConflictError(
                f"The trunk carries {len(numbers)} numbers, and none is named",
                hint="Address the number by E.164, or by the id that list_numbers() gives.",
            )
        return numbers[0] if numbers else None

    def _all(self, method: str, kind: type[B]) -> Operation[list[Stored[B]]]:
        found: list[Stored[B]] = []
        while page := (yield from self._page(method, kind, found[-1].id if found else "")):
            found += page
        return found

    def _page(self, method: str, kind: type[B], after: str) -> Operation[list[Stored[B]]]:
        """What follows the id `after`, sorted by id; nothing at the end. A server may send more
        than it is asked for, or less, so only an empty page is the last one."""
        page: Json = {"limit": _PAGE, **({"after_id": after} if after else {})}
        response = yield self._twirp.sip(method, {"page": page}, Safety.READ)
        found = sorted(wire.listed(kind, response), key=lambda one: one.id)
        return [one for one in found if one.id > after]

    # --- Making ----------------------------------------------------------------------------------

    def create_inbound(self, info: SIPInboundTrunkInfo, options: Options) -> Operation[Inbound]:
        """A trunk with one number, which no inbound trunk had a moment ago. Made once."""
        body: Json = {"trunk": merged(as_json(info), options)}
        try:
            response = yield self._twirp.sip("CreateSIPInboundTrunk", body, Safety.UNSAFE)
            return wire.stored(InboundTrunk, response, response.json())
        except OutcomeUnknownError as lost:
            return _only((yield from reconciled(self.inbound(info.numbers[0]), lost)), lost)

    def create_outbound(self, info: SIPOutboundTrunkInfo, options: Options) -> Operation[Outbound]:
        """A trunk with one number, which no outbound trunk had a moment ago. Made once."""
        body: Json = {"trunk": merged(as_json(info), options)}
        try:
            response = yield self._twirp.sip("CreateSIPOutboundTrunk", body, Safety.UNSAFE)
            return wire.stored(OutboundTrunk, response, response.json())
        except OutcomeUnknownError as lost:
            return _only((yield from reconciled(self.outbound(info.numbers[0]), lost)), lost)

    def create_rule(self, info: SIPDispatchRuleInfo, options: Options) -> Operation[Rule]:
        """A rule for one number. Made once: LiveKit has no two rules for the same calls."""
        rule = merged(as_json(info), options)
        try:
            body: Json = {"dispatch_rule": rule}
            response = yield self._twirp.sip("CreateSIPDispatchRule", body, Safety.UNSAFE)
            return wire.stored(DispatchRule, response, response.json())
        except OutcomeUnknownError as lost:
            trunks: JsonValue = list(info.trunk_ids)
            rules = yield from reconciled(self.rules({"trunk_ids": trunks}), lost)
            return _only([one for one in rules if _same_calls(one, info)], lost)

    # --- Changing and deleting -------------------------------------------------------------------

    def replace_rule(self, rule: Rule, changes: Json) -> Operation[Rule]:
        """`rule` with `changes`, all else as it is."""
        body: Json = {"sip_dispatch_rule_id": rule.id, "replace": {**rule.raw, **changes}}
        response = yield self._twirp.sip("UpdateSIPDispatchRule", body, Safety.IDEMPOTENT)
        return wire.stored(DispatchRule, response, response.json())

    def rename(self, number: Held, name: str, options: Options) -> Operation[Held]:
        """Change the name of a number's trunk."""
        changes = merged({"name": name}, options)
        if number.inbound is not None:
            inbound = yield from self._update(number.inbound, changes)
            return replace(number, inbound=inbound)
        outbound = yield from self._update(number.outbound[0], changes)
        return replace(number, outbound=[outbound, *number.outbound[1:]])

    def _update(self, trunk: Stored[T], changes: Json) -> Operation[Stored[T]]:
        """Change some fields of a trunk. Replacing it instead would erase what is not shown."""
        body: Json = {"sip_trunk_id": trunk.id, "update": changes}
        direction = "Inbound" if isinstance(trunk.info, InboundTrunk) else "Outbound"
        response = yield self._twirp.sip(f"UpdateSIP{direction}Trunk", body, Safety.IDEMPOTENT)
        return wire.stored(type(trunk.info), response, response.json())

    def drop_number(self, trunk: Stored[T], number: str, options: Options) -> Operation[None]:
        """Take a number off a trunk, and with the last one the trunk: without any number it would
        take calls to every number, or be refused by the server."""
        if wire.numbers_on(trunk) == [number]:
            yield from self.delete_trunk(trunk.id, options)
            return
        written: JsonValue = list(wire.spellings(trunk, number))
        yield from self._update(trunk, merged({"numbers": {"remove": written}}, options))

    def delete_trunk(self, trunk_id: str, options: Options) -> Operation[None]:
        """Delete a trunk. LiveKit says yes to an unknown id too: look before, not after."""
        body = merged({"sip_trunk_id": trunk_id}, options)
        response = yield self._twirp.sip("DeleteSIPTrunk", body, Safety.IDEMPOTENT)
        response.object()

    def delete_rule(self, rule: Rule, options: Options) -> Operation[None]:
        body = merged({"sip_dispatch_rule_id": rule.id}, options)
        try:
            response = yield self._twirp.sip("DeleteSIPDispatchRule", body, Safety.IDEMPOTENT)
            response.object()
        except NotFoundError as gone:
            # A repeated delete that finds nothing is one whose first answer was lost.
            if gone.attempts == 1:
                raise


class _Index:
    """Outbound trunks and rules by what they concern: joining every number looks at few of them.

    Attributes:
        dialling: the outbound trunks of each number that has any.
    """

    def __init__(self, outbound: Sequence[Outbound], rules: Sequence[Rule]) -> None:
        self.dialling: dict[str, list[Outbound]] = {}
        for trunk in outbound:
            for number in wire.numbers_on(trunk):
                self.dialling.setdefault(number, []).append(trunk)
        # By trunk; rules for all trunks by number; rules for all calls under nothing.
        self._rules: dict[str, dict[int, Rule]] = {}
        for place, rule in enumerate(rules):
            for key in (
                rule.info.trunk_ids or [wire.normalized(text) for text in rule.info.numbers] or [""]
            ):
                self._rules.setdefault(key, {})[place] = rule

    def held(self, number: str, inbound: Inbound | None) -> Held:
        near: dict[int, Rule] = {}
        for key in (inbound.id, number, "") if inbound is not None else ():
            near |= self._rules.get(key, {})
        # In the server's order, which decides between rules that are as good as each other.
        rules = [near[place] for place in sorted(near)]
        return held(number, inbound, self.dialling.get(number, ()), rules)


def is_trunk(text: str | None) -> bool:
    """Whether an id is one of a number on a trunk."""
    return text is not None and text.startswith(_TRUNK)


def held(
    number: str,
    inbound: Inbound | None,
    outbound: Sequence[Outbound],
    rules: Sequence[Rule],
) -> Held:
    """A number joined with those of the trunks and rules that concern it."""
    mine = [trunk for trunk in outbound if number in wire.numbers_on(trunk)]
    if inbound is None:
        return Held(number, None, mine, ())
    return Held(number, inbound, mine, [one for one in rules if _meets(one, inbound.id, number)])


def _meets(rule: Rule, trunk_id: str, number: str) -> bool:
    """Whether calls to `number` on the trunk can meet the rule."""
    info = rule.info
    called = [wire.normalized(text) for text in info.numbers]
    return (not info.trunk_ids or trunk_id in info.trunk_ids) and (not called or number in called)


def _same_calls(found: Rule, wanted: SIPDispatchRuleInfo) -> bool:
    """Whether a rule is the wanted one, or as good as it."""
    asked = DispatchRule.model_validate(as_json(wanted))
    return (
        found.info.trunk_ids == asked.trunk_ids
        and found.info.numbers == asked.numbers
        and not found.info.inbound_numbers
        and wire.target_of(found) == wire.target_of(Stored(asked, {}))
    )


def _only(found: Sequence[Stored[B]], lost: OutcomeUnknownError) -> Stored[B]:
    if len(found) != 1:
        raise lost
    return found[0]
