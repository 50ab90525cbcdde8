"""Cartesia's operations. Source: docs.cartesia.ai/api-reference/agents (version 2026-03-01)."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.events import Event, WebhookRequest
from telephony.marks import mark_in, marked
from telephony.model import (
    Agent,
    Call,
    CallStatus,
    CarrierAccount,
    CarrierCredentials,
    LinkedCarrier,
    PhoneNumber,
    Release,
    SipTrunk,
    Source,
    Target,
    TwilioAccount,
    WebhookEndpoint,
)
from telephony.protocols import Adapter
from telephony.wire import (
    Batch,
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    Progress,
    Request,
    Response,
    collect,
    first,
    merged,
    path,
    reconciled,
)

from . import settling, webhooks, wire
from .offers import CAPABILITIES, OUTCOMES
from .settings import CartesiaSettings

_NUMBERS = "/agents/phone-numbers"
_CARRIERS = "/agents/phone-numbers/providers"
_PAGE = 100


class Cartesia(Adapter):
    """Numbers that Cartesia's voice agents answer."""

    vendor = "Cartesia"
    Settings = CartesiaSettings
    outcomes = OUTCOMES
    targets = (Agent,)
    sources = (LinkedCarrier, TwilioAccount)
    carriers = (TwilioAccount, SipTrunk)
    capabilities = CAPABILITIES

    def __init__(self, settings: CartesiaSettings, *, name: str) -> None:
        self.name = name
        self.base_url = settings.base_url
        self._webhook_secret = settings.webhook_secret
        self.headers = {
            "Authorization": f"Bearer {settings.api_key.get_secret_value()}",
            "Cartesia-Version": settings.version,
        }

    def error(self, response: Response) -> ProviderError:
        return wire.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._pages({"limit": min(limit or _PAGE, _PAGE)})

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            response = yield Request.get(path(f"{_NUMBERS}/{{}}", number.id))
            return wire.number(response, self.name)
        found = yield from self._find(number.number)
        if found is None:
            raise NotFoundError("Cartesia knows no such number", hint="Import it first.")
        return found

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
        """Buys at most once. A lost answer is settled by the inventory before and after, or by the
        key, which rides in the label."""
        if number is not None or area_code is not None or country != "US":
            raise UnsupportedOperationError(
                self.name,
                "provision_number with number, area_code or another country",
                "Cartesia gives out US numbers of its own choice; buy elsewhere and import.",
            )
        before = yield from self._owned()
        if key is not None:
            for held in before.values():
                if mark_in(settling.stored_label(held)) == key:
                    return held
        stored = marked(label, key) or "Phone number"
        body: Json = {"label": stored, "agent_id": _agent_id(assign_to)}
        try:
            response = yield Request.post(f"{_NUMBERS}/provision", merged(body, options))
            return wire.number(response, self.name)
        except OutcomeUnknownError as lost:
            after = yield from reconciled(self._owned(), lost)
            bought = settling.bought(before, after, stored)
            if bought is None:
                raise
            return bought

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
        """Imports once. Cartesia may answer 400 although the number was imported, when only the
        assignment failed: that and a lost answer are settled by reading back. What was there before
        is left alone."""
        if not inbound or not outbound:
            raise UnsupportedOperationError(
                self.name,
                "import_number for one direction",
                "An imported number both receives and places calls; limit it at the carrier.",
            )
        if source is None:
            source = yield from self._only_carrier()
        wanted: Json = {
            "label": label or number,
            "number": number,
            "provider": wire.source(source),
            "agent_id": _agent_id(assign_to),
        }
        body = merged(wanted, options)
        try:
            response = yield Request.post(_NUMBERS, body)
            return wire.number(response, self.name)
        except (OutcomeUnknownError, InvalidRequestError) as failure:
            found = yield from reconciled(self._find(number), failure)
            if found is None or not settling.imported(found, body):
                raise
            agent = body.get("agent_id")
            if _agent_id(found.assignment) == agent:
                return found
            try:
                return (yield from self._patch(found, {"agent_id": agent}))
            except ProviderError as unassigned:
                unassigned.hint = "The number IS imported, but nothing answers it: assign it again."
                unassigned.retry_safe = False
                raise

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        kept = marked(label, mark_in(settling.stored_label(found)))
        return (yield from self._patch(found, merged({"label": kept}, options)))

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        body = merged({"agent_id": _agent_id(to)}, options)
        return (yield from self._patch(found, body))

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        if found.assignment is None and not options:
            return found
        return (yield from self._patch(found, {"agent_id": None, **options}))

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        found = yield from self.get_number(number)
        if found.assignment is not None:
            if not unassign:
                raise ConflictError(
                    "The number is still assigned to an agent",
                    hint="Unassign it first, or release with unassign=True.",
                )
            yield from self._patch(found, {"agent_id": None})
        try:
            yield Request.delete(path(f"{_NUMBERS}/{{}}", found.id), json=dict(options))
        except NotFoundError as gone:
            # A repeated delete that finds nothing is one whose first answer was lost.
            if gone.attempts == 1:
                raise
        except ProviderError as failure:
            if found.assignment is not None:
                failure.hint = f"The number was unassigned but not released. {failure.hint}"
            raise
        return wire.released(found, found.raw)

    # --- Calls -----------------------------------------------------------------------------------

    def place_call(
        self, number: NumberRef, to: str, *, agent: str | None, url: str | None, options: Options
    ) -> Operation[Call]:
        if url is not None:
            raise UnsupportedOperationError(
                self.name, "place_call with url", "An agent speaks at Cartesia: give `agent`."
            )
        found = yield from self.get_number(number)
        speaker = agent or _agent_id(found.assignment)
        if speaker is None:
            raise InvalidRequestError(
                "Nobody would speak: the number has no agent.",
                argument="agent",
                hint="Give `agent`, or assign the number to one.",
            )
        body: Json = {
            "from_number_id": found.id,
            "agent_id": speaker,
            "outbound_calls": [{"to_number": to}],
        }
        response = yield Request.post("/agents/calls", merged(body, options))
        placed = wire.placed(response)
        if placed.error is not None or placed.agent_call_id is None:
            raise InvalidRequestError(
                "Cartesia did not place the call",
                status=response.status,
                hint="See `raw` for the reason.",
                raw=placed.error,
            )
        return Call(
            id=placed.agent_call_id,
            provider=self.name,
            number=found.number,
            sender=found.number,
            recipient=placed.number or to,
            status=CallStatus.QUEUED,
            agent=speaker,
            raw=response.object(),
        )

    # --- Carrier accounts ------------------------------------------------------------------------

    def list_carriers(self) -> Listing[CarrierAccount]:
        response = yield Request.get(_CARRIERS)
        yield Batch(wire.carriers(response, self.name))

    def link_carrier(
        self, account: CarrierCredentials, *, label: str | None, options: Options
    ) -> Operation[CarrierAccount]:
        """Links once. Account and region of a Twilio link are unique, so a lost answer is settled
        by looking for them; a SIP trunk has nothing unique, so its outcome stays unknown."""
        if isinstance(account, SipTrunk):
            body = {**wire.sip_trunk(account), "label": label or account.address or "SIP trunk"}
            response = yield Request.post(_CARRIERS, merged(body, options))
            return wire.carrier(response, self.name)
        body = {**wire.twilio(account), "label": label}
        try:
            response = yield Request.post(_CARRIERS, merged(body, options))
            return wire.carrier(response, self.name)
        except ConflictError as linked:
            linked.hint = "It is linked already: change its credentials with rotate_carrier()."
            raise
        except OutcomeUnknownError as lost:
            unique = (account.account_sid, account.region or "us1")
            carriers = yield from reconciled(collect(self.list_carriers()), lost)
            for found in carriers:
                if (found.account, found.region) == unique:
                    return found
            raise

    def rotate_carrier(
        self, carrier: str, credentials: CarrierCredentials, *, options: Options
    ) -> Operation[CarrierAccount]:
        """Idempotent: Cartesia tests the new credentials and applies all of them or none."""
        found = yield from self._carrier(carrier)
        if isinstance(credentials, TwilioAccount):
            if found.account not in (None, credentials.account_sid):
                raise InvalidRequestError(
                    "A linked carrier cannot move to another Twilio account.",
                    argument="credentials",
                    hint="Link the other account with link_carrier() and import from there.",
                )
            body = wire.twilio(credentials)
            del body["account_sid"]
        else:
            body = wire.sip_trunk(credentials, found)
        response = yield Request.patch(path(f"{_CARRIERS}/{{}}", carrier), merged(body, options))
        return wire.carrier(response, self.name)

    def unlink_carrier(self, carrier: str, *, options: Options) -> Operation[CarrierAccount]:
        found = yield from self._carrier(carrier)
        try:
            yield Request.delete(path(f"{_CARRIERS}/{{}}", carrier), json=dict(options))
        except NotFoundError as gone:
            if gone.attempts == 1:
                raise
        except ConflictError as used:
            used.hint = "Release the numbers that were imported from it first."
            raise
        return found

    # --- Webhooks --------------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        if verify:
            webhooks.verify(request, self._webhook_secret, self.name)
        return webhooks.events(request, self.name)

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        return webhooks.get(of, self.name)

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        secret = self._webhook_secret
        return webhooks.set_url(url, of, self.name, secret, replace=replace, options=options)

    # --- Shared steps ----------------------------------------------------------------------------

    def _pages(self, params: Mapping[str, str | int | None]) -> Listing[PhoneNumber]:
        progress, after = Progress(), None
        while True:
            response = yield Request.get(_NUMBERS, {**params, "starting_after": after})
            page, more = wire.number_page(response, self.name)
            new = progress.new(page, lambda number: number.id)
            yield Batch(new)
            if not more:
                return
            if not new:
                raise progress.stuck()
            after = page[-1].id

    def _find(self, number: str | None) -> Operation[PhoneNumber | None]:
        # `q` also matches labels and parts of numbers, so what it finds is compared.
        listing = self._pages({"q": number, "limit": _PAGE})
        return (yield from first(listing, lambda found: found.number == number))

    def _owned(self) -> Operation[dict[str, PhoneNumber]]:
        """Cartesia's own numbers of this account by id; few, as plans bound them."""
        owned = yield from collect(self._pages({"type": "cartesia", "limit": _PAGE}))
        return {number.id: number for number in owned}

    def _patch(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        response = yield Request.patch(path(f"{_NUMBERS}/{{}}", number.id), body)
        changed = wire.number(response, self.name)
        if changed.assignment == number.assignment:
            return changed
        return changed.model_copy(update={"replaced": number.assignment})

    def _carrier(self, carrier: str) -> Operation[CarrierAccount]:
        response = yield Request.get(path(f"{_CARRIERS}/{{}}", carrier))
        return wire.carrier(response, self.name)

    def _only_carrier(self) -> Operation[LinkedCarrier]:
        linked = yield from collect(self.list_carriers())
        ids = [carrier.id for carrier in linked if carrier.id]
        if len(ids) == 1:
            return LinkedCarrier(ids[0])
        raise InvalidRequestError(
            f"{len(ids) or 'No'} carrier accounts are linked, and none is named.",
            argument="source",
            hint="Give source=LinkedCarrier(id); list_carriers() and link_carrier() have the ids.",
        )


def _agent_id(target: Target | None) -> str | None:
    return target.id if isinstance(target, Agent) else None
