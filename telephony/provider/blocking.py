"""The driver of `telephony.connect`, blocking."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from copy import copy
from datetime import datetime
from types import EllipsisType, TracebackType
from typing import Self, TypeVar

from telephony.errors import ProviderError
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
from telephony.operations import Task
from telephony.protocols import Adapter, PhoneNumberProvider
from telephony.provider.connected import Connected
from telephony.redaction import private
from telephony.settings import ProviderSettings
from telephony.transport import Transport
from telephony.transport.deadline import Deadline
from telephony.wire import Batch, Options, Request

T = TypeVar("T")


class Provider(Connected, PhoneNumberProvider):
    """One vendor, blocking. A context manager; safe to share between threads."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        super().__init__(adapter, settings)
        self._transport = Transport(adapter, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def with_options(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
        deadline: float | EllipsisType | None = ...,
    ) -> Self:
        other = copy(self)
        other._settings = self._changed(timeout, retries, deadline)
        other._transport = self._transport.sharing(other._settings)
        return other

    def _run(self, task: Task[Request, T]) -> T:
        deadline, watch = Deadline(self._settings.deadline), self._watch(task.name)
        try:
            request = next(task.steps)
            while True:
                try:
                    response = self._transport.send(request, deadline, watch)
                except ProviderError as error:
                    request = task.steps.throw(error)
                else:
                    request = task.steps.send(response)
        except StopIteration as done:
            watch.end()
            result: T = done.value
            return result
        except BaseException as error:
            outcome = self._outcome(error, task, watch)
            if outcome is error:
                raise
            raise outcome from error

    def _iterate(self, task: Task[Request | Batch[T], None]) -> Generator[T, None, None]:
        left, watch = task.limit, self._watch(task.name)
        deadline = Deadline(self._settings.deadline)
        try:
            step = next(task.steps)
            while True:
                if isinstance(step, Batch):
                    with deadline.paused():
                        yield from step.items[:left]
                    if left is not None:
                        left -= len(step.items)
                        if left <= 0:
                            return
                    step = next(task.steps)
                    continue
                try:
                    response = self._transport.send(step, deadline, watch)
                except ProviderError as error:
                    step = task.steps.throw(error)
                else:
                    step = task.steps.send(response)
        except StopIteration:
            return
        except GeneratorExit:
            raise  # the caller wants no more
        except BaseException as error:
            self._outcome(error, task, watch)
            raise
        finally:
            task.steps.close()
            watch.end()

    def list_numbers(self, *, limit: int | None = None) -> Generator[PhoneNumber, None, None]:
        return self._iterate(self._operations.list_numbers(limit))

    def get_number(self, number: PhoneNumber | str) -> PhoneNumber:
        return self._run(self._operations.get_number(number))

    def search_numbers(
        self,
        *,
        country: str = "US",
        area_code: str | None = None,
        contains: str | None = None,
        kind: NumberKind | str | None = None,
        channels: Collection[Channel | str] = (),
        limit: int = 20,
        options: Options | None = None,
    ) -> list[AvailableNumber]:
        return self._run(
            self._operations.search_numbers(
                country, area_code, contains, kind, channels, limit, options
            )
        )

    def provision_number(
        self,
        *,
        number: str | None = None,
        country: str = "US",
        area_code: str | None = None,
        label: str | None = None,
        assign_to: Target | str | None = None,
        idempotency_key: str | None = None,
        options: Options | None = None,
    ) -> PhoneNumber:
        return self._run(
            self._operations.provision_number(
                number, country, area_code, label, assign_to, idempotency_key, options
            )
        )

    def import_number(
        self,
        number: str,
        *,
        source: Source | CarrierAccount | None = None,
        label: str | None = None,
        assign_to: Target | str | None = None,
        inbound: bool = True,
        outbound: bool = True,
        options: Options | None = None,
    ) -> PhoneNumber:
        return self._run(
            self._operations.import_number(
                number, source, label, assign_to, inbound, outbound, options
            )
        )

    def update_number(
        self,
        number: PhoneNumber | str,
        *,
        label: str | None = None,
        source: Source | CarrierAccount | None = None,
        options: Options | None = None,
    ) -> PhoneNumber:
        return self._run(self._operations.update_number(number, label, source, options))

    def assign_number(
        self, number: PhoneNumber | str, to: Target | str, *, options: Options | None = None
    ) -> PhoneNumber:
        return self._run(self._operations.assign_number(number, to, options))

    def unassign_number(
        self, number: PhoneNumber | str, *, options: Options | None = None
    ) -> PhoneNumber:
        return self._run(self._operations.unassign_number(number, options))

    def release_number(
        self,
        number: PhoneNumber | str,
        *,
        unassign: bool = False,
        options: Options | None = None,
    ) -> Release:
        return self._run(self._operations.release_number(number, unassign, options))

    def list_messages(
        self,
        number: PhoneNumber | str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Generator[Message, None, None]:
        return self._iterate(self._operations.list_messages(number, after, before, limit))

    def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        *,
        media: Sequence[str] = (),
        options: Options | None = None,
    ) -> Message:
        body = private(body)
        return self._run(self._operations.send_message(number, to, body, media, options))

    def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        *,
        agent: str | None = None,
        url: str | None = None,
        options: Options | None = None,
    ) -> Call:
        return self._run(self._operations.place_call(number, to, agent, url, options))

    def list_carriers(self) -> Generator[CarrierAccount, None, None]:
        return self._iterate(self._operations.list_carriers())

    def link_carrier(
        self,
        account: CarrierCredentials,
        *,
        label: str | None = None,
        options: Options | None = None,
    ) -> CarrierAccount:
        return self._run(self._operations.link_carrier(account, label, options))

    def rotate_carrier(
        self,
        carrier: CarrierAccount | str,
        credentials: CarrierCredentials,
        *,
        options: Options | None = None,
    ) -> CarrierAccount:
        return self._run(self._operations.rotate_carrier(carrier, credentials, options))

    def unlink_carrier(
        self, carrier: CarrierAccount | str, *, options: Options | None = None
    ) -> CarrierAccount:
        return self._run(self._operations.unlink_carrier(carrier, options))

    def get_webhook(self, of: PhoneNumber | Agent | str | None = None) -> WebhookEndpoint | None:
        return self._run(self._operations.get_webhook(of))

    def set_webhook(
        self,
        url: str,
        *,
        of: PhoneNumber | Agent | str | None = None,
        replace: bool = False,
        options: Options | None = None,
    ) -> WebhookEndpoint:
        return self._run(self._operations.set_webhook(url, of, replace, options))
