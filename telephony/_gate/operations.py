"""The checks before every operation: is it supported, and are its arguments valid.

Each method returns the adapter's generator, which the drivers run; nothing is sent here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Concatenate, Generic, ParamSpec, TypeVar

from telephony._gate import checks
from telephony._gate.arguments import Arguments
from telephony.capabilities import Capability, Level, support_of
from telephony.errors import (
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
    """An operation that a driver can run.

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
    """Raise what the vendor does not support, and add to every error where it happened."""

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
    """The operations of one adapter after the checks that are the same for every vendor."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.adapter = adapter
        self._given = Arguments(adapter, settings.number_region)
        self._protected = settings.protected

    @_gated(Capability.LIST_NUMBERS)
    def list_numbers(self, limit: int | None) -> Invocation[Request | Batch[PhoneNumber], None]:
        checks.positive(limit)
        return Invocation(self.adapter.list_numbers(limit=limit), limit=limit)

    @_gated(Capability.GET_NUMBER)
    def get_number(self, number: PhoneNumber | str) -> Invocation[Request, PhoneNumber]:
        return Invocation(self.adapter.get_number(self._given.ref(number)))

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
        self._given.check_filter(
            "kind", frozenset([wanted] if wanted else ()), self.adapter.number_kinds
        )
        self._given.check_filter("channels", carries, self.adapter.search_channels)
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
            number=None if number is None else self._given.e164(number, "number"),
            country=checks.country(country),
            area_code=checks.area_code(area_code),
            label=self._given.label(Capability.PROVISION_NUMBER, label),
            assign_to=self._given.optional_target(Capability.PROVISION_NUMBER, assign_to),
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
        origin = self._given.source(Capability.IMPORT_NUMBER, source, self.adapter.sources)
        steps = self.adapter.import_number(
            self._given.e164(number, "number"),
            source=origin,
            label=self._given.label(Capability.IMPORT_NUMBER, label),
            assign_to=self._given.optional_target(Capability.IMPORT_NUMBER, assign_to),
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
        origin = self._given.source(Capability.UPDATE_NUMBER, source, self.adapter.update_sources)
        steps = self.adapter.update_number(
            self._given.ref(number),
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
            self._given.ref(number),
            self._given.target(Capability.ASSIGN_NUMBER, to, "to"),
            options=checks.options(options),
        )
        return Invocation(steps)

    @_gated(Capability.UNASSIGN_NUMBER)
    def unassign_number(
        self, number: PhoneNumber | str, options: Options | None
    ) -> Invocation[Request, PhoneNumber]:
        steps = self.adapter.unassign_number(
            self._given.ref(number), options=checks.options(options)
        )
        return Invocation(steps)

    @_gated(Capability.RELEASE_NUMBER)
    def release_number(
        self, number: PhoneNumber | str, unassign: bool, options: Options | None
    ) -> Invocation[Request, Release]:
        ref, fields = self._given.ref(number), checks.options(options)
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
        """Read which number an id stands for, and release it unless it is protected."""
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
            self._given.sender(number), after=after, before=before, limit=limit
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
            self._given.sender(number),
            self._given.recipient(to),
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
            self._given.ref(number),
            self._given.callee(to),
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
        self._given.check_kind(Capability.LINK_CARRIER, account, self.adapter.carriers, "account")
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
        self._given.check_kind(
            Capability.ROTATE_CARRIER, credentials, self.adapter.carriers, "credentials"
        )
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
        return Invocation(self.adapter.get_webhook(self._given.owner(of)))

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
            of=self._given.owner(of),
            replace=checks.flag(replace, "replace"),
            options=checks.options(options),
        )
        return Invocation(steps)


def _is_protected() -> PermissionDeniedError:
    return PermissionDeniedError(
        "The number is protected from being released",
        hint="Take it out of the `protected` setting first, if you are sure.",
    )
