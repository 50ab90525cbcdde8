"""AgentPhone's operations. Source: docs.agentphone.ai (API reference) and its Python SDK 0.20.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from telephony import recordings
from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.model import (
    Agent,
    AvailableNumber,
    Call,
    Channel,
    Message,
    NumberKind,
    NumberStatus,
    PhoneNumber,
    Recording,
    Release,
    Target,
    Transcript,
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
    first,
    merged,
    path,
    reconciled,
)

from . import assignment, bodies, calls, errors, inventory, messages, paging, purchase
from .capabilities import CAPABILITIES, OUTCOMES
from .settings import AgentPhoneSettings

if TYPE_CHECKING:  # like `webhooks`, loaded by the methods that need it: few programs do
    from telephony.events import Event, MessageToSend, WebhookRequest, WebhookResponse

_NUMBERS = "/v1/numbers"
_AGENTS = "/v1/agents"
_CONVERSATIONS = "/v1/conversations"
_RELEASED = frozenset({"released", "releasing"})


class AgentPhone(Adapter):
    """Numbers that AgentPhone buys, and its agents answer."""

    vendor = "AgentPhone"
    Settings: ClassVar[type[ProviderSettings]] = AgentPhoneSettings
    webhook_proof = (
        "an HMAC of time and body, fresh for five minutes; "
        "with `webhook_secret`, which `set_webhook` returns"
    )
    outcomes = OUTCOMES
    targets: ClassVar[tuple[type[Target], ...]] = (Agent,)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset({"agent"})
    capabilities = CAPABILITIES
    # What is bought without a `type` in `options` has all of them; others are not searched for.
    search_channels: ClassVar[frozenset[Channel]] = frozenset(
        {Channel.VOICE, Channel.SMS, Channel.MMS}
    )

    def __init__(self, settings: AgentPhoneSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.base_url
        self.headers: Mapping[str, str] = {
            "Authorization": f"Bearer {settings.api_key.get_secret_value()}"
        }
        self._webhook_secret = settings.webhook_secret
        if settings.sub_account_id is not None:
            self.headers["X-Sub-Account-Id"] = settings.sub_account_id

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        size = min(limit or paging.LARGEST, paging.LARGEST)
        yield from paging.offset_pages(_NUMBERS, size, partial(bodies.numbers, provider=self.name))

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        """Return a number: by its id even after its release, by E.164 only until then."""
        if number.id is not None:
            return (yield from assignment.current(number.id, self.name))
        found = yield from first(
            self.list_numbers(limit=None), lambda held: held.number == number.number
        )
        if found is None:
            raise NotFoundError(
                "AgentPhone holds no such number for you",
                hint="A released number is found by its id only.",
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
        """Search by `area_code`, and by ``city``, ``state`` and ``zip`` in `options`."""
        if contains is not None:
            raise UnsupportedOperationError(
                self.name, "search_numbers with contains", "Search by `area_code`."
            )
        found = inventory.search(self.name, country, area_code, limit, options)
        return (yield from found)

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

        After a lost response only `externalId` proves a purchase: it holds the key, or a random
        value made for this purchase.
        """
        purchase.check(
            self.name,
            number=number,
            country=country,
            area_code=area_code,
            key=key,
            options=options,
        )
        mark = key or purchase.random_mark()
        wanted: Json = {
            "country": country,
            "areaCode": area_code,
            "agentId": assignment.agent_id(assign_to),
            "externalId": mark,
        }
        body = merged(wanted, options)
        if key is not None:
            earlier = purchase.find_mark(key, (yield from collect(self.list_numbers(limit=None))))
            if earlier is not None:
                # That run may have died before an agent answered it.
                return (yield from assignment.complete(earlier, body.get("agentId")))
        try:
            response = yield Request.post(_NUMBERS, body)
            bought = bodies.number(response, self.name)
        except OutcomeUnknownError as lost:
            held = yield from reconciled(collect(self.list_numbers(limit=None)), lost)
            found = purchase.find_mark(mark, held) if body.get("externalId") == mark else None
            if found is None:
                lost.hint = purchase.unknown_hint(held, body, key)
                raise
            bought = found
        bought = yield from assignment.complete(bought, body.get("agentId"))
        return bought.model_copy(update={"notices": purchase.notices(bought, area_code, key)})

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        """List the agents."""
        size = min(limit or paging.LARGEST, paging.LARGEST)
        yield from paging.offset_pages(_AGENTS, size, bodies.agents)

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        """Attach a number to an agent, after detaching it from another one.

        What AgentPhone does with a number that another agent holds is undocumented. If the new
        agent cannot have it, the former one gets it back.
        """
        found = yield from self.get_number(number)
        agent, former = assignment.agent_id(to) or "", assignment.agent_id(found.assignment)
        if former == agent and not options:
            return found
        if former in (None, agent):
            return (yield from assignment.attach(found, agent, options))
        moved = yield from assignment.move(found, former, agent, options)
        return moved.model_copy(update={"replaced": found.assignment})

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        agent = assignment.agent_id(found.assignment)
        if agent is None:
            return found
        yield from assignment.detach(found, agent, options)
        return bodies.now_with(found, None).model_copy(update={"replaced": found.assignment})

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        """Release a number for good. AgentPhone does so even while an agent holds it."""
        found = yield from self.get_number(number)
        if found.status is NumberStatus.RELEASED:
            raise NotFoundError("The number was released already")
        try:
            response = yield Request.delete(path(f"{_NUMBERS}/{{}}", found.id), json=dict(options))
            said = bodies.release(response)
        except ProviderError as failure:
            if assignment.refused(failure):
                raise
            now = yield from reconciled(self._status(found.id), failure)
            if now not in _RELEASED:
                raise
            return bodies.released(found, now)
        status = said.status
        if said.success is False:
            denied = ConflictError(
                "AgentPhone did not release the number",
                hint="The number is still held and billed.",
                status=response.status,
                attempts=response.attempts,
            )
            status = yield from reconciled(self._status(found.id), denied)
            if status not in _RELEASED:
                raise denied
        return bodies.released(found, status)

    # --- Messages and calls ----------------------------------------------------------------------

    def list_messages(
        self,
        number: NumberRef,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Message]:
        """List messages, also those of a released number."""
        number_id, own = yield from self._once_held(number)
        yield from messages.listing(
            number_id, own, self.name, after=after, before=before, limit=limit
        )

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
        """Send a text. AgentPhone chooses the channel, and needs 10DLC registration in the US."""
        number_id, own = yield from self._located(number)
        wanted: Json = {
            "number_id": number_id,
            "to_number": to,
            "body": body,
            "media_urls": list(media) or None,
        }
        response = yield Request.post("/v1/messages", merged(wanted, options))
        return bodies.sent(response, self.name, own, to, body)

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
        """Place a call. AgentPhone refuses an agent that does not hold the number."""
        if agent is None:
            found = yield from self.get_number(number)
            number_id, own, agent = found.id, found.number, assignment.agent_id(found.assignment)
        else:
            number_id, own = yield from self._located(number)
        if agent is None:
            raise InvalidRequestError(
                "The number has no agent that could speak on the call.",
                argument="agent",
                hint="Assign it to an agent first.",
            )
        return (yield from calls.place(number_id, own, to, agent, options, self.name))

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        """List calls, also those of a released number."""
        number_id, own = (None, None) if number is None else (yield from self._once_held(number))
        yield from calls.listing(number_id, own, self.name, after=after, before=before, limit=limit)

    def get_call(self, call: str) -> Operation[Call]:
        return calls.get(call, self.name)

    def end_call(self, call: str) -> Operation[Call]:
        """Hang up, which AgentPhone does a moment after its response."""
        return calls.end(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return calls.transcript(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        """Return the recording. AgentPhone needs no key for it: the call's id is the secret."""
        return recordings.fetched(calls.recording(call), call, self.name)

    # --- Webhooks --------------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        from . import webhooks

        if verify:
            webhooks.verify(request, self._webhook_secret, self.name)
        return webhooks.events(request, self.name)

    def webhook_response(self, event: Event | None) -> WebhookResponse:
        from . import webhooks

        if webhooks.expects_speech(event):
            return webhooks.spoken("")
        return super().webhook_response(event)

    def webhook_reply(self, event: Event, text: str) -> WebhookResponse | MessageToSend:
        from . import webhooks

        if webhooks.expects_speech(event):
            return webhooks.spoken(text)
        return webhooks.to_group(event, text) or super().webhook_reply(event, text)

    def get_webhook(self, of: str | None) -> Operation[WebhookEndpoint | None]:
        from . import webhooks

        return webhooks.get(of, self.name)

    def set_webhook(
        self, url: str, *, of: str | None, replace: bool, options: Options
    ) -> Operation[WebhookEndpoint]:
        from . import webhooks

        return webhooks.set_url(url, of, self.name, replace=replace, options=options)

    # --- Shared steps ----------------------------------------------------------------------------

    def _status(self, number_id: str) -> Operation[str]:
        number = yield from assignment.current(number_id, self.name)
        return str(number.raw.get("status"))

    def _located(self, number: NumberRef) -> Operation[tuple[str, str]]:
        """Return the id and the E.164 form of a number, which is read only if one is missing."""
        if number.id is not None and number.number is not None:
            return number.id, number.number
        found = yield from self.get_number(number)
        return found.id, found.number

    def _once_held(self, number: NumberRef) -> Operation[tuple[str, str]]:
        """Return the id and the E.164 form of a number that may have been released."""
        try:
            return (yield from self._located(number))
        except NotFoundError:
            if number.number is None:
                raise
            return (yield from self._released_id(number.number)), number.number

    def _released_id(self, number: str) -> Operation[str]:
        """Return the id of a released number.

        The listing of numbers leaves it out, but its conversations still name it.
        """
        talks = paging.offset_pages(_CONVERSATIONS, paging.LARGEST, bodies.conversations)
        found = yield from first(talks, lambda talk: talk.phone_number == number)
        if found is None:
            raise NotFoundError(
                "AgentPhone holds no such number for you, and has no conversations of it",
                hint="A released number without any is found by its id.",
            )
        return found.phone_number_id
