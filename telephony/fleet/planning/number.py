"""What has to be done for one number, in an order that keeps it answered: make before break."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from telephony.capabilities import Capability
from telephony.fleet.declared.model import Order, Row
from telephony.fleet.declared.policy import SELF
from telephony.fleet.planning.held import Held, UnplannableError
from telephony.fleet.planning.ops import Holding, Op, Verb
from telephony.fleet.planning.routes import adjusted
from telephony.fleet.targets import NOTHING, UNCOVERED, parts, reads_as, texts_alone

_NEEDS = {
    Verb.BUY: Capability.PROVISION_NUMBER,
    Verb.LABEL: Capability.UPDATE_NUMBER,
    Verb.IMPORT: Capability.IMPORT_NUMBER,
    Verb.ASSIGN: Capability.ASSIGN_NUMBER,
    Verb.ROUTE: Capability.ASSIGN_NUMBER,
    Verb.CHECK: Capability.GET_NUMBER,
    Verb.UNASSIGN: Capability.UNASSIGN_NUMBER,
    Verb.DETACH: Capability.RELEASE_NUMBER,
    Verb.RELEASE: Capability.RELEASE_NUMBER,
}
# Who can be assigned one of these sends calls elsewhere, and says by its assignment where to.
_ELSEWHERE = frozenset({"webhook", "trunk", "application"})
_OVERRULING = ("trunk:", "application:")

KEPT = "held here, but answered elsewhere: release those you do not need"
UNROUTED = (
    "still answered here, as nothing here routes them to who is declared: name their owner, and in "
    "fleet.toml `via` of their answerer"
)
NOT_DETACHED = "still held here: the vendor has no API to remove them, use its dashboard"


def relabelled(held: Held, owner: str, key: str, at_owner: Holding | None, label: str) -> Op | None:
    """Return what gives a number its label; None where it has it, or is to keep the one it has.

    Args:
        held: the snapshot.
        owner: the profile that holds it, or is to buy it.
        key: the number; where it is to be bought, its order.
        at_owner: how it is held there; None: it is to be bought.
        label: as it is declared.

    Raises:
        UnplannableError: the vendor has no labels.
    """
    before = at_owner.label if at_owner else None
    if not label or label == (before or "").strip():
        return None
    _check(held, Verb.LABEL, owner)
    return Op(
        id=_id(Verb.LABEL, key, owner),
        verb=Verb.LABEL,
        profile=owner,
        lane=key,
        number=at_owner.number if at_owner else "",
        holding=at_owner.id if at_owner else None,
        before=before,
        after=label,
    )


class Number:
    """One number that is held, or is to be bought.

    Attributes:
        ops: what has to be done, in this order.
        problems: why other things are not planned.
        kept: profiles, and what stays there; in the same words for every number.
    """

    __slots__ = ("_at_owner", "_held", "_key", "_number", "_owner", "kept", "ops", "problems")

    def __init__(self, held: Held, owner: str, number: str, order: str = "") -> None:
        self.ops: list[Op] = []
        self.problems: list[UnplannableError] = []
        self.kept: list[tuple[str, str]] = []
        self._held = held
        self._number = number
        self._key = number or order
        self._owner = owner
        self._at_owner = held.at(owner, number) if owner and number else None

    def follow(self, row: Row) -> None:
        """Plan what a row declares."""
        if row.released:
            self._try(self._released)
        elif row.owner and self._at_owner is None:
            self.problems.append(UnplannableError(row.owner, self._missing()))
        else:
            self._try(self._labelled, row.label)
            self._try(self._routed, row.answer_at, row.answer_to, row.sms_to)

    def buy(self, order: Order) -> None:
        """Plan a purchase and what follows it, or nothing of both."""
        self._try(self._bought, order)
        self._try(self._labelled, order.label)
        self._try(self._routed, order.answer_at, order.answer_to, "")
        if self.problems:
            self.ops = []

    def _try(self, step: Callable[..., Iterator[Op]], *declared: object) -> None:
        try:
            self.ops += step(*declared)
        except UnplannableError as problem:
            self.problems.append(problem)

    # --- The steps -------------------------------------------------------------------------------

    def _bought(self, order: Order) -> Iterator[Op]:
        yield self._op(
            Verb.BUY,
            order.owner,
            order=order.order,
            country=order.country,
            area_code=order.area_code or None,
        )

    def _labelled(self, label: str) -> Iterator[Op]:
        op = relabelled(self._held, self._owner, self._key, self._at_owner, label)
        if op is not None:
            yield op

    def _released(self) -> Iterator[Op]:
        others = self._held.elsewhere(self._number, self._owner)
        for one in others:
            yield from self._detached(one)
        if self._at_owner is not None:
            # Who wrote the routing may clean it up.
            known = all(self._held.policy.via(one.profile) != SELF for one in others)
            before = self._at_owner.assignment if known else None
            yield self._given_up(Verb.RELEASE, self._at_owner, before)

    def _routed(self, answer_at: str, answer_to: str, sms_to: str) -> Iterator[Op]:
        owner, at_owner = self._owner, self._at_owner
        before = at_owner.assignment if at_owner else None
        calls = self._calls(answer_at, answer_to)
        wired = self._held.policy.via(answer_at) == SELF
        breaks = list(self._breaks(answer_at, answer_to, routed=wired or calls is not None))
        answered: list[Op] = []
        if answer_at not in ("", NOTHING, owner):
            led = calls is not None and (before is None or not reads_as(before, calls))
            answered = list(self._answered(answer_at, answer_to, moved=led or bool(breaks)))
        texts = self._held.target(sms_to, owner, texts=True) if sms_to else None
        after = adjusted(before, calls, texts)
        cut = list(self._cut(after))
        # Where the vendor writes the routing, what else changes at the owner goes before that.
        yield from (*cut, *answered) if wired else (*answered, *cut)
        if wired and any(op.after not in (None, NOTHING) for op in answered):
            others = any(self._held.policy.via(op.profile) == SELF for op in breaks)
            if others or not self._arrives(answer_at):
                yield from self._uncovered()
            yield from self._texting(texts)
        checked = calls if breaks and at_owner and calls != NOTHING else None
        if checked:
            yield self._op(Verb.CHECK, owner, at_owner, after=checked)
        yield from breaks
        if checked and any(self._held.policy.via(op.profile) == SELF for op in breaks):
            # Who wrote the routing may clean it up, whoever has written it since.
            yield self._op(Verb.CHECK, owner, at_owner, after=checked, once_more=True)

    def _uncovered(self) -> Iterator[Op]:
        """Yield what takes a trunk or an application off, which go before the URL of a vendor."""
        owner, at_owner = self._owner, self._at_owner
        calls = parts(at_owner.assignment)[0] if at_owner else NOTHING
        if calls.startswith(_OVERRULING):
            yield self._op(
                Verb.ROUTE, owner, at_owner, before=calls, after=UNCOVERED, once_more=True
            )

    def _texting(self, declared: str | None) -> Iterator[Op]:
        """Yield what leaves texts where they are: some vendors that route calls take them too."""
        owner, at_owner = self._owner, self._at_owner
        texts = declared or (parts(at_owner.assignment)[1] if at_owner else NOTHING)
        if texts_alone(texts):
            found = self._op(Verb.ROUTE, owner, at_owner, after=texts)
            yield replace(found, id=f"{found.id}/texts")

    # --- Who answers -----------------------------------------------------------------------------

    def _calls(self, answer_at: str, answer_to: str) -> str | None:
        """Return what the owner sends calls to; None: it is left alone, or not its to say."""
        owner = self._owner
        if answer_at == NOTHING:
            return NOTHING
        if not answer_at or not owner:
            return None
        if answer_at == owner:
            return self._held.target(answer_to, owner) if answer_to else None
        via = self._held.policy.via(answer_at)
        return None if via in (None, SELF) else self._held.target(via, owner)

    def _cut(self, after: str | None) -> Iterator[Op]:
        """Yield the change at the owner."""
        if after is None or not self._owner:
            return
        owner, at_owner = self._owner, self._at_owner
        before = at_owner.assignment if at_owner else None
        if after == NOTHING:
            if at_owner is not None:
                yield self._op(Verb.UNASSIGN, owner, at_owner, before=before, after=after)
            return
        offer = self._held.offers[owner]
        if after.startswith('{"kind":"split"') and "split" not in offer.targets:
            raise UnplannableError(
                owner,
                f"{offer.vendor} has one target for calls and texts: leave `sms_to` empty.",
            )
        # What a carrier has is read before it is changed.
        verb = Verb.ROUTE if offer.targets & _ELSEWHERE else Verb.ASSIGN
        yield self._op(verb, owner, at_owner, before=before, after=after)

    def _answered(self, answer_at: str, answer_to: str, *, moved: bool) -> Iterator[Op]:
        """Yield what lets the answerer answer; `moved`: calls will come there from elsewhere."""
        there = self._held.at(answer_at, self._number) if self._number else None
        target = self._held.target(answer_to, answer_at) if answer_to else None
        if there is None:
            yield from self._imported(answer_at, target)
            return
        before = there.assignment
        if target is None:
            target = before
            if moved and target == NOTHING:
                raise UnplannableError(
                    answer_at, "Nothing answers it there: name in `answer_to` what is to."
                )
        if target == NOTHING:
            return
        again = self._held.policy.via(answer_at) == SELF and (
            moved or self._led_away(there.profile)
        )
        if again or not reads_as(before, target):
            yield self._op(Verb.ASSIGN, answer_at, there, before=before, after=target)

    def _imported(self, answer_at: str, target: str | None) -> Iterator[Op]:
        if target is None:
            raise UnplannableError(
                answer_at, "It is not imported there: name in `answer_to` what is to answer it."
            )
        offer, answerer = self._held.offers[answer_at], self._held.policy.answerers[answer_at]
        if answerer.source is not None and answerer.source.kind not in offer.sources:
            known = ", ".join(sorted(offer.sources))
            raise UnplannableError(
                answer_at,
                f"{offer.vendor} imports from no {answerer.source.kind}: change `source` in "
                f"fleet.toml to one of {known}.",
            )
        # Assigned from the start, as some vendors route a number when it is imported; and once
        # more, as an import whose response was lost may have done the one without the other.
        after = None if target == NOTHING else target
        yield self._op(Verb.IMPORT, answer_at, after=after, source=answer_at)
        if after is not None:
            yield self._op(Verb.ASSIGN, answer_at, after=after)

    def _arrives(self, answerer: str) -> bool:
        """Return whether a vendor gets the calls by the trunk or application that it wrote last."""
        there, at_owner = self._held.at(answerer, self._number), self._at_owner
        wired = self._held.snapshot.wired.get(self._number)
        if wired is None or at_owner is None or there is None or there.assignment == NOTHING:
            return False
        calls, _ = parts(at_owner.assignment)
        return calls == parts(wired)[0] and self._held.leads_to.get(calls, answerer) == answerer

    def _led_away(self, answerer: str) -> bool:
        """Return whether the owner sends calls elsewhere than a vendor that routes them itself."""
        at_owner = self._at_owner
        if at_owner is None or not self._held.offers[self._owner].targets & _ELSEWHERE:
            return False
        calls, _ = parts(at_owner.assignment)
        wired = self._held.snapshot.wired.get(self._number)
        return (
            calls == NOTHING
            or self._held.leads_to.get(calls, answerer) != answerer
            or (wired is not None and parts(wired)[0] != calls)
        )

    def _breaks(self, answer_at: str, answer_to: str, *, routed: bool) -> Iterator[Op]:
        """Yield what ends the answering that is not declared; `routed`: once calls lead there."""
        if not answer_at or not self._number:
            return
        if answer_at == NOTHING:
            for one in self._held.elsewhere(self._number, self._owner):
                yield from self._detached(one)
            return
        for one in self._held.elsewhere(self._number, self._owner, answer_at):
            if one.assignment == NOTHING:
                self.kept.append((one.profile, KEPT))
            elif not routed:
                self.kept.append((one.profile, UNROUTED))
            else:
                yield self._unassigned(one)
        there = self._held.at(answer_at, self._number)
        ended = answer_to == NOTHING and answer_at != self._owner
        if ended and there is not None and there.assignment != NOTHING:
            yield self._unassigned(there)

    def _unassigned(self, one: Holding) -> Op:
        return self._op(Verb.UNASSIGN, one.profile, one, before=one.assignment, after=NOTHING)

    def _detached(self, one: Holding) -> Iterator[Op]:
        if Capability.RELEASE_NUMBER in self._held.offers[one.profile].capabilities:
            yield self._given_up(Verb.DETACH, one, one.assignment)
            return
        self.kept.append((one.profile, NOT_DETACHED))
        if one.assignment != NOTHING:
            yield self._unassigned(one)

    def _given_up(self, verb: Verb, one: Holding, before: str | None) -> Op:
        if self._number in self._held.policy.safety.protected:
            raise UnplannableError(
                one.profile,
                "It is protected: take it out of [safety] protected in fleet.toml, and plan twice.",
            )
        if self._number in self._held.snapshot.protected:
            raise UnplannableError(
                one.profile,
                "It was protected when the last plan was made: look at this one, and plan again.",
            )
        return self._op(verb, one.profile, one, before=before)

    # --- Their parts -----------------------------------------------------------------------------

    def _op(
        self,
        verb: Verb,
        profile: str,
        holding: Holding | None = None,
        *,
        before: str | None = None,
        after: str | None = None,
        order: str | None = None,
        source: str | None = None,
        country: str | None = None,
        area_code: str | None = None,
        once_more: bool = False,
    ) -> Op:
        _check(self._held, verb, profile)
        return Op(
            id=_id(verb, self._key, profile) + ("/2" if once_more else ""),
            verb=verb,
            profile=profile,
            lane=self._key,
            number=self._number,
            holding=None if holding is None else holding.id,
            before=before,
            after=after,
            order=order,
            source=source,
            country=country,
            area_code=area_code,
        )

    def _missing(self) -> str:
        others = [
            profile
            for profile in self._held.policy.owners
            if profile != self._owner and self._held.at(profile, self._number)
        ]
        if others:
            return f"It is not held there, but at {others[0]}: correct `owner`."
        return (
            "It is not held there. Order a number in a file of orders, correct `owner`, or write "
            "released as its `state`."
        )


def _check(held: Held, verb: Verb, profile: str) -> None:
    """Raise unless a vendor can do it."""
    offer, capability = held.offers[profile], _NEEDS[verb]
    if capability not in offer.capabilities:
        raise UnplannableError(profile, offer.instead[capability])


def _id(verb: Verb, key: str, profile: str) -> str:
    return verb + f"/{key}@{profile}"  # a verb within an f-string takes three times as long
