"""What applying a plan does, says and leaves alone, over real providers and the sandbox."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

import telephony
from telephony import Capability
from telephony.fleet.applying import board
from telephony.fleet.applying.running import apply, apply_async, resume, resume_async
from telephony.fleet.errors import FleetError
from telephony.fleet.journal.protocol import RunState, State
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.plan import Plan
from telephony.fleet.targets import text_of
from telephony.sandbox import Fault
from telephony.testing.fault_matrix import set_up


def plan_of(*ops):
    return Plan.made(ops=ops, problems=(), notices=(), unsafe=(), policy="")


@pytest.fixture
def journal(tmp_path):
    with closing(SqliteJournal(tmp_path / "fleet.sqlite")) as opened:
        yield opened


@pytest.fixture
def run(world, journal, mode):
    """Apply a plan, or resume a run by its id, and return the run."""

    def go(what, journal=journal, **options):
        given = {"sources": world.sources, **options}
        to_apply = isinstance(what, Plan)
        if mode == "blocking":
            with world.connected() as providers:
                return (apply if to_apply else resume)(what, providers, journal, **given)

        async def going():
            async with world.connected_async() as providers:
                way = apply_async if to_apply else resume_async
                return await way(what, providers, journal, **given)

        return asyncio.run(going())

    return go


@pytest.fixture
def labels(world, providers):
    """Return a plan that labels many numbers of the owner, each in its lane."""

    def make(many):
        world.sandbox.reset()
        numbers = [providers["carrier"].provision_number(label="Old") for _ in range(many)]
        world.sandbox.vendors["twilio"].state.ledger.clear()
        return plan_of(*(label(number) for number in numbers))

    return make


def label(number, profile="carrier", after="New"):
    return Op(
        id=f"label/{number.number}@{profile}", verb=Verb.LABEL, profile=profile,
        lane=number.number, number=number.number, holding=number.id, before="Old", after=after,
    )  # fmt: skip


def owned(world):
    with world.connected() as providers:
        return list(providers["carrier"].list_numbers())


def by_id(entries):
    return [entry.op.id for entry in entries]


# --- What it does --------------------------------------------------------------------------------


def test_a_plan_is_done_and_the_run_says_so(world, providers, run):
    numbers = world.begin(providers)
    shown = []
    done = run(world.plan(numbers), progress=shown.append)
    assert done.state is RunState.FINISHED
    assert done.counts == {State.DONE: 12}
    assert len(done.done) == 12
    assert (shown[-1].done, shown[-1].total) == (12, 12)
    assert [one.done for one in shown] == sorted(one.done for one in shown)

    (bought,) = [entry for entry in done.done if entry.op.verb is Verb.BUY]
    answered = {one.number for one in providers["rooms"].list_numbers()}
    assert answered == {numbers.moved.number, bought.number}
    assert list(providers["support"].list_numbers()) == []
    owned = {one.number: one for one in providers["carrier"].list_numbers()}
    assert owned.keys() == answered
    assert owned[numbers.moved.number].label == "New"
    for one in owned.values():
        assert text_of(one.assignment) == "webhook:https://sip.example.com/livekit"


def test_a_finished_plan_applied_again_changes_nothing(world, providers, run):
    plan = world.plan(world.begin(providers))
    run(plan)
    held, ledger = world.held(providers), world.ledger()
    again = run(plan)
    assert again.state is RunState.FINISHED
    assert (world.held(providers), world.ledger()) == (held, ledger)


def test_a_finished_run_is_resumed_without_a_request(world, providers, run):
    plan = world.plan(world.begin(providers))
    done = run(plan)
    before = len(world.sandbox.arrivals("twilio"))
    assert run(done.id[:8]) == done
    assert len(world.sandbox.arrivals("twilio")) == before


def test_an_empty_plan_is_finished_at_once(run):
    assert run(plan_of()).state is RunState.FINISHED


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.DETACH])
def test_a_number_at_every_vendor_is_labelled_assigned_unassigned_and_given_up(
    telephony_sandbox, telephony_connect, tmp_path, adapter, verb
):
    provider = telephony_connect(adapter)
    made = set_up(provider, telephony_sandbox, adapter)
    if not provider.supports(Capability.RELEASE_NUMBER):
        return
    number = provider.get_number(made.number)
    at = {"profile": "vendor", "lane": "lane", "number": number.number, "holding": number.id}
    target = text_of(made.sample.target)
    ops = [
        Op(id="label", verb=Verb.LABEL, **at, before=number.label, after="New"),
        Op(id="assign", verb=Verb.ASSIGN, **at, before="-", after=target),
        Op(id="check", verb=Verb.CHECK, **at, after=target),
        Op(id="unassign", verb=Verb.UNASSIGN, **at, before=target, after="-"),
        Op(id="end", verb=verb, **at, before=target),
    ]
    needs = {Verb.LABEL: Capability.UPDATE_NUMBER, Verb.UNASSIGN: Capability.UNASSIGN_NUMBER}
    ops = [op for op in ops if op.verb not in needs or provider.supports(needs[op.verb])]
    with closing(SqliteJournal(tmp_path / "fleet.sqlite")) as journal:
        done = apply(plan_of(*ops), {"vendor": provider}, journal)
    assert done.state is RunState.FINISHED, [entry.why for entry in done.refused + done.changed]
    assert [one.number for one in telephony_sandbox.ledger(adapter, "release")] == [made.number]


def test_a_number_that_is_activated_later_is_waited_for(
    telephony_sandbox, telephony_connect, tmp_path
):
    provider = telephony_connect("vapi")
    order = {"lane": "order-1", "profile": "vapi"}
    plan = plan_of(
        Op(id="buy", verb=Verb.BUY, **order, order="order-1", country="US", area_code="415"),
        Op(id="label", verb=Verb.LABEL, **order, after="Desk"),
    )
    with closing(SqliteJournal(tmp_path / "fleet.sqlite")) as journal:
        done = apply(plan, {"vapi": provider}, journal)
    (number,) = provider.list_numbers()
    assert (done.state, number.label) == (RunState.FINISHED, "Desk")
    assert done.done[0].number == number.number != ""


# --- What it leaves alone ------------------------------------------------------------------------


def test_an_operation_that_fails_stops_its_lane_only(world, providers, run):
    plan = world.plan(world.begin(providers))
    world.sandbox.fail(
        Fault(kind="status", status=400, path="IncomingPhoneNumbers/PN", method="POST")
    )
    stopped = run(plan)
    assert stopped.state is RunState.PARTLY
    (refused,) = stopped.refused
    assert (refused.error, refused.status) == ("InvalidRequestError", 400)
    lane = [op.id for op in plan.ops if op.lane == refused.op.lane]
    assert by_id(stopped.left) == lane[lane.index(refused.op.id) + 1 :]
    assert len(stopped.done) + len(lane[lane.index(refused.op.id) :]) == len(plan.ops)

    world.sandbox.heal()
    assert run(stopped.id).state is RunState.FINISHED


def test_what_was_changed_since_the_plan_is_left_alone(world, providers, run):
    numbers = world.begin(providers)
    plan = world.plan(numbers)
    providers["carrier"].assign_number(numbers.moved, "https://example.com/by-hand")
    providers["carrier"].assign_number(numbers.unwanted, "https://example.com/by-hand")
    world.sandbox.vendors["twilio"].state.ledger.clear()
    stopped = run(plan)
    assert by_id(stopped.changed) == ["route", "release"]
    for entry in stopped.changed:
        assert "by-hand" in entry.why
        assert "Plan again" in entry.why
    for number in (numbers.moved, numbers.unwanted):
        now = providers["carrier"].get_number(number)
        assert now.assignment == telephony.Webhook("https://example.com/by-hand")
    # Make before break: who answered it until now still does.
    held = providers["support"].get_number(numbers.moved.number)
    assert held.assignment == telephony.Agent("agent_reception")


@pytest.mark.parametrize("done", [True, False])
def test_what_may_have_been_done_is_settled_by_reading_and_not_repeated(
    world, providers, run, done
):
    """The response to an import is lost, and the vendor cannot be read afterwards."""
    world.begin(providers)
    (link,) = providers["support"].list_carriers()
    world.sources["support"] = telephony.LinkedCarrier(link.id)
    at = {"profile": "support", "lane": "lane", "number": "+14155550123"}
    plan = plan_of(
        Op(id="import", verb=Verb.IMPORT, **at, source="support", after="agent:agent_sales"),
        Op(id="assign", verb=Verb.ASSIGN, **at, after="agent:agent_sales"),
    )
    kind = "lost" if done else "reset"
    world.sandbox.fail(Fault(kind=kind, path="/cartesia/", method="POST"))
    down = Fault(kind="status", status=503, path="/cartesia/", method="GET", times=None)
    world.sandbox.fail(down.model_copy(update={"skip": 1}))  # it is read before, too
    stopped = run(plan)
    assert (by_id(stopped.unknown), by_id(stopped.left)) == (["import"], ["assign"])
    assert stopped.unknown[0].error == "OutcomeUnknownError"

    assert by_id(run(stopped.id).unknown) == ["import"]  # it can still not be read
    world.sandbox.heal()
    resumed = run(stopped.id)
    if not done:
        assert by_id(resumed.unknown) == ["import"]
        assert world.ledger()["support"] == []
        resumed = run(stopped.id, repeat_unknown=True)
    assert resumed.state is RunState.FINISHED
    assert world.ledger()["support"] == [("import", "+14155550123")]
    assert providers["support"].get_number("+14155550123").assignment.id == "agent_sales"


@pytest.mark.parametrize("done", [True, False])
def test_a_purchase_that_may_have_been_made_is_looked_for_and_not_repeated(
    world, providers, run, done
):
    world.begin(providers)
    order = {"lane": "order-1", "profile": "carrier"}
    plan = plan_of(Op(id="buy", verb=Verb.BUY, **order, order="order-1", area_code="628"))
    path = r"IncomingPhoneNumbers\.json"
    world.sandbox.fail(Fault(kind="lost" if done else "reset", path=path, method="POST"))
    # The key is looked for before, and once the response is lost.
    down = Fault(kind="status", status=503, path=path, method="GET", times=None, skip=2)
    world.sandbox.fail(down)
    stopped = run(plan)
    assert by_id(stopped.unknown) == ["buy"]

    assert by_id(run(stopped.id).unknown) == ["buy"]  # it can still not be read
    world.sandbox.heal()
    resumed = run(stopped.id)
    if not done:
        assert by_id(resumed.unknown) == ["buy"]
        assert world.ledger()["carrier"] == []
        resumed = run(stopped.id, repeat_unknown=True)
    assert resumed.state is RunState.FINISHED
    ((_, number),) = world.ledger()["carrier"]
    assert resumed.done[0].number == number


# --- Accounts that are left alone ----------------------------------------------------------------


def test_refused_credentials_pause_the_account_at_once(world, labels, run):
    plan = labels(30)
    world.settings["carrier"]["api_key_secret"] = "wrong"
    before = len(world.sandbox.arrivals("twilio"))
    stopped = run(plan, concurrency={"carrier": 1})
    assert stopped.state is RunState.PAUSED
    assert list(stopped.paused.values()) == ["its credentials were refused"]
    assert len(world.sandbox.arrivals("twilio")) == before + 1
    assert (len(stopped.failed), len(stopped.left)) == (1, 29)

    world.settings["carrier"].update(world.sandbox.settings("twilio"))
    resumed = run(stopped.id)
    assert (resumed.state, resumed.paused) == (RunState.FINISHED, {})


def test_failures_in_a_row_pause_the_account_and_no_other(world, providers, labels, run):
    plan = labels(30)
    rooms = providers["rooms"].import_number(
        "+14155550177", source=world.sandbox.vendors["livekit"].sample.source
    )
    assigned = Op(
        id="assign", verb=Verb.ASSIGN, profile="rooms", lane="other", number=rooms.number,
        holding=rooms.id, before="-", after="agent:sales",
    )  # fmt: skip
    plan = plan_of(*plan.ops, assigned)
    world.sandbox.fail(Fault(kind="status", status=400, path="/twilio/", method="POST", times=None))
    stopped = run(plan, concurrency={"carrier": 1})
    assert stopped.state is RunState.PAUSED
    (why,) = stopped.paused.values()
    assert why == f"{board.IN_A_ROW} operations in a row did not succeed"
    assert len(stopped.refused) == board.IN_A_ROW
    assert by_id(stopped.done) == ["assign"]


def test_a_share_of_failures_pauses_the_account(world, labels, run, monkeypatch):
    monkeypatch.setattr(board, "ENOUGH", 30)
    plan = labels(40)
    third = "|".join(op.holding for op in plan.ops[::3])
    world.sandbox.fail(Fault(kind="status", status=400, path=third, method="POST", times=None))
    stopped = run(plan, concurrency={"carrier": 1})
    assert stopped.state is RunState.PAUSED
    assert list(stopped.paused.values()) == ["10 of 30 did not succeed"]


# --- What goes wrong here ------------------------------------------------------------------------


def test_a_profile_that_is_not_connected_is_named_before_anything_is_sent(run, journal):
    with pytest.raises(FleetError, match="needs elsewhere, which is not connected"):
        run(plan_of(Op(id="x", verb=Verb.CHECK, profile="elsewhere", lane="l", number="+1")))
    assert journal.runs() == []


class Filling(SqliteJournal):
    """A journal on a disk that is full after some commits."""

    left = 0

    def _commit(self, rows):
        if self.left <= 0:
            (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
            self._connection.execute(f"PRAGMA max_page_count = {pages}")
            rows = [(*row[:7], "x" * 20_000, *row[8:]) for row in rows]
        self.left -= 1
        super()._commit(rows)


@pytest.mark.parametrize("commits", [0, 1, 5, 12])
def test_a_full_disk_stops_the_run_and_it_goes_on_later(world, providers, run, commits, tmp_path):
    plan = world.plan(world.begin(providers))
    with closing(Filling(tmp_path / "fleet.sqlite")) as journal:
        journal.left = commits
        with pytest.raises(FleetError, match=r"the disk is full.*resume"):
            run(plan, journal=journal)
        if not commits:
            # Nothing is sent that could not be written down before.
            assert world.ledger() == {"carrier": [], "rooms": [], "support": []}
    assert run(plan).state is RunState.FINISHED
    assert sum(map(len, world.ledger().values())) == 5


def test_an_error_of_the_callback_stops_the_run_and_is_raised(world, providers, run, labels):
    plan = labels(30)

    def fail(_):
        raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        run(plan, progress=fail, concurrency={"carrier": 1})
    resumed = run(plan)
    assert resumed.state is RunState.FINISHED
    assert len(world.sandbox.ledger("twilio", "label")) == 30


def test_a_task_that_is_cancelled_twice_leaves_what_is_under_way(world, labels, journal):
    plan = labels(12)

    async def cancelled():
        answered = asyncio.Event()

        async def note(_):
            answered.set()

        world.settings["carrier"]["on_response"] = note
        async with world.connected_async() as providers:
            going = asyncio.create_task(
                apply_async(plan, providers, journal, concurrency={"carrier": 2})
            )
            await answered.wait()
            going.cancel()
            await asyncio.sleep(0)
            going.cancel()
            with pytest.raises(asyncio.CancelledError) as error:
                await going
            assert f"telephony fleet resume {plan.digest[:12]}" in error.value.__notes__[0]

    asyncio.run(cancelled())
    del world.settings["carrier"]["on_response"]
    assert journal.find(plan.digest).state is RunState.PARTLY
    with world.connected() as providers:
        run = resume(plan.digest, providers, journal)
    assert run.state is RunState.FINISHED
    assert {one.label for one in owned(world)} == {"New"}


def test_no_secret_reaches_the_journal(world, providers, run, tmp_path):
    plan = world.plan(world.begin(providers))
    world.sandbox.fail(
        Fault(kind="echo", status=400, path="/(twilio|livekit)/", method="POST", times=3)
    )
    run(plan)
    world.sandbox.heal()
    run(plan)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"agent_reception" in written
    secrets = [
        str(value)
        for settings in world.settings.values()
        for name, value in settings.items()
        if any(word in name for word in ("token", "secret", "key"))
    ]
    assert secrets
    for secret in (*secrets, world.sources["rooms"].password.get_secret_value()):
        assert secret.encode() not in written
