"""A number on trunks, joined with its dispatch rules.

Source: docs.livekit.io/sip (trunks, dispatch rules) and livekit-server 1.13.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.unchecked import unchecked

from . import bodies, dispatch_rules
from .bodies import Inbound, Outbound, Rule

_VOICE = frozenset({model.Channel.VOICE})
_made_number = unchecked(model.PhoneNumber)


@dataclass(frozen=True, slots=True)
class TrunkNumber:
    """A number with the trunks and rules that concern it.

    Attributes:
        number: E.164.
        inbound: the trunk that receives calls to it.
        outbound: the trunks that can place calls from it.
        rules: the dispatch rules that calls to it can match.
        elsewhere: the other trunks that receive calls to it, from other callers.
    """

    number: str
    inbound: Inbound | None
    outbound: Sequence[Outbound]
    rules: Sequence[Rule] = ()
    elsewhere: frozenset[str] = frozenset()

    @property
    def trunk(self) -> Inbound | Outbound:
        """The trunk that identifies the number."""
        return self.inbound or self.outbound[0]

    @property
    def shared(self) -> bool:
        """Whether that trunk carries other numbers or patterns too."""
        return bodies.entries_on(self.trunk) != [self.number]

    @property
    def id(self) -> str:
        """The id of the trunk, followed by the number if the trunk is shared."""
        return f"{self.trunk.id}/{self.number}" if self.shared else self.trunk.id

    def normalized(self, provider: str) -> model.PhoneNumber:
        info, rule = self.trunk.info, dispatch_rules.answering(self.rules)
        found: dict[str, object] = {
            "id": self.id,
            "number": self.number,
            "provider": provider,
            "label": info.name or None,
            # LiveKit keeps no status: a number is on a trunk, or is not.
            "status": model.NumberStatus.ACTIVE,
            "channels": _VOICE,
            "country": None,
            "assignment": dispatch_rules.target_of(rule),
            "carrier": None,
            "replaced": None,
            "notices": (),
            "created_at": info.created_at,
            "updated_at": info.updated_at,
            "raw": {
                "inbound_trunk": self.inbound.shown if self.inbound else None,
                "outbound_trunks": [trunk.shown for trunk in self.outbound],
                "dispatch_rules": [rule.shown for rule in self.rules],
            },
        }
        return _made_number(found)

    def released(self, provider: str) -> model.Release:
        return model.Release(
            id=self.id,
            number=self.number,
            provider=provider,
            at_carrier=CarrierOutcome.KEPT,
            reversible=True,
            how_to_undo="Import it again with import_number(); the carrier still holds it.",
            raw=self.normalized(provider).raw,
        )


def joined(
    number: str,
    inbound: Inbound | None,
    outbound: Sequence[Outbound],
    rules: Sequence[Rule],
    elsewhere: frozenset[str] = frozenset(),
) -> TrunkNumber:
    """Join a number with those of the trunks and rules that concern it."""
    mine = [trunk for trunk in outbound if number in bodies.numbers_on(trunk)]
    if inbound is None:
        return TrunkNumber(number, None, mine)
    met = [one for one in rules if _meets(one, inbound.id, number)]
    return TrunkNumber(number, inbound, mine, met, elsewhere)


def _meets(rule: Rule, trunk_id: str, number: str) -> bool:
    """Return whether calls to `number` on the trunk can match the rule."""
    info = rule.info
    called = [bodies.normalized(text) for text in info.numbers]
    return (not info.trunk_ids or trunk_id in info.trunk_ids) and (not called or number in called)
