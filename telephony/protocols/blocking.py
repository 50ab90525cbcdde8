"""What `telephony.connect` returns: numbers, messages and calls, blocking."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime
from types import EllipsisType
from typing import Protocol, Self, runtime_checkable

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
    Recording,
    Release,
    Source,
    Target,
    Transcript,
    WebhookEndpoint,
)
from telephony.protocols.adapter import Adapter
from telephony.wire import Options


@runtime_checkable
class PhoneNumberProvider(Protocol):
    """Numbers, messages and calls at one vendor, blocking.

    `telephony.connect` returns one.

    Wherever a number is expected, give an E.164 string, the vendor's id or a `PhoneNumber`. E.164
    is portable: code that uses it runs unchanged at every vendor. Give a call as a `Call` or by the
    vendor's id, and a message likewise.

    Every method raises `UnsupportedOperationError` before any request where the vendor has no such
    operation, and `InvalidRequestError` before any request for an argument that cannot be right.
    After that, every failure is a `ProviderError`: `AuthenticationError`, `PermissionDeniedError`,
    `RateLimitedError`, `UnavailableError`, `ProviderTimeoutError` and `InvalidResponseError` can
    come from any method, others are listed with the method. `options` is merged into the vendor's
    request, for fields that have no argument here; `.raw` of every result is the vendor's response.
    """

    @property
    def name(self) -> str:
        """The name of the profile, or of the adapter, that this is connected as."""

    @property
    def adapter(self) -> Adapter:
        """The adapter that speaks the vendor's API."""

    @property
    def account(self) -> str:
        """Which account it is connected to, as text without a secret.

        That is the vendor's id of it, such as ``AC…``, where the settings hold one, else a digest.
        Providers with the same text share the vendor's rate limit and hold the same numbers.
        """

    @property
    def capabilities(self) -> Mapping[Capability, Support]:
        """How far the vendor offers each operation, with what is missing or what to use instead."""

    def supports(self, capability: Capability) -> bool:
        """Return whether the vendor offers an operation, fully or in part.

        Args:
            capability: the operation, such as ``Capability.SEND_MESSAGE``.

        Example:
            if provider.supports(Capability.SEND_MESSAGE): ...
        """

    def with_options(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
        deadline: float | EllipsisType | None = ...,
    ) -> Self:
        """Return this provider with other limits.

        It shares connections, rate limit and retry budget with this one; closing one closes both.

        Args:
            timeout: seconds to wait for data of a response; None: as before.
            retries: how often a request that can be retried is retried; None: as before.
            deadline: the most seconds that an operation may take; None: no limit.

        Raises:
            InvalidRequestError: a value is out of range; `argument` names it.

        Example:
            quick = provider.with_options(timeout=2, retries=0, deadline=5)
            number = quick.get_number("+14155550123")
        """

    def list_numbers(self, *, limit: int | None = None) -> Generator[PhoneNumber, None, None]:
        """List your numbers, fetched page by page while you iterate.

        Collect them all before you release some: vendors that page by offset would skip others.

        Args:
            limit: the most numbers to return, 1 or more; None: all.

        Example:
            for number in provider.list_numbers():
                print(number.number, number.assignment)
        """

    def get_number(self, number: PhoneNumber | str) -> PhoneNumber:
        """Return a number as it is now.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.

        Raises:
            NotFoundError: the account holds no such number.

        Example:
            number = provider.get_number("+14155550123")
        """

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
        """Search for numbers that can be bought now. Nothing is reserved for you.

        Args:
            country: ISO 3166 code of two letters.
            area_code: digits, as dialled nationally, such as ``"415"``.
            contains: digits, or the vendor's pattern, that the number must contain.
            kind: ``"local"``, ``"toll_free"``, ``"mobile"`` or ``"national"``; None: what the
                vendor offers for the rest of the request.
            channels: what the number must be able to carry, such as ``("voice", "sms")``.
            limit: the most numbers to return, 1 or more.
            options: further filters, as the vendor names them.

        Raises:
            NotFoundError: the vendor sells no numbers in this country.

        Example:
            found = provider.search_numbers(country="GB", kind="mobile", channels=("sms",))
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
        """Buy a number. This costs money; one call never buys two.

        Args:
            number: the exact number, E.164; None: any one in `country` and `area_code`.
            country: ISO 3166 code of two letters.
            area_code: digits, as dialled nationally, such as ``"415"``.
            label: the number's display name.
            assign_to: what handles its calls and texts from the start: a target, or the id of the
                vendor's most common kind of target.
            idempotency_key: your own name for this purchase, such as an order number. A later call
                with the same key, from any process, returns the number that the first one bought.
                The vendor keeps it, at the end of the label where there is no better field. Do not
                make two calls with one key at once: few vendors can prevent both from buying.
            options: further fields of the vendor's request.

        Raises:
            OutcomeUnknownError: the response was lost, and reading back did not prove what
                happened. With an `idempotency_key` the same call can be made again.
            ConflictError: the number is taken.
            NotFoundError: the vendor has no such number for sale.
            QuotaExceededError: the plan, the balance or a limit of the account is used up.

        Example:
            number = provider.provision_number(area_code="415", idempotency_key="order-17")
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
        """Register a number that you hold at a carrier with this vendor. Buys nothing.

        Args:
            number: E.164.
            source: where the number is now: a `CarrierAccount` or `LinkedCarrier` of this vendor,
                or an account of another kind that the vendor takes, such as a `TwilioAccount`
                or a `SipTrunk`; None: the vendor's only or usual source.
            label: the number's display name.
            assign_to: what handles its calls and texts from the start: a target, or the id of the
                vendor's most common kind of target.
            inbound: whether it receives calls.
            outbound: whether it places calls.
            options: further fields of the vendor's request.

        Raises:
            ConflictError: it is imported already.
            NotFoundError: the carrier account does not hold it, or there is no such target.
            OutcomeUnknownError: the response was lost, and reading back did not prove what
                happened.

        Example:
            provider.import_number("+14155550123", source=LinkedCarrier("cr_1"))
        """

    def update_number(
        self,
        number: PhoneNumber | str,
        *,
        label: str | None = None,
        source: Source | CarrierAccount | None = None,
        options: Options | None = None,
    ) -> PhoneNumber:
        """Change a number's label, or the carrier account that it comes from; at least one.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.
            label: the new display name.
            source: the carrier account that holds the number now, where the vendor can change it.
            options: further fields of the vendor's request.

        Raises:
            NotFoundError: there is no such number or carrier account.

        Example:
            provider.update_number("+14155550123", label="Front desk")
        """

    def list_targets(self, *, limit: int | None = None) -> Generator[Target, None, None]:
        """List what a number can be assigned to, with names, fetched while you iterate.

        Args:
            limit: the most targets to return, 1 or more; None: all.

        Example:
            for target in provider.list_targets():
                print(target)
        """

    def assign_number(
        self, number: PhoneNumber | str, to: Target | str, *, options: Options | None = None
    ) -> PhoneNumber:
        """Assign a number to a target, replacing its previous assignment.

        The previous one is the result's `replaced`: assign that to restore it.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.
            to: an `Agent`, `Webhook`, `Application`, `Trunk`, `Room` or `Split`; a string is the
                id of the vendor's most common kind of target.
            options: further fields of the vendor's request.

        Raises:
            NotFoundError: there is no such number or target.
            ConflictError: the vendor's state forbids it.

        Example:
            before = provider.assign_number("+14155550123", Agent("agent_1")).replaced
        """

    def unassign_number(
        self, number: PhoneNumber | str, *, options: Options | None = None
    ) -> PhoneNumber:
        """Remove a number's assignment. Changes nothing if there is none.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.
            options: further fields of the vendor's request.

        Raises:
            NotFoundError: there is no such number.

        Example:
            provider.unassign_number("+14155550123")
        """

    def release_number(
        self,
        number: PhoneNumber | str,
        *,
        unassign: bool = False,
        options: Options | None = None,
    ) -> Release:
        """Release a number from this vendor. The result says what that means at its carrier.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.
            unassign: remove its assignment first, at vendors that require that.
            options: further fields of the vendor's request.

        Raises:
            ConflictError: it is still assigned, and `unassign` is not given.
            NotFoundError: there is no such number.
            PermissionDeniedError: the setting `protected` forbids it.

        Example:
            release = provider.release_number("+14155550123", unassign=True)
        """

    def list_messages(
        self,
        number: PhoneNumber | str | None = None,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Generator[Message, None, None]:
        """List messages received and sent, newest first, fetched page by page while you iterate.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`; or another sender that the vendor
                takes. None: those of all numbers, where `Capability.LIST_ALL_MESSAGES` is offered.
            after: timezone-aware; only messages at this moment or later.
            before: timezone-aware; only messages earlier than this moment.
            limit: the most messages to return, 1 or more; None: all.

        Raises:
            NotFoundError: there is no such number.

        Example:
            for message in provider.list_messages("+14155550123", limit=20):
                print(message.sender, message.body)
        """

    def get_message(self, message: Message | str) -> Message:
        """Return a message as it is now.

        Args:
            message: the vendor's id, or a `Message`.

        Raises:
            NotFoundError: there is no such message.

        Example:
            print(provider.get_message(sent).status)
        """

    def send_message(
        self,
        number: PhoneNumber | str,
        to: str,
        body: str,
        *,
        media: Sequence[str] = (),
        idempotency_key: str | None = None,
        options: Options | None = None,
    ) -> Message:
        """Send a text message from a number. One call never sends two.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`; or another sender that the vendor
                takes.
            to: E.164, a short code, or another address that the vendor takes.
            body: the text; empty only with `media`.
            media: public URLs of attachments.
            idempotency_key: a name of yours for this message, at vendors that can store one; a
                second call with the same key returns the message of the first.
            options: further fields of the vendor's request.

        Raises:
            OutcomeUnknownError: it may have been sent; it is not retried.
            NotFoundError: there is no such number.

        Example:
            message = provider.send_message("+14155550123", "+14155550199", "See you at 9")
        """

    def place_call(
        self,
        number: PhoneNumber | str,
        to: str,
        *,
        agent: str | None = None,
        url: str | None = None,
        metadata: Mapping[str, str] | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        options: Options | None = None,
    ) -> Call:
        """Call someone from a number. One call never dials twice.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`.
            to: E.164, or another address that the vendor takes.
            agent: the vendor's id of the agent in the call; None: the one that the number is
                assigned to.
            url: the webhook that handles the call, at vendors that work with webhooks.
            metadata: what to store with the call, at vendors that can.
            timeout: how many seconds to let it ring, at vendors that take it; None: the
                vendor's default.
            idempotency_key: a name of yours for this call, at vendors that can store one; a second
                request with the same key returns the call of the first.
            options: further fields of the vendor's request.

        Raises:
            OutcomeUnknownError: it may be ringing; it is not retried.
            NotFoundError: there is no such number or agent.
            ConflictError: the line is busy, or the call is not answered, where the vendor waits.

        Example:
            call = provider.place_call("+14155550123", "+14155550199", agent="agent_1")
        """

    def list_calls(
        self,
        number: PhoneNumber | str | None = None,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Generator[Call, None, None]:
        """List calls received and placed, newest first, fetched page by page while you iterate.

        Args:
            number: E.164, the vendor's id, or a `PhoneNumber`; None: those of all numbers.
            after: timezone-aware; only calls that began at this moment or later.
            before: timezone-aware; only calls that began earlier than this moment.
            limit: the most calls to return, 1 or more; None: all.

        Raises:
            NotFoundError: there is no such number.

        Example:
            for call in provider.list_calls("+14155550123", limit=20):
                print(call.started_at, call.sender, call.status)
        """

    def get_call(self, call: Call | str) -> Call:
        """Return a call as it is now.

        Args:
            call: the vendor's id, or a `Call`.

        Raises:
            NotFoundError: there is no such call.

        Example:
            print(provider.get_call(call).status)
        """

    def end_call(self, call: Call | str) -> Call:
        """Hang up, or cancel a call that has not begun. A call that has ended stays as it is.

        Some vendors end it a moment later: the result's `status` is what the vendor states.

        Args:
            call: the vendor's id, or a `Call`.

        Raises:
            NotFoundError: there is no such call.

        Example:
            provider.end_call(call)
        """

    def get_transcript(self, call: Call | str) -> Transcript:
        """Return what was said in a call; during a call, what was said so far, if known.

        Args:
            call: the vendor's id, or a `Call`.

        Raises:
            NotFoundError: there is no such call, or no transcript of it.

        Example:
            for turn in provider.get_transcript(call).turns:
                print(turn.speaker, turn.text)
        """

    def get_recording(self, call: Call | str) -> Recording:
        """Return the recording of a call, which is held in memory.

        Args:
            call: the vendor's id, or a `Call`.

        Raises:
            NotFoundError: there is no such call, or no recording of it (yet).

        Example:
            provider.get_recording(call).save("call.wav")
        """

    def list_carriers(self) -> Generator[CarrierAccount, None, None]:
        """List the carrier accounts that are linked at this vendor.

        Example:
            for carrier in provider.list_carriers():
                print(carrier.id, carrier.kind, carrier.account)
        """

    def link_carrier(
        self,
        account: CarrierCredentials,
        *,
        label: str | None = None,
        options: Options | None = None,
    ) -> CarrierAccount:
        """Link a carrier account, so that its numbers can be imported.

        Args:
            account: a `TwilioAccount`, `VonageAccount`, `TelnyxAccount` or `SipTrunk` with its
                credentials.
            label: the link's display name.
            options: further fields of the vendor's request.

        Raises:
            ConflictError: it is linked already.
            OutcomeUnknownError: the response was lost, and reading back did not prove what
                happened.

        Example:
            carrier = provider.link_carrier(TwilioAccount("AC…", auth_token="…"))
        """

    def rotate_carrier(
        self,
        carrier: CarrierAccount | str,
        credentials: CarrierCredentials,
        *,
        options: Options | None = None,
    ) -> CarrierAccount:
        """Replace the credentials of a linked carrier account. Its numbers stay as they are.

        Args:
            carrier: the linked account, or the vendor's id of it.
            credentials: the new ones, of the same kind of account.
            options: further fields of the vendor's request.

        Raises:
            NotFoundError: there is no such link.

        Example:
            provider.rotate_carrier("cr_1", TwilioAccount("AC…", auth_token="…"))
        """

    def unlink_carrier(
        self, carrier: CarrierAccount | str, *, options: Options | None = None
    ) -> CarrierAccount:
        """Remove a linked carrier account.

        Args:
            carrier: the linked account, or the vendor's id of it.
            options: further fields of the vendor's request.

        Raises:
            ConflictError: numbers still depend on it.
            NotFoundError: there is no such link.

        Example:
            provider.unlink_carrier("cr_1")
        """

    def get_webhook(self, of: PhoneNumber | Agent | str | None = None) -> WebhookEndpoint | None:
        """Return where the vendor sends its webhooks, or None.

        Args:
            of: the number, agent or webhook whose endpoint is meant, at vendors where each has
                one; None: the account's.

        Raises:
            NotFoundError: there is no such number, agent or webhook.

        Example:
            endpoint = provider.get_webhook()
        """

    def set_webhook(
        self,
        url: str,
        *,
        of: PhoneNumber | Agent | str | None = None,
        replace: bool = False,
        options: Options | None = None,
    ) -> WebhookEndpoint:
        """Configure where the vendor sends its webhooks. Changes nothing if it is already `url`.

        Some vendors issue a new secret with every change: keep the result's `secret`.

        Args:
            url: https, or http on this machine.
            of: as for `get_webhook`.
            replace: whether to overwrite another URL.
            options: further fields of the vendor's request.

        Raises:
            ConflictError: another URL is there, and `replace` is not given.
            OutcomeUnknownError: the response was lost, and reading back did not prove what
                happened.

        Example:
            endpoint = provider.set_webhook("https://example.com/webhooks/support")
        """

    def close(self) -> None:
        """Close the connections. Further calls raise `UnavailableError`."""
