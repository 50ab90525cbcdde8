"""The checks before every operation: is it supported, and are its arguments valid.

Each method returns the adapter's generator, which the drivers run; nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from telephony._gate import checks
from telephony._gate.arguments import Arguments
from telephony._gate.invocation import Invocation, gated
from telephony._gate.nearest import naming_nearest
from telephony._gate.purchases import as_asked
from telephony.capabilities import Capability
from telephony.errors import PermissionDeniedError
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
    Recording,
    Release,
    Source,
    Target,
    Transcript,
    WebhookEndpoint,
)
from telephony.protocols import Adapter
from telephony.redaction import secrets_of
from telephony.settings import ProviderSettings
from telephony.wire import Batch, NumberRef, Operation, Options, Request


class Operations:
    """The operations of one adapter after the checks that are the same for every vendor."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self.adapter = adapter
        self._given = Arguments(adapter, settings.number_region)
        self._protected = settings.protected

    @gated(Capability.LIST_NUMBERS)
    def list_numbers(self, limit: int | None) -> Invocation[Request | Batch[PhoneNumber], None]:
        checks.positive(limit)
        return Invocation(self.adapter.list_numbers(limit=limit), limit=limit)

    @gated(Capability.GET_NUMBER)
    def get_number(self, number: PhoneNumber | str) -> Invocation[Request, PhoneNumber]:
        return Invocation(self.adapter.get_number(self._given.ref(number)))

    @gated(Capability.SEARCH_NUMBERS)
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

    @gated(Capability.PROVISION_NUMBER)
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
        exact = None if number is None else self._given.e164(number, "number")
        key = checks.key(idempotency_key)
        steps = self.adapter.provision_number(
            number=exact,
            country=checks.country(country),
            area_code=checks.area_code(area_code),
            label=self._given.label(Capability.PROVISION_NUMBER, label),
            assign_to=self._given.optional_target(Capability.PROVISION_NUMBER, assign_to),
            key=key,
            options=checks.options(options),
        )
        return Invocation(as_asked(steps, exact, key))

    @gated(Capability.IMPORT_NUMBER)
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
        self._given.check_directions(inbound, outbound)
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

    @gated(Capability.UPDATE_NUMBER)
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

    @gated(Capability.LIST_TARGETS)
    def list_targets(self, limit: int | None) -> Invocation[Request | Batch[Target], None]:
        checks.positive(limit)
        return Invocation(self.adapter.list_targets(limit=limit), limit=limit)

    @gated(Capability.ASSIGN_NUMBER)
    def assign_number(
        self, number: PhoneNumber | str, to: Target | str, options: Options | None
    ) -> Invocation[Request, PhoneNumber]:
        target = self._given.target(Capability.ASSIGN_NUMBER, to, "to")
        steps = self.adapter.assign_number(
            self._given.ref(number), target, options=checks.options(options)
        )
        return Invocation(naming_nearest(self.adapter, steps, target))

    @gated(Capability.UNASSIGN_NUMBER)
    def unassign_number(
        self, number: PhoneNumber | str, options: Options | None
    ) -> Invocation[Request, PhoneNumber]:
        steps = self.adapter.unassign_number(
            self._given.ref(number), options=checks.options(options)
        )
        return Invocation(steps)

    @gated(Capability.RELEASE_NUMBER)
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

    def list_messages(
        self,
        number: PhoneNumber | str | None,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Invocation[Request | Batch[Message], None]:
        if number is None:
            return self._list_all_messages(after, before, limit)
        return self._list_messages_of(number, after, before, limit)

    @gated(Capability.LIST_MESSAGES)
    def _list_messages_of(
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

    @gated(Capability.LIST_ALL_MESSAGES)
    def _list_all_messages(
        self, after: datetime | None, before: datetime | None, limit: int | None
    ) -> Invocation[Request | Batch[Message], None]:
        checks.positive(limit)
        after, before = checks.period(after, before)
        steps = self.adapter.list_all_messages(after=after, before=before, limit=limit)
        return Invocation(steps, limit=limit)

    @gated(Capability.GET_MESSAGE)
    def get_message(self, message: Message | str) -> Invocation[Request, Message]:
        return Invocation(self.adapter.get_message(self._given.id_of(message, "message")))

    @gated(Capability.SEND_MESSAGE)
    def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        media: Sequence[str],
        idempotency_key: str | None,
        options: Options | None,
    ) -> Invocation[Request, Message]:
        urls = checks.media(media, body)
        self._given.check_carried(
            Capability.SEND_MESSAGE,
            self.adapter.send_message_arguments,
            idempotency_key=idempotency_key,
        )
        steps = self.adapter.send_message(
            self._given.sender(number),
            self._given.recipient(to),
            body,
            media=urls,
            key=checks.key(idempotency_key),
            options=checks.options(options),
        )
        return Invocation(steps, texts=(body,))

    @gated(Capability.PLACE_CALL)
    def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        agent: str | None,
        url: str | None,
        metadata: Mapping[str, str] | None,
        timeout: float | None,
        idempotency_key: str | None,
        options: Options | None,
    ) -> Invocation[Request, Call]:
        self._given.check_carried(
            Capability.PLACE_CALL,
            self.adapter.place_call_arguments,
            agent=agent,
            url=url,
            metadata=metadata,
            timeout=timeout,
            idempotency_key=idempotency_key,
        )
        steps = self.adapter.place_call(
            self._given.ref(number),
            self._given.callee(to),
            agent=checks.text(agent, "agent"),
            url=checks.text(url, "url"),
            metadata=checks.metadata(metadata),
            timeout=checks.seconds(timeout, "timeout"),
            key=checks.key(idempotency_key),
            options=checks.options(options),
        )
        return Invocation(steps)

    @gated(Capability.LIST_CALLS)
    def list_calls(
        self,
        number: PhoneNumber | str | None,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Invocation[Request | Batch[Call], None]:
        checks.positive(limit)
        after, before = checks.period(after, before)
        ref = None if number is None else self._given.ref(number)
        steps = self.adapter.list_calls(ref, after=after, before=before, limit=limit)
        return Invocation(steps, limit=limit)

    @gated(Capability.GET_CALL)
    def get_call(self, call: Call | str) -> Invocation[Request, Call]:
        return Invocation(self.adapter.get_call(self._given.id_of(call, "call")))

    @gated(Capability.END_CALL)
    def end_call(self, call: Call | str) -> Invocation[Request, Call]:
        return Invocation(self.adapter.end_call(self._given.id_of(call, "call")))

    @gated(Capability.GET_TRANSCRIPT)
    def get_transcript(self, call: Call | str) -> Invocation[Request, Transcript]:
        return Invocation(self.adapter.get_transcript(self._given.id_of(call, "call")))

    @gated(Capability.GET_RECORDING)
    def get_recording(self, call: Call | str) -> Invocation[Request, Recording]:
        return Invocation(self.adapter.get_recording(self._given.id_of(call, "call")))

    @gated(Capability.LIST_CARRIERS)
    def list_carriers(self) -> Invocation[Request | Batch[CarrierAccount], None]:
        return Invocation(self.adapter.list_carriers())

    @gated(Capability.LINK_CARRIER)
    def link_carrier(
        self, account: CarrierCredentials, label: str | None, options: Options | None
    ) -> Invocation[Request, CarrierAccount]:
        self._given.check_kind(Capability.LINK_CARRIER, account, self.adapter.carriers, "account")
        steps = self.adapter.link_carrier(
            account, label=checks.text(label, "label"), options=checks.options(options)
        )
        return Invocation(steps, secrets=secrets_of(account))

    @gated(Capability.ROTATE_CARRIER)
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

    @gated(Capability.UNLINK_CARRIER)
    def unlink_carrier(
        self, carrier: CarrierAccount | str, options: Options | None
    ) -> Invocation[Request, CarrierAccount]:
        steps = self.adapter.unlink_carrier(
            checks.carrier_id(carrier), options=checks.options(options)
        )
        return Invocation(steps)

    @gated(Capability.GET_WEBHOOK)
    def get_webhook(
        self, of: PhoneNumber | Agent | str | None
    ) -> Invocation[Request, WebhookEndpoint | None]:
        return Invocation(self.adapter.get_webhook(self._given.owner(of)))

    @gated(Capability.SET_WEBHOOK)
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
