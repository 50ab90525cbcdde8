"""How fast one connection asks, and how much it repeats, on a clock that the tests move."""

from __future__ import annotations

import gc

import pytest

from telephony.transport.limits import RateLimit, RetryBudget, Turn


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


def test_requests_that_are_long_on_their_way_cannot_crowd_at_the_vendor():
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
        go(limit, clock, latency=0.8)
    before = clock.now
    for _ in range(100):
        go(limit, clock, latency=0.8)
    assert clock.now - before == pytest.approx(100, rel=0.02)


def test_what_counts_is_when_a_request_goes_out_not_when_it_was_meant_to():
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


def test_turns_are_forgotten():
    def remembered():
        return sum(isinstance(thing, Turn) for thing in gc.get_objects())

    clock = Clock()
    before, limit = remembered(), RateLimit(1, clock)
    for _ in range(2000):
        go(limit, clock)
        given_up = limit.turn()
        given_up.wait()
        limit.end(given_up)
    assert remembered() - before < 1100


@pytest.mark.parametrize("rate", [0.5, 2.5])
def test_a_rate_need_not_be_whole(rate):
    clock = Clock()
    limit = RateLimit(rate, clock)
    went = [go(limit, clock) for _ in range(11)]
    assert went[-1] - went[0] == pytest.approx(10 / rate, rel=0.02)


def test_a_request_goes_out_a_window_after_the_one_that_leaves_it():
    clock = Clock()
    limit = RateLimit(2, clock)
    went = [go(limit, clock)]
    clock.now += 0.5
    went += [go(limit, clock) for _ in range(3)]
    assert went == pytest.approx([100, 100.5, 101.01, 101.51])


def test_who_gives_up_waiting_leaves_the_place_to_the_next():
    clock = Clock()
    limit = RateLimit(2, clock)
    first = limit.turn()
    assert first.wait() == 0
    go(limit, clock)
    for _ in range(100):
        given_up = limit.turn()
        assert given_up.wait() < 1.1
        limit.end(given_up)
    # The first is still on its way: what counts is when it is answered, then as before.
    waiting = limit.turn()
    clock.now += 0.5
    limit.end(first)
    assert waiting.wait() == pytest.approx(1.01)


def test_a_refusal_slows_everybody_down_and_quiet_time_recovers():
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
        (50, 9, 0, 45),  # too few to tell
        (50, 20, 1, 18),
        (50, 20, 1.5, 45),  # too long ago to tell
        (12, 20, 0, 10.8),
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
    assert {go(limit, clock) for _ in range(200)} == {clock.now}
    for _ in range(40):
        limit.succeeded()
    limit.refused(0.0)
    assert limit.rate == 36
    waiting = limit.turn()
    assert waiting.wait() > 1, "what was sent before it was learnt counts"
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
