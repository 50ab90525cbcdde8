"""What callers get, blocking."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
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
class PhoneNumberProvider(Protocol):
    """Numbers and messages at one vendor, blocking. `telephony.connect` returns one.

    Wherever a number is asked for, an E.164 string, the vendor's id or a `PhoneNumber` will do.
    E.164 is the portable one: code that uses it runs unchanged at every vendor.

    Every method raises `UnsupportedOperationError` before any request where the vendor has no such
    operation, `InvalidRequestError` before any request for an argument that cannot be right, and a
    `ProviderError` otherwise. `options` is merged into the vendor's request body, for what the
    unified model has no argument for; `.raw` of every result holds the vendor's answer.
    """

    @property
    def name(self) -> str:
        """The profile, or the adapter, this was connected as."""

    @property
    def adapter(self) -> Adapter:
        """The adapter behind it."""

    @property
    def capabilities(self) -> Mapping[Capability, Support]:
        """How far the vendor offers each operation."""

    def supports(self, capability: Capability) -> bool:
        """Whether the vendor offers the operation, wholly or in part."""

    def list_numbers(self, *, limit: int | None = None) -> Generator[PhoneNumber, None, None]:
        """Every number, fetched page by page as it is iterated.

        Collect it (``list(...)``) before releasing numbers from it: vendors that page by offset
        would otherwise skip some.
        """

    def get_number(self, number: PhoneNumber | str) -> PhoneNumber:
        """The number as it is now. Raises `NotFoundError`."""

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
        """Numbers that could be bought now. Nothing is held for you.

        Args:
            country: ISO 3166 code.
            area_code: as dialled nationally, such as ``415``.
            contains: digits (or the vendor's pattern) that the number must contain.
            kind: ``local``, ``toll_free``, ``mobile`` or ``national``; None: whatever the vendor
                offers for the rest of the request.
            channels: what the number must carry, such as ``("voice", "sms")``.
            limit: the most to return.
        """

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
        """Buy a number. This costs money, and is never done twice for one call.

        Args:
            number: exactly this one, E.164. Otherwise any of `country` and `area_code`.
            label: a name for people.
            assign_to: what shall answer it.
            idempotency_key: your own name for this purchase, such as an order number. A call with
                a key that was used before, by any process, returns the number bought then. It is
                kept at the vendor, at the end of the label where there is no better field.

        Raises:
            OutcomeUnknownError: the answer was lost and reading back did not settle it.
            QuotaExceededError: the plan, the balance or an account limit is used up.
        """

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
        """Make a number that you hold at a carrier known to this vendor. Buys nothing.

        Args:
            number: E.164.
            source: where the number lives now.
            inbound: whether it shall receive calls.
            outbound: whether it shall place calls.

        Raises:
            ConflictError: it is already imported.
            NotFoundError: the carrier account does not hold it.
        """

    def update_number(
        self,
        number: PhoneNumber | str,
        *,
        label: str | None = None,
        source: Source | CarrierAccount | None = None,
        options: Options | None = None,
    ) -> PhoneNumber:
        """Change the number's label, or the carrier account that it comes from.

        Args:
            label: the name that people see.
            source: the carrier account that holds the number now, at vendors that can change it.

        Raises:
            InvalidRequestError: neither is given.
        """

    def assign_number(
        self, number: PhoneNumber | str, to: Target | str, *, options: Options | None = None
    ) -> PhoneNumber:
        """Let `to` answer the number, whatever answered it before (kept on `.replaced`).

        Args:
            to: an agent, webhook, application, trunk or room; a plain string is the vendor's most
                usual kind.
        """

    def unassign_number(
        self, number: PhoneNumber | str, *, options: Options | None = None
    ) -> PhoneNumber:
        """Let nothing answer it. Does nothing when nothing does."""

    def release_number(
        self,
        number: PhoneNumber | str,
        *,
        unassign: bool = False,
        options: Options | None = None,
    ) -> Release:
        """Give the number up at this vendor; the result says what that meant at the carrier.

        Args:
            unassign: take it from what answers it first, where the vendor insists on that.

        Raises:
            ConflictError: it is still assigned and `unassign` was not asked for.
        """

    def list_messages(
        self,
        number: PhoneNumber | str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Generator[Message, None, None]:
        """Messages received and sent, newest first, fetched page by page as it is iterated.

        Args:
            after: aware; only messages of this moment or later.
            before: aware; only messages earlier than this moment.
        """

    def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        *,
        media: Sequence[str] = (),
        options: Options | None = None,
    ) -> Message:
        """Send a text from a number. Never sent twice for one call.

        Args:
            to: E.164, a short code, or another address that the vendor takes.
            media: public URLs of attachments.

        Raises:
            OutcomeUnknownError: it may have gone out; it is not sent again.
        """

    def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        *,
        agent: str | None = None,
        url: str | None = None,
        options: Options | None = None,
    ) -> Call:
        """Call someone from a number. Never dialled twice for one call.

        Args:
            to: E.164.
            agent: who speaks; default: the agent that the number is assigned to.
            url: where the vendor asks what to do, at vendors that work so.

        Raises:
            OutcomeUnknownError: it may be ringing; it is not dialled again.
        """

    def list_carriers(self) -> Generator[CarrierAccount, None, None]:
        """The carrier accounts linked at this vendor."""

    def link_carrier(
        self,
        account: CarrierCredentials,
        *,
        label: str | None = None,
        options: Options | None = None,
    ) -> CarrierAccount:
        """Link a carrier account, so that its numbers can be imported.

        Raises:
            ConflictError: it is already linked.
        """

    def rotate_carrier(
        self,
        carrier: CarrierAccount | str,
        credentials: CarrierCredentials,
        *,
        options: Options | None = None,
    ) -> CarrierAccount:
        """Replace the credentials of a linked carrier account; its numbers stay as they are."""

    def unlink_carrier(
        self, carrier: CarrierAccount | str, *, options: Options | None = None
    ) -> CarrierAccount:
        """Remove a linked carrier account. Raises `ConflictError` while numbers depend on it."""

    def get_webhook(self, of: PhoneNumber | Agent | str | None = None) -> WebhookEndpoint | None:
        """Where the vendor sends its webhooks, or None.

        Args:
            of: the number, or the vendor's id of an agent or webhook, where they have their own.
        """

    def set_webhook(
        self,
        url: str,
        *,
        of: PhoneNumber | Agent | str | None = None,
        replace: bool = False,
        options: Options | None = None,
    ) -> WebhookEndpoint:
        """Let the vendor send its webhooks to `url`. Changes nothing where it does already.

        Some vendors issue a new secret with every change: keep the `secret` of the result.

        Args:
            of: as for `get_webhook`.
            replace: whether another URL that is there may be overwritten.

        Raises:
            ConflictError: another URL is there.
        """

    def close(self) -> None:
        """Close the connections."""
