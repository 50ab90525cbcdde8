"""Butter AI's operations. Source: docs.getbutter.ai/api-reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.model import (
    Agent,
    Call,
    CarrierAccount,
    CarrierCredentials,
    Ingress,
    LinkedCarrier,
    PhoneNumber,
    Recording,
    SipTrunk,
    Source,
    Target,
    Transcript,
    TwilioAccount,
)
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import (
    Batch,
    Json,
    Listing,
    NumberRef,
    Operation,
    Options,
    Request,
    Response,
    Safety,
    collect,
    first,
    merged,
    path,
    reconciled,
)

from . import bodies, calls, carriers, errors, sources
from .capabilities import CAPABILITIES, OUTCOMES
from .paging import pages
from .settings import ButterSettings

_NUMBERS = "/api/phone-numbers"
_AGENTS = "/api/agents"
_MOST_AGENTS = 50  # that the analytics name


class Butter(Adapter):
    """Numbers that Butter AI's voice agents answer."""

    vendor = "Butter AI"
    Settings: ClassVar[type[ProviderSettings]] = ButterSettings
    outcomes = OUTCOMES
    one_way_imports = True
    targets: ClassVar[tuple[type[Target], ...]] = (Agent,)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset({"agent"})
    sources: ClassVar[tuple[type[Source], ...]] = (LinkedCarrier, SipTrunk)
    carriers: ClassVar[tuple[type[CarrierCredentials], ...]] = (TwilioAccount,)
    ingress: ClassVar[Mapping[str, Ingress]] = {
        "twilio": Ingress.SELF_WIRED,
        "sip_trunk": Ingress.POINTED,
    }
    capabilities = CAPABILITIES

    def __init__(self, settings: ButterSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.base_url
        self.headers: Mapping[str, str] = {
            "X-API-Key": settings.api_key.get_secret_value(),
            "X-Organization-Id": settings.organization_id,
        }

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._pages()

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        """Return a number, found by listing: no documented endpoint reads one."""
        found = yield from self._find(number)
        if found is None:
            raise NotFoundError("Butter AI knows no such number", hint="Import it first.")
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
        """Import once, then assign. After a lost response the number is looked for."""
        if source is None:
            raise InvalidRequestError(
                "`source` is missing: Butter AI cannot know which carrier holds the number.",
                argument="source",
                hint="Give source=LinkedCarrier(id) with the id of link_carrier(), or SipTrunk(…).",
            )
        imported = yield from self._import(
            merged(
                {
                    "phone_number": number,
                    # Both are false at the vendor unless said otherwise.
                    "supports_inbound": inbound,
                    "supports_outbound": outbound,
                    **sources.source(source, outbound=outbound),
                },
                options,
            ),
            NumberRef(number=number),
        )
        notices = bodies.one_way(imported, inbound=inbound, outbound=outbound)
        imported = imported.model_copy(update={"notices": notices})
        if assign_to is None:
            return imported
        try:
            assigned = yield from self._assign(imported, _agent_id(assign_to), {})
            return assigned.model_copy(update={"notices": notices})
        except ProviderError as unassigned:
            unassigned.hint = (
                "The number IS imported, but not known to be assigned: call assign_number()."
            )
            unassigned.retry_safe = False
            raise

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        """List agents: those that had calls, with their names, then those that numbers have.

        No documented endpoint lists all of them.
        """
        response = yield Request.get("/api/analytics/agents", {"limit": _MOST_AGENTS})
        active = bodies.active_agents(response)
        yield Batch(active)
        known = {agent.id for agent in active}
        numbers = yield from collect(self._pages("assigned"))
        holders = dict.fromkeys(_agent_id(number.assignment) for number in numbers)
        yield Batch([Agent(holder) for holder in holders if holder and holder not in known])

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        """Assign a number, after taking it from another agent: Butter AI assigns free ones only.

        If it cannot be assigned, the former agent gets it back.
        """
        found = yield from self.get_number(number)
        agent, holder = _agent_id(to), _agent_id(found.assignment)
        if holder == agent:
            if options:
                raise ConflictError(
                    "The number is with this agent already, where Butter AI takes no options",
                    hint="Unassign it first, or leave `options` out.",
                )
            return found
        try:
            # An agent that is not there is refused here, while the old one still has the number.
            changed = yield from self._assign(found, agent, options)
        except NotFoundError as missing:
            # The number was there a moment ago.
            missing.argument = "target"
            raise
        except (ConflictError, OutcomeUnknownError):
            if not holder:
                raise
            changed = yield from self._move(found, holder, agent, options)
        return changed.model_copy(
            update={"replaced": found.assignment, "notices": bodies.one_way(found, inbound=True)}
        )

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        if found.assignment is None:
            return found
        freed = yield from self._unassign(found, options)
        return freed.model_copy(update={"replaced": found.assignment})

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
        speaker = agent or _agent_id(found.assignment)
        if not speaker:
            raise InvalidRequestError(
                "The number has no agent to speak with.",
                argument="agent",
                hint="Give `agent`, or assign the number to one.",
            )
        return (yield from calls.place(found, to, speaker, self.name, options))

    def list_calls(
        self,
        number: NumberRef | None,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Listing[Call]:
        found = None if number is None else (yield from self.get_number(number)).number
        yield from calls.listed(found, self.name, after=after, before=before, limit=limit)

    def get_call(self, call: str) -> Operation[Call]:
        return calls.get(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        return calls.transcript(call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return calls.recording(call, self.name)

    # --- Carrier accounts ------------------------------------------------------------------------

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

    # --- Shared steps ----------------------------------------------------------------------------

    def _pages(self, status: str | None = None) -> Listing[PhoneNumber]:
        return pages(
            _NUMBERS,
            {"status": status},
            lambda response: bodies.number_page(response, self.name),
            id_of=lambda number: number.id,
        )

    def _find(self, ref: NumberRef, status: str | None = None) -> Operation[PhoneNumber | None]:
        def wanted(number: PhoneNumber) -> bool:
            return number.id == ref.id if ref.id is not None else number.number == ref.number

        return (yield from first(self._pages(status), wanted))

    def _import(self, body: Json, ref: NumberRef) -> Operation[PhoneNumber]:
        try:
            response = yield Request.post(_NUMBERS, body)
            return bodies.number(response, self.name)
        except ConflictError as taken:
            taken.hint = (
                "It is in Butter AI's system already. If get_number() finds it, it is imported: "
                "call assign_number(). If not, another organization holds it: remove it there."
            )
            raise
        except NotFoundError as unlinked:
            unlinked.hint = (
                "Link the carrier account with link_carrier() and use the id it returns."
            )
            raise
        except OutcomeUnknownError as lost:
            # What was imported a moment ago is free; anything else was there before.
            found = yield from reconciled(self._find(ref, "free"), lost)
            if found is None or not bodies.agrees(found, body):
                raise
            return found

    def _assign(self, number: PhoneNumber, agent: str, options: Options) -> Operation[PhoneNumber]:
        """Assign a free number.

        A retry is a conflict that changes nothing, so after any failure the number's agent is read
        back.
        """
        request = Request.post(
            path(f"{_AGENTS}/{{}}/assign-phone-number", agent),
            merged({"phone_number_id": number.id}, options),
            safety=Safety.IDEMPOTENT,
        )
        try:
            response = yield request
            return bodies.answered_by(number, bodies.agent(response, agent))
        except ProviderError as failure:
            look = self._find(NumberRef(number.id), "assigned")
            held = yield from reconciled(look, failure)
            if held is None or _agent_id(held.assignment) != agent:
                raise
            return held

    def _unassign(self, number: PhoneNumber, options: Options) -> Operation[PhoneNumber]:
        """Take a number from its agent.

        A retry is refused and changes nothing, so after any failure it is read back whether the
        number is free.
        """
        holder = _agent_id(number.assignment)
        request = Request.post(
            path(f"{_AGENTS}/{{}}/unassign-phone-number/{{}}", holder, number.id),
            dict(options) or None,
            safety=Safety.IDEMPOTENT,
        )
        try:
            response = yield request
            bodies.agent(response, holder)
        except ProviderError as failure:
            failure.hint = f"It was to be taken from the agent {holder!r}. {failure.hint}"
            freed = yield from reconciled(self._find(NumberRef(number.id), "free"), failure)
            if freed is None:
                raise
        return bodies.answered_by(number, None)

    def _move(
        self, number: PhoneNumber, holder: str, agent: str, options: Options
    ) -> Operation[PhoneNumber]:
        yield from self._unassign(number, {})
        try:
            return (yield from self._assign(number, agent, options))
        except ProviderError as failure:
            failure.hint = yield from self._put_back(number, holder)
            raise

    def _put_back(self, number: PhoneNumber, holder: str) -> Operation[str]:
        """Return a number to its former agent after a failed move, and return the hint.

        This is safe, as Butter AI assigns no number that another agent has.
        """
        try:
            yield from self._assign(number, holder, {})
        except ProviderError:
            return (
                f"The number was taken from the agent {holder!r} and could not be given back: see "
                "get_number() for what answers it, and assign it again."
            )
        return f"The number is with the agent {holder!r}, as before."


def _agent_id(target: Target | None) -> str:
    return target.id if isinstance(target, Agent) else ""
