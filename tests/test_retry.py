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
        self.now = 100.0

    def __call__(self):
        return self.now


def test_no_second_has_more_requests_than_the_rate():
    clock = Clock()
    limit = RateLimit(10, clock)
    slots = [limit.reserve() for _ in range(100)]
    for start in slots:
        assert sum(start <= slot < start + 1 for slot in slots) <= 10
    assert slots[9] == 0
    assert max(slots) <= 10 * 1.1


def test_a_slot_is_free_a_window_after_the_one_that_leaves_it():
    clock = Clock()
    limit = RateLimit(2, clock)
    assert limit.reserve() == 0
    clock.now += 0.5
    assert limit.reserve() == 0
    assert limit.reserve() == pytest.approx(0.55)
    assert limit.reserve() == pytest.approx(1.05)

    slow = RateLimit(0.5, clock)
    assert [slow.reserve() for _ in range(3)] == pytest.approx([0, 2.1, 4.2])


def test_a_refusal_slows_everybody_down_and_quiet_time_recovers():
    clock = Clock()
    limit = RateLimit(50, clock)
    for _ in range(20):
        limit.succeeded()
    clock.now += 0.5
    limit.refused(2.0)
    assert limit.rate == 18
    assert limit.reserve() == 2.0
    limit.refused(0.0)
    assert limit.rate == 18, "refusals of one burst count once"
    clock.now += 0.5
    limit.succeeded()
    assert limit.rate == 18, "half a second shows nothing"
    assert limit.hold() == 1.5
    clock.now += 0.5
    for _ in range(2):
        limit.succeeded()
        assert limit.rate == pytest.approx(19.8), "a second raises it once"
    for _ in range(30):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate == 50
    assert limit.hold() == 0


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
    assert [limit.reserve() for _ in range(200)] == [0] * 200
    for _ in range(40):
        limit.succeeded()
    limit.refused(0.0)
    assert limit.rate == 36
    clock.now += 1
    limit.succeeded()
    assert limit.rate == pytest.approx(39.6)
    for _ in range(60):
        clock.now += 1.5
        limit.succeeded()
    assert limit.rate is None


def test_a_rate_that_was_set_is_never_forgotten():
    clock = Clock()
    limit = RateLimit(1000, clock)
    limit.refused(0.0)
    for _ in range(2):
        clock.now += 1
        limit.succeeded()
    assert limit.rate == 1000
