"""Vapi's operations. Source: docs.vapi.ai (August 2026), vapi-server-sdk 3.0.0."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
)
from telephony.events import Event, WebhookRequest
from telephony.idempotency import find_digest
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
    TelnyxAccount,
    Transcript,
    TwilioAccount,
    VonageAccount,
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
    deleted,
    merged,
    path,
)

from . import (
    assignment,
    bodies,
    calls,
    carriers,
    errors,
    lookup,
    paging,
    purchase,
    targets,
    transcripts,
    webhooks,
)
from .capabilities import CAPABILITIES, OUTCOMES
from .settings import VapiSettings

_NUMBER = f"{purchase.NUMBERS}/{{}}"


class Vapi(Adapter):
    """Numbers that Vapi's assistants answer.

    An `Agent` is an assistant by its id, or ``squad:<id>``, or ``workflow:<id>``. A `Webhook` is a
    server URL: Vapi asks it for an assistant at each call, in an `UnknownEvent` of the kind
    ``assistant-request``, whose handler returns a dict. An imported number of Twilio's answers
    texts too, unless ``options={"smsEnabled": False}``. The idempotency key of a call is looked for
    among the number's calls of the last 24 hours, and kept in the call's name.
    """

    vendor = "Vapi"
    Settings: ClassVar[type[ProviderSettings]] = VapiSettings
    webhook_proof = (
        "what you choose there: an HMAC of time and body, a secret in a header, or a bearer token; "
        "with `webhook_secret`"
    )
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Agent, Webhook)
    sources: ClassVar[tuple[type[Source], ...]] = (LinkedCarrier, TwilioAccount)
    update_sources: ClassVar[tuple[type[Source], ...]] = (LinkedCarrier, TwilioAccount)
    carriers: ClassVar[tuple[type[CarrierCredentials], ...]] = (
        VonageAccount,
        TelnyxAccount,
        SipTrunk,
    )
    ingress: ClassVar[Mapping[str, Ingress]] = {
        "twilio": Ingress.SELF_WIRED,
        "sip_trunk": Ingress.POINTED,
    }
    capabilities = CAPABILITIES
    place_call_arguments: ClassVar[frozenset[str]] = frozenset(
        {"agent", "metadata", "idempotency_key"}
    )
    address_schemes: ClassVar[tuple[str, ...]] = ("sip:",)

    def __init__(self, settings: VapiSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.api
        self._webhook_secret = settings.webhook_secret
        self.headers: Mapping[str, str] = {
            "Authorization": f"Bearer {settings.api_key.get_secret_value()}"
        }

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return assignment.target(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        return paging.numbers(self.name, size=min(limit or paging.PAGE, paging.PAGE))

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            response = yield from lookup.fetched(_NUMBER, number.id)
            return bodies.number(response, self.name)
        found = yield from purchase.find(number.number, self.name)
        if found is None:
            raise NotFoundError("Vapi knows no such number", hint="Import it first.")
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
        return purchase.buy(
            self.name,
            number=number,
            country=country,
            area_code=area_code,
            label=label,
            assign_to=assign_to,
            key=key,
            options=options,
        )

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
        return purchase.import_(
            number,
            self.name,
            source=source,
            label=label,
            assign_to=assign_to,
            options=options,
        )

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        changes = {"name": label, **(yield from self._moved(found, source))}
        stored = find_digest(purchase.stored_name(found)) if label is not None else None
        body = bodies.named(merged(changes, options), stored)
        return (yield from self._patch(found, body))

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        return targets.listed(limit)

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        try:
            return (yield from self._answered_by(found, to, options))
        except (InvalidRequestError, NotFoundError) as refused:
            if isinstance(to, Agent):
                raise (yield from targets.missing(to.id, refused, "target")) from None
            raise

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        if found.assignment is None and not options:
            return found
        return (yield from self._answered_by(found, None, options))

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        found = yield from self.get_number(number)
        route = path(_NUMBER, found.id)
        yield from deleted(Request.delete(route, json=dict(options)))
        return bodies.released(found)

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
        found = yield from self.get_number(number)
        return (
            yield from calls.place(
                found, to, agent=agent, metadata=metadata, key=key, options=options
            )
        )

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        found = None if number is None else (yield from self.get_number(number))
        yield from calls.listed(found, self.name, after=after, before=before, limit=limit)

    def get_call(self, call: str) -> Operation[Call]:
        return calls.get(call, self.name)

    def end_call(self, call: str) -> Operation[Call]:
        return calls.end(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return transcripts.get(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return transcripts.recording(call, self.name)

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
        if verify:
            webhooks.verify(request, self._webhook_secret, self.name)
        return webhooks.events(request, self.name)

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        return webhooks.get(of, self.name)

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        return webhooks.set_url(url, of, self.name, replace=replace, options=options)

    # --- Shared steps ----------------------------------------------------------------------------

    def _moved(self, number: PhoneNumber, source: Source | None) -> Operation[Json]:
        """Return the fields that let a number come from another account of its kind."""
        if source is None:
            return {}
        fields = yield from purchase.origin(source, self.name)
        if fields["provider"] != number.raw.get("provider"):
            raise InvalidRequestError(
                "A number cannot move to another kind of carrier.",
                argument="source",
                hint="Release it and import it again.",
            )
        return fields

    def _answered_by(
        self, number: PhoneNumber, to: Target | None, options: Options
    ) -> Operation[PhoneNumber]:
        server = number.raw.get("server")
        if server and isinstance(to, Webhook):
            # `raw` shows it without its headers, which a change must repeat.
            server = bodies.server_of((yield from lookup.fetched(_NUMBER, number.id)))
        body = {**assignment.changed(to, server), **options}
        changed = yield from self._patch(number, body)
        if not assignment.applied(body, changed.raw):
            # That null clears a field is used by many, but stands in no schema.
            raise ConflictError(
                "Vapi accepted the change, but the number is still answered by another",
                hint="Change it in Vapi's dashboard.",
                retry_safe=True,
                raw=changed.raw,
            )
        updates: dict[str, object] = {}
        if changed.assignment != number.assignment:
            updates["replaced"] = number.assignment
        if "server" in body and body["server"] is None and isinstance(number.assignment, Agent):
            updates["notices"] = (
                "The number's webhook was removed too, since Vapi would ask it who answers: after "
                "the next assign_number(), set_webhook() puts it back.",
            )
        return changed.model_copy(update=updates)

    def _patch(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        kind = number.raw.get("provider")
        route = path(_NUMBER, number.id)
        response = yield Request.patch(route, {"provider": kind, **body} if kind else body)
        return bodies.number(response, self.name)
