"""Retell AI's operations. Source: docs.retellai.com (OpenAPI, guides); retell-sdk 6.2."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from telephony.errors import (
    InvalidRequestError,
    NotFoundError,
    ProviderError,
)
from telephony.events import Event, WebhookRequest
from telephony.idempotency import find_digest
from telephony.model import (
    Agent,
    Call,
    Ingress,
    Message,
    PhoneNumber,
    Recording,
    Release,
    SipTrunk,
    Source,
    Split,
    Target,
    Transcript,
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

from . import assignment, bodies, calls, errors, messages, paging, purchase, targets, webhooks
from .capabilities import CAPABILITIES, OUTCOMES
from .settings import RetellSettings


class Retell(Adapter):
    """Numbers that Retell AI's agents answer; a number's id is its E.164.

    An `Agent` answers calls, and is who speaks in those that are placed. A `Webhook` is asked who
    answers, at `voice_url` for each call and at `sms_url` for each text; agents that the number has
    stand in where it gives no answer. `Split` gives calls and texts to different ones. A number
    with several agents, drawn by weight, is shown with the heaviest: set them with
    ``options={"inbound_agents": [{"agent_id": …, "weight": 0.5}, …]}``.

    The idempotency key of a call is Retell's own, which knows it for an hour.
    """

    vendor = "Retell AI"
    Settings: ClassVar[type[ProviderSettings]] = RetellSettings
    webhook_proof = (
        "an HMAC of body and time, fresh for five minutes; "
        "with `api_key`, or `webhook_secret` where another key signs"
    )
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Agent, Webhook, Split)
    sources: ClassVar[tuple[type[Source], ...]] = (SipTrunk,)
    update_sources: ClassVar[tuple[type[Source], ...]] = (SipTrunk,)
    ingress: ClassVar[Mapping[str, Ingress]] = {"sip_trunk": Ingress.POINTED}
    capabilities = CAPABILITIES
    place_call_arguments: ClassVar[frozenset[str]] = frozenset(
        {"agent", "metadata", "timeout", "idempotency_key"}
    )

    def __init__(self, settings: RetellSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.base_url
        self._webhook_secret = settings.webhook_secret or settings.api_key
        self.headers: Mapping[str, str] = {
            "Authorization": f"Bearer {settings.api_key.get_secret_value()}"
        }

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return assignment.target(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        return purchase.listed(self.name, min(limit or paging.PAGE, paging.PAGE))

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        return purchase.get(_key(number), self.name)

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
        moved: Json = {}
        if isinstance(source, SipTrunk):
            if found.raw.get("phone_number_type") != bodies.CUSTOM:
                raise InvalidRequestError(
                    "The number is Retell's own, and reached without a trunk.", argument="source"
                )
            moved = bodies.moved_to(source)
        body = merged({"nickname": label, **moved}, options)
        stored = find_digest(bodies.nickname(found)) if label is not None else None
        return (yield from self._patch(found, bodies.named(body, stored)))

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        return targets.listed(limit)

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        try:
            return (yield from self._answered_by(found, to, options))
        except (InvalidRequestError, NotFoundError) as refused:
            if refused.status is None:
                raise
            raise (yield from targets.missing(assignment.readers(to), refused)) from None

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        if not assignment.is_set(found.raw) and not options:
            return found
        return (yield from self._answered_by(found, None, options))

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        found = yield from self.get_number(number)
        route = path("/delete-phone-number/{}", found.id)
        yield from deleted(Request.delete(route, json=dict(options)))
        return bodies.released(found)

    # --- Messages --------------------------------------------------------------------------------

    def list_messages(
        self,
        number: NumberRef,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Message]:
        return messages.listing(_key(number), self.name, after=after, before=before)

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
        return calls.place(
            _key(number),
            to,
            self.name,
            agent=agent,
            metadata=metadata,
            timeout=timeout,
            key=key,
            options=options,
        )

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        own = None if number is None else _key(number)
        return calls.listed(own, self.name, after=after, before=before, limit=limit)

    def get_call(self, call: str) -> Operation[Call]:
        return calls.get(call, self.name)

    def end_call(self, call: str) -> Operation[Call]:
        return calls.end(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return calls.transcript(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return calls.recording(call, self.name)

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

    def _answered_by(
        self, number: PhoneNumber, to: Target | None, options: Options
    ) -> Operation[PhoneNumber]:
        body = {**assignment.changed(to, number.raw), **options}
        changed = yield from self._patch(number, body)
        former, notice = assignment.replaced(number.raw, changed.raw)
        updates: dict[str, object] = {"replaced": former}
        if notice is not None:
            updates["notices"] = (notice,)
        return changed.model_copy(update=updates)

    def _patch(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        response = yield Request.patch(path("/update-phone-number/{}", number.id), body)
        return bodies.number(response, self.name)


def _key(number: NumberRef) -> str:
    """Return what stands for a number in paths; one that is no E.164 is known by its id only."""
    return number.number or number.id or ""
