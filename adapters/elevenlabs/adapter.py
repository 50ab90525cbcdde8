"""ElevenLabs's operations. Source: SDK 2.78.0, elevenlabs.io/docs (2026)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from telephony.errors import ConflictError, InvalidRequestError, NotFoundError, ProviderError
from telephony.model import (
    Agent,
    Call,
    Ingress,
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
    deleted,
    merged,
    path,
)

from . import bodies, calls, errors, imports, paging
from .capabilities import CAPABILITIES, OUTCOMES
from .settings import ElevenLabsSettings

if TYPE_CHECKING:  # like `webhooks`, loaded by the methods that need it: few programs do
    from telephony.events import Event, WebhookRequest

_NUMBER = f"{imports.NUMBERS}/{{}}"


class ElevenLabs(Adapter):
    """Numbers that ElevenLabs's voice agents answer.

    A call is one of ElevenLabs's conversations. The metadata of `place_call` are its dynamic
    variables, which the agent's prompt can use; one of them, ``telephony_key``, identifies the call
    and holds its idempotency key. An imported number of Twilio's answers texts too, unless
    ``options={"enable_sms": False}``.
    """

    vendor = "ElevenLabs"
    Settings: ClassVar[type[ProviderSettings]] = ElevenLabsSettings
    webhook_proof = (
        "an HMAC of time and body, fresh for half an hour; "
        "with `webhook_secret`, which `set_webhook` returns once"
    )
    outcomes = OUTCOMES
    one_way_imports = True
    targets: ClassVar[tuple[type[Target], ...]] = (Agent,)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset(
        {"agent", "metadata", "timeout", "idempotency_key"}
    )
    sources: ClassVar[tuple[type[Source], ...]] = (TwilioAccount, SipTrunk)
    update_sources: ClassVar[tuple[type[Source], ...]] = (SipTrunk,)
    ingress: ClassVar[Mapping[str, Ingress]] = {
        "twilio": Ingress.SELF_WIRED,
        "sip_trunk": Ingress.POINTED,
    }
    capabilities = CAPABILITIES

    def __init__(self, settings: ElevenLabsSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.api
        self._webhook_secret = settings.webhook_secret
        self.headers: Mapping[str, str] = {"xi-api-key": settings.api_key.get_secret_value()}

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        return imports.numbers(self.name, limit=limit)

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            return (yield from imports.get(number.id, self.name))
        found = yield from imports.find(number.number, self.name)
        if found is None:
            raise NotFoundError("ElevenLabs knows no such number", hint="Import it first.")
        return found

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
        return imports.import_(
            number,
            self.name,
            source=source,
            label=label,
            agent=_agent_id(assign_to),
            inbound=inbound,
            outbound=outbound,
            options=options,
        )

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        changes: Json = {"label": label}
        if isinstance(source, SipTrunk):
            if found.carrier is not None and found.carrier.kind != "sip_trunk":
                raise InvalidRequestError(
                    f"A number of {found.carrier.kind} cannot move to a SIP trunk.",
                    argument="source",
                    hint="Release it and import it again.",
                )
            changes |= imports.trunk_sides(source)
        return (yield from self._patch(found, merged(changes, options)))

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        return paging.pages(
            "/v1/convai/agents",
            [("page_size", str(paging.size(limit)))],
            bodies.agent_page,
            id_of=lambda agent: agent.id,
        )

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        try:
            return (yield from self._answered_by(found, _agent_id(to), options))
        except NotFoundError as missing:
            # The number was there a moment ago.
            missing.argument = "target"
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
        yield from deleted(Request.delete(path(_NUMBER, found.id), json=dict(options)))
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
                found,
                to,
                agent=agent,
                metadata=metadata,
                timeout=timeout,
                key=key,
                options=options,
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

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return calls.transcript(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return calls.recording(call, self.name)

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

        return webhooks.set_url(url, of, self.name, replace=replace, options=options)

    # --- Shared steps ----------------------------------------------------------------------------

    def _answered_by(
        self, number: PhoneNumber, agent: str | None, options: Options
    ) -> Operation[PhoneNumber]:
        changed = yield from self._patch(number, {"agent_id": agent, **options})
        if _agent_id(changed.assignment) != agent:
            # That null takes an agent off stands in no document.
            raise ConflictError(
                "ElevenLabs accepted the change, but the number is still answered by another",
                hint="Change it in ElevenLabs's dashboard.",
                retry_safe=True,
                raw=changed.raw,
            )
        if _agent_id(number.assignment) == agent:
            return changed
        return changed.model_copy(update={"replaced": number.assignment})

    def _patch(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        response = yield Request.patch(path(_NUMBER, number.id), body)
        return bodies.number(response, self.name)


def _agent_id(target: Target | None) -> str | None:
    return target.id if isinstance(target, Agent) else None
