"""The contract of adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from telephony.capabilities import Capability, Outcome, Support
from telephony.errors import InvalidRequestError, ProviderError
from telephony.model import (
    AvailableNumber,
    Call,
    CarrierAccount,
    CarrierCredentials,
    Channel,
    Ingress,
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
from telephony.settings import ProviderSettings
from telephony.wire import Listing, NumberRef, Operation, Options, Response

if TYPE_CHECKING:
    from telephony.events import Event, MessageToSend, WebhookRequest, WebhookResponse


class Adapter(Protocol):
    """One vendor, without I/O. Subclass it and define the operations that the vendor has.

    An operation that `capabilities` does not declare is never called. Arguments arrive checked:
    numbers are E.164, limits positive, times aware and in UTC, targets and sources of the declared
    kinds, a label only where labels exist, and of calls and messages the vendor's ids. What is not
    given is None, or empty. A `key` is the stored form of the caller's idempotency key (see
    `telephony.idempotency`).

    Attributes:
        vendor: the vendor's own spelling of its name.
        Settings: the class of its settings.
        name: the profile it was connected as, which is every result's `provider`.
        base_url: where requests go; `Request.path` is below it.
        origins: further origins (``https://host``) that may get the credentials.
        headers: sent with every request; may hold credentials.
        capabilities: how far it supports each operation; an absent one is unsupported.
        outcomes: for every operation that changes something, what happens when its response is
            lost.
        targets: the kinds a number can be assigned to.
        sources: the kinds a number can be imported from.
        update_sources: the kinds that `update_number` can change a number's source to.
        carriers: the kinds of carrier account that can be linked.
        number_kinds: the values of `kind` that `search_numbers` takes.
        search_channels: the values of `channels` that `search_numbers` takes.
        place_call_arguments: which of ``agent``, ``url``, ``metadata``, ``timeout`` and
            ``idempotency_key`` its `place_call` carries; the others are refused.
        send_message_arguments: likewise of its `send_message`: ``idempotency_key`` or none.
        ambiguous_statuses: those below 500 after which an unsafe request may have been done.
        ingress: how calls to a number come to the vendor, by the `kind` of its carrier account or
            source, as far as documents say; numbers of the vendor's own need nothing.
        address_schemes: the prefixes of senders and recipients that are not telephone numbers, such
            as ``sip:``; they arrive as written, a sender as `NumberRef.id`.
        one_way_imports: whether a number can be imported for calls in one direction only.
        shared_trunks: whether numbers can share a trunk: a change of one touches the others, and
            the id of each is ``TRUNK/NUMBER``.
        short_code_senders: whether messages can be sent from short codes, which arrive likewise.
        webhook_methods: the HTTP methods of its webhooks.
        webhook_types: the content types of their bodies.
        webhook_proof: what proves that one is the vendor's, and with which setting, in words.
    """

    vendor: ClassVar[str]
    Settings: ClassVar[type[ProviderSettings]]
    targets: ClassVar[tuple[type[Target], ...]] = ()
    sources: ClassVar[tuple[type[Source], ...]] = ()
    update_sources: ClassVar[tuple[type[Source], ...]] = ()
    carriers: ClassVar[tuple[type[CarrierCredentials], ...]] = ()
    number_kinds: ClassVar[frozenset[NumberKind]] = frozenset()
    search_channels: ClassVar[frozenset[Channel]] = frozenset()
    place_call_arguments: ClassVar[frozenset[str]] = frozenset()
    send_message_arguments: ClassVar[frozenset[str]] = frozenset()
    ambiguous_statuses: ClassVar[frozenset[int]] = frozenset({408})
    address_schemes: ClassVar[tuple[str, ...]] = ()
    short_code_senders: ClassVar[bool] = False
    one_way_imports: ClassVar[bool] = False
    shared_trunks: ClassVar[bool] = False
    ingress: ClassVar[Mapping[str, Ingress]] = {}
    webhook_methods: ClassVar[tuple[str, ...]] = ("POST",)
    webhook_types: ClassVar[tuple[str, ...]] = ("application/json",)
    webhook_proof: ClassVar[str] = ""

    name: str
    base_url: str
    origins: tuple[str, ...] = ()
    headers: Mapping[str, str]
    capabilities: Mapping[Capability, Support]
    outcomes: ClassVar[Mapping[Capability, Outcome]]

    def __init__(self, settings: ProviderSettings, *, name: str) -> None: ...

    def error(self, response: Response) -> ProviderError:
        """Return the error of a response with status 400 or above."""
        raise NotImplementedError(f"{self.vendor}: error")

    def target(self, text: str) -> Target:
        """Return the target that a plain string means: the vendor's most common kind."""
        raise NotImplementedError(f"{self.vendor}: target")

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: list_numbers")

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: get_number")

    def search_numbers(
        self,
        *,
        country: str,
        area_code: str | None,
        contains: str | None,
        kind: NumberKind | None,
        channels: frozenset[Channel],
        limit: int,
        options: Options,
    ) -> Operation[list[AvailableNumber]]:
        raise NotImplementedError(f"{self.vendor}: search_numbers")

    def provision_number(
        self,
        *,
        number: str | None,
        country: str,
        area_code: str | None,
        label: str | None,
        assign_to: Target | None,
        key: str | None,
        options: Options,
    ) -> Operation[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: provision_number")

    def import_number(
        self,
        number: str,
        *,
        source: Source | None,
        label: str | None,
        assign_to: Target | None,
        inbound: bool,
        outbound: bool,
        options: Options,
    ) -> Operation[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: import_number")

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: update_number")

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        """Return what a number can be assigned to, with the names that the vendor states."""
        raise NotImplementedError(f"{self.vendor}: list_targets")

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        """Assign a number.

        Raises:
            NotFoundError: with ``argument="target"``, there is no such target; the nearest ones
                are then named for every vendor alike.
        """
        raise NotImplementedError(f"{self.vendor}: assign_number")

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        raise NotImplementedError(f"{self.vendor}: unassign_number")

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        raise NotImplementedError(f"{self.vendor}: release_number")

    def list_messages(
        self,
        number: NumberRef,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Message]:
        raise NotImplementedError(f"{self.vendor}: list_messages")

    def list_all_messages(
        self, *, after: datetime | None, before: datetime | None, limit: int | None
    ) -> Listing[Message]:
        """Return the messages of all numbers: `list_messages` without a number."""
        raise NotImplementedError(f"{self.vendor}: list_all_messages")

    def get_message(self, message: str) -> Operation[Message]:
        raise NotImplementedError(f"{self.vendor}: get_message")

    def send_message(
        self,
        number: NumberRef,
        to: str,
        body: str,
        *,
        media: Sequence[str],
        key: str | None,
        options: Options,
    ) -> Operation[Message]:
        raise NotImplementedError(f"{self.vendor}: send_message")

    def place_call(
        self,
        number: NumberRef,
        to: str,
        *,
        agent: str | None,
        url: str | None,
        metadata: Mapping[str, str],
        timeout: float | None,
        key: str | None,
        options: Options,
    ) -> Operation[Call]:
        """Place a call; `timeout` is how long to let it ring, in seconds."""
        raise NotImplementedError(f"{self.vendor}: place_call")

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        """Return the calls of a number, or all, newest first."""
        raise NotImplementedError(f"{self.vendor}: list_calls")

    def get_call(self, call: str) -> Operation[Call]:
        raise NotImplementedError(f"{self.vendor}: get_call")

    def end_call(self, call: str) -> Operation[Call]:
        """Hang up, or cancel what has not begun; return a call that has ended as it is."""
        raise NotImplementedError(f"{self.vendor}: end_call")

    def get_transcript(self, call: str) -> Operation[Transcript]:
        raise NotImplementedError(f"{self.vendor}: get_transcript")

    def get_recording(self, call: str) -> Operation[Recording]:
        raise NotImplementedError(f"{self.vendor}: get_recording")

    def list_carriers(self) -> Listing[CarrierAccount]:
        raise NotImplementedError(f"{self.vendor}: list_carriers")

    def link_carrier(
        self, account: CarrierCredentials, *, label: str | None, options: Options
    ) -> Operation[CarrierAccount]:
        raise NotImplementedError(f"{self.vendor}: link_carrier")

    def rotate_carrier(
        self, carrier: str, credentials: CarrierCredentials, *, options: Options
    ) -> Operation[CarrierAccount]:
        raise NotImplementedError(f"{self.vendor}: rotate_carrier")

    def unlink_carrier(self, carrier: str, *, options: Options) -> Operation[CarrierAccount]:
        raise NotImplementedError(f"{self.vendor}: unlink_carrier")

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        """Return the events of a webhook, an `UnknownEvent` for a kind that is not known.

        Raises:
            SignatureError: with `verify`, checked before anything of the body is read.
            ConfigurationError: with `verify`, and what to verify with is not configured.
            InvalidRequestError: the body cannot be read.
        """
        raise NotImplementedError(f"{self.vendor}: parse_webhook")

    def webhook_response(self, event: Event | None) -> WebhookResponse:  # noqa: ARG002
        """Return the response that accepts `event` (None: there was none) without a reply."""
        from telephony.events import WebhookResponse

        return WebhookResponse()

    def webhook_reply(self, event: Event, text: str) -> WebhookResponse | MessageToSend:
        """Return the response that speaks or texts `text`, or the message to send instead.

        Raises:
            InvalidRequestError: nothing can be replied to this event.
        """
        from telephony.events import MessageReceived, MessageToSend

        if isinstance(event, MessageReceived) and event.message.sender:
            return MessageToSend(event.message.number, event.message.sender, text)
        raise InvalidRequestError(
            f"{self.vendor} takes no reply to a {type(event).__name__}.",
            argument="reply",
            hint="Return None for this event.",
        )

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        raise NotImplementedError(f"{self.vendor}: get_webhook")

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        raise NotImplementedError(f"{self.vendor}: set_webhook")
