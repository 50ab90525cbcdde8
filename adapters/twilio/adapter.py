"""Twilio's operations. Source: twilio.com/docs, API version 2010-04-01."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from telephony.errors import (
    InvalidRequestError,
    NotFoundError,
    ProviderError,
)
from telephony.events import Event, MessageToSend, WebhookRequest, WebhookResponse
from telephony.idempotency import find_digest
from telephony.model import (
    Application,
    AvailableNumber,
    Call,
    Channel,
    Message,
    NumberKind,
    PhoneNumber,
    Recording,
    Release,
    Source,
    Split,
    Target,
    Trunk,
    Webhook,
    WebhookEndpoint,
)
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import (
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    Response,
    merged,
    path,
)

from . import (
    addresses,
    assignment,
    bodies,
    calls,
    errors,
    messages,
    purchase,
    search,
    webhooks,
)
from .capabilities import CAPABILITIES, OUTCOMES
from .inventory import Inventory
from .settings import TwilioSettings
from .targets import Targets, service_in

_CANDIDATES = 10


class Twilio(Adapter):
    """Numbers owned at Twilio, answered by webhooks, an application or a SIP trunk."""

    vendor = "Twilio"
    Settings: ClassVar[type[ProviderSettings]] = TwilioSettings
    webhook_proof = (
        "an HMAC of the URL and the form, or of the hash of the body; "
        "with `auth_token`, or `webhook_secret` where another token signs"
    )
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Webhook, Application, Trunk, Split)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset({"url", "timeout"})
    number_kinds: ClassVar[frozenset[NumberKind]] = frozenset(search.PATHS)
    search_channels: ClassVar[frozenset[Channel]] = frozenset(search.FILTERS)
    address_schemes: ClassVar[tuple[str, ...]] = addresses.SCHEMES
    short_code_senders = True
    webhook_methods: ClassVar[tuple[str, ...]] = ("POST", "GET")
    webhook_types: ClassVar[tuple[str, ...]] = (webhooks.FORM, "application/json")
    capabilities = CAPABILITIES

    def __init__(self, settings: TwilioSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.host("api")
        hosts = {product: settings.host(product) for product in ("trunking", "messaging")}
        self.origins: tuple[str, ...] = tuple(hosts.values())
        self._webhook_url, self._webhook_secret = settings.webhook_url, settings.signing_secret
        login = base64.b64encode(":".join(settings.login).encode()).decode()
        self.headers: Mapping[str, str] = {"Authorization": f"Basic {login}"}
        self._account = path("/2010-04-01/Accounts/{}", settings.account_sid)
        here = {"base_url": self.base_url, "provider": name}
        self._inventory = Inventory(self._account, **here)
        self._messages = messages.Messages(self._account, **here)
        self._calls = calls.Calls(self._account, **here)
        self._targets = Targets(
            settings.account_sid, self._account, base_url=self.base_url, **hosts
        )

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return assignment.target(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._inventory.all({}, limit)

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            return (yield from self._inventory.get(number.id))
        found = yield from self._inventory.find(number.number)
        if found is None:
            raise NotFoundError(
                "The Twilio account holds no such number",
                hint="Buy it with provision_number(), or port it in from its carrier.",
            )
        return found

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
        """Search one kind of number, or without `kind` several until there are `limit`.

        In the US and Canada those are local numbers, or toll-free ones for an area code such as 800
        (or `contains` that begins with it). Elsewhere: local, mobile, national, toll-free. Twilio
        shows a sample, of some thirty at most in a US area, and no prices.
        """
        filters = search.query(self.name, country, area_code, contains, channels, options)
        kinds = [kind] if kind else search.kinds(country, area_code, contains)
        return (yield from search.offers(self._account, self.name, country, kinds, filters, limit))

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
        """Buy at most once.

        Twilio could choose a number of an area itself; here the request names an exact one, which
        can be looked for after a lost response.
        """
        purchase.check(options)
        name = bodies.friendly_name(label, key)
        fields: Json = {"FriendlyName": name}
        if assign_to is not None:
            fields |= {name: value for name, value in assignment.fields(assign_to).items() if value}
        like = number or search.prefix(country, area_code)
        wanted = purchase.Wanted(number, name, key, like, merged(fields, options))
        offers = self.search_numbers(
            country=country,
            area_code=area_code,
            contains=None,
            kind=None,
            channels=frozenset(),
            limit=_CANDIDATES,
            options={},
        )
        return (yield from purchase.provision(self._inventory, wanted, offers))

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
        """Adopt a number that the account holds, and configure it if anything is given."""
        routes = assignment.fields(assign_to) if assign_to is not None else {}
        found = yield from self._inventory.find(number)
        if found is None:
            raise NotFoundError(
                "The Twilio account does not hold this number",
                hint="A number of another carrier is ported in first, in the Twilio console.",
            )
        kept = (
            bodies.friendly_name(label or "", find_digest(bodies.stored_label(found)))
            if label
            else None
        )
        body = merged({"FriendlyName": kept, **routes}, options)
        return (yield from self._inventory.change(found, body)) if body else found

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        kept = bodies.friendly_name(label or "", find_digest(bodies.stored_label(found)))
        return (yield from self._inventory.change(found, merged({"FriendlyName": kept}, options)))

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        """List applications, SIP trunks and Messaging Services (as applications), with names."""
        return self._targets.listed(limit)

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        """Assign calls and texts, as far as the target takes them.

        A webhook takes those that it has a URL for, an application both, a trunk calls only. A
        Messaging Service (an `Application` with its sid) takes texts, in place of what else is
        assigned for them, and sends from the number.
        """
        own, service = service_in(to)
        body = merged({} if own is None else assignment.fields(own), options)
        found = yield from self.get_number(number)
        if body:
            found = yield from self._targets.checked(self._inventory.change(found, body), to)
        if service is not None:
            found = yield from self._targets.checked(self._targets.join(service, found), to)
        return found

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        """Remove everything that answers calls or texts, in one request.

        URLs that a trunk or an application overrules would answer next, so they are removed too;
        `replaced` restores them all. Fallback URLs and HTTP methods stay, and so does a
        Messaging Service.
        """
        found = yield from self.get_number(number)
        if assignment.current(found.raw) == assignment.NOTHING and not options:
            return found
        body = merged(assignment.fields(assignment.NOTHING), options)
        return (yield from self._inventory.change(found, body))

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        if options:
            raise InvalidRequestError(
                "Releasing takes no options at Twilio.",
                argument="options",
                hint="Leave `options` out.",
            )
        found = yield from self.get_number(number)
        return (yield from self._inventory.release(found))

    # --- Messages --------------------------------------------------------------------------------

    def list_messages(
        self,
        number: NumberRef,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Message]:
        """List messages, newest first. One with media takes one request more.

        Released numbers keep their messages. With `after` or `before`, messages not yet sent are
        left out. WhatsApp messages are listed separately, for ``whatsapp:+…``.
        """
        address = yield from self._sender(number)
        timeline = self._messages.timeline(address, after, before, limit)
        yield from self._messages.listed(timeline)
        if timeline.empty and number.id is None:
            # An empty history must not hide a mistyped number.
            yield from self.get_number(number)

    def list_all_messages(
        self, *, after: datetime | None, before: datetime | None, limit: int | None
    ) -> Listing[Message]:
        """List the messages of all senders, those of released numbers and on WhatsApp too."""
        timeline = self._messages.timeline(None, after, before, limit)
        return self._messages.listed(timeline)

    def get_message(self, message: str) -> Operation[Message]:
        return self._messages.get(message)

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
        messages.check_media(media)
        address = addresses.matching((yield from self._sender(number)), to)
        return (yield from self._messages.send(address, to, body, media, options))

    # --- Calls -----------------------------------------------------------------------------------

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
        """Place a call; `timeout` is in whole seconds at Twilio, 600 at most, 60 if not given."""
        calls.check_placed(url, timeout, options)
        address = addresses.matching((yield from self._sender(number)), to)
        return (yield from self._calls.place(address, to, url, timeout, options))

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        """List calls, newest first, those of released numbers too.

        With `after` or `before`, Twilio may leave out calls that are still queued.
        """
        address = None if number is None else (yield from self._sender(number))
        timeline = self._calls.timeline(address, after, before, limit)
        yield from calls.listed(timeline)
        if timeline.empty and number is not None and number.id is None:
            yield from self.get_number(number)

    def get_call(self, call: str) -> Operation[Call]:
        """Get a call. Twilio does not state when it was answered, or why it ended."""
        return self._calls.get(call)

    def end_call(self, call: str) -> Operation[Call]:
        """Hang up or cancel. Twilio may end the call only a moment after it answers."""
        return self._calls.end(call)

    def get_recording(self, call: str) -> Operation[Recording]:
        """Get the newest finished recording of a call, as WAV, from where the account keeps it.

        Raises:
            NotFoundError: there is none, or it is still being processed.
            ConflictError: it is encrypted with a key of the account's.
        """
        return self._calls.recording(call)

    # --- Webhooks --------------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        url = webhooks.public_url(request, self._webhook_url)
        if verify:
            webhooks.verify(request, url, self._webhook_secret, self.name)
        return webhooks.events(request, url, self.name)

    def webhook_response(self, event: Event | None) -> WebhookResponse:
        return webhooks.NOTHING

    def webhook_reply(self, event: Event, text: str) -> WebhookResponse | MessageToSend:
        verb = webhooks.verb(event)
        return webhooks.twiml(text, verb) if verb else super().webhook_reply(event, text)

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        return webhooks.endpoint((yield from self.get_number(webhooks.owner(of))))

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        before = after = yield from self.get_number(webhooks.owner(of))
        body = webhooks.change(before, url, replace=replace, options=options)
        if body is not None:
            after = yield from self._inventory.change(before, body)
        return webhooks.changed(before, after, url)

    # --- Shared steps ----------------------------------------------------------------------------

    def _sender(self, number: NumberRef) -> Operation[str]:
        """Return the sender: a number of the account, or another address as given."""
        if number.number is not None:
            return number.number
        if number.id is not None and addresses.is_sender(number.id):
            return number.id
        return (yield from self.get_number(number)).number
