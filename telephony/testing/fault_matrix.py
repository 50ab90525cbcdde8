"""Every operation under every fault: what to call, and how to check it against the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import telephony
from telephony import Capability, webhooks
from telephony.capabilities import LOOK_IN, MUTATING
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Fault, Sample, Sandbox
from telephony.sandbox.calls import RINGS

OTHER_PARTY = "+14155550199"
IMPORTABLE = "+14155550142"

FAULTS = (
    Fault(kind="status", status=500),
    Fault(kind="status", status=502, body="<html>Bad gateway</html>"),
    Fault(kind="status", status=503, headers={"Retry-After": "0"}),
    Fault(kind="status", status=504),
    Fault(kind="status", status=429),
    Fault(kind="status", status=429, headers={"Retry-After": "0"}),
    Fault(kind="status", status=429, headers={"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}),
    Fault(
        kind="status",
        status=429,
        headers={
            "Retry-After": "Thu, 01 Jan 2037 00:00:00 GMT",
            "Date": "Thu, 01 Jan 2037 00:00:00 GMT",
        },
    ),
    Fault(kind="refused", seconds=60),
    Fault(kind="reset"),
    Fault(kind="lost"),
    Fault(kind="cut"),
    Fault(kind="html"),
    Fault(kind="malformed"),
    Fault(kind="empty"),
    Fault(kind="wrong_type"),
    Fault(kind="shuffled"),
    Fault(kind="repeated"),
    Fault(kind="skewed"),
    Fault(kind="slow_headers", seconds=0.3),
    Fault(kind="slow_body", seconds=0.3),
)


def fault_name(fault: Fault) -> str:
    """Return a fault in a word or two, for the names of tests."""
    if fault.kind != "status":
        return fault.kind
    retry_after = fault.headers.get("Retry-After", "")
    when = retry_after[-12:-8] or retry_after or "plain"
    return f"{fault.status}-{when}{'-skewed' * ('Date' in fault.headers)}"


ENTRY_KINDS = {
    Capability.PROVISION_NUMBER: "purchase",
    Capability.IMPORT_NUMBER: "import",
    Capability.RELEASE_NUMBER: "release",
    Capability.SEND_MESSAGE: "message",
    Capability.PLACE_CALL: "call",
    Capability.END_CALL: "end",
    Capability.LINK_CARRIER: "link",
    Capability.UNLINK_CARRIER: "unlink",
}


@dataclass(frozen=True)
class Setup:
    """A number to work with, and what else an operation may need.

    Attributes:
        number: E.164 of a number that the vendor holds for us, or another.
        carrier: id of a linked carrier account, where there are any.
        other_party: who is texted and called.
        importable: E.164 of a number that is not imported yet.
        message: id of a message of the number, for operations on one.
        call: id of a call from the number, for operations on one.
    """

    number: str
    sample: Sample
    carrier: str | None
    other_party: str = OTHER_PARTY
    importable: str = IMPORTABLE
    message: str = "message_1"
    call: str = "call_1"


def set_up(provider: PhoneNumberProvider, server: Sandbox, adapter: str, nth: int = 0) -> Setup:
    """Import a number from where the sample says, or else buy one."""
    sample = server.vendors[adapter].sample
    carrier = _linked(provider, sample, server, adapter)
    source = sample.source if carrier is None else telephony.LinkedCarrier(carrier)
    if source is None:
        return Setup(provider.provision_number().number, sample, None)
    number = f"+1415555{1000 + nth}"
    return Setup(provider.import_number(number, source=source).number, sample, carrier)


def _linked(
    provider: PhoneNumberProvider, sample: Sample, server: Sandbox, adapter: str
) -> str | None:
    if sample.carrier is None:
        return None
    done = server.ledger(adapter, "link")
    return done[0].id if done else provider.link_carrier(sample.carrier).id


def _import(
    provider: PhoneNumberProvider, made: Setup, to: telephony.Target | None = None
) -> object:
    source = telephony.LinkedCarrier(made.carrier) if made.carrier else made.sample.source
    # Where there is nowhere to import from, what is imported is a number already held.
    number = made.importable if source else made.number
    return provider.import_number(number, source=source, assign_to=to)


def _link(provider: PhoneNumberProvider, made: Setup) -> object:
    return provider.link_carrier(made.sample.carrier or telephony.SipTrunk("sip.example.com"))


def _rotate(provider: PhoneNumberProvider, made: Setup) -> object:
    credentials = made.sample.carrier or telephony.SipTrunk("sip.example.com")
    return provider.rotate_carrier(made.carrier or "c_1", credentials)


def place_call(
    provider: PhoneNumberProvider,
    made: Setup,
    *,
    metadata: Mapping[str, str] | None = None,
    timeout: float | None = None,
    key: str | None = None,
) -> telephony.Call:
    """Call the other party as the sample says."""
    target = made.sample.target
    agent = target.id if isinstance(target, telephony.Agent) else None
    return provider.place_call(
        made.number,
        made.other_party,
        agent=agent,
        url=made.sample.call_url,
        metadata=metadata,
        timeout=timeout,
        idempotency_key=key,
    )


def with_subject(
    operation: Capability,
    provider: PhoneNumberProvider,
    server: Sandbox,
    adapter: str,
    made: Setup,
) -> Setup:
    """Return `made` with the call or the message that the operation is about."""
    if operation in OF_CALLS and provider.supports(Capability.PLACE_CALL):
        made = replace(made, call=place_call(provider, made).id)
        server.advance(adapter, _MOMENTS.get(operation, 0))
    if operation in {Capability.GET_MESSAGE, Capability.LIST_ALL_MESSAGES}:
        received = server.receive_message(
            adapter, made.number, sender=made.other_party, body="Hello"
        )
        made = replace(made, message=received)
    return made


def _parse(provider: PhoneNumberProvider, _: Setup) -> object:
    return webhooks.parse(
        provider, method="POST", url="https://example.com/", headers={}, body=b"{}", verify=False
    )


def webhook_of(made: Setup) -> str | None:
    """Whose webhook to set."""
    return made.number if made.sample.webhook_of == "number" else made.sample.webhook_of


Call: TypeAlias = Callable[[PhoneNumberProvider, Setup], object]

CALLS: dict[Capability, Call] = {
    Capability.LIST_NUMBERS: lambda p, _: list(p.list_numbers()),
    Capability.GET_NUMBER: lambda p, s: p.get_number(s.number),
    Capability.SEARCH_NUMBERS: lambda p, _: p.search_numbers(),
    Capability.PROVISION_NUMBER: lambda p, _: p.provision_number(),
    Capability.IMPORT_NUMBER: _import,
    Capability.UPDATE_NUMBER: lambda p, s: p.update_number(s.number, label="New label"),
    Capability.LIST_TARGETS: lambda p, _: list(p.list_targets()),
    Capability.ASSIGN_NUMBER: lambda p, s: p.assign_number(s.number, s.sample.target),
    Capability.UNASSIGN_NUMBER: lambda p, s: p.unassign_number(s.number),
    Capability.RELEASE_NUMBER: lambda p, s: p.release_number(s.number, unassign=True),
    Capability.LIST_MESSAGES: lambda p, s: list(p.list_messages(s.number)),
    Capability.LIST_ALL_MESSAGES: lambda p, _: list(p.list_messages()),
    Capability.GET_MESSAGE: lambda p, s: p.get_message(s.message),
    Capability.SEND_MESSAGE: lambda p, s: p.send_message(s.number, s.other_party, "Hello"),
    Capability.PLACE_CALL: place_call,
    Capability.LIST_CALLS: lambda p, s: list(p.list_calls(s.number)),
    Capability.GET_CALL: lambda p, s: p.get_call(s.call),
    Capability.END_CALL: lambda p, s: p.end_call(s.call),
    Capability.GET_TRANSCRIPT: lambda p, s: p.get_transcript(s.call),
    Capability.GET_RECORDING: lambda p, s: p.get_recording(s.call),
    Capability.LIST_CARRIERS: lambda p, _: list(p.list_carriers()),
    Capability.LINK_CARRIER: _link,
    Capability.ROTATE_CARRIER: _rotate,
    Capability.UNLINK_CARRIER: lambda p, s: p.unlink_carrier(s.carrier or "c_1"),
    Capability.PARSE_WEBHOOK: _parse,
    Capability.GET_WEBHOOK: lambda p, s: p.get_webhook(webhook_of(s)),
    Capability.SET_WEBHOOK: lambda p, s: p.set_webhook(
        "https://example.com/calls", of=webhook_of(s), replace=True
    ),
}


# What needs a call that was placed.
OF_CALLS = frozenset(
    {
        Capability.LIST_CALLS,
        Capability.GET_CALL,
        Capability.END_CALL,
        Capability.GET_TRANSCRIPT,
        Capability.GET_RECORDING,
    }
)
_LONG_ENOUGH = 3600.0
# Seconds after which a call is as it is needed.
_MOMENTS = {
    # Not every vendor stops a call that still rings.
    Capability.END_CALL: RINGS,
    Capability.GET_TRANSCRIPT: _LONG_ENOUGH,
    Capability.GET_RECORDING: _LONG_ENOUGH,
}

# Two things in one call, of which a fault may leave one.
WITH_ASSIGNMENT: dict[Capability, Call] = {
    Capability.PROVISION_NUMBER: lambda p, s: p.provision_number(assign_to=s.sample.target),
    Capability.IMPORT_NUMBER: lambda p, s: _import(p, s, s.sample.target),
}

_REQUESTS: dict[tuple[str, Capability], int] = {}


@dataclass(frozen=True)
class Run:
    """One operation under one fault.

    Attributes:
        reference: prepares; never meets a fault.
        tried: does the operation; its timeout is shorter than the slow faults are.
    """

    reference: PhoneNumberProvider
    tried: PhoneNumberProvider
    server: Sandbox
    adapter: str

    def problems(self, operation: Capability, fault: Fault) -> list[str]:
        """Run it once for each request it makes, failing that one; returns what was wrong.

        The vendor is reset before each change. Right means: what must not happen twice happened at
        most once, success means that it happened, and any other error than `OutcomeUnknownError`
        that it did not. A call or a text of unknown outcome is found in the listing, where there is
        one.
        """
        kind = ENTRY_KINDS.get(operation)
        sample = self.server.vendors[self.adapter].sample
        if operation is Capability.IMPORT_NUMBER and not (sample.carrier or sample.source):
            kind = None  # a number already held is adopted, which does nothing at the vendor
        problems: list[str] = []
        made: Setup | None = None
        for nth in range(self.requests(operation)):
            if made is None or operation in MUTATING:
                made = self.ready(operation)
            before = self._count(kind)
            self.server.fail(fault.model_copy(update={"skip": nth}))
            outcome = self._outcome(operation, made)
            self.server.heal()
            count = self._count(kind) - before
            where = f"{self.adapter}.{operation}, request {nth + 1} {fault_name(fault)}: {outcome}"
            if kind is not None and (
                count > 1
                or (count == 0 and outcome == "done")
                or (count == 1 and outcome.startswith("failed"))
            ):
                problems.append(f"{where}, but it happened {count} times")
            if outcome == "unknown" and not self._findable(operation, made):
                problems.append(f"{where}, but it cannot be found")
        return problems

    def partly_done(self, operation: Capability, fault: Fault) -> list[str]:
        """Get a number and assign it in one call, as `problems` does; returns what was wrong.

        Right means: when only the number is there, the error does not say that the same call may
        simply be made again.
        """
        kind, call = ENTRY_KINDS[operation], WITH_ASSIGNMENT[operation]
        problems: list[str] = []
        for nth in range(self._requests(operation, call)):
            made = self.ready(operation)
            before = self._count(kind)
            self.server.fail(fault.model_copy(update={"skip": nth}))
            try:
                call(self.tried, made)
            except telephony.ProviderError as error:
                if self._count(kind) > before and error.retry_safe:
                    where = f"{self.adapter}.{operation}, request {nth + 1} {fault_name(fault)}"
                    problems.append(f"{where}: {error!r}")
            self.server.heal()
        return problems

    def _outcome(self, operation: Capability, made: Setup) -> str:
        try:
            CALLS[operation](self.tried, made)
        except telephony.OutcomeUnknownError:
            return "unknown"
        except telephony.TelephonyError as error:
            return f"failed ({type(error).__name__})"
        return "done"

    def _findable(self, operation: Capability, made: Setup) -> bool:
        """Return whether every call or text that was made is in its listing."""
        listing, _ = LOOK_IN.get(operation, (None, ""))
        if listing is None or not self.reference.supports(listing):
            return True
        done = {entry.id for entry in self.server.ledger(self.adapter, ENTRY_KINDS[operation])}
        if listing is Capability.LIST_CALLS:
            return done <= {call.id for call in self.reference.list_calls(made.number)}
        if listing is Capability.LIST_MESSAGES:
            return done <= {text.id for text in self.reference.list_messages(made.number)}
        return True

    def _count(self, kind: str | None) -> int:
        return len(self.server.ledger(self.adapter, kind)) if kind else 0

    def requests(self, operation: Capability) -> int:
        """How many requests the operation makes; the same each time, so counted once."""
        known = (self.adapter, operation)
        if known not in _REQUESTS:
            _REQUESTS[known] = self._requests(operation, CALLS[operation])
        return _REQUESTS[known]

    def _requests(self, operation: Capability, call: Call) -> int:
        made = self.ready(operation)
        before = len(self.server.requests(self.adapter))
        call(self.reference, made)
        return len(self.server.requests(self.adapter)) - before

    def ready(self, operation: Capability) -> Setup:
        """Return the vendor as new, with what the operation needs."""
        self.server.reset()
        sample = self.server.vendors[self.adapter].sample
        if operation is Capability.LINK_CARRIER:
            return Setup(OTHER_PARTY, sample, None)
        if operation in {Capability.ROTATE_CARRIER, Capability.UNLINK_CARRIER}:
            carrier = _linked(self.reference, sample, self.server, self.adapter)
            return Setup(OTHER_PARTY, sample, carrier)
        made = set_up(self.reference, self.server, self.adapter)
        # A target may have webhooks of its own, which are not taken off.
        if operation is not Capability.SET_WEBHOOK:
            # A vendor may insist that the agent who calls holds the number.
            calls = operation in {Capability.PLACE_CALL, *OF_CALLS}
            self.reference.assign_number(
                made.number, sample.target if calls else sample.other_target
            )
        return with_subject(operation, self.reference, self.server, self.adapter, made)
