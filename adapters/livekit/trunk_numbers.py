"""A number on trunks, joined with its dispatch rules.

Source: docs.livekit.io/sip (trunks, dispatch rules) and livekit-server 1.13.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from pydantic import JsonValue

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.reading import moment
from telephony.unchecked import Unchecked

from . import bodies, dispatch_rules
from .bodies import Inbound, Outbound, Rule

_VOICE = frozenset({model.Channel.VOICE})
_ACTIVE = model.NumberStatus.ACTIVE
_NONE: list[bytes] = []
# Listings hold thousands.
_NUMBERS = Unchecked(model.PhoneNumber)


class TrunkNumber(msgspec.Struct, gc=False):
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
        written = self.trunk.info.numbers
        if len(written) == 1 and written[0] == self.number:  # nearly all of them
            return False
        return bodies.entries_on(self.trunk) != [self.number]

    @property
    def id(self) -> str:
        """The id of the trunk, followed by the number if the trunk is shared."""
        return f"{self.trunk.id}/{self.number}" if self.shared else self.trunk.id

    def normalized(self, provider: str) -> model.PhoneNumber:
        info = self.trunk.info
        fields = _NUMBERS.fields()
        fields["id"] = self.id if self.shared else info.id
        fields["number"] = self.number
        fields["provider"] = provider
        fields["label"] = info.name or None
        # LiveKit keeps no status: a number is on a trunk, or is not.
        fields["status"] = _ACTIVE
        fields["channels"] = _VOICE
        fields["assignment"] = dispatch_rules.target_of(dispatch_rules.answering(self.rules))
        if info.created_at is not None or info.updated_at is not None:
            # A server of one's own fills in neither.
            fields["created_at"] = moment(info.created_at)
            fields["updated_at"] = moment(info.updated_at)
        return _NUMBERS.made(
            fields,
            partial(
                _raw,
                self.inbound.shown if self.inbound else None,
                [trunk.shown for trunk in self.outbound] if self.outbound else _NONE,
                [rule.shown for rule in self.rules],
            ),
        )

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


def _raw(inbound: bytes | None, outbound: list[bytes], rules: list[bytes]) -> JsonValue:
    return {
        "inbound_trunk": None if inbound is None else bodies.shown(inbound),
        "outbound_trunks": [bodies.shown(trunk) for trunk in outbound],
        "dispatch_rules": [bodies.shown(rule) for rule in rules],
    }


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
    met = [
        one
        for one in rules
        if (not one.info.trunk_ids or inbound.id in one.info.trunk_ids) and answers(one, number)
    ]
    return TrunkNumber(number, inbound, mine, met, elsewhere)


def answers(rule: Rule, number: str) -> bool:
    """Return whether the rule is for calls to any number, or to this one."""
    called = rule.info.numbers
    return not called or number in [bodies.normalized(text) for text in called]
