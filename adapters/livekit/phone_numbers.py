"""LiveKit Phone Numbers, which only LiveKit Cloud has: inbound voice on United States numbers.

A number needs no trunk there, only a dispatch rule that it points to.
Source: docs.livekit.io/telephony/start/phone-numbers and livekit_phone_number.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import (
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.reading import items, read
from telephony.wire import (
    Batch,
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    Progress,
    Response,
    Safety,
    merged,
    reconciled,
)

from . import rules, wire
from .trunks import Trunks
from .twirp import Twirp
from .wire import Rule

_PAGE = 50
_STATUS = "PHONE_NUMBER_STATUS_"
_KINDS = {f"PHONE_NUMBER_TYPE_{kind.upper()}": kind for kind in model.NumberKind}
_STATUSES = {
    f"{_STATUS}ACTIVE": model.NumberStatus.ACTIVE,
    f"{_STATUS}PENDING": model.NumberStatus.PENDING,
    f"{_STATUS}RELEASED": model.NumberStatus.RELEASED,
    f"{_STATUS}OFFLINE": model.NumberStatus.OFFLINE,
}
_VOICE = frozenset({model.Channel.VOICE})


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Entry(_Body):
    """A number for sale, or one of the project's."""

    e164_format: str
    id: str = ""
    country_code: str | None = None
    # Numbers where the server itself does not know the word.
    number_type: str | int = ""
    status: str | int = ""
    locality: str | None = None
    region: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    sip_dispatch_rule_id: str | None = None
    sip_dispatch_rule_ids: list[str] = []

    @property
    def rule_ids(self) -> list[str]:
        old = [self.sip_dispatch_rule_id] if self.sip_dispatch_rule_id else []
        return self.sip_dispatch_rule_ids or old


class _Token(_Body):
    token: str = ""


class _Page(_Body):
    items: list[JsonValue] = []
    next_page_token: _Token | None = None

    @property
    def next(self) -> str | None:
        return self.next_page_token.token or None if self.next_page_token else None


@dataclass(frozen=True, slots=True)
class Owned:
    """A number of the project, with the rules that it points to."""

    entry: Entry
    raw: Json
    rules: Sequence[Rule] = ()

    @property
    def own_rule(self) -> Rule | None:
        """The rule that was made for this number alone."""
        return next((one for one in self.rules if _is_own(one, self.entry.e164_format)), None)

    def normalized(self, provider: str) -> model.PhoneNumber:
        return model.PhoneNumber(
            id=self.entry.id,
            number=self.entry.e164_format,
            provider=provider,
            status=_STATUSES.get(str(self.entry.status), model.NumberStatus.UNKNOWN),
            # Its `capabilities` are the carrier's; LiveKit itself passes on voice.
            channels=_VOICE,
            country=self.entry.country_code or None,
            assignment=wire.target_of(wire.answering(self.rules)),
            carrier=model.CarrierAccount(id=None, provider=provider, kind="livekit"),
            created_at=self.entry.created_at,
            updated_at=self.entry.updated_at,
            raw={
                "phone_number": self.raw,
                "dispatch_rules": [rule.shown for rule in self.rules],
            },
        )


class PhoneNumbers:
    """What the project has bought, and could buy."""

    def __init__(self, twirp: Twirp, trunks: Trunks, provider: str) -> None:
        self._twirp = twirp
        self._trunks = trunks
        self._provider = provider

    # --- Finding ---------------------------------------------------------------------------------

    def all(self) -> Listing[model.PhoneNumber]:
        """The numbers of the project."""
        progress, token = Progress(), None
        while True:
            asked: Json = {"limit": _PAGE, **_after(token)}
            response = yield from self._call("list_numbers", "ListPhoneNumbers", asked)
            page = read(_Page, response.json(), response)
            found = [_entry(item, response) for item in page.items]
            new = progress.new(found, lambda one: one.entry.id)
            held = [one for one in new if not _gone(one)]
            rules = yield from self._rules_of(held)
            yield Batch([_joined(one, rules).normalized(self._provider) for one in held])
            token = page.next
            if token is None:
                return
            if not new:
                raise progress.stuck()

    def find(self, ref: NumberRef) -> Operation[Owned | None]:
        """A number of the project."""
        asked: Json = {"phone_number": ref.number} if ref.id is None else {"id": ref.id}
        try:
            response = yield from self._call("get_number", "GetPhoneNumber", asked)
        except NotFoundError:
            return None
        found = _entry(response.object().get("phone_number"), response)
        if _gone(found):
            return None
        return _joined(found, (yield from self._rules_of([found])))

    def _rules_of(self, found: Sequence[Owned]) -> Operation[list[Rule]]:
        ids: list[JsonValue] = [*dict.fromkeys(i for one in found for i in one.entry.rule_ids)]
        return (yield from self._trunks.rules({"dispatch_rule_ids": ids})) if ids else []

    def search(
        self, country: str, area_code: str | None, limit: int
    ) -> Operation[list[model.AvailableNumber]]:
        """Numbers for sale, page by page until there are `limit`."""
        found: list[model.AvailableNumber] = []
        progress, token = Progress(), None
        wanted: Json = {"country_code": country, "area_code": area_code}
        while True:
            asked = merged({**wanted, "limit": min(limit, _PAGE), **_after(token)}, {})
            response = yield from self._call("search_numbers", "SearchPhoneNumbers", asked)
            page = read(_Page, response.json(), response)
            entries = [_entry(item, response) for item in page.items]
            new = progress.new(entries, lambda one: one.entry.e164_format)
            found += [self._available(one) for one in new]
            token = page.next
            if token is None or len(found) >= limit:
                return found[:limit]
            if not new:
                raise progress.stuck()

    def _available(self, one: Owned) -> model.AvailableNumber:
        return model.AvailableNumber(
            number=one.entry.e164_format,
            provider=self._provider,
            country=one.entry.country_code or None,
            region=one.entry.region or None,
            locality=one.entry.locality or None,
            kind=_KINDS.get(str(one.entry.number_type)),
            channels=_VOICE,
            raw=one.raw,
        )

    # --- Buying and releasing --------------------------------------------------------------------

    def buy(
        self, number: str, assign_to: model.Target | None, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Buy exactly `number`, which can be had only once: a lost answer is settled by looking
        whether the project has it."""
        rule = None if assign_to is None else (yield from self._rule_for(number, assign_to, {}))
        body: Json = {"phone_numbers": [number]}
        if rule is not None:
            body["sip_dispatch_rule_id"] = rule.id
        try:
            response = yield from self._call(
                "provision_number", "PurchasePhoneNumber", merged(body, options), Safety.UNSAFE
            )
            bought = items(response.object().get("phone_numbers"), response)
            owned = _entry(bought[0] if bought else None, response)
            return _joined(owned, [rule] if rule else []).normalized(self._provider)
        except OutcomeUnknownError as lost:
            found = yield from reconciled(self.find(NumberRef(number=number)), lost)
            if found is None:
                if rule is not None:
                    lost.hint = f"{lost.hint} The dispatch rule {rule.id} is there for it."
                raise
            return found.normalized(self._provider)
        except ProviderError as refused:
            if rule is not None:
                yield from self._drop_rule(rule, refused)
            raise

    def release(self, owned: Owned, options: Options) -> Operation[model.Release]:
        """Give a number up for good."""
        if owned.own_rule is not None:
            yield from self._trunks.delete_rule(owned.own_rule, {})
        try:
            body = merged({"ids": [owned.entry.id]}, options)
            response = yield from self._call(
                "release_number", "ReleasePhoneNumbers", body, Safety.IDEMPOTENT
            )
            response.object()
        except NotFoundError as gone:
            if gone.attempts == 1:
                raise
        except ProviderError as failure:
            if owned.own_rule is not None:
                failure.hint = f"Nothing answers it any more: release it again. {failure.hint}"
            raise
        return model.Release(
            id=owned.entry.id,
            number=owned.entry.e164_format,
            provider=self._provider,
            at_carrier=CarrierOutcome.RELEASED,
            reversible=None,
            raw=owned.normalized(self._provider).raw,
        )

    # --- Assigning -------------------------------------------------------------------------------

    def assign(
        self, owned: Owned, to: model.Target, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Let a rule of the number's own lead to `to`, and point the number to it."""
        rule = yield from self._rule_for(owned.entry.e164_format, to, options)
        pointed = owned
        if rule.id not in owned.entry.rule_ids:
            body: Json = {"id": owned.entry.id, "sip_dispatch_rule_id": rule.id}
            try:
                response = yield from self._call(
                    "assign_number", "UpdatePhoneNumber", body, Safety.IDEMPOTENT
                )
                pointed = _entry(response.object().get("phone_number"), response)
            except OutcomeUnknownError:
                raise
            except ProviderError as refused:
                yield from self._drop_rule(rule, refused)
                raise
        return self._changed(owned, Owned(pointed.entry, pointed.raw, [rule]))

    def unassign(self, owned: Owned, options: Options) -> Operation[model.PhoneNumber]:
        """Delete the number's own rule.

        Raises:
            ConflictError: it points to a rule that other numbers may use; LiveKit documents no way
                to point it to none.
        """
        shared = [rule for rule in owned.rules if rule is not owned.own_rule]
        if shared:
            raise ConflictError(
                f"The number shares the dispatch rule {shared[0].id}",
                hint="Assign the number to something else, or delete that rule at LiveKit.",
            )
        if owned.own_rule is None:
            return owned.normalized(self._provider)
        yield from self._trunks.delete_rule(owned.own_rule, options)
        freed = self._changed(owned, Owned(owned.entry, owned.raw))
        return freed.model_copy(update={"status": model.NumberStatus.OFFLINE})

    def _changed(self, before: Owned, after: Owned) -> model.PhoneNumber:
        number = after.normalized(self._provider)
        target = wire.target_of(wire.answering(before.rules))
        replaced = target if target != number.assignment else None
        return number.model_copy(update={"replaced": replaced})

    def _rule_for(self, number: str, to: model.Target, options: Options) -> Operation[Rule]:
        """The number's own rule, leading to `to`: changed if it is there, or else made."""
        # Asked for a trunk that is not there, LiveKit gives the rules without one.
        for rule in (yield from self._trunks.rules({"trunk_ids": ["none"]})):
            if _is_own(rule, number):
                changes = rules.leading(rule, to, options)
                return (yield from self._trunks.replace_rule(rule, changes))
        # Narrowed to the number: rules without trunk and number would all exclude one another.
        info = wire.new_rule(to, name=number, trunk_ids=[], numbers=[number])
        return (yield from self._trunks.create_rule(info, options))

    def _drop_rule(self, rule: Rule, refused: ProviderError) -> Operation[None]:
        try:
            yield from self._trunks.delete_rule(rule, {})
        except ProviderError:
            refused.hint = f"The dispatch rule {rule.id} was made and is unused. {refused.hint}"

    def _call(
        self, operation: str, method: str, body: Json, safety: Safety = Safety.READ
    ) -> Operation[Response]:
        try:
            return (yield self._twirp.phone_numbers(method, body, safety))
        except InvalidResponseError as missing:
            if missing.status != 404:
                raise
            raise UnsupportedOperationError(
                self._provider,
                f"{operation} of LiveKit Phone Numbers",
                "This server does not have them, only LiveKit Cloud does: set `phone_numbers` to "
                "false.",
            ) from missing


def _entry(raw: JsonValue, response: Response) -> Owned:
    return Owned(read(Entry, raw, response), raw if isinstance(raw, dict) else {})


def _joined(owned: Owned, rules: Sequence[Rule]) -> Owned:
    mine = [rule for rule in rules if rule.id in owned.entry.rule_ids]
    return Owned(owned.entry, owned.raw, mine)


def _is_own(rule: Rule, number: str) -> bool:
    return not rule.info.trunk_ids and list(rule.info.numbers) == [number]


def _gone(owned: Owned) -> bool:
    return owned.entry.status == f"{_STATUS}RELEASED"


def _after(token: str | None) -> Json:
    return {"page_token": {"token": token}} if token else {}
