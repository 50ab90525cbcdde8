"""LiveKit's operations. Source: docs.livekit.io/sip and livekit-server 1.13.5."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from telephony.capabilities import Capability, Support
from telephony.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    ProviderError,
    UnsupportedOperationError,
)
from telephony.model import (
    Agent,
    AvailableNumber,
    Call,
    Channel,
    Ingress,
    NumberKind,
    PhoneNumber,
    Release,
    Room,
    SipTrunk,
    Source,
    Target,
)
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings
from telephony.wire import (
    Listing,
    NumberRef,
    Operation,
    Options,
    Response,
)

from . import assignment, bodies, calls, errors, imports, live_calls, twirp
from .capabilities import CAPABILITIES, OUTCOMES, WEBHOOK_TYPE, WITH_PHONE_NUMBERS
from .owned_numbers import OwnedNumber
from .phone_numbers import PhoneNumbers
from .settings import LiveKitSettings
from .trunk_numbers import TrunkNumber
from .trunks import Trunks, is_trunk
from .twirp import named_once

if TYPE_CHECKING:  # like `webhooks`, loaded by the methods that need it: few programs do
    from telephony.events import Event, WebhookRequest


class LiveKit(Adapter):
    """Numbers that LiveKit's rooms and agents answer."""

    vendor = "LiveKit"
    Settings: ClassVar[type[ProviderSettings]] = LiveKitSettings
    ingress: ClassVar[Mapping[str, Ingress]] = {"sip_trunk": Ingress.POINTED}
    webhook_proof = "a token with the hash of the body; with `api_key` and `api_secret`"
    outcomes = OUTCOMES
    one_way_imports = True
    shared_trunks = True
    targets: ClassVar[tuple[type[Target], ...]] = (Agent, Room)
    place_call_arguments: ClassVar[frozenset[str]] = frozenset({"agent", "metadata", "timeout"})
    sources: ClassVar[tuple[type[Source], ...]] = (SipTrunk,)
    webhook_types: ClassVar[tuple[str, ...]] = (WEBHOOK_TYPE,)
    # What the vendor offers at all; a connection without phone numbers offers less.
    capabilities: Mapping[Capability, Support] = WITH_PHONE_NUMBERS

    def __init__(self, settings: LiveKitSettings, *, name: str) -> None:
        self.name = name
        self.base_url: str = settings.base_url
        self._settings = settings
        # Each request is signed for what it does, so none goes with all of them.
        self.headers: Mapping[str, str] = {}
        if not settings.sells_numbers:
            self.capabilities = CAPABILITIES
        self._twirp = twirp.Twirp(settings)
        self._trunks = Trunks(self._twirp)
        self._phone_numbers = PhoneNumbers(self._twirp, self._trunks, name)
        self._sells_numbers = settings.sells_numbers

    def error(self, response: Response) -> ProviderError:
        return errors.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    # --- Numbers ---------------------------------------------------------------------------------

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        yield from self._trunks.all(self.name)
        if self._sells_numbers:
            yield from self._phone_numbers.all()

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        found = yield from self._found(number)
        return found.normalized(self.name)

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
        if contains is not None:
            raise UnsupportedOperationError(
                self.name,
                "search_numbers with contains",
                "Search by `country` and `area_code`, and choose from the result.",
            )
        given = named_once(options)
        return (yield from self._phone_numbers.search(country, area_code, limit, given))

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
        """Buy at most once, and always one exact number, which proves the purchase."""
        if label is not None:
            raise UnsupportedOperationError(
                self.name,
                "provision_number with label",
                "A purchase takes no label: give it afterwards, with update_number().",
            )
        if key is not None:
            if number is None:
                raise UnsupportedOperationError(
                    self.name,
                    "provision_number with idempotency_key but without number",
                    "LiveKit has no place to keep a key. Choose a number with search_numbers() and "
                    "buy that: a number can be bought only once.",
                )
            held = yield from self._phone_numbers.find(NumberRef(number=number))
            if held is not None:
                return held.normalized(self.name)
        if number is None:
            offered = yield from self._phone_numbers.search(country, area_code, 1, {})
            if not offered:
                raise NotFoundError(
                    "LiveKit has no such number for sale now",
                    hint="Try another area code, or leave it out.",
                )
            number = offered[0].number
        return (yield from self._phone_numbers.buy(number, assign_to, named_once(options)))

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
        """Create an inbound trunk, an outbound one if the carrier's address is known, and a rule.

        The rule is that of `assign_to`; `options` apply to the first trunk.
        """
        trunk = source if isinstance(source, SipTrunk) else SipTrunk()
        plan = imports.plan(number, trunk, label, assign_to, inbound=inbound, outbound=outbound)
        made = yield from imports.carry_out(self._trunks, plan, named_once(options))
        return made.normalized(self.name).model_copy(update={"notices": plan.notices})

    def update_number(
        self, number: NumberRef, *, label: str | None, source: Source | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self._found(number)
        if isinstance(found, OwnedNumber):
            return (yield from self._phone_numbers.rename(found, label or "", named_once(options)))
        if found.shared:
            raise ConflictError(
                f"The trunk's name labels all of its {len(bodies.entries_on(found.trunk))} numbers",
                hint="Rename the trunk at LiveKit, or import the number on a trunk of its own.",
            )
        renamed = yield from self._trunks.rename(found, label or "", named_once(options))
        return renamed.normalized(self.name)

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        """List the agents and rooms that dispatch rules name; agents register under any name."""
        yield from self._trunks.targets()

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        options = named_once(options)
        found = yield from self._found(number)
        if isinstance(found, OwnedNumber):
            return (yield from self._phone_numbers.assign(found, to, options))
        return (yield from assignment.assign(self._trunks, found, to, self.name, options))

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        options = named_once(options)
        found = yield from self._found(number)
        if isinstance(found, OwnedNumber):
            return (yield from self._phone_numbers.unassign(found, options))
        return (yield from assignment.unassign(self._trunks, found, self.name, options))

    def release_number(
        self, number: NumberRef, *, unassign: bool, options: Options
    ) -> Operation[Release]:
        """Release a number together with its rules, which LiveKit does not require."""
        options = named_once(options)
        found = yield from self._found(number)
        if isinstance(found, OwnedNumber):
            return (yield from self._phone_numbers.release(found, options))
        yield from imports.release(self._trunks, found, options)
        return found.released(self.name)

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
        options = named_once(options)
        found = yield from self._found(number)
        if isinstance(found, OwnedNumber):
            raise UnsupportedOperationError(
                self.name,
                "place_call from a LiveKit Phone Number",
                "They only take calls: call from a number imported with its carrier's address.",
            )
        return (
            yield from calls.place(
                self._twirp,
                found,
                to,
                agent=agent,
                metadata=metadata,
                timeout=timeout,
                provider=self.name,
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
        wanted = None if number is None else number.number
        if number is not None and wanted is None:
            wanted = (yield from self._found(number)).number
        yield from live_calls.listed(self._twirp, wanted, after, before, self.name)

    def get_call(self, call: str) -> Operation[Call]:
        return (yield from live_calls.get(self._twirp, call, self.name))

    def end_call(self, call: str) -> Operation[Call]:
        return (yield from live_calls.end(self._twirp, call, self.name))

    # --- Webhooks --------------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest, *, verify: bool) -> list[Event]:
        try:
            from . import webhooks  # its packages take as long to load as everything else
        except ModuleNotFoundError as missing:
            raise ConfigurationError(
                f"{self.name}: webhooks need the package {missing.name!r}. "
                "Install it with: pip install 'telephony[livekit]'"
            ) from missing
        if verify:
            webhooks.verify(request, self._settings, self.name)
        return webhooks.events(request, self.name)

    # --- Shared steps ----------------------------------------------------------------------------

    def _found(self, number: NumberRef) -> Operation[TrunkNumber | OwnedNumber]:
        found: TrunkNumber | OwnedNumber | None = yield from self._trunks.find(number)
        if found is None and self._sells_numbers and not is_trunk(number.id):
            found = yield from self._phone_numbers.find(number)
        if found is not None:
            return found
        raise NotFoundError("LiveKit knows no such number", hint="Import it first.")
