"""The numbers of LiveKit Phone Numbers, for sale or of the project.

Source: livekit_phone_number.proto, as of livekit/protocol 1.54.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from pydantic import JsonValue

from telephony import model
from telephony.numbers import is_e164
from telephony.raw import parsed, with_raw
from telephony.reading import Body, Id, Rows, Time, moment, read
from telephony.wire import Json, PageTracker, Response

from . import bodies, dispatch_rules
from .bodies import Rule

_STATUS = "PHONE_NUMBER_STATUS_"
KINDS = {f"PHONE_NUMBER_TYPE_{kind.upper()}": kind for kind in model.NumberKind}
_STATUSES = {
    f"{_STATUS}ACTIVE": model.NumberStatus.ACTIVE,
    f"{_STATUS}PENDING": model.NumberStatus.PENDING,
    f"{_STATUS}RELEASED": model.NumberStatus.RELEASED,
    f"{_STATUS}OFFLINE": model.NumberStatus.OFFLINE,
}
_INBOUND = {
    "PHONE_NUMBER_IN_STATUS_ACTIVE": model.NumberStatus.ACTIVE,
    "PHONE_NUMBER_IN_STATUS_UNAVAILABLE": model.NumberStatus.OFFLINE,
    "PHONE_NUMBER_IN_STATUS_DETACHED": model.NumberStatus.OFFLINE,
}
VOICE = frozenset({model.Channel.VOICE})


class Entry(Body, kw_only=True):
    """A number for sale, or one of the project's."""

    e164_format: Id
    id: str = ""
    # Newer than the rest, and than livekit-protocol for Python.
    name: str | None = None
    inbound_status: str | None = None
    country_code: str | None = None
    # Numbers where the server itself does not know the word.
    number_type: str | None = None
    status: str | None = None
    locality: str | None = None
    region: str | None = None
    created_at: Time = None
    updated_at: Time = None
    sip_dispatch_rule_id: str | None = None
    sip_dispatch_rule_ids: tuple[str, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        old = (self.sip_dispatch_rule_id,) if self.sip_dispatch_rule_id else ()
        return self.sip_dispatch_rule_ids or old

    @property
    def state(self) -> model.NumberStatus:
        """Its status, from the newer field if the response has it."""
        known = _STATUSES.get(self.status or "", model.NumberStatus.UNKNOWN)
        if known in {model.NumberStatus.PENDING, model.NumberStatus.RELEASED}:
            return known
        return _INBOUND.get(self.inbound_status or "", known)


class Bought(Entry, kw_only=True):
    """A number of the project."""

    id: Id


class _Token(Body):
    token: str = ""


class Page(Body):
    items: Rows = None
    next_page_token: _Token | None = None

    @property
    def next(self) -> str | None:
        return self.next_page_token.token or None if self.next_page_token else None


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number of the project, with the rules that it points to."""

    entry: Bought
    content: bytes
    rules: Sequence[Rule] = ()

    @property
    def number(self) -> str:
        return self.entry.e164_format

    @property
    def own_rule(self) -> Rule | None:
        """The rule that was made for this number alone."""
        return next((one for one in self.rules if is_own(one, self.entry.e164_format)), None)

    def normalized(self, provider: str) -> model.PhoneNumber:
        number = model.PhoneNumber(
            id=self.entry.id,
            number=self.entry.e164_format,
            provider=provider,
            label=self.entry.name or None,
            status=self.entry.state,
            # Its `capabilities` are the carrier's; LiveKit itself passes on voice.
            channels=VOICE,
            country=self.entry.country_code or None,
            assignment=dispatch_rules.target_of(dispatch_rules.answering(self.rules)),
            carrier=model.CarrierAccount(id=None, provider=provider, kind="livekit"),
            created_at=moment(self.entry.created_at),
            updated_at=moment(self.entry.updated_at),
        )
        return with_raw(number, partial(_raw, self.content, [one.shown for one in self.rules]))

    @property
    def raw(self) -> Json:
        """The entry as it was received."""
        found = parsed(self.content)
        return found if isinstance(found, dict) else {}


def _raw(number: bytes, rules: list[bytes]) -> JsonValue:
    return {"phone_number": parsed(number), "dispatch_rules": [bodies.shown(one) for one in rules]}


def bought(raw: JsonValue, response: Response, number: str | None) -> OwnedNumber:
    """Return `raw`, a part of the response, as a number of the project.

    Where it does not say which, it is `number`, if that was requested. Raises as `read` does.
    """
    sure = raw
    if isinstance(raw, dict) and number:
        said = raw.get("e164_format")
        if not (isinstance(said, str) and is_e164(said)):
            sure = {**raw, "e164_format": number}
    return OwnedNumber(read(Bought, sure, response), msgspec.json.encode(raw))


def page(response: Response) -> Page:
    return read(Page, response.content, response)


def next_page(page: Page, pages: PageTracker) -> str | None:
    """Return the token of the next page, if there is one; an empty page may have one."""
    token = page.next
    if token is not None and not pages.unseen([token], str):
        raise pages.repeated_page()
    return token


def with_rules(owned: OwnedNumber, rules: Sequence[Rule]) -> OwnedNumber:
    mine = [rule for rule in rules if rule.id in owned.entry.rule_ids]
    return OwnedNumber(owned.entry, owned.content, mine)


def is_own(rule: Rule, number: str) -> bool:
    return not rule.info.trunk_ids and list(rule.info.numbers) == [number]


def is_released(owned: OwnedNumber) -> bool:
    return owned.entry.status == f"{_STATUS}RELEASED"
