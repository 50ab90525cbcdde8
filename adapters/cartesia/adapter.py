"""Cartesia's operations. Source: docs.cartesia.ai/api-reference/agents (version 2026-03-01)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import JsonValue

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.idempotency import add_digest, find_digest
from telephony.model import (
    Agent,
    Call,
    CarrierAccount,
    CarrierCredentials,
    Ingress,
    LinkedCarrier,
    PhoneNumber,
    Recording,
    Release,
    SipTrunk,
    Source,
    Target,
    Transcript,
    TwilioAccount,
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
    collect,
    deleted,
    first,
    merged,
    path,
    reconciled,
)

from . import bodies, call_bodies, calls, carriers, errors, reconciliation, targets
from .capabilities import CAPABILITIES, OUTCOMES
from .paging import LARGEST, Pages
from .settings import CartesiaSettings

if TYPE_CHECKING:  # like `webhooks`, loaded by the methods that need it: few programs do
    from telephony.events import Event, WebhookRequest

_NUMBERS = "/agents/phone-numbers"


class Cartesia(Adapter):
    """Numbers that Cartesia's voice agents answer."""

    vendor = "Cartesia"
    Settings: ClassVar[type[ProviderSettings]] = CartesiaSettings
    webhook_proof = "a shared secret in a header; with `webhook_secret`"
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Agent,)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset(
        {"agent", "metadata", "timeout", "idempotency_key"}
    )
    sources: ClassVar[tuple[type[Source], ...]] = (LinkedCarrier, TwilioAccount)
    update_sources: ClassVar[tuple[type[Source], ...]] = (LinkedCarrier,)
    carriers: ClassVar[tuple[type[CarrierCredentials], ...]] = (TwilioAccount, SipTrunk)
    ingress: ClassVar[Mapping[str, Ingress]] = {
        "twilio": Ingress.SELF_WIRED,
        "sip_trunk": Ingress.POINTED,
    }
    capabilities = CAPABILITIES

    def __init__(self, settings: CartesiaSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.base_url
        self._version = settings.version
        self._webhook_secret = settings.webhook_secret
        self.headers: Mapping[str, str] = {
            "Authorization": f"Bearer {settings.api_key.get_secret_value()}",
            "Cartesia-Version": settings.version,
        }

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._pages({"limit": min(limit or LARGEST, LARGEST)})

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            response = yield Request.get(path(f"{_NUMBERS}/{{}}", number.id))
            return bodies.number(response, self.name)
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
        """Buy at most once.

        After a lost response the key, stored in the label, proves the purchase; without a key
        nothing distinguishes it from another buyer's.
        """
        if number is not None or area_code is not None or country != "US":
            raise UnsupportedOperationError(
                self.name,
                "provision_number with number, area_code or another country",
                "Cartesia gives out US numbers of its own choice; buy elsewhere and import.",
            )
        if key is not None:
            held = reconciliation.find_purchase((yield from self._owned()), key)
            if held is not None:
                return held
        body = merged({"label": label, "agent_id": _agent_id(assign_to)}, options)
        wanted = body.get("label")
        if wanted is None or isinstance(wanted, str):
            body["label"] = add_digest(wanted, key) or "Phone number"
        try:
            response = yield Request.post(f"{_NUMBERS}/provision", body)
            return bodies.bought(response, self.name)
        except OutcomeUnknownError as lost:
            if key is None:
                lost.hint = "It may have been bought: see list_numbers() before you buy again."
                owned = yield from reconciled(self._owned(), lost)
                lost.hint = reconciliation.unknown_hint(owned, body)
                raise
            lost.hint = (
                "Wait a moment, then make the same call with the same idempotency_key: it looks "
                "before it buys."
            )
            made = reconciliation.find_purchase((yield from reconciled(self._owned(), lost)), key)
            if made is None:
                raise
            return made

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
        """Import once.

        Cartesia may respond with 400 although the number was imported and only its assignment
        failed. After that, and after a lost response, the number is read back.
        """
        if source is None:
            source = yield from carriers.only(self.name)
        wanted: Json = {
            "label": label or number,
            "number": number,
            "provider": bodies.source(source),
            "agent_id": _agent_id(assign_to),
        }
        body = merged(wanted, options)
        try:
            response = yield Request.post(_NUMBERS, body)
            made = bodies.number(response, self.name)
        except ConflictError as taken:
            taken.hint = "It is imported already: see get_number(), then assign_number()."
            raise
        except (OutcomeUnknownError, InvalidRequestError) as failure:
            found = yield from reconciled(
                self._find(number), reconciliation.outcome_unknown(failure)
            )
            if found is None or not reconciliation.is_imported(found, body):
                raise
            made = yield from self._assigned(found, body.get("agent_id"))
        return (yield from carriers.with_notice(made))

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        changes: Json = {"label": label, "provider": bodies.source(source) if source else None}
        body = merged(changes, options)
        if isinstance(wanted := body.get("label"), str):
            body["label"] = add_digest(wanted, find_digest(reconciliation.stored_label(found)))
        return (yield from self._patch(found, body))

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        return targets.listed(self._version, limit)

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        body = merged({"agent_id": _agent_id(to)}, options)
        try:
            return (yield from self._patch(found, body))
        except NotFoundError as missing:
            # The number may have been released meanwhile; then this says so.
            yield from reconciled(self.get_number(NumberRef(id=found.id)), missing)
            missing.argument = "target"
            raise

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
            request = Request.delete(path(f"{_NUMBERS}/{{}}", found.id), json=dict(options))
            yield from deleted(request)
        except ProviderError as failure:
            if found.assignment is not None:
                failure.hint = f"The number was taken from its agent. {failure.hint}"
            raise
        return bodies.released(found, found.raw)

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
        wanted = call_bodies.request(to, metadata, timeout, key, options)
        found = yield from self.get_number(number)
        speaker = agent or _agent_id(found.assignment)
        if speaker is None:
            raise InvalidRequestError(
                "The number has no agent to speak with.",
                argument="agent",
                hint="Give `agent`, or assign the number to one.",
            )
        return (yield from calls.place(found, to, speaker, wanted, key))

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        """List the calls of every agent: Cartesia lists those of one agent, whatever its number."""
        own = None
        if number is not None:
            own = number.number or (yield from self.get_number(number)).number
        agents = yield from collect(targets.listed(self._version, None))
        log = calls.CallLog(
            [agent.id for agent in agents if isinstance(agent, Agent)],
            own,
            after=after,
            before=before,
            limit=limit,
            provider=self.name,
        )
        yield from log.calls()
        if log.empty and number is not None and number.id is None:
            # An empty history must not hide a mistyped number.
            yield from self.get_number(number)

    def get_call(self, call: str) -> Operation[Call]:
        return calls.fetch(call, self.name)

    def end_call(self, call: str) -> Operation[Call]:
        return calls.end(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return calls.transcript(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return calls.recording(call, self.name)

    # --- Carrier accounts ------------------------------------------------------------------------

    def list_carriers(self) -> Listing[CarrierAccount]:
        return carriers.listed(self.name)

    def link_carrier(
        self, account: CarrierCredentials, *, label: str | None, options: Options
    ) -> Operation[CarrierAccount]:
        return carriers.link(account, label, self.name, options)

    def rotate_carrier(
        self, carrier: str, credentials: CarrierCredentials, *, options: Options
    ) -> Operation[CarrierAccount]:
        return carriers.rotate(carrier, credentials, self.name, options)

    def unlink_carrier(self, carrier: str, *, options: Options) -> Operation[CarrierAccount]:
        return carriers.unlink(carrier, self.name, options)

    # --- Webhooks --------------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        from . import webhooks

        if verify:
            webhooks.verify(request, self._webhook_secret, self.name)
        return webhooks.events(request, self.name)

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        from . import webhooks

        return webhooks.get(of, self.name)

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        from . import webhooks

        secret = self._webhook_secret
        return webhooks.set_url(url, of, self.name, secret, replace=replace, options=options)

    # --- Shared steps ----------------------------------------------------------------------------

    def _pages(self, params: Mapping[str, str | int | None]) -> Listing[PhoneNumber]:
        pages = Pages(
            _NUMBERS,
            params,
            read=lambda found, response: bodies.numbers(found, response, self.name),
            id_of=lambda number: number.id,
        )
        yield from pages.all()

    def _find(self, number: str | None) -> Operation[PhoneNumber | None]:
        # `q` also matches labels and parts of numbers, so what it finds is compared.
        listing = self._pages({"q": number, "limit": LARGEST})
        return (yield from first(listing, lambda found: found.number == number))

    def _owned(self) -> Operation[list[PhoneNumber]]:
        """List the numbers bought at Cartesia; plans limit them to a few."""
        return (yield from collect(self._pages({"type": "cartesia", "limit": LARGEST})))

    def _assigned(self, imported: PhoneNumber, agent: JsonValue) -> Operation[PhoneNumber]:
        if _agent_id(imported.assignment) == agent:
            return imported
        try:
            return (yield from self._patch(imported, {"agent_id": agent}))
        except ProviderError as unassigned:
            unassigned.hint = (
                "The number IS imported, but not known to be assigned: call assign_number()."
            )
            unassigned.retry_safe = False
            raise

    def _patch(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        response = yield Request.patch(path(f"{_NUMBERS}/{{}}", number.id), body)
        changed = bodies.number(response, self.name)
        if changed.assignment == number.assignment:
            return changed
        return changed.model_copy(update={"replaced": number.assignment})


def _agent_id(target: Target | None) -> str | None:
    return target.id if isinstance(target, Agent) else None
