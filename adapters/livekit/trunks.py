"""Trunks and dispatch rules: finding, creating, changing and deleting them.

Source: docs.livekit.io/sip (trunks, dispatch rules) and livekit-server 1.13.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import TypeVar

import msgspec
from pydantic import JsonValue

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.model import PhoneNumber, Target
from telephony.reading import read_or_none
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

from . import bodies
from .bodies import (
    RULE_ID,
    B,
    DispatchRule,
    Inbound,
    InboundTrunk,
    Outbound,
    OutboundTrunk,
    Rule,
    Stored,
)
from .dispatch_rules import target_of, targets_of
from .trunk_numbers import TrunkNumber, answers, joined
from .twirp import Twirp

T = TypeVar("T", InboundTrunk, OutboundTrunk)

_PAGE = 100
_TRIES = 4
_TRUNK = "ST_"
_id = attrgetter("info.id")
_place = itemgetter(0)


class Trunks:
    """The trunks and dispatch rules of a project."""

    def __init__(self, twirp: Twirp) -> None:
        self._twirp = twirp

    # --- Finding ---------------------------------------------------------------------------------

    def all(self, provider: str) -> Listing[PhoneNumber]:
        """List every number: those that receive calls first, then those that only place them."""
        outbound = yield from self._all("ListSIPOutboundTrunk", OutboundTrunk)
        rules = yield from self._all("ListSIPDispatchRule", DispatchRule)
        known = _Index(outbound, rules)
        rest = dict(known.dialling)
        after = ""
        while page := (yield from self._page("ListSIPInboundTrunk", InboundTrunk, after)):
            after = page[-1].id
            # In parts: a server that gives everything at once would fill the memory twice.
            for start in range(0, len(page), _PAGE):
                found = [
                    known.joined(number, trunk)
                    for trunk in page[start : start + _PAGE]
                    for number in bodies.numbers_on(trunk)
                ]
                for one in found if rest else ():
                    rest.pop(one.number, None)
                yield Batch([one.normalized(provider) for one in found])
        yield Batch([known.joined(number, None).normalized(provider) for number in rest])

    def targets(self) -> Listing[Target]:
        """List the agents and rooms that rules lead to, each once."""
        seen: set[Target] = set()
        after = ""
        while page := (yield from self._page("ListSIPDispatchRule", DispatchRule, after)):
            after = page[-1].id
            found = [target for rule in page for target in targets_of(rule) if target not in seen]
            new = list(dict.fromkeys(found))
            seen.update(new)
            yield Batch(new)

    def find(self, ref: NumberRef) -> Operation[TrunkNumber | None]:
        """Return a number by its id or its E.164 form.

        Raises:
            ConflictError: it is on several inbound trunks, and none is named.
        """
        number, trunk_id = ref.number, None
        if ref.id is not None:
            trunk_id, _, own = ref.id.partition("/")
            if not is_trunk(trunk_id):
                return None
            number = own or number or (yield from self._only_number(trunk_id))
        if number is None:
            return None
        inbound = taking = yield from self.inbound(number)
        outbound = yield from self.outbound(number)
        if trunk_id is not None and trunk_id not in {trunk.id for trunk in outbound}:
            inbound = [trunk for trunk in inbound if trunk.id == trunk_id]
        elif not inbound and outbound:
            return TrunkNumber(number, None, outbound)
        if not inbound:
            return None
        if len(inbound) > 1:
            raise ConflictError(
                f"The number is on {len(inbound)} inbound trunks, and none is named",
                hint="Address it by the id that list_numbers() gives.",
            )
        rules = yield from self.rules({"trunk_ids": [inbound[0].id]})
        elsewhere = frozenset(trunk.id for trunk in taking) - {inbound[0].id}
        return joined(number, inbound[0], outbound, rules, elsewhere)

    def inbound(self, number: str) -> Operation[list[Inbound]]:
        """Return the trunks that receive calls to `number`, without those for any number."""
        body: Json = {"numbers": [number]}
        response = yield self._twirp.sip("ListSIPInboundTrunk", body, Safety.READ)
        there = bodies.found(InboundTrunk, response)
        return [trunk for trunk in there if number in bodies.numbers_on(trunk)]

    def outbound(self, number: str) -> Operation[list[Outbound]]:
        """Return the trunks that can place calls from `number`."""
        # Compared letter by letter here, unlike with inbound trunks: request both usual spellings.
        body: Json = {"numbers": [number, number.removeprefix("+")]}
        response = yield self._twirp.sip("ListSIPOutboundTrunk", body, Safety.READ)
        there = bodies.found(OutboundTrunk, response)
        return [trunk for trunk in there if number in bodies.numbers_on(trunk)]

    def rules(self, only: Json) -> Operation[list[Rule]]:
        """Return the dispatch rules that match fields of ListSIPDispatchRuleRequest."""
        response = yield self._twirp.sip("ListSIPDispatchRule", only, Safety.READ)
        return bodies.found(DispatchRule, response)

    def _only_number(self, trunk_id: str) -> Operation[str | None]:
        body: Json = {"trunk_ids": [trunk_id]}
        response = yield self._twirp.sip("ListSIPInboundTrunk", body, Safety.READ)
        found: Sequence[Inbound | Outbound] = bodies.found(InboundTrunk, response)
        if not found:
            response = yield self._twirp.sip("ListSIPOutboundTrunk", body, Safety.READ)
            found = bodies.found(OutboundTrunk, response)
        numbers = bodies.numbers_on(found[0]) if found else []
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
        """Return what follows the id `after`, sorted by id; nothing at the end.

        A server may send more than the limit, or less, so only an empty page is the last one.
        """
        page: Json = {"limit": _PAGE, **({"after_id": after} if after else {})}
        response = yield self._twirp.sip(method, {"page": page}, Safety.READ)
        found = sorted(bodies.listed(kind, response), key=_id)
        return [one for one in found if one.id > after] if after else found

    # --- Making ----------------------------------------------------------------------------------

    def create_inbound(self, number: str, trunk: Json, options: Options) -> Operation[Inbound]:
        """Create a trunk, once, for a number that no inbound trunk had a moment ago."""
        wanted = merged(trunk, options)
        try:
            response = yield self._twirp.sip(
                "CreateSIPInboundTrunk", {"trunk": wanted}, Safety.UNSAFE
            )
            return _carrying(bodies.stored(InboundTrunk, response), [number])
        except OutcomeUnknownError as lost:
            there = yield from reconciled(self.inbound(number), lost)
            return _only([one for one in there if bodies.created_by(one, wanted)], lost)

    def create_outbound(self, number: str, trunk: Json, options: Options) -> Operation[Outbound]:
        """Create a trunk, once, for a number that no outbound trunk had a moment ago."""
        wanted = merged(trunk, options)
        try:
            response = yield self._twirp.sip(
                "CreateSIPOutboundTrunk", {"trunk": wanted}, Safety.UNSAFE
            )
            return _carrying(bodies.stored(OutboundTrunk, response), [number])
        except OutcomeUnknownError as lost:
            there = yield from reconciled(self.outbound(number), lost)
            return _only([one for one in there if bodies.created_by(one, wanted)], lost)

    def create_rule(self, rule: Json) -> Operation[Rule]:
        """Create a rule, once: LiveKit has no two rules for the same calls."""
        try:
            body: Json = {"dispatch_rule": rule}
            response = yield self._twirp.sip("CreateSIPDispatchRule", body, Safety.UNSAFE)
            return bodies.stored(DispatchRule, response)
        except OutcomeUnknownError as lost:
            filters: Json = {"trunk_ids": rule.get("trunk_ids", [])}
            rules = yield from reconciled(self.rules(filters), lost)
            return _only([one for one in rules if _same_calls(one, rule)], lost)

    # --- Changing and deleting -------------------------------------------------------------------

    def replace_rule(self, rule: Rule, changes: Json) -> Operation[Rule]:
        """Apply `changes` to `rule`, and keep all else."""
        body: Json = {"sip_dispatch_rule_id": rule.id, "replace": {**rule.raw, **changes}}
        response = yield self._twirp.sip("UpdateSIPDispatchRule", body, Safety.IDEMPOTENT)
        return bodies.stored(DispatchRule, response)

    def rename(self, number: TrunkNumber, name: str, options: Options) -> Operation[TrunkNumber]:
        """Change the name of a number's trunk."""
        changes = merged({"name": name}, options)
        if number.inbound is not None:
            inbound = yield from self._update(number.inbound, changes)
            return msgspec.structs.replace(
                number, inbound=_carrying(inbound, number.inbound.info.numbers)
            )
        first, *others = number.outbound
        renamed = _carrying((yield from self._update(first, changes)), first.info.numbers)
        return msgspec.structs.replace(number, outbound=[renamed, *others])

    def _update(self, trunk: Stored[T], changes: Json) -> Operation[Stored[T]]:
        """Change some fields of a trunk. Replacing it would erase the hidden ones."""
        body: Json = {"sip_trunk_id": trunk.id, "update": changes}
        method = f"UpdateSIP{_direction(trunk)}Trunk"
        response = yield self._twirp.sip(method, body, Safety.IDEMPOTENT)
        return bodies.stored(type(trunk.info), response)

    def drop_number(self, trunk: Stored[T], number: str, options: Options) -> Operation[bool]:
        """Take a number off a trunk, and delete the trunk with its last one; return whether it did.

        A trunk without numbers would receive calls to every number, or be refused by the server.
        LiveKit changes lists without a lock, so the trunk is read again after each change: another
        client that takes off another number at the same moment may have put this one back. A change
        that the server holds up for longer than that can still undo this one.
        """
        for _ in range(_TRIES):
            left = bodies.entries_on(trunk)
            if number not in left and left:
                return False
            if left in ([number], []):
                yield from self.delete_trunk(trunk.id, options)
                return True
            written: JsonValue = list(bodies.spellings(trunk, number))
            changes = merged({"numbers": {"remove": written}}, options)
            refused: ProviderError | None = None
            try:
                if not bodies.entries_on((yield from self._update(trunk, changes))):
                    yield from self.delete_trunk(trunk.id, options)
                    return True
            except (NotFoundError, InvalidRequestError, OutcomeUnknownError) as failure:
                refused = failure
            again = yield from self._reread(trunk)
            if again is None:
                return True
            if refused is not None and bodies.entries_on(again) == left:
                raise refused
            trunk = again
        raise ConflictError("Other changes keep undoing this one", hint="Release the number again.")

    def _reread(self, trunk: Stored[T]) -> Operation[Stored[T] | None]:
        """Return the trunk as it is now, if it is still there."""
        kind = type(trunk.info)
        body: Json = {"trunk_ids": [trunk.id]}
        response = yield self._twirp.sip(f"ListSIP{_direction(trunk)}Trunk", body, Safety.READ)
        return next((one for one in bodies.found(kind, response) if one.id == trunk.id), None)

    def delete_trunk(self, trunk_id: str, options: Options) -> Operation[None]:
        """Delete a trunk. LiveKit reports success for an unknown id too: look before, not after."""
        body = merged({"sip_trunk_id": trunk_id}, options)
        response = yield self._twirp.sip("DeleteSIPTrunk", body, Safety.IDEMPOTENT)
        response.object()

    def delete_rule(self, rule: Rule, options: Options) -> Operation[None]:
        body = merged({"sip_dispatch_rule_id": rule.id}, options)
        try:
            response = yield self._twirp.sip("DeleteSIPDispatchRule", body, Safety.IDEMPOTENT)
            response.object()
        except NotFoundError:
            # It is deleted: by an attempt whose response was lost, or by another client.
            return


class _Index:
    """Outbound trunks and rules by number and trunk, so that joining a number is quick.

    Attributes:
        dialling: the outbound trunks of each number that has any.
    """

    def __init__(self, outbound: Sequence[Outbound], rules: Sequence[Rule]) -> None:
        self.dialling: dict[str, list[Outbound]] = {}
        for trunk in outbound:
            for number in bodies.numbers_on(trunk):
                self.dialling.setdefault(number, []).append(trunk)
        # Those of each trunk, and those of all trunks: by number, or for all calls under nothing.
        self._own: dict[str, list[tuple[int, Rule]]] = {}
        self._general: dict[str, list[tuple[int, Rule]]] = {}
        for place, rule in enumerate(rules):
            called = [bodies.normalized(text) for text in rule.info.numbers]
            kept = self._own if rule.info.trunk_ids else self._general
            for key in dict.fromkeys(rule.info.trunk_ids or called or [""]):
                kept.setdefault(key, []).append((place, rule))

    def joined(self, number: str, inbound: Inbound | None) -> TrunkNumber:
        dialling = self.dialling.get(number, ())
        if inbound is None:
            return TrunkNumber(number, None, dialling)
        near = self._own.get(inbound.info.id, ())
        if self._general:
            # In the server's order, which decides between rules as good as each other.
            general = (*self._general.get(number, ()), *self._general.get("", ()))
            near = sorted((*near, *general), key=_place)
        rules = [rule for _, rule in near if not rule.info.numbers or answers(rule, number)]
        return TrunkNumber(number, inbound, dialling, rules)


def is_trunk(text: str | None) -> bool:
    """Return whether an id is that of a number on a trunk."""
    return text is not None and text.startswith(_TRUNK)


def _carrying(trunk: Stored[T], numbers: Sequence[str]) -> Stored[T]:
    """Return `trunk`, with `numbers` where the response does not repeat what it carries."""
    if {bodies.normalized(text) for text in numbers}.intersection(bodies.entries_on(trunk)):
        return trunk
    return msgspec.structs.replace(
        trunk, info=msgspec.structs.replace(trunk.info, numbers=tuple(numbers))
    )


def _direction(trunk: Inbound | Outbound) -> str:
    return "Inbound" if isinstance(trunk.info, InboundTrunk) else "Outbound"


def _same_calls(found: Rule, wanted: Json) -> bool:
    """Return whether a rule is the wanted one, or equivalent to it."""
    other = read_or_none(DispatchRule, {**wanted, RULE_ID: "new"})
    return (
        other is not None
        and found.info.trunk_ids == other.trunk_ids
        and found.info.numbers == other.numbers
        and found.info.pin == other.pin
        and not found.info.inbound_numbers
        and target_of(found) == target_of(Stored(other, b"", b""))
    )


def _only(found: Sequence[Stored[B]], lost: OutcomeUnknownError) -> Stored[B]:
    if len(found) != 1:
        raise lost
    return found[0]
