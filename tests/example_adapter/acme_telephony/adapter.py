"""Acme's operations."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from telephony import errors, recordings
from telephony.capabilities import FULL, Capability, not_retried, partial, retried
from telephony.model import Agent, Call, PhoneNumber, Recording, Target, Transcript
from telephony.protocols import Adapter
from telephony.wire import (
    Listing,
    NumberRef,
    Operation,
    Options,
    Request,
    Response,
    first,
    merged,
    path,
    reconciled,
)

from . import bodies, calls
from .paging import pages
from .settings import AcmeSettings


class Acme(Adapter):
    """Numbers that Acme picks in the United States, and its lines answer."""

    vendor = "Acme"
    Settings = AcmeSettings
    targets = (Agent,)
    place_call_arguments = frozenset({"agent", "metadata", "timeout", "idempotency_key"})
    capabilities = {
        Capability.LIST_NUMBERS: FULL,
        Capability.GET_NUMBER: FULL,
        Capability.PROVISION_NUMBER: partial("Acme picks the number"),
        Capability.ASSIGN_NUMBER: FULL,
        Capability.UNASSIGN_NUMBER: FULL,
        Capability.LIST_TARGETS: FULL,
        Capability.PLACE_CALL: FULL,
        Capability.LIST_CALLS: FULL,
        Capability.GET_CALL: FULL,
        Capability.END_CALL: FULL,
        Capability.GET_TRANSCRIPT: FULL,
        Capability.GET_RECORDING: FULL,
    }
    outcomes = {
        Capability.PROVISION_NUMBER: not_retried("found by a reference of ours"),
        Capability.ASSIGN_NUMBER: retried(),
        Capability.UNASSIGN_NUMBER: retried(),
        Capability.PLACE_CALL: not_retried("found by a reference of ours"),
        Capability.END_CALL: retried(),
    }

    def __init__(self, settings: AcmeSettings, *, name: str) -> None:
        self.name = name
        self.base_url = settings.base_url
        self.headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}

    def error(self, response: Response) -> errors.ProviderError:
        return bodies.error(response)

    def target(self, text: str) -> Target:
        return Agent(text)

    def list_numbers(self, *, limit: int | None) -> Listing[PhoneNumber]:
        return pages("/numbers", {}, bodies.numbers(self.name))

    def get_number(self, number: NumberRef) -> Operation[PhoneNumber]:
        if number.id is not None:
            response = yield Request.get(path("/numbers/{}", number.id))
            return bodies.number(response, self.name)
        listing = self.list_numbers(limit=None)
        found = yield from first(listing, lambda held: held.number == number.number)
        if found is None:
            raise errors.NotFoundError("Acme holds no such number for you")
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
        """Buy at most once: a reference of ours finds the number if the response is lost."""
        if number is not None or area_code is not None or country != "US":
            raise errors.UnsupportedOperationError(
                self.name, "provision_number of a certain number", "Acme picks a US number."
            )
        if key is not None and (earlier := (yield from self._referenced(key))):
            return earlier
        reference = key or uuid.uuid4().hex
        body = merged({"reference": reference, "line": _line(assign_to)}, options)
        try:
            response = yield Request.post("/numbers", body)
            return bodies.number(response, self.name)
        except errors.OutcomeUnknownError as lost:
            bought = yield from reconciled(self._referenced(reference), lost)
            if bought is None:
                raise
            return bought

    def list_targets(self, *, limit: int | None) -> Listing[Target]:
        return pages("/lines", {}, bodies.lines())

    def assign_number(
        self, number: NumberRef, to: Target, *, options: Options
    ) -> Operation[PhoneNumber]:
        return (yield from self._answered(number, _line(to), options))

    def unassign_number(self, number: NumberRef, *, options: Options) -> Operation[PhoneNumber]:
        return (yield from self._answered(number, None, options))

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
                found, to, agent=agent, metadata=metadata, timeout=timeout, key=key, options=options
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
        return calls.listed(str(number) if number else None, self.name, after, before)

    def get_call(self, call: str) -> Operation[Call]:
        response = yield Request.get(path("/calls/{}", call))
        return bodies.call(response, self.name)

    def end_call(self, call: str) -> Operation[Call]:
        return calls.end(call, self.name)

    def get_transcript(self, call: str) -> Operation[Transcript]:
        response = yield Request.get(path("/calls/{}/transcript", call))
        return bodies.transcript(response, call, self.name)

    def get_recording(self, call: str) -> Operation[Recording]:
        return recordings.fetched(Request.get(path("/calls/{}/sound", call)), call, self.name)

    def _answered(
        self, number: NumberRef, line: str | None, options: Options
    ) -> Operation[PhoneNumber]:
        found = yield from self.get_number(number)
        try:
            response = yield Request.patch(path("/numbers/{}", found.id), {"line": line, **options})
        except errors.NotFoundError as missing:
            missing.argument = "target" if line else None
            raise
        changed = bodies.number(response, self.name)
        replaced = found.assignment if found.assignment != changed.assignment else None
        return changed.model_copy(update={"replaced": replaced})

    def _referenced(self, reference: str) -> Operation[PhoneNumber | None]:
        listing = self.list_numbers(limit=None)
        return (yield from first(listing, lambda n: n.raw.get("reference") == reference))


def _line(target: Target | None) -> str | None:
    return target.id if isinstance(target, Agent) else None
