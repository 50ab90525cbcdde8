"""Any sequence of operations, at every vendor, with anything going wrong on the way.

Each step is one operation under at most one fault. What it says is held against the vendor's own
ledger, and what is known of every number against what the vendor lists.

In `make test` this is short. With TELEPHONY_SOAK set to a number of seconds it goes on for as long,
with new sequences each time, and says at the end what it did.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import telephony
from telephony import Capability, registry
from telephony.sandbox import Sandbox
from telephony.testing.fault_matrix import ENTRY_KINDS, FAULTS, OTHER_PARTY, fault_name

SHORT = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=10,
    stateful_step_count=20,
    suppress_health_check=list(HealthCheck),
)
# Not made shorter when they fail: that can take longer than all the rest.
LONG = settings(
    SHORT, derandomize=False, max_examples=20, stateful_step_count=40, phases=[Phase.generate]
)
SECONDS = float(os.environ.get("TELEPHONY_SOAK", "0"))

# Slow faults would add nothing here to those that lose the response.
FAILING = st.builds(
    lambda fault, skip: fault.model_copy(update={"skip": skip}),
    st.sampled_from([fault for fault in FAULTS if not fault.kind.startswith("slow")]),
    st.integers(0, 4),
)
MAYBE_FAILING = st.none() | FAILING
NTH = st.integers(0, 9)
REFUSED = (
    telephony.ConflictError,
    telephony.InvalidRequestError,
    telephony.QuotaExceededError,
    telephony.UnsupportedOperationError,
)
UNKNOWN = object()


@dataclass
class Known:
    """The known state of a number: its label and target, UNKNOWN after a failure, and its texts.

    There may be further texts.
    """

    label: object = UNKNOWN
    target: object = UNKNOWN
    texts: list[str] = field(default_factory=list)


class Lifecycle(RuleBasedStateMachine):
    """One vendor. Its subclass names the adapter, the sandbox and where to count."""

    adapter: str
    server: Sandbox
    counts: Counter

    def __init__(self):
        super().__init__()
        self.server.reset()
        self.settings = {**self.server.settings(self.adapter), "backoff": 0.0}
        self.reliable = telephony.connect(self.adapter, **self.settings)
        self.sample = self.server.vendors[self.adapter].sample
        self.source = self.sample.source
        if self.sample.carrier is not None:
            self.source = telephony.LinkedCarrier(
                self.reliable.link_carrier(self.sample.carrier).id
            )
        self.known: dict[str, Known] = {}
        self.texts = 0

    def teardown(self):
        self.reliable.close()

    # --- What the ledger says ---------------------------------------------------------------------

    def held(self):
        """Return the numbers that the vendor holds for us."""
        found = set()
        for entry in self.server.ledger(self.adapter, "purchase", "import", "release"):
            (found.discard if entry.kind == "release" else found.add)(entry.number)
        return sorted(found)

    def called(self):
        """Return the ids of the calls that were placed."""
        return [entry.id for entry in self.server.ledger(self.adapter, "call")]

    def has_all_of(self, operation):
        return self.reliable.capabilities[operation].level is telephony.Level.FULL

    def some_number(self, nth):
        return sorted(self.known)[nth % len(self.known)]

    # --- One step ---------------------------------------------------------------------------------

    def step(self, operation, call, fault):
        """Do it, and hold what it says against what happened; returns the result and the error."""
        self.counts["steps"] += 1
        # To end a call that has ended is no failure, and does nothing.
        kind = ENTRY_KINDS.get(operation) if operation is not Capability.END_CALL else None
        result, error = None, None
        before = len(self.server.ledger(self.adapter, kind)) if kind else 0
        # A connection of its own: what one step learnt of rates must not delay the next.
        with telephony.connect(self.adapter, **self.settings) as provider:
            if fault is not None:
                # Nothing from before this step: no client sees through a vendor that answers what
                # was true long ago.
                self.server.heal()
                fault = fault.model_copy()
                self.server.fail(fault)
            try:
                result = call(provider)
            except telephony.TelephonyError as raised:
                error = raised
            self.server.heal()
        self.counts["faults"] += fault is not None and fault.times == 0
        under = fault_name(fault) if fault else "no fault"
        said = f"{self.adapter}.{operation} under {under}: {error!r}"
        refused = (*REFUSED, telephony.NotFoundError) if kind == "purchase" else REFUSED
        assert fault or error is None or isinstance(error, refused), said
        if kind is not None:
            happened = len(self.server.ledger(self.adapter, kind)) - before
            unknown = isinstance(error, telephony.OutcomeUnknownError)
            assert happened in ({0, 1} if unknown else {0} if error else {1}), (said, happened)
        return result, error

    def change(self, operation, number, fault, call, **wanted):
        """Make a step that changes a number, and record its new state; after a failure, UNKNOWN."""
        _, error = self.step(operation, call, fault)
        for what, value in wanted.items():
            setattr(self.known[number], what, UNKNOWN if error else value)

    @invariant()
    def what_is_listed_is_what_there_is(self):
        listed = {number.number: number for number in self.reliable.list_numbers()}
        assert sorted(listed) == self.held()
        self.known = {number: self.known.get(number, Known()) for number in listed}
        for number, known in self.known.items():
            found = listed[number]
            known.label = found.label if known.label is UNKNOWN else known.label
            known.target = found.assignment if known.target is UNKNOWN else known.target
            assert found.label == known.label
            assert found.assignment == known.target

    # --- Numbers ----------------------------------------------------------------------------------

    @precondition(lambda self: self.reliable.supports(Capability.PROVISION_NUMBER))
    @rule(fault=MAYBE_FAILING)
    def buy(self, fault):
        before = self.held()
        bought, _ = self.step(Capability.PROVISION_NUMBER, lambda p: p.provision_number(), fault)
        if bought is not None:
            # A vendor may give out the number a moment later, as it activates it.
            number = bought.number or self.reliable.get_number(bought.id).number
            assert [number] == [n for n in self.held() if n not in before]

    @precondition(lambda self: self.source is not None)
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def bring(self, nth, fault):
        number = f"+1415555{1000 + nth}"
        if number not in self.held():
            brought, _ = self.step(
                Capability.IMPORT_NUMBER,
                lambda p: p.import_number(number, source=self.source),
                fault,
            )
            assert brought is None or brought.number == number

    @precondition(lambda self: self.known and self.reliable.supports(Capability.UPDATE_NUMBER))
    @rule(nth=NTH, label=st.sampled_from(["Front desk", "Sales", "Nights"]), fault=MAYBE_FAILING)
    def name(self, nth, label, fault):
        number = self.some_number(nth)
        self.change(
            Capability.UPDATE_NUMBER,
            number,
            fault,
            lambda p: p.update_number(number, label=label),
            label=label,
        )

    @precondition(lambda self: self.known)
    @rule(nth=NTH, other=st.booleans(), fault=MAYBE_FAILING)
    def assign(self, nth, other, fault):
        number = self.some_number(nth)
        target = self.sample.other_target if other else self.sample.target
        self.change(
            Capability.ASSIGN_NUMBER,
            number,
            fault,
            lambda p: p.assign_number(number, target),
            target=target,
        )

    @precondition(lambda self: self.known)
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def unassign(self, nth, fault):
        number = self.some_number(nth)
        self.change(
            Capability.UNASSIGN_NUMBER,
            number,
            fault,
            lambda p: p.unassign_number(number),
            target=None,
        )

    @precondition(lambda self: self.known and self.reliable.supports(Capability.RELEASE_NUMBER))
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def release(self, nth, fault):
        number = self.some_number(nth)
        # It is taken from its target first, and may get no further.
        self.change(
            Capability.RELEASE_NUMBER,
            number,
            fault,
            lambda p: p.release_number(number, unassign=True),
            target=UNKNOWN,
        )

    @rule(fault=MAYBE_FAILING)
    def list(self, fault):
        self.step(Capability.LIST_NUMBERS, lambda p: [*p.list_numbers()], fault)

    # --- Messages and calls -----------------------------------------------------------------------

    @precondition(lambda self: self.known and self.reliable.supports(Capability.LIST_MESSAGES))
    @rule(nth=NTH)
    def receive(self, nth):
        number = self.some_number(nth)
        self.texts += 1
        self.server.receive_message(
            self.adapter, number, sender=OTHER_PARTY, body=f"Text {self.texts}"
        )
        self.known[number].texts.append(f"Text {self.texts}")

    @precondition(lambda self: self.known and self.reliable.supports(Capability.SEND_MESSAGE))
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def send(self, nth, fault):
        number = self.some_number(nth)
        self.texts += 1
        text = f"Text {self.texts}"
        _, error = self.step(
            Capability.SEND_MESSAGE, lambda p: p.send_message(number, OTHER_PARTY, text), fault
        )
        if error is None:
            self.known[number].texts.append(text)

    @precondition(lambda self: self.known and self.reliable.supports(Capability.LIST_MESSAGES))
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def read(self, nth, fault):
        number = self.some_number(nth)
        found, _ = self.step(Capability.LIST_MESSAGES, lambda p: [*p.list_messages(number)], fault)
        if fault is None:
            bodies = Counter(message.body for message in found)
            assert {text: bodies[text] for text in self.known[number].texts} == dict.fromkeys(
                self.known[number].texts, 1
            )

    @precondition(lambda self: self.known and self.reliable.supports(Capability.PLACE_CALL))
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def call(self, nth, fault):
        number, target = self.some_number(nth), self.sample.target
        agent = target.id if isinstance(target, telephony.Agent) else None
        self.step(
            Capability.PLACE_CALL,
            lambda p: p.place_call(number, OTHER_PARTY, agent=agent, url=self.sample.call_url),
            fault,
        )

    @rule(seconds=st.sampled_from([1, 10, 3600]))
    def wait(self, seconds):
        self.server.advance(self.adapter, seconds)

    @precondition(lambda self: self.called() and self.has_all_of(Capability.LIST_CALLS))
    @rule(fault=MAYBE_FAILING)
    def follow(self, fault):
        found, _ = self.step(Capability.LIST_CALLS, lambda p: [*p.list_calls()], fault)
        if fault is None:
            assert sorted(call.id for call in found) == sorted(self.called())

    @precondition(lambda self: self.called() and self.has_all_of(Capability.END_CALL))
    @rule(nth=NTH, fault=MAYBE_FAILING)
    def hang_up(self, nth, fault):
        call = self.called()[nth % len(self.called())]
        _, error = self.step(Capability.END_CALL, lambda p: p.end_call(call), fault)
        ended = Counter(entry.id for entry in self.server.ledger(self.adapter, "end"))
        assert set(ended.values()) <= {1}
        if error is None:
            self.server.advance(self.adapter, 1)
            assert self.reliable.get_call(call).status.is_final


def machine_of(adapter, server, counts):
    """Return the state machine of one vendor."""
    return type(
        f"{adapter}Lifecycle",
        (Lifecycle,),
        {"adapter": adapter, "server": server, "counts": counts},
    )


@pytest.mark.parametrize("adapter", registry.available())
def test_nothing_is_done_twice_and_results_are_true(telephony_sandbox, adapter):
    run_state_machine_as_test(machine_of(adapter, telephony_sandbox, Counter()), settings=SHORT)


@pytest.mark.skipif(not SECONDS, reason="make soak")
@pytest.mark.timeout(0)
def test_no_violation_in_a_long_run(telephony_sandbox, capsys):
    counts = {adapter: Counter() for adapter in registry.available()}
    violations, end = [], time.monotonic() + SECONDS
    for adapter in itertools.cycle(counts):
        if time.monotonic() > end:
            break
        counted = counts[adapter]
        try:
            run_state_machine_as_test(
                machine_of(adapter, telephony_sandbox, counted), settings=LONG
            )
        except Exception as violation:
            violations.append("".join(traceback.format_exception(violation)))
            counted["violations"] += 1
    report = [
        f"{adapter:12}{counted['steps']:8} steps{counted['faults']:8} faults"
        f"{counted['violations']:4} violations"
        for adapter, counted in counts.items()
    ]
    with capsys.disabled():
        sys.stdout.write("\n\n".join(["", *violations, "\n".join(report), ""]))
    if violations:
        pytest.fail(f"{len(violations)} violations", pytrace=False)
