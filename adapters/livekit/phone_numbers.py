"""LiveKit Phone Numbers, which only LiveKit Cloud has: inbound voice on United States numbers.

A number needs no trunk there, only a dispatch rule that it points to.
Source: docs.livekit.io/telephony/start/phone-numbers and livekit_phone_number.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field, JsonValue

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
from telephony.reading import Body, Moment, items, read, rows
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

from . import dispatch, rules
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
_INBOUND = {
    "PHONE_NUMBER_IN_STATUS_ACTIVE": model.NumberStatus.ACTIVE,
    "PHONE_NUMBER_IN_STATUS_UNAVAILABLE": model.NumberStatus.OFFLINE,
    "PHONE_NUMBER_IN_STATUS_DETACHED": model.NumberStatus.OFFLINE,
}
_VOICE = frozenset({model.Channel.VOICE})


class Entry(Body):
    """A number for sale, or one of the project's."""

    e164_format: str = Field(min_length=1)
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
    created_at: Moment | None = None
    updated_at: Moment | None = None
    sip_dispatch_rule_id: str | None = None
    sip_dispatch_rule_ids: tuple[str, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        old = (self.sip_dispatch_rule_id,) if self.sip_dispatch_rule_id else ()
        return self.sip_dispatch_rule_ids or old

    @property
    def state(self) -> model.NumberStatus:
        """Whether it takes calls, in the newer words where there are any."""
        known = _STATUSES.get(self.status or "", model.NumberStatus.UNKNOWN)
        if known in {model.NumberStatus.PENDING, model.NumberStatus.RELEASED}:
            return known
        return _INBOUND.get(self.inbound_status or "", known)


class Bought(Entry):
    """A number of the project."""

    id: str = Field(min_length=1)


class _Token(Body):
    token: str = ""


class _Page(Body):
    next_page_token: _Token | None = None

    @property
    def next(self) -> str | None:
        return self.next_page_token.token or None if self.next_page_token else None


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Owned:
    """A number of the project, with the rules that it points to."""

    entry: Bought
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
            label=self.entry.name or None,
            status=self.entry.state,
            # Its `capabilities` are the carrier's; LiveKit itself passes on voice.
            channels=_VOICE,
            country=self.entry.country_code or None,
            assignment=dispatch.target_of(dispatch.answering(self.rules)),
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
        progress, pages, token = Progress(), Progress(), None
        while True:
            asked: Json = {"limit": _PAGE, **_after(token)}
            response = yield from self._call("list_numbers", "ListPhoneNumbers", asked)
            found = [Owned(*one) for one in _rows(Bought, response)]
            new = progress.new(found, lambda one: one.entry.id)
            held = [one for one in new if not _gone(one)]
            rules = yield from self._rules_of(held)
            yield Batch([_joined(one, rules).normalized(self._provider) for one in held])
            token = _next(response, pages)
            if token is None:
                return

    def find(self, ref: NumberRef) -> Operation[Owned | None]:
        """A number of the project."""
        asked: Json = {"phone_number": ref.number} if ref.id is None else {"id": ref.id}
        try:
            response = yield from self._call("get_number", "GetPhoneNumber", asked)
        except NotFoundError:
            return None
        found = _bought(response.object().get("phone_number"), response, ref.number)
        if _gone(found):
            return None
        return _joined(found, (yield from self._rules_of([found])))

    def _rules_of(self, found: Sequence[Owned]) -> Operation[list[Rule]]:
        ids: list[JsonValue] = [*dict.fromkeys(i for one in found for i in one.entry.rule_ids)]
        return (yield from self._trunks.rules({"dispatch_rule_ids": ids})) if ids else []

    def search(
        self, country: str, area_code: str | None, limit: int, options: Options
    ) -> Operation[list[model.AvailableNumber]]:
        """Numbers for sale, page by page until there are `limit`."""
        found: list[model.AvailableNumber] = []
        progress, pages, token = Progress(), Progress(), None
        wanted: Json = {"country_code": country, "area_code": area_code}
        while True:
            asked = merged({**wanted, "limit": min(limit, _PAGE)}, options) | _after(token)
            response = yield from self._call("search_numbers", "SearchPhoneNumbers", asked)
            new = progress.new(_rows(Entry, response), lambda one: one[0].e164_format)
            found += [self._available(*one) for one in new]
            token = _next(response, pages)
            if token is None or len(found) >= limit:
                return found[:limit]

    def _available(self, entry: Entry, raw: Json) -> model.AvailableNumber:
        return model.AvailableNumber(
            number=entry.e164_format,
            provider=self._provider,
            country=entry.country_code or None,
            region=entry.region or None,
            locality=entry.locality or None,
            kind=_KINDS.get(entry.number_type or ""),
            channels=_VOICE,
            raw=raw,
        )

    # --- Buying and releasing --------------------------------------------------------------------

    def buy(
        self, number: str, assign_to: model.Target | None, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Buy exactly `number`, which can be had only once: a lost answer is settled by looking
        whether the project has it."""
        rule = (
            None if assign_to is None else (yield from self._rule_for(number, None, assign_to, {}))
        )
        body: Json = {"phone_numbers": [number]}
        if rule is not None:
            body["sip_dispatch_rule_id"] = rule.id
        try:
            response = yield from self._call(
                "provision_number", "PurchasePhoneNumber", merged(body, options), Safety.UNSAFE
            )
            bought = items(response.object().get("phone_numbers"), response)
            owned = _bought(bought[0] if bought else None, response, number)
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
        before = dispatch.answering(owned.rules)
        rule = yield from self._rule_for(owned.entry.e164_format, before, to, options)
        pointed = owned
        if rule.id not in owned.entry.rule_ids:
            changes: Json = {"sip_dispatch_rule_id": rule.id}
            try:
                pointed = yield from self._update("assign_number", owned, changes)
            except OutcomeUnknownError:
                raise
            except ProviderError as refused:
                yield from self._drop_rule(rule, refused)
                raise
        notices: tuple[str, ...] = ()
        if before is not None:
            notices = rules.left_behind(before, to)
            if before.id != rule.id:
                notices += (f"{before.id} may answer other numbers too, and stays as it is.",)
        return self._changed(owned, Owned(pointed.entry, pointed.raw, [rule]), notices)

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
        lost = dispatch.held_beside(owned.own_rule, kept=False)
        notices = (f"Deleted with the dispatch rule {owned.own_rule.id}: {', '.join(lost)}.",)
        freed = self._changed(owned, Owned(owned.entry, owned.raw), notices if lost else ())
        return freed.model_copy(update={"status": model.NumberStatus.OFFLINE})

    def rename(self, owned: Owned, label: str, options: Options) -> Operation[model.PhoneNumber]:
        """Change the name of a number, where this LiveKit has names for them."""
        named = yield from self._update("update_number", owned, merged({"name": label}, options))
        if named.entry.name != label:
            raise UnsupportedOperationError(
                self._provider,
                "update_number of a LiveKit Phone Number",
                "This LiveKit has no names for its own numbers yet: keep labels on your side.",
            )
        return _joined(named, owned.rules).normalized(self._provider)

    def _update(self, operation: str, owned: Owned, changes: Json) -> Operation[Owned]:
        body: Json = {"id": owned.entry.id, **changes}
        response = yield from self._call(operation, "UpdatePhoneNumber", body, Safety.IDEMPOTENT)
        said = response.object().get("phone_number")
        # What it does not repeat is as it was.
        known = said if isinstance(said, dict) else {}
        known = {**owned.raw, **known, "id": owned.entry.id}
        return _bought(known, response, owned.entry.e164_format)

    def _changed(self, before: Owned, after: Owned, notices: tuple[str, ...]) -> model.PhoneNumber:
        number = after.normalized(self._provider)
        target = dispatch.target_of(dispatch.answering(before.rules))
        replaced = target if target != number.assignment else None
        return number.model_copy(update={"replaced": replaced, "notices": notices})

    def _rule_for(
        self, number: str, before: Rule | None, to: model.Target, options: Options
    ) -> Operation[Rule]:
        """The number's own rule, leading to `to`: changed if it is there, or else made."""
        # Asked for a trunk that is not there, LiveKit gives the rules without one.
        for rule in (yield from self._trunks.rules({"trunk_ids": ["none"]})):
            if _is_own(rule, number):
                changes = merged(dispatch.leading(rule, to), options)
                return (yield from self._trunks.replace_rule(rule, changes))
        # Narrowed to the number: rules without trunk and number would all exclude one another.
        if before is None:
            made = dispatch.new_rule(to, name=number, trunk_ids=[], numbers=[number])
        else:
            made = dispatch.copied(before, to, name=number, trunk_ids=[], numbers=[number])
        return (yield from self._trunks.create_rule(merged(made, options)))

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


def _bought(raw: JsonValue, response: Response, number: str | None) -> Owned:
    """Return `raw`, a part of the response, as a number of the project; it is `number` for sure
    where that was asked for. Raises as `read` does."""
    sure = {**raw, "e164_format": number} if isinstance(raw, dict) and number else raw
    return Owned(read(Bought, sure, response), raw if isinstance(raw, dict) else {})


def _rows(kind: type[E], response: Response) -> list[tuple[E, Json]]:
    return rows(kind, response.object().get("items"), response)


def _next(response: Response, pages: Progress) -> str | None:
    """Return the token of the next page, if there is one. An empty page may well have one."""
    token = read(_Page, response.json(), response).next
    if token is not None and not pages.new([token], str):
        raise pages.stuck()
    return token


def _joined(owned: Owned, rules: Sequence[Rule]) -> Owned:
    mine = [rule for rule in rules if rule.id in owned.entry.rule_ids]
    return Owned(owned.entry, owned.raw, mine)


def _is_own(rule: Rule, number: str) -> bool:
    return not rule.info.trunk_ids and list(rule.info.numbers) == [number]


def _gone(owned: Owned) -> bool:
    return owned.entry.status == f"{_STATUS}RELEASED"


def _after(token: str | None) -> Json:
    return {"page_token": {"token": token}} if token else {}
