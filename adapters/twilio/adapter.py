"""Twilio's operations. Source: twilio.com/docs, API version 2010-04-01."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    UnsupportedOperationError,
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
    Request,
    Response,
    Safety,
    deleted,
    merged,
    path,
)

from . import addresses, assignment, bodies, errors, purchase, search, webhooks
from .capabilities import CAPABILITIES, OUTCOMES
from .inventory import Inventory
from .messages import Timeline
from .paging import LARGEST
from .settings import TwilioSettings

_CANDIDATES = 10
_MEDIA = 10
_TAKEN_BACK_WITHIN = timedelta(days=10)
_EMERGENCY = ("registered", "pending-unregistration", "unregistration-failure")


class Twilio(Adapter):
    """Numbers owned at Twilio, answered by webhooks, an application or a SIP trunk."""

    vendor = "Twilio"
    Settings: ClassVar[type[ProviderSettings]] = TwilioSettings
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Webhook, Application, Trunk, Split)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset({"url"})
    number_kinds: ClassVar[frozenset[NumberKind]] = frozenset(search.PATHS)
    search_channels: ClassVar[frozenset[Channel]] = frozenset(search.FILTERS)
    address_schemes: ClassVar[tuple[str, ...]] = addresses.SCHEMES
    short_code_senders = True
    webhook_methods: ClassVar[tuple[str, ...]] = ("POST", "GET")
    webhook_types: ClassVar[tuple[str, ...]] = (webhooks.FORM, "application/json")
    capabilities = CAPABILITIES

    def __init__(self, settings: TwilioSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.api
        self._webhook_url, self._webhook_secret = settings.webhook_url, settings.signing_secret
        login = base64.b64encode(":".join(settings.login).encode()).decode()
        self.headers: Mapping[str, str] = {"Authorization": f"Basic {login}"}
        self._account = path("/2010-04-01/Accounts/{}", settings.account_sid)
        self._inventory = Inventory(self._account, base_url=self.base_url, provider=name)

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return assignment.target(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._inventory.all({}, limit)

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            response = yield Request.get(self._number(number.id))
            return bodies.number(response, self.name)
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
        place = f"{self._account}/AvailablePhoneNumbers/{country}"
        found: list[AvailableNumber] = []
        absent: list[NotFoundError] = []
        kinds = [kind] if kind else search.kinds(country, area_code, contains)
        for each in kinds:
            size = min(limit - len(found), LARGEST)
            try:
                response = yield Request.get(
                    f"{place}/{search.PATHS[each]}.json", {**filters, "PageSize": size}
                )
            except NotFoundError as missing:
                absent.append(missing)
                continue
            found += bodies.available(response, self.name, each)
            if len(found) >= limit:
                break
        if len(absent) == len(kinds):
            absent[0].hint = "Twilio has no such numbers in this country: try another one."
            raise absent[0]
        return found[:limit]

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
        body: Json = {"FriendlyName": name}
        if assign_to is not None:
            body |= {name: value for name, value in assignment.fields(assign_to).items() if value}
        if key is not None and name is not None:
            like = number or search.prefix(country, area_code)
            held = yield from purchase.find_earlier(self._inventory, key, name, like)
            if held is not None:
                return held
        if number is not None:
            if (yield from self._inventory.find(number)) is not None:
                raise ConflictError(
                    "The account holds this number already",
                    hint="Adopt it with import_number().",
                )
            return (yield from purchase.buy(self._inventory, number, key, merged(body, options)))
        offered = yield from self.search_numbers(
            country=country,
            area_code=area_code,
            contains=None,
            kind=None,
            channels=frozenset(),
            limit=_CANDIDATES,
            options={},
        )
        return (yield from purchase.buy_first(self._inventory, offered, key, merged(body, options)))

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
        if not inbound or not outbound:
            raise UnsupportedOperationError(
                self.name,
                "import_number for one direction",
                "A Twilio number both receives and places calls: leave out what you do not need.",
            )
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
        return (yield from self._post(found, body)) if body else found

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        kept = bodies.friendly_name(label or "", find_digest(bodies.stored_label(found)))
        return (yield from self._post(found, merged({"FriendlyName": kept}, options)))

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        """Assign calls and texts, as far as the target takes them.

        A webhook takes those that it has a URL for, an application both, a trunk calls only. Texts
        of a Messaging Service never reach the number itself.
        """
        body = merged(assignment.fields(to), options)
        found = yield from self.get_number(number)
        return (yield from self._post(found, body))

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        """Remove everything that answers calls or texts, in one request.

        URLs that a trunk or an application overrules would answer next, so they are removed too;
        `replaced` restores them all. Fallback URLs and HTTP methods stay.
        """
        found = yield from self.get_number(number)
        if assignment.current(found.raw) == assignment.NOTHING and not options:
            return found
        body = merged(assignment.fields(assignment.NOTHING), options)
        return (yield from self._post(found, body))

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
        if found.raw.get("emergency_address_status") in _EMERGENCY:
            raise ConflictError(
                "An emergency address is registered for the number",
                hint="Remove it in the Twilio console, wait until get_number().raw says "
                "emergency_address_status unregistered, then release again.",
            )
        yield from deleted(Request.delete(self._number(found.id)))
        return bodies.released(found, datetime.now(UTC) + _TAKEN_BACK_WITHIN)

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
        if addresses.is_service(address):
            raise InvalidRequestError(
                "Twilio does not list the messages of a Messaging Service.",
                argument="number",
                hint="List those of each of its senders.",
            )
        timeline = Timeline(
            self._account,
            address,
            after=after,
            before=before,
            limit=limit,
            base_url=self.base_url,
            provider=self.name,
        )
        yield from timeline.messages()
        if timeline.empty and number.id is None:
            # An empty history must not hide a mistyped number.
            yield from self.get_number(number)

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
        if len(media) > _MEDIA:
            raise InvalidRequestError(
                f"`media` has more than {_MEDIA} URLs.", argument="media", hint="Send several."
            )
        address = addresses.matching((yield from self._sender(number)), to)
        sender = "MessagingServiceSid" if addresses.is_service(address) else "From"
        fields: Json = {
            "To": to,
            sender: address,
            "Body": body or None,
            "MediaUrl": [*media] or None,
        }
        response = yield Request.post_form(
            f"{self._account}/Messages.json", merged(fields, options)
        )
        sent = bodies.message(response, self.name, address)
        return sent.model_copy(update={"media": tuple(media)})

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
        if url is None and not options.keys() & {"Url", "Twiml", "ApplicationSid"}:
            raise InvalidRequestError(
                "Twilio would not know what to say.",
                argument="url",
                hint="Give `url`, or options={'Twiml': …} or options={'ApplicationSid': …}.",
            )
        address = addresses.matching((yield from self._sender(number)), to)
        fields: Json = {"To": to, "From": address, "Url": url}
        response = yield Request.post_form(f"{self._account}/Calls.json", merged(fields, options))
        return bodies.call(response, self.name, address)

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
            after = yield from self._post(before, body)
        return webhooks.changed(before, after, url)

    # --- Shared steps ----------------------------------------------------------------------------

    def _number(self, sid: str) -> str:
        return self._account + path("/IncomingPhoneNumbers/{}.json", sid)

    def _sender(self, number: NumberRef) -> Operation[str]:
        """Return the sender: a number of the account, or another address as given."""
        if number.number is not None:
            return number.number
        if number.id is not None and addresses.is_sender(number.id):
            return number.id
        return (yield from self.get_number(number)).number

    def _post(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        """Change a number. The same change twice has the same result."""
        place = self._number(number.id)
        response = yield Request.post_form(place, body, safety=Safety.IDEMPOTENT)
        changed = bodies.number(response, self.name)
        replaced = assignment.replaced(number.raw, changed.raw)
        return changed.model_copy(update={"replaced": replaced})
