"""Whatever fails and wherever the process dies: nothing is done twice, and resuming ends the same.

The vendor is a model, so that every interleaving can be tried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import telephony
from telephony import LinkedCarrier, PhoneNumber
from telephony.fleet import targets
from telephony.fleet.applying.machine import lane_steps
from telephony.fleet.applying.steps import Find, Save
from telephony.fleet.journal.protocol import Entry, State
from telephony.fleet.planning.ops import Op, Verb
from telephony.idempotency import key_digest

PROFILE = settings(max_examples=1000, deadline=None, derandomize=True, database=None)
NUMBER, BOUGHT = "+14155550100", "+14155550199"
OWNER, NEW, OLD = "carrier", "rooms", "support"
WIRED = "sales"  # whose vendor writes the owner's routing when a number is assigned there
SOURCES = {NEW: LinkedCarrier("cr_1")}

ERRORS = (
    telephony.AuthenticationError,
    telephony.PermissionDeniedError,
    telephony.NotFoundError,
    telephony.ConflictError,
    telephony.InvalidRequestError,
    telephony.QuotaExceededError,
    telephony.RateLimitedError,
    telephony.UnavailableError,
    telephony.ProviderTimeoutError,
    telephony.InvalidResponseError,
)
DONE_TWICE_IS_TWICE = {"provision_number", "import_number"}


class Died(BaseException):
    pass


@dataclass
class Vendors:
    """What the vendors hold, and what they did. A second import makes a second number."""

    held: dict[str, dict[str, PhoneNumber]] = field(default_factory=dict)
    ledger: Counter[str] = field(default_factory=Counter)
    keys: dict[str, str] = field(default_factory=dict)
    late: list = field(default_factory=list)
    keyless: bool = False

    def add(self, profile, number, **facts):
        made = PhoneNumber(
            id=f"{profile}-{number}-{self.ledger['import']}",
            number=number,
            provider=profile,
            **facts,
        )
        self.held.setdefault(profile, {})[made.id] = made
        return made

    def find(self, profile, number):
        for one in self.held.setdefault(profile, {}).values():
            if number in (one.id, one.number):
                return one
        raise telephony.NotFoundError("There is no such number")

    def change(self, profile, number, **facts):
        found = self.find(profile, number)
        self.held[profile][found.id] = found.model_copy(update=facts)
        return self.held[profile][found.id]

    def do(self, call):
        if isinstance(call, Find):
            known = self.keys.get("order-1") if call.mark == key_digest("order-1") else None
            return known and self.find(call.profile, known)
        return getattr(self, call.operation)(call.profile, **call.arguments)

    def get_number(self, profile, number):
        return self.find(profile, number)

    def search_numbers(self, profile, **_):
        taken = any(one.number == BOUGHT for one in self.held.get(profile, {}).values())
        offered = "+14155550198" if taken else BOUGHT
        return [telephony.AvailableNumber(number=offered, provider=profile)]

    def provision_number(self, profile, label, idempotency_key, number=None, **_):
        if self.keyless:
            idempotency_key = number
        if idempotency_key not in self.keys:
            self.ledger["purchase"] += 1
            self.keys[idempotency_key] = self.add(profile, number or BOUGHT, label=label).id
        return self.find(profile, self.keys[idempotency_key])

    def import_number(self, profile, number, assign_to, **_):
        self.ledger["import"] += 1
        return self.add(profile, number, assignment=assign_to)

    def update_number(self, profile, number, label):
        return self.change(profile, number, label=label)

    def assign_number(self, profile, number, to):
        if profile == WIRED:
            self.change(OWNER, self.find(profile, number).number, assignment=telephony.Trunk("W"))
        return self.change(profile, number, assignment=to)

    def unassign_number(self, profile, number):
        return self.change(profile, number, assignment=None)

    def release_number(self, profile, number, **_):
        found = self.find(profile, number)
        self.ledger["release"] += 1
        return self.held[profile].pop(found.id)

    def state(self):
        return {
            (profile, one.number, one.label, targets.text_of(one.assignment))
            for profile, held in self.held.items()
            for one in held.values()
        }


WIRED_OPS = {"agent:c", "trunk:W"}


def op(verb, profile, **more):
    return Op(id=f"{verb}@{profile}", verb=verb, profile=profile, lane="lane", **more)


@st.composite
def lanes(draw):
    """Return a lane, and the vendors as it finds them."""
    vendors, ops = Vendors(), []
    buys, releases = draw(st.booleans()), draw(st.booleans())
    number, lane_number = (BOUGHT, "") if buys else (NUMBER, NUMBER)
    here = {"number": lane_number}
    if buys:
        vendors.keyless = draw(st.booleans())
        ops.append(op(Verb.BUY, OWNER, order="order-1", country="US", after="Desk"))
        owned = None
    else:
        owned = vendors.add(OWNER, number, label="Old", assignment=telephony.Trunk("TK1")).id
    at_owner = {**here, "holding": owned}
    if draw(st.booleans()):
        ops.append(op(Verb.LABEL, OWNER, **at_owner, before="Old", after="New"))
    if draw(st.booleans()):
        assigned = draw(st.sampled_from([None, "agent:a"]))
        ops.append(op(Verb.IMPORT, NEW, **here, source=NEW, after=assigned))
        if assigned or draw(st.booleans()):
            ops.append(op(Verb.ASSIGN, NEW, **here, after="agent:a"))
    route = draw(st.sampled_from([None, "owner", "vendor"]))
    if not releases and not buys and route == "vendor":
        # It is assigned there already; calls are led elsewhere.
        there = vendors.add(WIRED, number, assignment=telephony.Agent("c")).id
        assigned = {"before": "agent:c", "after": "agent:c"}
        ops.append(op(Verb.ASSIGN, WIRED, **here, holding=there, **assigned))
        ops.append(op(Verb.CHECK, OWNER, **at_owner, after="trunk:W"))
    if not releases and route == "owner":
        before = "-" if buys else "trunk:TK1"
        ops.append(op(Verb.ROUTE, OWNER, **at_owner, before=before, after="trunk:TK2"))
        ops.append(op(Verb.CHECK, OWNER, **at_owner, after="trunk:TK2"))
    if not buys and draw(st.booleans()):
        old = vendors.add(OLD, number, assignment=telephony.Agent("b")).id
        at_old = {**here, "holding": old, "before": "agent:b"}
        ops.append(op(Verb.UNASSIGN, OLD, **at_old, after="-"))
        ops.append(op(Verb.DETACH, OLD, **at_old))
    if not buys and releases:
        ops.append(op(Verb.RELEASE, OWNER, **at_owner, before="trunk:TK1"))
    return vendors, [Entry(seq=seq, op=one) for seq, one in enumerate(ops)]


ACTIONS = st.sampled_from(
    ["error", "lost", "lost before", "lost, late", "dies before", "dies after", "dies late"]
)
# Mostly all goes well, so that a lane gets far before something fails.
FAULTS = st.lists(st.one_of(st.none(), st.none(), ACTIONS), max_size=24)


class Disturbed:
    """Drives a lane, with a fault at calls and deaths after saves as they are drawn."""

    def __init__(self, vendors, entries, data=None):
        self.vendors, self.entries, self.data = vendors, entries, data
        self.faults = iter(data.draw(FAULTS)) if data else iter(())
        self.sent = []

    def run(self):
        steps = lane_steps(self.entries, SOURCES, lambda _: True)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Save):
                    self.entries[step.entry.seq] = step.entry
                    if next(self.faults, None) in {"dies before", "dies after", "dies late"}:
                        raise Died
                    step = next(steps)
                    continue
                try:
                    result = self.call(step)
                except telephony.TelephonyError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except (StopIteration, Died):
            steps.close()
        # What was under way arrives before anybody resumes.
        for call in self.vendors.late:
            self.vendors.do(call)
        self.vendors.late.clear()

    def call(self, call):
        if isinstance(call, Find):
            return self.vendors.do(call)
        purchase = call.operation == "provision_number"
        if purchase and self.vendors.keyless and "number" not in call.arguments:
            # Refused before any request.
            raise telephony.UnsupportedOperationError(call.profile, "with a key", "Choose one.")
        fault = next(self.faults, None)
        changes = call.operation not in {"get_number", "search_numbers"}
        if changes:
            self.check_intent(call)
            self.sent.append(call)
        if fault == "error" or (fault is not None and fault.startswith("lost") and not changes):
            raise self.data.draw(st.sampled_from(ERRORS))("No")
        if fault in {"dies late", "lost, late"} and changes:
            self.vendors.late.append(call)
        if fault in {"lost", "dies after"} and changes:
            self.vendors.do(call)
        if fault is not None and fault.startswith("dies"):
            raise Died
        if fault is not None:
            twice = call.operation in DONE_TWICE_IS_TWICE
            keyed = call.operation == "provision_number"
            safe = keyed or (not twice and self.data.draw(st.booleans()))
            raise telephony.OutcomeUnknownError("Lost", retry_safe=safe)
        return self.vendors.do(call)

    def check_intent(self, call):
        """Check that exactly one operation is written down as started, and all before as done."""
        states = [entry.state for entry in self.entries]
        at = states.index(State.STARTED)
        assert set(states[:at]) <= {State.DONE}
        assert set(states[at + 1 :]) <= {State.PLANNED}
        assert self.entries[at].op.profile == call.profile


@PROFILE
@given(lane=lanes(), data=st.data())
def test_nothing_is_done_twice_and_resuming_ends_the_same(lane, data):
    vendors, entries = lane
    held = {name: dict(held) for name, held in vendors.held.items()}
    undisturbed = Vendors(held, keyless=vendors.keyless)
    Disturbed(undisturbed, list(entries)).run()

    for _ in range(data.draw(st.integers(1, 3))):
        Disturbed(vendors, entries, data).run()
    Disturbed(vendors, entries).run()

    assert vendors.ledger - undisturbed.ledger == Counter()
    left = [entry for entry in entries if entry.state is not State.DONE]
    if left:
        # Only what cannot be proven stops a lane for good.
        assert left[0].state is State.UNKNOWN
        assert {entry.state for entry in left[1:]} <= {State.PLANNED}
        entries[left[0].seq] = replace(left[0], state=State.STARTED)  # as `repeat_unknown` does
        Disturbed(vendors, entries).run()
    assert {entry.state for entry in entries} <= {State.DONE}
    assert vendors.state() == undisturbed.state()
    assert vendors.ledger == undisturbed.ledger


@PROFILE
@given(lane=lanes(), data=st.data())
def test_what_somebody_else_changed_is_left_alone(lane, data):
    """Between the plan and its application a target was assigned by hand."""
    vendors, entries = lane
    where = data.draw(st.sampled_from([OWNER, OLD]))
    entries = [entry for entry in entries if entry.op.after not in WIRED_OPS]
    entries = [replace(entry, seq=seq) for seq, entry in enumerate(entries)]
    touched = {one.id for one in vendors.held.get(where, {}).values()}
    for one in touched:
        vendors.change(where, one, assignment=telephony.Agent("by hand"))
    driver = Disturbed(vendors, entries)
    driver.run()

    for call in driver.sent:
        untouched = call.arguments.get("number") not in touched
        assert untouched or call.operation == "update_number"
    stopped = [entry for entry in entries if entry.state is not State.DONE]
    if stopped:
        assert stopped[0].state is State.CHANGED
        assert stopped[0].op.profile == where
        assert "by hand" in stopped[0].why


@pytest.mark.parametrize(
    "error", [telephony.OutcomeUnknownError("Lost"), *(e("No") for e in ERRORS)]
)
def test_every_error_ends_an_operation_with_its_reason(error):
    entry = Entry(seq=0, op=op(Verb.LABEL, OWNER, number=NUMBER, after="New"))
    steps = lane_steps([entry], SOURCES, lambda _: True)
    assert next(steps).entry.state is State.STARTED
    next(steps)
    step = steps.throw(error)
    if isinstance(error, telephony.OutcomeUnknownError):
        step = steps.throw(telephony.UnavailableError("Still down"))
    assert step.entry.state in {State.REFUSED, State.FAILED, State.UNKNOWN}
    assert step.entry.error == type(error).__name__
    assert step.entry.why
