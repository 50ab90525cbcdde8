"""What is held, by profile and number: what a plan compares with, and why a profile is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from telephony.errors import InvalidRequestError
from telephony.fleet.declared.model import Declared, Row
from telephony.fleet.declared.policy import SELF, Policy
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.planning.plan import Offer
from telephony.fleet.targets import NOTHING, target_of, text_of
from telephony.idempotency import key_digest
from telephony.model import Ingress, Webhook


class UnplannableError(Exception):
    """Something cannot be planned at a profile; the message says why, and what to do."""

    def __init__(self, profile: str, message: str) -> None:
        super().__init__(message)
        self.profile = profile
        self.message = message


class Held:
    """The snapshot, indexed.

    Attributes:
        by_profile: each profile's holdings by number.
        twice: the numbers that one profile holds twice, with that profile.
        closed: why nothing is planned at a profile.
        leads_to: the answerers that owners route to, by the target of the route.
    """

    def __init__(self, declared: Declared, snapshot: Snapshot, offers: Mapping[str, Offer]) -> None:
        self.policy: Policy = declared.policy
        self.offers = offers
        self.snapshot = snapshot
        self.closed: dict[str, str] = dict(self._closed())
        self.by_profile: dict[str, dict[str, Holding]] = {
            profile: {} for profile in self.policy.profiles
        }
        self.twice: dict[str, str] = {}
        for holding in snapshot.holdings:
            of_profile = self.by_profile.get(holding.profile)
            if of_profile is not None:
                first = of_profile.setdefault(holding.number, holding)
                if first is not holding:
                    self.twice[holding.number] = holding.profile
        self.answerers: dict[str, dict[str, Holding]] = {
            profile: self.by_profile[profile]
            for profile in sorted(self.policy.answerers)
            if profile not in self.closed
        }
        self.leads_to: dict[str, str] = {
            via: profile
            for profile, answerer in sorted(self.policy.answerers.items())
            if (via := answerer.via) not in (None, SELF)
        }
        self._targets: dict[tuple[str, str, bool], str | UnplannableError] = {}
        self._marks: dict[str, dict[str, str]] = {}

    def at(self, profile: str, number: str) -> Holding | None:
        """Return what a profile holds of a number."""
        return self.by_profile[profile].get(number)

    def elsewhere(self, number: str, *profiles: str) -> list[Holding]:
        """Return what other answerers than these hold of a number."""
        return [
            holdings[number]
            for profile, holdings in self.answerers.items()
            if number in holdings and profile not in profiles
        ]

    def signature(self, row: Row) -> tuple[str | bool | None, ...] | None:
        """Return all that decides over who answers a number; None where more than this does.

        Most numbers of a fleet are answered as they are declared, in the same way as many others.
        """
        number, owner, answer_at = row.number, row.owner, row.answer_at
        at_owner = self.by_profile[owner].get(number) if owner else None
        if at_owner is None:
            return None
        there = self.by_profile[answer_at].get(number) if answer_at in self.answerers else None
        for profile, holdings in self.answerers.items():
            if number in holdings and profile not in (owner, answer_at):
                return None
        wired = self.snapshot.wired.get(number)
        if number in self.twice or wired not in (None, at_owner.assignment):
            return None
        return (
            owner, answer_at, row.answer_to, row.sms_to, row.released, at_owner.assignment,
            None if there is None else there.assignment,
        )  # fmt: skip

    def bought(self, order: str, owner: str) -> str | None:
        """Return the number that an order has bought: the journal knows, or its mark says.

        Empty where it may have bought one; None where it has not.
        """
        known = self.snapshot.bought.get(order)
        if known:
            return known
        if owner not in self._marks:
            self._marks[owner] = {
                holding.mark: holding.number
                for holding in self.by_profile[owner].values()
                if holding.mark
            }
        return self._marks[owner].get(key_digest(order), known)

    def target(self, text: str, profile: str, *, texts: bool = False) -> str:
        """Return a target as `text_of` writes it.

        Args:
            text: as it is declared.
            profile: where it belongs to.
            texts: whether it answers texts, so that a URL is one for texts.

        Raises:
            UnplannableError: the vendor has no such target.
        """
        key = (profile, text, texts)
        found = self._targets.get(key)
        if found is None:
            try:
                found = self._target(text, self.offers[profile], texts)
            except UnplannableError as error:
                found = error
            self._targets[key] = found
        if isinstance(found, UnplannableError):
            raise found
        return found

    def _target(self, text: str, offer: Offer, texts: bool) -> str:
        try:
            target = target_of(text, offer.target)
        except InvalidRequestError as error:
            message = f"{error.message.rstrip('.')}. {error.hint}".strip()
            raise UnplannableError(offer.profile, message) from None
        if target is None:
            return NOTHING
        if target.kind not in offer.targets:
            known = ", ".join(sorted(offer.targets)) or "nothing"
            raise UnplannableError(
                offer.profile,
                f"{offer.vendor} assigns numbers to no {target.kind}. It can be: {known}.",
            )
        if texts and isinstance(target, Webhook) and target.sms_url is None:
            target = Webhook(None, target.voice_url)
        return text_of(target)

    def _closed(self) -> Iterator[tuple[str, str]]:
        for profile in self.policy.profiles:
            offer = self.offers.get(profile)
            if offer is None:
                yield profile, "It is not connected: add it to telephony.toml"
            elif profile in self.snapshot.unreadable:
                yield profile, f"It could not be read: {self.snapshot.unreadable[profile]}"
            elif (
                self.policy.via(profile) == SELF
                and Ingress.SELF_WIRED not in offer.ingress.values()
            ):
                yield (
                    profile,
                    f"{offer.vendor} does not write the carrier's routing itself: name where the "
                    f'owner routes to in fleet.toml, such as via = {{ trunk = "…" }}',
                )
