"""The retry policy, without I/O: the whole table of what is sent again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telephony import errors
from telephony.settings import ProviderSettings
from telephony.transport.limits import RateLimit, RetryBudget
from telephony.transport.retry import (
    Attempt,
    Deadline,
    NoAnswer,
    Policy,
    Wait,
    attempts,
    retry_after,
)
from telephony.wire import Request, Response, Safety

SETTINGS = ProviderSettings(base_url="https://api.example.com", retries=2, backoff=0.5)
REQUESTS = {
    Safety.READ: Request.get("/x"),
    Safety.IDEMPOTENT: Request.patch("/x"),
    Safety.UNSAFE: Request.post("/x"),
}
NOT_SENT = NoAnswer(errors.UnavailableError("No connection"), sent=False)
LOST = NoAnswer(errors.ProviderTimeoutError("No answer in time"), sent=True)


def answer(status, headers=None):
    return Response(status, headers or {}, b"", Request.get("/x"))


def run(safety, script, *, settings=SETTINGS, jitter=1.0, deadline=None):
    """Play a vendor that does what `script` says; returns the waits and the outcome."""
    now = [0.0]
    policy = Policy(
        settings,
        lambda response: errors.class_for(response.status)("refused"),
        jitter=lambda: jitter,
        limit=RateLimit(None, lambda: now[0]),
    )
    flow = attempts(REQUESTS[safety], policy, deadline or Deadline(None))
    waits, script = [], iter(script)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                waits.append(step.seconds)
                now[0] += step.seconds
                step = next(flow)
                continue
            assert isinstance(step, Attempt)
            event = next(script)
            step = flow.throw(event) if isinstance(event, NoAnswer) else flow.send(event)
    except StopIteration as done:
        return waits, done.value
    except errors.ProviderError as error:
        return waits, error


RETRIED, NOT_RETRIED = True, False


@pytest.mark.parametrize(
    ("event", "read", "idempotent", "unsafe"),
    [
        (NOT_SENT, RETRIED, RETRIED, RETRIED),
        (LOST, RETRIED, RETRIED, NOT_RETRIED),
        (answer(429), RETRIED, RETRIED, RETRIED),
        (answer(502), RETRIED, RETRIED, NOT_RETRIED),
        (answer(503), RETRIED, RETRIED, NOT_RETRIED),
        (answer(504), RETRIED, RETRIED, NOT_RETRIED),
        (answer(500), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (answer(400), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (answer(401), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (answer(404), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (answer(409), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (answer(302), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_what_is_sent_again(event, read, idempotent, unsafe):
    for safety, expected in zip(Safety, (read, idempotent, unsafe), strict=True):
        _, outcome = run(safety, [event, answer(200)])
        assert isinstance(outcome, Response) is expected, safety


@pytest.mark.parametrize(
    ("script", "read", "idempotent", "unsafe"),
    [
        ([NOT_SENT] * 3, "UnavailableError", "UnavailableError", "UnavailableError"),
        ([LOST] * 3, "ProviderTimeoutError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([answer(429)] * 3, "RateLimitedError", "RateLimitedError", "RateLimitedError"),
        ([answer(503)] * 3, "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([answer(500)], "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([answer(404)], "NotFoundError", "NotFoundError", "NotFoundError"),
        # A refused repetition tells what the lost attempt left behind.
        ([LOST, answer(404)], "NotFoundError", "NotFoundError", "OutcomeUnknownError"),
        # What came first may have been processed, whatever comes later.
        ([LOST, *[NOT_SENT] * 2], "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
    ],
)
def test_what_is_reported_in_the_end(script, read, idempotent, unsafe):
    for safety, expected in zip(Safety, (read, idempotent, unsafe), strict=True):
        _, outcome = run(safety, script)
        assert type(outcome).__name__ == expected, safety


def test_an_unknown_outcome_says_whether_the_call_may_be_made_again():
    assert run(Safety.IDEMPOTENT, [LOST] * 3)[1].retry_safe is True
    assert run(Safety.UNSAFE, [LOST])[1].retry_safe is False


def test_attempts_are_counted():
    assert run(Safety.READ, [LOST] * 3)[1].attempts == 3
    assert run(Safety.READ, [answer(404)])[1].attempts == 1


def test_waits_double_up_to_their_limit_with_full_jitter():
    settings = SETTINGS.model_copy(update={"retries": 6})
    assert run(Safety.READ, [LOST] * 7, settings=settings)[0] == [0.5, 1, 2, 4, 8, 8]
    assert run(Safety.READ, [LOST] * 7, settings=settings, jitter=0.25)[0] == [
        0.125, 0.25, 0.5, 1, 2, 2,
    ]  # fmt: skip


def test_a_vendor_that_asks_for_time_gets_it():
    busy = answer(429, {"retry-after": "7"})
    assert run(Safety.UNSAFE, [busy, answer(200)], jitter=0.0)[0] == [7.0]


def test_a_vendor_that_asks_for_too_much_time_is_reported_at_once():
    waits, outcome = run(Safety.READ, [answer(429, {"retry-after": "61"})])
    assert waits == []
    assert outcome.retry_after == 61
    assert outcome.retry_safe


def test_no_retry_goes_past_the_deadline():
    now = [0.0]
    deadline = Deadline(5, clock=lambda: now[0])
    waits, outcome = run(
        Safety.READ, [answer(503, {"retry-after": "6"}), answer(200)], deadline=deadline
    )
    assert waits == []
    assert isinstance(outcome, errors.UnavailableError)

    now[0] = 5.0
    _, outcome = run(Safety.READ, [answer(200)], deadline=deadline)
    assert isinstance(outcome, errors.ProviderTimeoutError)
    assert "deadline" in str(outcome)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 09:59:00 GMT"}, 0),
        # The vendor's clock is an hour ahead: its own Date is what its Retry-After means.
        (
            {
                "retry-after": "Sat, 21 Nov 2026 11:00:30 GMT",
                "date": "Sat, 21 Nov 2026 11:00:00 GMT",
            },
            30,
        ),
    ],
)
def test_retry_after_in_all_its_forms(headers, seconds):
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert retry_after(headers, now) == seconds


def test_retries_are_a_share_of_all_requests():
    budget = RetryBudget(0.2, reserve=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_a_failing_vendor_is_not_hammered():
    settings = SETTINGS.model_copy(update={"retry_budget": 0.0})
    policy = Policy(settings, lambda _: errors.UnavailableError("down"), jitter=lambda: 0.0)
    sent = []

    def ask():
        flow = attempts(REQUESTS[Safety.READ], policy, Deadline(None))
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                step = next(flow)
            else:
                sent.append(step)
                step = flow.send(answer(503))

    for _ in range(100):
        with pytest.raises(errors.UnavailableError):
            ask()
    assert len(sent) == 100 + 10


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def go(limit, clock, latency=0.0):
    """Wait for a turn, be on the way for `latency` seconds; returns when it went out."""
    turn = limit.reserve()
    while wait := limit.wait(turn):
        clock.now += wait
    went = clock.now
    clock.now += latency
    limit.answered(turn)
    return went


def test_no_second_has_more_requests_than_the_rate():
    clock = Clock()
    limit = RateLimit(10, clock)
    went = [go(limit, clock) for _ in range(100)]
    for start in went:
        assert sum(start <= moment < start + 1 for moment in went) <= 10
    assert went[9] == 0
    assert max(went) <= 10 * 1.1


def test_requests_that_are_long_on_their_way_cannot_crowd_at_the_vendor():
    clock = Clock()
    limit = RateLimit(2, clock)
    slow, slower = limit.reserve(), limit.reserve()
    assert limit.wait(slow) == limit.wait(slower) == 0
    clock.now = 0.8
    limit.answered(slow)
    assert limit.wait(limit.reserve()) == pytest.approx(1, rel=0.02)
    clock.now = 1.5
    assert limit.wait(limit.reserve()) > 0.5, "it may be arriving only now"


def test_a_vendor_that_is_always_slow_gets_its_full_rate():
    clock = Clock()
    limit = RateLimit(1, clock)
    for _ in range(300):
        go(limit, clock, latency=0.8)
    before = clock.now
    for _ in range(100):
        go(limit, clock, latency=0.8)
    assert clock.now - before == pytest.approx(100, rel=0.02)


def test_a_request_that_was_given_up_does_not_hold_up_others():
    clock = Clock()
    limit = RateLimit(1, clock)
    limit.wait(limit.reserve())
    turn = limit.reserve()
    while wait := limit.wait(turn):
        clock.now += wait
    assert clock.now == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("rate", [0.5, 2.5])
def test_a_rate_need_not_be_whole(rate):
    clock = Clock()
    limit = RateLimit(rate, clock)
    assert [go(limit, clock) for _ in range(11)][-1] == pytest.approx(10 / rate, rel=0.2)


def test_a_refusal_slows_everybody_down_and_quiet_time_recovers():
    clock = Clock()
    limit = RateLimit(50, clock)
    waiting = limit.reserve()
    for _ in range(20):
        limit.succeeded()
    limit.refused(2.0)
    assert limit.rate == 18
    assert limit.wait(limit.reserve()) == 2.0
    assert limit.wait(waiting) == 2.0
    limit.refused(0.0)
    assert limit.rate == 18, "refusals of one burst count once"
    for _ in range(30):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate == 50


def test_without_a_rate_one_is_learnt_and_forgotten_again():
    clock = Clock()
    limit = RateLimit(None, clock)
    assert {go(limit, clock) for _ in range(200)} == {0}
    for _ in range(40):
        limit.succeeded()
    limit.refused(0.0)
    assert limit.rate == 36
    assert limit.wait(limit.reserve()) > 1, "what was sent before it was learnt counts"
    for _ in range(60):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate is None
