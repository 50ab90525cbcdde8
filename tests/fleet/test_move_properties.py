"""Whatever fails, whoever dies and whoever meddles: a number that was answered is answered."""

from __future__ import annotations

from collections import Counter, deque
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

import telephony
from telephony import Agent, Application, LinkedCarrier, SipTrunk, Trunk, Webhook
from telephony.fleet import FleetError, moving
from telephony.fleet.declared.model import Row
from telephony.fleet.declared.policy import Policy
from telephony.fleet.journal.protocol import MoveState
from telephony.fleet.planning.ops import Verb
from telephony.fleet.targets import UNCOVERED, parts, text_of
from tests.fleet.processes import MemoryJournal, Process
from tests.fleet.vendors import Entry, Exchange, Own, Pointed, Wired, World

NUMBERS = ["+14155550100", "+14155550101"]
ROUTES = {
    "rooms": Trunk("TK1"),
    "site": Webhook("https://site.example/v"),
    "app": Application("A1"),
}
OWN = Webhook("https://own.example/voice")
OWNERS = ("carrier", "shop")
POLICY = Policy.model_validate(
    {
        "owners": {name: {} for name in OWNERS},
        "answerers": {
            "support": {"via": "self", "source": {"linked": "link"}},
            "desk": {"via": "self", "source": {"linked": "link"}},
            "rooms": {"via": {"trunk": "TK1"}, "source": {"sip_trunk": {}}},
            "site": {"via": {"webhook": "https://site.example/v"}, "source": {"sip_trunk": {}}},
            "app": {"via": {"application": "A1"}, "source": {"sip_trunk": {}}},
        },
    }
)
SOURCES = {
    "support": LinkedCarrier("link"),
    "desk": LinkedCarrier("link"),
    "rooms": SipTrunk(),
    "site": SipTrunk(),
    "app": SipTrunk(),
}
ANSWERERS = list(SOURCES)
WIRED = ("support", "desk")
CHANGES_NOTHING = frozenset({"get_number"})


def wired(name):
    trunk = st.sampled_from([None, None, f"TK-{name}"])
    return st.builds(
        Wired, st.just(name), trunk=trunk, careless=st.booleans(), at_once=st.booleans()
    )


@st.composite
def worlds(draw):
    world = World(
        [
            Exchange("carrier"),
            Own("shop"),
            draw(wired("support")),
            draw(wired("desk")),
            *(Pointed(name) for name in ROUTES),
        ],
        ROUTES,
    )
    for number in NUMBERS[: draw(st.integers(1, 2))]:
        begin(draw, world, number)
    return world


def begin(draw, world, number):
    """Let a number be answered by somebody, or by nobody, and be held elsewhere too."""
    for name in draw(st.lists(st.sampled_from(ANSWERERS), max_size=2, unique=True)):
        agent = draw(st.sampled_from([None, None, Agent("one")]))
        world.vendors[name].held[number] = Entry(f"{name}-{number}", None, agent)
    by = draw(st.sampled_from([*ANSWERERS, *ANSWERERS, "shop", "own", "trunk", None]))
    if by == "shop":
        shop = draw(st.sampled_from([None, Agent("one")]))
        world.vendors["shop"].held[number] = Entry(f"shop-{number}", None, shop)
        return
    calls = {"own": OWN, "trunk": Trunk("TK9"), None: None}.get(by) or world.routes.get(by)
    if by in ANSWERERS:
        world.vendors[by].held[number] = Entry(f"{by}-{number}", None, Agent("one"))
    texts = draw(st.sampled_from([None, Webhook(None, "https://own.example/sms")]))
    both = None if calls is texts is None else (calls, texts)
    entry = world.vendors["carrier"].held[number] = Entry(f"PN-{number}", None, both)
    # Of two vendors that route it themselves, nobody can tell whose a trunk is.
    both = [one for one in WIRED if world.vendors[one].answers(number)]
    if len(both) == 2 and isinstance(calls, Trunk):
        del world.vendors[both[0] if by != both[0] else both[1]].held[number]
    if isinstance(calls, Trunk | Application):
        entry.kept = draw(st.sampled_from([None, OWN.voice_url]))


TARGETS = st.sampled_from(["one", "two", "two", ""])
MOVES = st.tuples(
    st.just("moves"),
    st.integers(0, 1),
    st.sampled_from([*ANSWERERS, *ANSWERERS, *OWNERS]),
    TARGETS,
    st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=20)]),
    st.booleans(),
)
OTHERS = st.one_of(
    MOVES,
    st.tuples(st.just("moves_back"), st.integers(0, 1)),
    st.tuples(st.just("applies"), st.integers(0, 1), st.sampled_from(ANSWERERS), TARGETS),
    st.tuples(st.just("resumes")),
)
BY_HAND = [None, Webhook("https://by-hand.example"), Trunk("TK-hand"), *ANSWERERS]
EVENTS = st.one_of(
    st.sampled_from(["refused", "down", "lost", "lost before", "dies", "dies after"]),
    st.just("goes on"),
    st.tuples(st.integers(0, 1), st.sampled_from(BY_HAND)),
)
DISTURBED = st.lists(st.tuples(st.integers(0, 12), EVENTS), max_size=6)


class Strange(Struct):
    """A route that somebody wrote at the carrier by hand, and that stands.

    Attributes:
        text: it, as text.
        whole: what the number has then, as text.
        at: when it was written.
    """

    text: str
    whole: str
    at: int


class Scene:
    """Processes that work on numbers, what disturbs them, and what must hold after every call."""

    def __init__(self, world, commands=(), disturbed=()):
        self.world = world
        self.journal = MemoryJournal(self._wired())
        self.commands = deque(commands)
        self.disturbed = deque(disturbed)
        self.running = deque()
        self.clock = 0
        self.answered = {n for n in NUMBERS if world.is_answered(n)}
        self.owed = set(self.answered)
        self.strange: dict[str, Strange] = {}
        self.told: dict[str, set[str]] = {}
        self.untold = set()
        self.changed: dict[str, list[tuple[int, object]]] = {number: [] for number in NUMBERS}
        self.born: dict[str, tuple[int, dict[str, str], set[str]]] = {}
        self.ledger = Counter()

    def run(self):
        """Let all processes run, then without disturbance whatever is not ended."""
        while self._is_next():
            self._step()
        self.disturbed.clear()
        for _ in range(3):
            for move in self.journal.moves():
                if not move.ended:
                    self._begin("moves", move.number, move.to, "", timedelta(0), False)
                    while self.running:
                        self._step()
        for number in self.owed:
            assert self.world.is_answered(number), number
        for move in self.journal.moves():
            self._check_end(move)

    # --- Processes -------------------------------------------------------------------------------

    def _is_next(self):
        if not self.running and self.commands:
            name, *arguments = self.commands.popleft()
            if arguments:
                arguments[0] = self._number(arguments[0])
            if name == "applies":
                number, at, to = arguments
                owner = "shop" if number in self.world.vendors["shop"].held else "carrier"
                arguments = [Row(number, owner, answer_at=at, answer_to=to)]
            self._begin(name, *arguments)
        return bool(self.running or self.commands)

    def _begin(self, name, *arguments):
        process = Process(self.world, POLICY, SOURCES, self.journal)
        process.begun = self.clock
        steps = getattr(process, name)(*arguments)
        self.running.appendleft((process, steps, None, None))
        self._go_on()

    def _go_on(self, came=None, error=None):
        """Let the first process go on until its next call."""
        process, steps, *_ = self.running.popleft()
        try:
            step = steps.throw(error) if error else steps.send(came)
        except (StopIteration, telephony.TelephonyError) as ended:
            if isinstance(ended, FleetError):
                # Another process has gone on with the move, and this one said so.
                self.untold.add(process.move)
            self._note_moves(process)
            return
        self.running.appendleft((process, steps, step, None))
        self._note_moves(process)

    def _note_moves(self, process):
        for move in self.journal.moves():
            if move.id not in self.born:
                answered = {n for n in NUMBERS if self.world.is_answered(n)}
                self.born[move.id] = (process.begun, self._images(move.number), answered)
                strange = self.strange.get(move.number)
                if strange and parts(move.before)[0] == strange.text:
                    del self.strange[move.number]  # it is to be moved from there
            begun, images, _ = self.born[move.id]
            if move.id == process.move and not self._is_disturbed(move, begun):
                self._check_undisturbed(move, images)

    def _step(self):
        event = self._event()
        if not self.running:
            return
        process, _, step, _ = self.running[0]
        if event == "goes on":
            if self.commands:
                self._is_next_beside()
            else:
                self.running.rotate(-1)
            return
        if isinstance(event, tuple):
            self._meddle(self._number(event[0]), event[1])
            return
        if isinstance(step, moving.Wait):
            if event in ("dies", "dies after"):
                self._kill()
            else:
                self._go_on()
            return
        if event == "dies":
            self._kill()
        elif event in ("refused", "down", "lost before"):
            self._tick(process, step)
            self._go_on(error=self._error(event, step))
        else:
            came, error = self._call(process, step)
            if event == "dies after":
                self._kill()
            elif event == "lost" and error is None:
                self._go_on(error=self._error(event, step))
            else:
                self._go_on(came, error)

    def _number(self, index):
        held = sorted(self.world.numbers())
        return held[index % len(held)] if held else NUMBERS[0]

    def _is_next_beside(self):
        running, self.running = self.running, deque()
        self._is_next()
        self.running.extend(running)

    def _event(self):
        if not self.disturbed:
            return None
        gap, event = self.disturbed[0]
        if gap:
            self.disturbed[0] = (gap - 1, event)
            return None
        self.disturbed.popleft()
        return event

    def _kill(self):
        _, steps, *_ = self.running.popleft()
        steps.close()

    def _error(self, event, call):
        changes = call.operation not in CHANGES_NOTHING
        if event == "refused" and changes:
            return telephony.InvalidRequestError("No")
        if event in ("refused", "down") or not changes:
            return telephony.UnavailableError("Down")
        return telephony.OutcomeUnknownError("Lost", retry_safe=call.operation != "import_number")

    # --- What is done, and what must hold --------------------------------------------------------

    def _tick(self, process, call):
        self.clock += 1
        process.calls.append((self.clock, call))

    def _call(self, process, call):
        """Make a call, and check all that must hold after it."""
        self._tick(process, call)
        answered = {n for n in NUMBERS if self.world.is_answered(n)}
        state = self.world.state()
        came = error = None
        try:
            came = self.world.call(call)
        except telephony.TelephonyError as refused:
            error = refused
        changed = {n for (_, n) in state.keys() ^ self.world.state().keys()}
        changed |= {
            n for (v, n), was in state.items() if self.world.state().get((v, n), was) != was
        }
        for number in changed:
            self.changed[number].append((self.clock, process))
        if call.operation in ("import_number", "release_number"):
            self._count(process, call, error)
        for number in NUMBERS:
            self._check_stranger(process, call, number)
            if number in answered and not self.world.is_answered(number):
                assert self._is_excused(process, call, number), (call, process.doing)
        return came, error

    def _count(self, process, call, error):
        if error is None or isinstance(error, telephony.ConflictError):
            self.ledger[process.doing, call.operation] += 1
            assert self.ledger[process.doing, call.operation] == 1, call
        assert call.operation != "release_number" or call.profile not in OWNERS, call

    def _is_excused(self, process, call, number):
        if self._is_raced(process, number) or self._is_taken_in(process, number):
            self.owed.discard(number)
            return True
        if process.doing[0].endswith("-undo") and number not in self.born[process.move][2]:
            return True
        if process.move is None and self._is_careless(call):
            self.owed.discard(number)  # a plan's last check says so
        return self._is_careless(call)

    def _is_careless(self, call):
        vendor = self.world.vendors[call.profile]
        lets_go = call.operation in ("unassign_number", "release_number")
        return lets_go and isinstance(vendor, Wired) and vendor.careless

    def _is_taken_in(self, process, number):
        """Return whether somebody's route cannot be told from what was planned from."""
        by_hand = [at for at, by in self.changed[number] if by is None and at > process.begun]
        if process.move is None:
            # Of a vendor that writes the routing itself, a plan does not know what that is.
            trunks = [one for one in WIRED if isinstance(self.world.routes[one], Trunk)]
            return bool(by_hand or trunks)
        strange, move = self.strange.get(number), self.journal.kept[process.move]
        known = {parts(one)[0] for one in (move.before, move.routed) if one}
        # Nobody can tell it from what the vendor wrote, as it came right after that.
        taken = move.wired and parts(move.routed or "-")[0] != text_of(self.world.routes[move.to])
        return bool(by_hand and taken) or (strange is not None and strange.text in known)

    def _is_raced(self, process, number):
        """Return whether somebody meddled a moment ago, so that nobody could have read it."""
        meddled = [at for at, by in self.changed[number] if by is None]
        since = [at for at, _ in process.calls if meddled and at > meddled[-1]]
        return bool(meddled) and len(since) <= 2

    def _check_stranger(self, process, call, number):
        strange = self.strange.get(number)
        if strange is None or self._route(number) == strange.text:
            return
        del self.strange[number]
        since = [one for at, one in process.calls if at > strange.at]
        # On the way back, several vendors may write the routing one after the other.
        soon = 9 if process.doing and process.doing[0].endswith("-undo") else 2
        if len(since) <= soon or process.move is None or self._is_careless(call):
            return
        looks = [one for one in since[:-1] if one.operation == "get_number"]
        looked = any(one.profile == "carrier" for one in looks)
        assert looked, f"Overwritten without a look: {strange.text} by {call}"
        self.told.setdefault(process.move, set()).add(strange.whole)

    def _check_undisturbed(self, move, images):
        """Check how a number ended that nobody else has touched."""
        number, now = move.number, self._images(move.number)
        if move.state is MoveState.ROLLED_BACK:
            assert now == images, move
        elif move.state in (MoveState.MOVED, MoveState.RETIRED):
            if move.to not in OWNERS:
                assert self.world.vendors[move.to].answers(number), move
            by_hand = any(by is None for _, by in self.changed[number])
            if move.owner == "carrier" and move.to in ANSWERERS and not by_hand:
                assert self._route(number) == text_of(self.world.routes[move.to]), move
            assert parts(now[move.owner])[1] == parts(images[move.owner])[1]
            for op in move.breaks:
                left = None if move.retire and op.profile not in OWNERS else "-"
                assert now.get(op.profile) == left, move

    def _check_end(self, move):
        routes = [op for op in move.make if op.profile == move.owner and op.verb is not Verb.CHECK]
        own = {parts(op.after)[0] for op in routes if op.after != UNCOVERED}
        for text in self.told.get(move.id, set()) if move.id not in self.untold else ():
            own |= {parts(known)[0] for known in (move.before, move.routed or move.before)}
            if parts(text)[0] in {self._route(move.number), *own}:
                continue  # it stands; or it cannot be told from what the move does itself
            assert move.state is MoveState.LEFT or text in move.reason, (text, move)
        match move.state:
            case MoveState.MOVED | MoveState.RETIRED:
                pass
            case MoveState.ROLLED_BACK:
                pass
            case _:
                assert move.reason, move

    # --- The world -------------------------------------------------------------------------------

    def _meddle(self, number, route):
        entry = self.world.vendors["carrier"].held.get(number)
        if entry is None:
            return
        if route in WIRED and isinstance(self.world.routes[route], Trunk):
            return  # nobody can tell it from the vendor's own
        route = self.world.routes[route] if isinstance(route, str) else route
        if self._route(number) == text_of(route):
            return
        self.clock += 1
        calls, texts = entry.assignment or (None, None)
        if isinstance(route, Trunk | Application) and isinstance(calls, Webhook):
            entry.kept = calls.voice_url
        elif not isinstance(route, Trunk | Application):
            entry.kept = None
        entry.assignment = None if route is texts is None else (route, texts)
        self.strange[number] = Strange(
            text_of(route), self.world.vendors["carrier"].read(number), self.clock
        )
        self.changed[number].append((self.clock, None))
        if not self.world.is_answered(number):
            self.owed.discard(number)

    def _route(self, number):
        entry = self.world.vendors["carrier"].held.get(number)
        return text_of((entry.assignment or (None, None))[0]) if entry else None

    def _wired(self):
        routes = {text_of(self.world.routes[name]) for name in WIRED}
        read = self.world.vendors["carrier"].read
        return {n: read(n) for n in self.world.numbers() if self._route(n) in routes}

    def _images(self, number):
        return {
            name: vendor.read(number)
            for name, vendor in self.world.vendors.items()
            if number in vendor.held
        }

    def _is_disturbed(self, move, begun):
        return any(
            by is None or by.move != move.id for at, by in self.changed[move.number] if at > begun
        )


FAST = settings(
    max_examples=400, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


@FAST
@given(worlds(), MOVES, st.lists(OTHERS, max_size=3), DISTURBED)
def test_a_number_that_was_answered_is_answered_at_every_moment(world, move, others, disturbed):
    Scene(world, [move, *others], disturbed).run()


def held(name, agent="one"):
    return {NUMBERS[0]: Entry(f"{name}-{NUMBERS[0]}", None, agent and Agent(agent))}


def world_of(calls, texts=None, **holders):
    """Return a world of one number: what it has at its carrier, and the agents elsewhere."""
    vendors = [Exchange("carrier"), Own("shop"), Wired("support"), Wired("desk")]
    world = World([*vendors, *(Pointed(name) for name in ROUTES)], ROUTES)
    calls = world.routes.get(calls, calls)
    world.vendors["carrier"].held = {NUMBERS[0]: Entry("PN1", None, (calls, texts))}
    for name, agent in holders.items():
        world.vendors[name].held = held(name, agent)
    return world


def moves(to, target="one"):
    return ("moves", 0, to, target, timedelta(0), False)


TEXTS = Webhook(None, "https://own.example/sms")
FOUND = {
    "undone while it is read": (
        ("rooms", None, {"rooms": "one"}),
        [moves("support"), ("moves_back", 0)],
        [(7, "goes on")],
    ),
    "a plan before the new routing is read": (
        ("support", None, {"support": "one"}),
        [moves("desk"), ("applies", 0, "support", "one")],
        [(12, "goes on")],
    ),
    "moved elsewhere while it is read": (
        ("support", None, {"support": "one", "rooms": "one"}),
        [moves("rooms"), moves("support")],
        [(4, "goes on")],
    ),
    "only the former answerer is let go": (
        ("rooms", None, {"desk": "one", "rooms": "one"}),
        [moves("rooms")],
        [(2, (0, "desk"))],
    ),
    "routed by hand before the vendor routes": (
        ("support", None, {"support": "one"}),
        [moves("support", "two")],
        [(7, "dies"), (0, (0, None))],
    ),
    "routed by hand before the carrier answers": (
        ("support", None, {"support": "one"}),
        [moves("carrier")],
        [(2, (0, None))],
    ),
    "routed back before the former is let go": (
        ("support", None, {"support": "one"}),
        [moves("rooms")],
        [(16, "dies"), (0, (0, "support"))],
    ),
    "only its texts were answered": (
        (None, TEXTS, {}),
        [moves("rooms"), ("moves_back", 0)],
        [],
    ),
    "a plan lets who is gone back to go": (
        ("rooms", None, {"rooms": "one", "support": "one"}),
        [moves("rooms"), ("applies", 0, "support", "one")],
        [(10, "lost"), (0, "down")],
    ),
}


@pytest.mark.parametrize(("number", "commands", "disturbed"), FOUND.values(), ids=FOUND)
def test_what_was_found_stays_fixed(number, commands, disturbed):
    calls, texts, holders = number
    Scene(world_of(calls, texts, **holders), commands, disturbed).run()
