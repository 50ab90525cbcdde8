"""What callers get, for asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from telephony.capabilities import Capability, Support
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
from telephony.protocols.adapter import Adapter
from telephony.wire import Options


@runtime_checkable
class AsyncPhoneNumberProvider(Protocol):
    """`PhoneNumberProvider` for asyncio: the same members, awaited. See there for their meaning."""

    @property
    def name(self) -> str: ...

    @property
    def adapter(self) -> Adapter: ...

    @property
    def capabilities(self) -> Mapping[Capability, Support]: ...

    def supports(self, capability: Capability) -> bool: ...

    def list_numbers(self, *, limit: int | None = None) -> AsyncGenerator[PhoneNumber, None]: ...

    async def get_number(self, number: PhoneNumber | str) -> PhoneNumber: ...

    async def search_numbers(
        self,
        *,
        country: str = "US",
        area_code: str | None = None,
        contains: str | None = None,
        kind: NumberKind | str | None = None,
        channels: Collection[Channel | str] = (),
        limit: int = 20,
        options: Options | None = None,
    ) -> list[AvailableNumber]: ...

    async def provision_number(
        self,
        *,
        number: str | None = None,
        country: str = "US",
        area_code: str | None = None,
        label: str | None = None,
        assign_to: Target | str | None = None,
        idempotency_key: str | None = None,
        options: Options | None = None,
    ) -> PhoneNumber: ...

    async def import_number(
        self,
        number: str,
        *,
        source: Source | CarrierAccount | None = None,
        label: str | None = None,
        assign_to: Target | str | None = None,
        inbound: bool = True,
        outbound: bool = True,
        options: Options | None = None,
    ) -> PhoneNumber: ...

    async def update_number(
        self,
        number: PhoneNumber | str,
        *,
        label: str | None = None,
        source: Source | CarrierAccount | None = None,
        options: Options | None = None,
    ) -> PhoneNumber: ...

    async def assign_number(
        self, number: PhoneNumber | str, to: Target | str, *, options: Options | None = None
    ) -> PhoneNumber: ...

    async def unassign_number(
        self, number: PhoneNumber | str, *, options: Options | None = None
    ) -> PhoneNumber: ...

    async def release_number(
        self,
        number: PhoneNumber | str,
        *,
        unassign: bool = False,
        options: Options | None = None,
    ) -> Release: ...

    def list_messages(
        self,
        number: PhoneNumber | str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Message, None]: ...

    async def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        *,
        media: Sequence[str] = (),
        options: Options | None = None,
    ) -> Message: ...

    async def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        *,
        agent: str | None = None,
        url: str | None = None,
        options: Options | None = None,
    ) -> Call: ...

    def list_carriers(self) -> AsyncGenerator[CarrierAccount, None]: ...

    async def link_carrier(
        self,
        account: CarrierCredentials,
        *,
        label: str | None = None,
        options: Options | None = None,
    ) -> CarrierAccount: ...

    async def rotate_carrier(
        self,
        carrier: CarrierAccount | str,
        credentials: CarrierCredentials,
        *,
        options: Options | None = None,
    ) -> CarrierAccount: ...

    async def unlink_carrier(
        self, carrier: CarrierAccount | str, *, options: Options | None = None
    ) -> CarrierAccount: ...

    async def get_webhook(
        self, of: PhoneNumber | Agent | str | None = None
    ) -> WebhookEndpoint | None: ...

    async def set_webhook(
        self,
        url: str,
        *,
        of: PhoneNumber | Agent | str | None = None,
        replace: bool = False,
        options: Options | None = None,
    ) -> WebhookEndpoint: ...

    async def close(self) -> None: ...
