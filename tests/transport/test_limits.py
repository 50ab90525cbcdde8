"""The rate limit and the retry budget, on a clock that the tests move."""

from __future__ import annotations

import contextlib
import heapq
import math
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony._transport.limits import RateLimit, RetryBudget


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def go(limit, clock, latency=0.0):
    """Wait for a turn, be on the way for `latency` seconds; returns when it went out."""
    with limit.turn() as turn:
        while wait := turn.wait():
            clock.now += wait
        went = clock.now
        clock.now += latency
    return went


def test_no_second_has_more_requests_than_the_rate():
    clock = Clock()
    limit = RateLimit(10, clock)
    went = [go(limit, clock) for _ in range(100)]
    for start in went:
        assert sum(start <= moment < start + 1 for moment in went) <= 10
    assert went[9] == went[0]
    assert went[-1] - went[0] <= 10 * 1.1


def test_delayed_requests_do_not_exceed_the_rate_at_the_vendor():
    clock = Clock()
    limit = RateLimit(2, clock)
    early, other = limit.turn(), limit.turn()
    assert early.wait() == other.wait() == 0
    clock.now += 0.9
    limit.end(early)
    assert limit.turn().wait() == pytest.approx(1, rel=0.02)
    clock.now += 0.7
    assert limit.turn().wait() > 0.5, "it may be arriving only now"


def test_a_vendor_that_is_always_slow_gets_its_full_rate():
    clock = Clock()
    limit = RateLimit(1, clock)
    for _ in range(300):
        go(limit, clock, latency=3)
    under_way = limit.turn()
    assert under_way.wait() == 0
    clock.now += 1.01
    assert limit.turn().wait() == 0
    limit = RateLimit(1, clock)
    for _ in range(300):
        go(limit, clock, latency=0.8)
    before = clock.now
    for _ in range(100):
        go(limit, clock, latency=0.8)
    assert clock.now - before == pytest.approx(100, rel=0.02)
    # One that is slower than the fastest may have come as late as that one would have.
    go(limit, clock, latency=5)
    assert limit.turn().wait() == pytest.approx(1.01 - 0.8)


def test_a_turn_waits_for_all_turns_before_it():
    clock = Clock()
    limit = RateLimit(1, clock)
    turns = [limit.turn() for _ in range(4)]
    assert turns[3].wait() == pytest.approx(3.03), "no other caller has come yet"
    for _ in range(2):
        assert [turn.wait() for turn in turns] == pytest.approx([0, 1.01, 2.02, 3.03])
    clock.now += 0.5
    limit.end(turns[0])
    assert [turn.wait() for turn in turns[1:]] == pytest.approx([1.01, 2.02, 3.03])


def test_threads_that_wait_together_are_not_released_together():
    waits = []

    class Interrupted(Clock):
        """When it is first read, another thread gets as far as it can."""

        other = None

        def __call__(self):
            if self.other is None:
                self.other = threading.Thread(target=send)
                self.other.start()
                self.other.join(0.05)
            return self.now

    def send():
        waits.append(limit.turn().wait())

    clock = Interrupted()
    limit = RateLimit(1, clock)
    send()
    clock.other.join()
    assert sorted(waits) == pytest.approx([0, 1.01])


def test_an_immediate_failure_is_not_a_fast_response():
    clock = Clock()
    limit = RateLimit(1, clock)
    for _ in range(300):
        go(limit, clock, latency=0.8)
    with contextlib.suppress(ConnectionError), limit.turn() as turn:
        while wait := turn.wait():
            clock.now += wait
        raise ConnectionError
    before = clock.now
    for _ in range(100):
        go(limit, clock, latency=0.8)
    assert clock.now - before == pytest.approx(100, rel=0.02)


def test_the_rate_counts_when_a_request_is_sent_not_when_it_was_due():
    clock = Clock()
    limit = RateLimit(1, clock)
    late, next_ = limit.turn(), limit.turn()
    assert next_.wait() == pytest.approx(1.01), "one that was promised a turn counts already"
    clock.now += 5
    assert late.wait() == 0
    assert next_.wait() == pytest.approx(1.01)


def test_a_rate_may_be_high():
    clock = Clock()
    limit = RateLimit(1500, clock)
    assert {go(limit, clock) for _ in range(1500)} == {clock.now}
    assert limit.turn().wait() == pytest.approx(1.01)


def test_old_events_are_forgotten():
    clock = Clock()
    limit = RateLimit(1, clock)

    def use():
        for _ in range(1100):
            go(limit, clock)
            limit.succeeded()
            given_up = limit.turn()
            given_up.wait()
            limit.end(given_up)

    tracemalloc.start()
    try:
        use()
        before, _ = tracemalloc.get_traced_memory()
        use()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000


@pytest.mark.parametrize("rate", [0.5, 2.5, 11.7])
def test_a_rate_need_not_be_whole(rate):
    clock = Clock()
    limit = RateLimit(rate, clock)
    went = [go(limit, clock) for _ in range(241)]
    assert most_in_a_second(went) == math.ceil(rate)
    assert went[240] - went[0] == pytest.approx(240 / rate, rel=0.03)


def most_in_a_second(moments):
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


class Simulation:
    """Callers that send at once to a vendor that counts, in simulated time.

    Each request takes a while to arrive, and each response takes a while to come back.
    """

    def __init__(self, rate, chance):
        self.clock, self.chance = Clock(), chance
        self.limit = RateLimit(rate, self.clock)
        self.arrived = []
        self._events, self._count = [], 0

    def at(self, moment, what, *facts):
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, what, facts))

    def run(self):
        while self._events:
            self.clock.now, _, what, facts = heapq.heappop(self._events)
            what(*facts)

    def call(self):
        self.send(self.limit.turn())

    def send(self, turn):
        wait = turn.wait()
        if wait:
            # Some come later than their turn.
            late = self.chance.choice([0, 0, 0.01, 0.3])
            self.at(self.clock.now + wait + late, self.send, turn)
            return
        there, back = (self.chance.choice([0.001, 0.02, 0.5, 1.5]) for _ in range(2))
        self.at(self.clock.now + there, self.arrive)
        self.at(self.clock.now + there + back, self.end, turn)

    def arrive(self):
        self.arrived.append(self.clock.now)

    def end(self, turn):
        self.limit.end(turn)
        self.limit.succeeded()


@settings(max_examples=150, deadline=None)
@given(
    rate=st.one_of(st.sampled_from([1, 1.04, 2.9, 11.7]), st.floats(0.4, 30)),
    chance=st.randoms(use_true_random=False),
)
def test_no_second_at_the_vendor_has_more_than_the_rate_whatever_it_is(rate, chance):
    world = Simulation(rate, chance)
    for _ in range(80):
        world.at(100 + chance.random() * 5, world.call)
    world.run()
    assert len(world.arrived) == 80
    assert most_in_a_second(world.arrived) <= math.ceil(rate)


@settings(max_examples=100, deadline=None)
@given(learnt=st.integers(11, 40), chance=st.randoms(use_true_random=False))
def test_a_learnt_rate_applies_to_requests_that_already_wait(learnt, chance):
    """From the refusal on, no second has more than the rate is then or later becomes."""
    world = Simulation(None, chance)
    for _ in range(learnt):
        world.limit.succeeded()
    for _ in range(120):
        world.at(100 + chance.random() * 0.1, world.call)
    refused = 100.05
    world.at(refused, world.limit.refused, 0.0)
    highest = []
    end, world.end = world.end, lambda turn: (end(turn), highest.append(world.limit.rate or 1000))
    world.run()
    later = [moment for moment in world.arrived if moment > refused + 3.1]
    assert not later or most_in_a_second(later) <= math.ceil(max(highest))
    went_after = [moment for moment in world.arrived if refused + 1.6 < moment < refused + 2.6]
    assert len(went_after) <= math.ceil(max(highest))


def test_a_request_is_sent_one_window_after_the_one_before_it():
    clock = Clock()
    limit = RateLimit(2, clock)
    went = [go(limit, clock)]
    clock.now += 0.5
    went += [go(limit, clock) for _ in range(3)]
    assert went == pytest.approx([100, 100.5, 101.01, 101.51])


def test_a_cancelled_turn_makes_room_for_the_next():
    clock = Clock()
    limit = RateLimit(2, clock)
    first = limit.turn()
    assert first.wait() == 0
    go(limit, clock)
    for _ in range(100):
        given_up = limit.turn()
        assert given_up.wait() < 1.1
        limit.end(given_up)
    # The first is still on its way: it counts until a second after its response.
    waiting = limit.turn()
    clock.now += 0.5
    limit.end(first)
    assert waiting.wait() == pytest.approx(0.51)
    clock.now += 0.51
    assert waiting.wait() == 0
    assert limit.turn().wait() == pytest.approx(0.5)


def test_retry_after_applies_in_addition_to_the_rate():
    clock = Clock()
    limit = RateLimit(1, clock)
    go(limit, clock)
    waiting = limit.turn()
    for requested in (5.0, 3.0):
        limit.refused(requested)
        assert waiting.wait() == 5
    clock.now += 5
    assert waiting.wait() == 0


def test_a_429_slows_all_callers_down_and_the_rate_recovers():
    clock = Clock()
    limit = RateLimit(50, clock)
    waiting = limit.turn()
    for _ in range(20):
        limit.succeeded()
    clock.now += 0.5
    limit.refused(2.0)
    assert limit.rate == 18
    assert limit.turn().wait() == 2.0
    assert waiting.wait() == 2.0
    limit.refused(0.0)
    assert limit.rate == 18, "refusals of one burst count once"
    clock.now += 0.5
    limit.succeeded()
    assert limit.rate == 18, "half a second shows nothing"
    assert waiting.wait() == 1.5
    clock.now += 0.5
    for _ in range(2):
        limit.succeeded()
        assert limit.rate == pytest.approx(19.8), "a second raises it once"
    for _ in range(30):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate == 50
    assert waiting.wait() == 0


def test_refusals_a_second_apart_both_count():
    clock = Clock()
    limit = RateLimit(50, clock)
    limit.refused(0.0)
    assert limit.rate == 45
    clock.now += 1
    limit.refused(0.0)
    assert limit.rate == 40.5


@pytest.mark.parametrize(
    ("rate", "successes", "age", "lowered"),
    [
        (50, 10, 0, 9),
        (50, 9, 0, 45),  # too few to learn from
        (50, 20, 1, 18),
        (50, 20, 1.5, 45),  # too long ago to learn from
        (12, 20, 0, 10.8),
        (1500, 1200, 0, 1080),
        (1.5, 0, 0, 1.35),
        (1, 0, 0, 1),
        (0.5, 0, 0, 0.5),
        (None, 9, 0, None),
        (None, 10, 0, 9),
    ],
)
def test_how_far_a_refusal_lowers_the_rate(rate, successes, age, lowered):
    clock = Clock()
    limit = RateLimit(rate, clock)
    for _ in range(successes):
        limit.succeeded()
    clock.now += age
    limit.refused(0.0)
    assert limit.rate == pytest.approx(lowered)


def test_without_a_rate_one_is_learnt_and_forgotten_again():
    clock = Clock()
    limit = RateLimit(None, clock)
    for _ in range(300):
        start = clock.now
        assert go(limit, clock, latency=0.01) == start
    early = [limit.turn() for _ in range(3)]
    for _ in range(40):
        limit.succeeded()
    limit.refused(0.0)
    assert limit.rate == 36
    assert all(turn.wait() > 0.6 for turn in early), "it holds for those that wait already"
    waiting = limit.turn()
    assert waiting.wait() > 0.6, "what was sent before it was learnt counts"
    clock.now += 1
    limit.succeeded()
    assert limit.rate == pytest.approx(39.6)
    for _ in range(60):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate is None
    assert waiting.wait() == 0


def test_a_rate_that_was_set_is_never_forgotten():
    clock = Clock()
    limit = RateLimit(1000, clock)
    limit.refused(0.0)
    for _ in range(2):
        clock.now += 1
        limit.succeeded()
    assert limit.rate == 1000


def test_retries_are_a_share_of_all_requests():
    budget = RetryBudget(0.2, reserve=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False], "quiet times save up none"
