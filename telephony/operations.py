"""One gate before every operation, the same for both drivers: is it offered, can it be right?

Each method checks its arguments and returns the adapter's generator; nothing is sent here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Concatenate, Generic, ParamSpec, TypeVar

from telephony import checks, numbers
from telephony.capabilities import Capability, Level, support_of
from telephony.errors import (
    InvalidRequestError,
    PermissionDeniedError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.idempotency import key_digest
from telephony.model import (
    Agent,
    AvailableNumber,
    Call,
    CarrierAccount,
    CarrierCredentials,
    Channel,
    LinkedCarrier,
    Message,
    NumberKind,
    PhoneNumber,
    Release,
    Source,
    Target,
    WebhookEndpoint,
)
from telephony.protocols import Adapter
from telephony.redaction import secrets_of
from telephony.settings import ProviderSettings
from telephony.wire import Batch, NumberRef, Operation, Options, Request, Response

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


@dataclass(frozen=True, slots=True)
class Invocation(Generic[Y, R]):
    """An operation ready to be driven.

    Attributes:
        steps: the adapter's generator.
        secrets: new credentials, which must not show in an error.
        texts: bodies of messages, which an error must not repeat.
        limit: the most items to hand out, for listings.
        name: the public method's name.
    """

    steps: Generator[Y, Response, R] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    limit: int | None = None
    name: str = ""


def _gated(
    capability: Capability,
) -> Callable[
    [Callable[Concatenate[Operations, P], Invocation[Y, R]]],
    Callable[Concatenate[Operations, P], Invocation[Y, R]],
]:
    """Refuse what the vendor does not offer, and say in every refusal where it happened."""

    def decorate(
        check: Callable[Concatenate[Operations, P], Invocation[Y, R]],
    ) -> Callable[Concatenate[Operations, P], Invocation[Y, R]]:
        @functools.wraps(check)
        def gate(self: Operations, /, *args: P.args, **kwargs: P.kwargs) -> Invocation[Y, R]:
            support = support_of(self.adapter.capabilities, capability)
            if support.level is Level.NONE:
                raise UnsupportedOperationError(self.adapter.name, capability, support.note)
            try:
                return replace(check(self, *args, **kwargs), name=capability)
            except ProviderError as refusal:
                refusal.add_context(self.adapter.name, capability, ())
                raise

        return gate

    return decorate


class Operations:
    """The operations of one adapter behind the checks that hold at every vendor."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.adapter = adapter
        self._region = settings.number_region
        self._protected = settings.protected

    @_gated(Capability.LIST_NUMBERS)
    def list_numbers(self, limit: int | None) -> Invocation[Request | Batch[PhoneNumber], None]:
        checks.positive(limit)
        return Invocation(self.adapter.list_numbers(limit=limit), limit=limit)

    @_gated(Capability.GET_NUMBER)
    def get_number(self, number: PhoneNumber | str) -> Invocation[Request, PhoneNumber]:
        return Invocation(self.adapter.get_number(self._ref(number)))

    @_gated(Capability.SEARCH_NUMBERS)
    def search_numbers(
        self,
        country: str,
        area_code: str | None,
        contains: str | None,
        kind: NumberKind | str | None,
        channels: Collection[Channel | str],
        limit: int,
        options: Options | None,
    ) -> Invocation[Request, list[AvailableNumber]]:
        checks.positive(limit)
        wanted = None if kind is None else checks.word(NumberKind, kind, "kind")
        carries = checks.channels(channels)
        self._searchable("kind", frozenset([wanted] if wanted else ()), self.adapter.number_kinds)
        self._searchable("channels", carries, self.adapter.search_channels)
        steps = self.adapter.search_numbers(
            country=checks.country(country),
            area_code=checks.area_code(area_code),
            contains=checks.text(contains, "contains"),
            kind=wanted,
            channels=carries,
            limit=limit,
            options=checks.options(options),
        )
        return Invocation(steps)

    @_gated(Capability.PROVISION_NUMBER)
    def provision_number(
        self,
        number: str | None,
        country: str,
        area_code: str | None,
        label: str | None,
        assign_to: Target | str | None,
        idempotency_key: str | None,
        options: Options | None,
    ) -> Invocation[Request, PhoneNumber]:
        checks.number_or_area(number, area_code)
        key = checks.text(idempotency_key, "idempotency_key")
        steps = self.adapter.provision_number(
            number=None if number is None else self._e164(number, "number"),
            country=checks.country(country),
            area_code=checks.area_code(area_code),
            label=self._label(Capability.PROVISION_NUMBER, label),
            assign_to=self._optional_target(Capability.PROVISION_NUMBER, assign_to),
            key=None if key is None else key_digest(key),
            options=checks.options(options),
        )
        return Invocation(steps)

    @_gated(Capability.IMPORT_NUMBER)
    def import_number(
        self,
        number: str,
        source: Source | CarrierAccount | None,
        label: str | None,
        assign_to: Target | str | None,
        inbound: bool,
        outbound: bool,
        options: Options | None,
    ) -> Invocation[Request, PhoneNumber]:
        checks.directions(inbound, outbound)
        origin = self._source(Capability.IMPORT_NUMBER, source, self.adapter.sources)
        steps = self.adapter.import_number(
            self._e164(number, "number"),
            source=origin,
            label=self._label(Capability.IMPORT_NUMBER, label),
            assign_to=self._optional_target(Capability.IMPORT_NUMBER, assign_to),
            inbound=inbound,
            outbound=outbound,
            options=checks.options(options),
        )
        return Invocation(steps, secrets=secrets_of(origin))

    @_gated(Capability.UPDATE_NUMBER)
    def update_number(
        self,
        number: PhoneNumber | str,
        label: str | None,
        source: Source | CarrierAccount | None,
        options: Options | None,
    ) -> Invocation[Request, PhoneNumber]:
        checks.change(label, source)
        origin = self._source(Capability.UPDATE_NUMBER, source, self.adapter.update_sources)
        steps = self.adapter.update_number(
            self._ref(number),
            label=checks.text(label, "label"),
            source=origin,
            options=checks.options(options),
        )
        return Invocation(steps, secrets=secrets_of(origin))

    @_gated(Capability.ASSIGN_NUMBER)
    def assign_number(
        self, number: PhoneNumber | str, to: Target | str, options: Options | None
    ) -> Invocation[Request, PhoneNumber]:
        steps = self.adapter.assign_number(
            self._ref(number),
            self._target(Capability.ASSIGN_NUMBER, to, "to"),
            options=checks.options(options),
        )
        return Invocation(steps)

    @_gated(Capability.UNASSIGN_NUMBER)
    def unassign_number(
        self, number: PhoneNumber | str, options: Options | None
    ) -> Invocation[Request, PhoneNumber]:
        steps = self.adapter.unassign_number(self._ref(number), options=checks.options(options))
        return Invocation(steps)

    @_gated(Capability.RELEASE_NUMBER)
    def release_number(
        self, number: PhoneNumber | str, unassign: bool, options: Options | None
    ) -> Invocation[Request, Release]:
        ref, fields = self._ref(number), checks.options(options)
        checks.flag(unassign, "unassign")
        if self._protected is True or (
            isinstance(self._protected, tuple) and ref.number in self._protected
        ):
            raise _is_protected()
        if self._protected and ref.number is None:
            return Invocation(self._release_unless_protected(ref, unassign, fields))
        return Invocation(self.adapter.release_number(ref, unassign=unassign, options=fields))

    def _release_unless_protected(
        self, ref: NumberRef, unassign: bool, options: Options
    ) -> Operation[Release]:
        """A bare id does not say which number it is: read that before releasing it."""
        found = yield from self.adapter.get_number(ref)
        if isinstance(self._protected, tuple) and found.number in self._protected:
            raise _is_protected()
        known = NumberRef(found.id, found.number)
        return (yield from self.adapter.release_number(known, unassign=unassign, options=options))

    @_gated(Capability.LIST_MESSAGES)
    def list_messages(
        self,
        number: PhoneNumber | str,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Invocation[Request | Batch[Message], None]:
        checks.positive(limit)
        after, before = checks.period(after, before)
        steps = self.adapter.list_messages(
            self._sender(number), after=after, before=before, limit=limit
        )
        return Invocation(steps, limit=limit)

    @_gated(Capability.SEND_MESSAGE)
    def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        media: Sequence[str],
        options: Options | None,
    ) -> Invocation[Request, Message]:
        urls = checks.media(media, body)
        steps = self.adapter.send_message(
            self._sender(number),
            self._address(to),
            body,
            media=urls,
            options=checks.options(options),
        )
        return Invocation(steps, texts=(body,))

    @_gated(Capability.PLACE_CALL)
    def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        agent: str | None,
        url: str | None,
        options: Options | None,
    ) -> Invocation[Request, Call]:
        steps = self.adapter.place_call(
            self._ref(number),
            self._callee(to),
            agent=checks.text(agent, "agent"),
            url=checks.text(url, "url"),
            options=checks.options(options),
        )
        return Invocation(steps)

    @_gated(Capability.LIST_CARRIERS)
    def list_carriers(self) -> Invocation[Request | Batch[CarrierAccount], None]:
        return Invocation(self.adapter.list_carriers())

    @_gated(Capability.LINK_CARRIER)
    def link_carrier(
        self, account: CarrierCredentials, label: str | None, options: Options | None
    ) -> Invocation[Request, CarrierAccount]:
        self._kind(Capability.LINK_CARRIER, account, self.adapter.carriers, "account")
        steps = self.adapter.link_carrier(
            account, label=checks.text(label, "label"), options=checks.options(options)
        )
        return Invocation(steps, secrets=secrets_of(account))

    @_gated(Capability.ROTATE_CARRIER)
    def rotate_carrier(
        self,
        carrier: CarrierAccount | str,
        credentials: CarrierCredentials,
        options: Options | None,
    ) -> Invocation[Request, CarrierAccount]:
        self._kind(Capability.ROTATE_CARRIER, credentials, self.adapter.carriers, "credentials")
        steps = self.adapter.rotate_carrier(
            checks.carrier_id(carrier), credentials, options=checks.options(options)
        )
        return Invocation(steps, secrets=secrets_of(credentials))

    @_gated(Capability.UNLINK_CARRIER)
    def unlink_carrier(
        self, carrier: CarrierAccount | str, options: Options | None
    ) -> Invocation[Request, CarrierAccount]:
        steps = self.adapter.unlink_carrier(
            checks.carrier_id(carrier), options=checks.options(options)
        )
        return Invocation(steps)

    @_gated(Capability.GET_WEBHOOK)
    def get_webhook(
        self, of: PhoneNumber | Agent | str | None
    ) -> Invocation[Request, WebhookEndpoint | None]:
        return Invocation(self.adapter.get_webhook(self._owner(of)))

    @_gated(Capability.SET_WEBHOOK)
    def set_webhook(
        self,
        url: str,
        of: PhoneNumber | Agent | str | None,
        replace: bool,
        options: Options | None,
    ) -> Invocation[Request, WebhookEndpoint]:
        steps = self.adapter.set_webhook(
            checks.webhook_url(url),
            of=self._owner(of),
            replace=checks.flag(replace, "replace"),
            options=checks.options(options),
        )
        return Invocation(steps)

    def _owner(self, of: PhoneNumber | Agent | str | None) -> str | None:
        """Whose webhook: a number (E.164) or an id."""
        if of is None or isinstance(of, Agent):
            return None if of is None else of.id
        ref = self._ref(of, "of")
        return ref.number or ref.id

    def _e164(self, text: str, argument: str) -> str:
        return numbers.e164(checks.required(text, argument), region=self._region, argument=argument)

    def _ref(self, number: PhoneNumber | str, argument: str = "number") -> NumberRef:
        if isinstance(number, PhoneNumber):
            # Ids mean nothing at another vendor; E.164 does.
            ours = number.provider == self.adapter.name
            return NumberRef(number.id if ours else None, number.number)
        text = checks.required(number, argument)
        if numbers.looks_written(text):
            return NumberRef(number=self._e164(text, argument))
        return NumberRef(id=text)

    def _sender(self, number: PhoneNumber | str) -> NumberRef:
        """Return a number, or a short code where those can send."""
        text = number.strip() if isinstance(number, str) else ""
        if self.adapter.short_code_senders and numbers.is_short_code(text):
            return NumberRef(id=text)
        return self._ref(number)

    def _callee(self, to: str) -> str:
        text = checks.required(to, "to")
        return text if text.startswith(self.adapter.address_schemes) else self._e164(text, "to")

    def _address(self, to: str) -> str:
        text = checks.required(to, "to")
        written = numbers.looks_written(text) and not numbers.is_short_code(text)
        return self._e164(text, "to") if written else text

    def _label(self, operation: Capability, label: str | None) -> str | None:
        support = support_of(self.adapter.capabilities, Capability.UPDATE_NUMBER)
        if label is not None and support.level is Level.NONE:
            raise UnsupportedOperationError(
                self.adapter.name, f"{operation} with a label", support.note
            )
        return checks.text(label, "label")

    def _optional_target(self, operation: Capability, to: Target | str | None) -> Target | None:
        return None if to is None else self._target(operation, to, "assign_to")

    def _target(self, operation: Capability, to: Target | str, argument: str) -> Target:
        target = self.adapter.target(checks.required(to, argument)) if isinstance(to, str) else to
        self._kind(operation, target, self.adapter.targets, argument)
        return target

    def _source(
        self,
        operation: Capability,
        source: Source | CarrierAccount | None,
        kinds: tuple[type[Source], ...],
    ) -> Source | None:
        if source is None:
            return None
        if isinstance(source, CarrierAccount):
            source = LinkedCarrier(checks.carrier_id(source))
        self._kind(operation, source, kinds, "source")
        return source

    def _searchable(
        self, argument: str, wanted: frozenset[StrEnum], offered: frozenset[StrEnum]
    ) -> None:
        missing = sorted(wanted - offered)
        if missing:
            raise UnsupportedOperationError(
                self.adapter.name,
                f"{Capability.SEARCH_NUMBERS} with {argument}={', '.join(missing)}",
                f"Here `{argument}` can be: {', '.join(sorted(offered))}."
                if offered
                else f"Leave `{argument}` out, and choose from the result.",
            )

    def _kind(
        self, operation: Capability, value: object, kinds: tuple[type, ...], argument: str
    ) -> None:
        if not isinstance(value, Target | Source):
            raise InvalidRequestError(
                f"`{argument}` is of type {type(value).__name__}.",
                argument=argument,
                hint=f"Give {' or '.join(kind.__name__ for kind in kinds)}.",
            )
        if not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            given = type(value).__name__
            raise UnsupportedOperationError(
                self.adapter.name,
                f"{operation} with {argument}={given}(…)",
                f"Here `{argument}` can be: {wanted}." if wanted else f"Leave `{argument}` out.",
            )


def _is_protected() -> PermissionDeniedError:
    return PermissionDeniedError(
        "The number is protected from being released",
        hint="Take it out of the `protected` setting first, if you are sure.",
    )
