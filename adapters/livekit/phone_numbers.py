"""LiveKit Phone Numbers, which only LiveKit Cloud has: inbound voice on United States numbers.

A number needs no trunk there, only a dispatch rule that it points to.
Source: docs.livekit.io/telephony/start/phone-numbers and livekit_phone_number.proto.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

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
from telephony.raw import parsed, with_raw
from telephony.reading import items, rows
from telephony.wire import (
    Batch,
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    PageTracker,
    Response,
    Safety,
    deleted,
    merged,
    reconciled,
)

from . import assignment, dispatch_rules, owned_numbers
from .bodies import Rule
from .owned_numbers import Bought, Entry, OwnedNumber
from .trunks import Trunks
from .twirp import Twirp

_PAGE = 50


class PhoneNumbers:
    """The numbers of the project, and those for sale."""

    def __init__(self, twirp: Twirp, trunks: Trunks, provider: str) -> None:
        self._twirp = twirp
        self._trunks = trunks
        self._provider = provider

    # --- Finding ---------------------------------------------------------------------------------

    def all(self) -> Listing[model.PhoneNumber]:
        """List the numbers of the project."""
        tracker, pages, token = PageTracker(), PageTracker(), None
        while True:
            body: Json = {"limit": _PAGE, **_after(token)}
            response = yield from self._call("list_numbers", "ListPhoneNumbers", body)
            page = owned_numbers.page(response)
            found = [OwnedNumber(*one) for one in rows(Bought, page.items, response)]
            new = tracker.unseen(found, lambda one: one.entry.id)
            held = [one for one in new if not owned_numbers.is_released(one)]
            rules = yield from self._rules_of(held)
            yield Batch(
                [owned_numbers.with_rules(one, rules).normalized(self._provider) for one in held]
            )
            token = owned_numbers.next_page(page, pages)
            if token is None:
                return

    def find(self, ref: NumberRef) -> Operation[OwnedNumber | None]:
        """Return a number of the project, if it has it."""
        body: Json = {"phone_number": ref.number} if ref.id is None else {"id": ref.id}
        try:
            response = yield from self._call("get_number", "GetPhoneNumber", body)
        except NotFoundError:
            return None
        found = owned_numbers.bought(response.object().get("phone_number"), response, ref.number)
        if owned_numbers.is_released(found):
            return None
        return owned_numbers.with_rules(found, (yield from self._rules_of([found])))

    def _rules_of(self, found: Sequence[OwnedNumber]) -> Operation[list[Rule]]:
        ids: list[JsonValue] = [*dict.fromkeys(i for one in found for i in one.entry.rule_ids)]
        return (yield from self._trunks.rules({"dispatch_rule_ids": ids})) if ids else []

    def search(
        self, country: str, area_code: str | None, limit: int, options: Options
    ) -> Operation[list[model.AvailableNumber]]:
        """Return up to `limit` numbers for sale."""
        found: list[model.AvailableNumber] = []
        tracker, pages, token = PageTracker(), PageTracker(), None
        wanted: Json = {"country_code": country, "area_code": area_code}
        while True:
            body = merged({**wanted, "limit": min(limit, _PAGE)}, options) | _after(token)
            response = yield from self._call("search_numbers", "SearchPhoneNumbers", body)
            page = owned_numbers.page(response)
            offered = rows(Entry, page.items, response)
            new = tracker.unseen(offered, lambda one: one[0].e164_format)
            found += [self._available(*one) for one in new]
            token = owned_numbers.next_page(page, pages)
            if token is None or len(found) >= limit:
                return found[:limit]

    def _available(self, entry: Entry, raw: bytes) -> model.AvailableNumber:
        available = model.AvailableNumber(
            number=entry.e164_format,
            provider=self._provider,
            country=entry.country_code or None,
            region=entry.region or None,
            locality=entry.locality or None,
            kind=owned_numbers.KINDS.get(entry.number_type or ""),
            channels=owned_numbers.VOICE,
        )
        return with_raw(available, raw)

    # --- Buying and releasing --------------------------------------------------------------------

    def buy(
        self, number: str, assign_to: model.Target | None, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Buy exactly `number`.

        It can be bought only once, so after a lost response it is looked for in the project.
        """
        rule, made = None, False
        if assign_to is not None:
            rule, made = yield from self._rule_to_buy_with(number, assign_to)
        body: Json = {"phone_numbers": [number]}
        if rule is not None:
            body["sip_dispatch_rule_id"] = rule.id
        try:
            response = yield from self._call(
                "provision_number", "PurchasePhoneNumber", merged(body, options), Safety.UNSAFE
            )
            bought = items(response.object().get("phone_numbers"), response)
            owned = owned_numbers.bought(parsed(bought[0]) if bought else None, response, number)
            return owned_numbers.with_rules(owned, [rule] if rule else []).normalized(
                self._provider
            )
        except OutcomeUnknownError as lost:
            found = yield from reconciled(self.find(NumberRef(number=number)), lost)
            if found is None or (rule is not None and rule.id not in found.entry.rule_ids):
                if rule is not None:
                    lost.hint = f"{lost.hint} The dispatch rule {rule.id} is there for it."
                raise
            return found.normalized(self._provider)
        except UnsupportedOperationError:
            if rule is not None and made:
                yield from self._trunks.delete_rule(rule, {})
            raise
        except ProviderError as refused:
            if rule is not None and made:
                yield from self._drop_rule(rule, refused)
            raise

    def release(self, owned: OwnedNumber, options: Options) -> Operation[model.Release]:
        """Give a number up for good."""
        if owned.own_rule is not None:
            yield from self._trunks.delete_rule(owned.own_rule, {})
        try:
            body = merged({"ids": [owned.entry.id]}, options)
            request = self._twirp.phone_numbers("ReleasePhoneNumbers", body, Safety.IDEMPOTENT)
            response = yield from deleted(request)
            if response is not None:
                response.object()
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
        self, owned: OwnedNumber, to: model.Target, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Make the number's own rule lead to `to`, and point the number to that rule."""
        before = dispatch_rules.answering(owned.rules)
        notices = assignment.lost_settings(before, to) if before is not None else ()
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
        if before is not None and before.id != rule.id:
            notices += (f"{before.id} may answer other numbers too, and stays as it is.",)
        return self._changed(owned, OwnedNumber(pointed.entry, pointed.content, [rule]), notices)

    def unassign(self, owned: OwnedNumber, options: Options) -> Operation[model.PhoneNumber]:
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
        lost = dispatch_rules.further_settings(owned.own_rule, kept=False)
        yield from self._trunks.delete_rule(owned.own_rule, options)
        notices = (f"Deleted with the dispatch rule {owned.own_rule.id}: {', '.join(lost)}.",)
        freed = self._changed(
            owned, OwnedNumber(owned.entry, owned.content), notices if lost else ()
        )
        return freed.model_copy(update={"status": model.NumberStatus.OFFLINE})

    def rename(
        self, owned: OwnedNumber, label: str, options: Options
    ) -> Operation[model.PhoneNumber]:
        """Change the name of a number, if this LiveKit has names for them."""
        named = yield from self._update("update_number", owned, merged({"name": label}, options))
        if named.entry.name != label:
            raise UnsupportedOperationError(
                self._provider,
                "update_number of a LiveKit Phone Number",
                "This LiveKit has no names for its own numbers yet: keep labels on your side.",
            )
        return owned_numbers.with_rules(named, owned.rules).normalized(self._provider)

    def _update(self, operation: str, owned: OwnedNumber, changes: Json) -> Operation[OwnedNumber]:
        body: Json = {"id": owned.entry.id, **changes}
        response = yield from self._call(operation, "UpdatePhoneNumber", body, Safety.IDEMPOTENT)
        said = response.object().get("phone_number")
        # What it does not repeat is as it was.
        known = said if isinstance(said, dict) else {}
        known = {**owned.raw, **known, "id": owned.entry.id}
        return owned_numbers.bought(known, response, owned.entry.e164_format)

    def _changed(
        self, before: OwnedNumber, after: OwnedNumber, notices: tuple[str, ...]
    ) -> model.PhoneNumber:
        number = after.normalized(self._provider)
        target = dispatch_rules.target_of(dispatch_rules.answering(before.rules))
        replaced = target if target != number.assignment else None
        return number.model_copy(update={"replaced": replaced, "notices": notices})

    def _rule_for(
        self, number: str, before: Rule | None, to: model.Target, options: Options
    ) -> Operation[Rule]:
        """Change or create the number's own rule so that it leads to `to`."""
        # For a trunk that does not exist LiveKit returns the rules without one.
        for rule in (yield from self._trunks.rules({"trunk_ids": ["none"]})):
            if owned_numbers.is_own(rule, number):
                changes = merged(dispatch_rules.leading(rule, to), options)
                return (yield from self._trunks.replace_rule(rule, changes))
        # Narrowed to the number: rules without trunk and number would all exclude one another.
        if before is None:
            made = dispatch_rules.new_rule(to, name=number, trunk_ids=[], numbers=[number])
        else:
            made = dispatch_rules.copied(before, to, name=number, trunk_ids=[], numbers=[number])
        return (yield from self._trunks.create_rule(merged(made, options)))

    def _rule_to_buy_with(self, number: str, to: model.Target) -> Operation[tuple[Rule, bool]]:
        """Return a rule that leads to `to`, and whether it was created here.

        One that is there already may answer a number that is held: it is not changed.

        Raises:
            ConflictError: the number has a rule that leads elsewhere.
        """
        for rule in (yield from self._trunks.rules({"trunk_ids": ["none"]})):
            if owned_numbers.is_own(rule, number):
                if dispatch_rules.target_of(rule) == to:
                    return rule, False
                raise ConflictError(
                    f"The dispatch rule {rule.id} answers this number already",
                    hint="If list_numbers() has the number, it is bought: call assign_number(). "
                    "If not, buy it without `assign_to` first.",
                )
        made = dispatch_rules.new_rule(to, name=number, trunk_ids=[], numbers=[number])
        return (yield from self._trunks.create_rule(made)), True

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


def _after(token: str | None) -> Json:
    return {"page_token": {"token": token}} if token else {}
