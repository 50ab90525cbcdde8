"""The retry policy, without I/O: what is retried, and after how long."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from telephony import errors
from telephony._transport.deadline import Deadline
from telephony._transport.limits import RateLimit
from telephony._transport.retry import (
    Attempt,
    NoResponse,
    Policy,
    Wait,
    attempts,
    retry_after,
    too_late,
)
from telephony.settings import ProviderSettings
from telephony.wire import Request, Response, Safety

SETTINGS = ProviderSettings(base_url="https://api.example.com", retries=2, backoff=0.5)
REQUESTS = {
    Safety.READ: Request.get("/x"),
    Safety.IDEMPOTENT: Request.patch("/x"),
    Safety.UNSAFE: Request.post("/x"),
}
NOT_SENT = NoResponse(errors.UnavailableError("No connection"), sent=False)
LOST = NoResponse(errors.ProviderTimeoutError("No response in time"), sent=True)


def response(status, headers=None):
    return Response(status, headers or {}, b"", Request.get("/x"))


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def refusal(response):
    return errors.class_for(response.status)("refused")


def again(lost):
    """Return a copy; the policy changes the errors that it is given."""
    error = copy.copy(lost.error)
    return NoResponse(error, sent=lost.sent, made=lost.made)


def run(
    safety, script, *, settings=SETTINGS, jitter=1.0, deadline=None, limit=None, clock=None,
    error_of=refusal,
):  # fmt: skip
    """Play a vendor that does what `script` says; returns the waits and the outcome."""
    clock, deadline = clock or Clock(), deadline or Deadline(None)
    limit = limit or RateLimit(None, clock)
    policy = Policy(settings, error_of, jitter=lambda: jitter, limit=limit)
    flow = attempts(REQUESTS[safety], policy, settings, deadline)
    waits, script = [], iter(script)

    def attempt():
        with limit.turn() as turn:
            while deadline.allows(wait := turn.wait()):
                if wait == 0:
                    return next(script)
                waits.append(wait)
                clock.now += wait
        return too_late()

    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                waits.append(step.seconds)
                clock.now += step.seconds
                step = next(flow)
                continue
            assert isinstance(step, Attempt)
            event = attempt()
            step = flow.throw(again(event)) if isinstance(event, NoResponse) else flow.send(event)
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
        (response(429), RETRIED, RETRIED, RETRIED),
        (response(502), RETRIED, RETRIED, NOT_RETRIED),
        (response(503), RETRIED, RETRIED, NOT_RETRIED),
        (response(504), RETRIED, RETRIED, NOT_RETRIED),
        (response(500), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(400), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(408), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(101), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(401), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(404), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(409), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(300), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
        (response(302), NOT_RETRIED, NOT_RETRIED, NOT_RETRIED),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_what_is_retried(event, read, idempotent, unsafe):
    for safety, expected in zip(Safety, (read, idempotent, unsafe), strict=True):
        _, outcome = run(safety, [event, response(200)])
        assert isinstance(outcome, Response) is expected, safety


@pytest.mark.parametrize(
    ("script", "read", "idempotent", "unsafe"),
    [
        ([NOT_SENT] * 3, "UnavailableError", "UnavailableError", "UnavailableError"),
        ([LOST] * 3, "ProviderTimeoutError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([response(429)] * 3, "RateLimitedError", "RateLimitedError", "RateLimitedError"),
        ([response(503)] * 3, "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([response(500)], "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
        # A server that gave up waiting may have handed the work on before.
        ([response(408)], "ProviderTimeoutError", "OutcomeUnknownError", "OutcomeUnknownError"),
        ([response(400)], *["InvalidRequestError"] * 3),
        ([response(404)], *["NotFoundError"] * 3),
        ([response(300)], *["InvalidResponseError"] * 3),
        # A refused repetition shows what the lost attempt left behind.
        ([LOST, response(404)], "NotFoundError", "NotFoundError", "OutcomeUnknownError"),
        # That there are too many requests shows nothing of it, nor that the key is refused.
        (
            [LOST, *[response(429)] * 2],
            "RateLimitedError",
            "OutcomeUnknownError",
            "OutcomeUnknownError",
        ),
        (
            [LOST, response(401)],
            "AuthenticationError",
            "OutcomeUnknownError",
            "OutcomeUnknownError",
        ),
        (
            [LOST, response(403)],
            "PermissionDeniedError",
            "OutcomeUnknownError",
            "OutcomeUnknownError",
        ),
        # What came first may have been processed, whatever comes later.
        ([LOST, *[NOT_SENT] * 2], "UnavailableError", "OutcomeUnknownError", "OutcomeUnknownError"),
    ],
)
def test_the_error_after_the_last_attempt(script, read, idempotent, unsafe):
    for safety, expected in zip(Safety, (read, idempotent, unsafe), strict=True):
        _, outcome = run(safety, script)
        assert type(outcome).__name__ == expected, safety


def test_an_unknown_outcome_says_whether_the_call_may_be_made_again():
    harmless, risky = run(Safety.IDEMPOTENT, [LOST] * 3)[1], run(Safety.UNSAFE, [LOST])[1]
    assert (harmless.retry_safe, risky.retry_safe) == (True, False)
    assert "again is safe" in harmless.hint
    assert "before you repeat it" in risky.hint
    assert isinstance(risky.__cause__, errors.ProviderTimeoutError)


def test_an_unknown_outcome_has_the_vendors_error():
    def failing(_):
        return errors.UnavailableError("Try later", code="E7", request_id="req_1", raw={"a": 1})

    _, outcome = run(Safety.IDEMPOTENT, [response(503)] * 3, error_of=failing)
    assert (outcome.message, outcome.code, outcome.request_id) == ("Try later", "E7", "req_1")
    assert (outcome.status, outcome.attempts, outcome.raw) == (503, 3, {"a": 1})


@pytest.mark.parametrize("name", ["x-request-id", "twilio-request-id", "x-livekit-request-id"])
@pytest.mark.parametrize("status", [400, 500])
def test_an_error_names_the_request_for_the_vendors_support(name, status):
    _, outcome = run(Safety.UNSAFE, [response(status, {name: "req_1"})])
    assert outcome.request_id == "req_1"
    assert "request req_1" in str(outcome)


def test_attempts_are_counted():
    assert run(Safety.READ, [LOST] * 3)[1].attempts == 3
    assert run(Safety.READ, [response(404)])[1].attempts == 1


@pytest.mark.parametrize(
    ("script", "outcomes"),
    [
        ([], ["ProviderTimeoutError"] * 3),
        ([NOT_SENT], ["ProviderTimeoutError"] * 3),
        ([LOST], ["ProviderTimeoutError", "OutcomeUnknownError", "OutcomeUnknownError"]),
    ],
    ids=["at once", "after no connection", "after a lost response"],
)
def test_a_request_that_was_not_sent_does_not_count(script, outcomes):
    for safety, expected in zip(Safety, outcomes, strict=True):
        clock = Clock()
        # The next turn comes after the end.
        limit, deadline = RateLimit(1, clock), Deadline(1, clock)
        if not script:
            clock.now += 1
        _, outcome = run(safety, script, limit=limit, clock=clock, deadline=deadline)
        assert type(outcome).__name__ == expected, safety
        assert outcome.attempts == len(script)
        assert outcome.retry_safe is (safety is not Safety.UNSAFE or script != [LOST])


def test_waits_double_up_to_their_limit_with_full_jitter():
    settings = SETTINGS.model_copy(update={"retries": 6})
    assert run(Safety.READ, [LOST] * 7, settings=settings)[0] == [0.5, 1, 2, 4, 8, 8]
    assert run(Safety.READ, [LOST] * 7, settings=settings, jitter=0.25)[0] == [
        0.125, 0.25, 0.5, 1, 2, 2,
    ]  # fmt: skip


def test_retry_after_is_respected():
    busy = response(429, {"retry-after": "7"})
    assert run(Safety.UNSAFE, [busy, response(200)], jitter=0.0)[0] == [7.0]


def test_a_retry_after_beyond_the_maximum_raises_at_once():
    waits, outcome = run(Safety.READ, [response(429, {"retry-after": "61"})])
    assert waits == []
    assert outcome.retry_after == 61
    assert outcome.retry_safe


def test_the_longest_retry_after_that_is_respected():
    assert run(Safety.READ, [response(429, {"retry-after": "60"}), response(200)])[0] == [60]


def test_the_wait_that_the_adapter_read_from_the_body_is_kept():
    def error_of(_):
        return errors.RateLimitedError("refused", retry_after=9)

    assert run(Safety.READ, [response(429)] * 3, error_of=error_of)[1].retry_after == 9
    with_header = [response(429, {"retry-after": "7"})] * 3
    assert run(Safety.READ, with_header, error_of=error_of)[1].retry_after == 7


def test_a_429_for_another_reason_is_not_a_rate_limit():
    def busy(_):
        return errors.ConflictError("The line is busy")

    clock = Clock()
    limit = RateLimit(50, clock)
    script = [response(429, {"retry-after": "1"}), response(200)]
    waits, outcome = run(Safety.UNSAFE, script, error_of=busy, limit=limit, clock=clock)
    assert (waits, type(outcome)) == ([], errors.ConflictError)
    waits, outcome = run(Safety.READ, script, error_of=busy, limit=limit, clock=clock)
    assert (waits, type(outcome)) == ([], errors.ConflictError)
    assert limit.rate == 50


def test_a_used_up_quota_is_not_a_rate_limit_and_does_not_settle_a_lost_attempt():
    def used_up(response):
        if response.status == 429:
            return errors.QuotaExceededError("limit reached for plan")
        return refusal(response)

    clock = Clock()
    limit = RateLimit(50, clock)
    script = [response(503), response(429, {"retry-after": "1"}), response(200)]
    for safety, expected in (
        (Safety.READ, errors.QuotaExceededError),
        (Safety.IDEMPOTENT, errors.OutcomeUnknownError),
    ):
        _, outcome = run(safety, script, error_of=used_up, limit=limit, clock=clock)
        assert (type(outcome), outcome.attempts) == (expected, 2)
    assert limit.rate == 50


def test_an_adapter_says_after_which_refusals_a_change_may_have_been_done():
    def outcome(safety, status, ambiguous):
        policy = Policy(SETTINGS, refusal, ambiguous=frozenset(ambiguous))
        flow = attempts(REQUESTS[safety], policy, SETTINGS, Deadline(None))
        next(flow)
        try:
            flow.send(response(status))
        except errors.ProviderError as error:
            return type(error)

    assert outcome(Safety.UNSAFE, 412, {412}) is errors.OutcomeUnknownError
    assert outcome(Safety.READ, 412, {412}) is errors.InvalidRequestError
    assert outcome(Safety.UNSAFE, 412, {408}) is errors.InvalidRequestError
    assert outcome(Safety.UNSAFE, 408, ()) is errors.ProviderTimeoutError


def test_a_rate_limit_with_another_status_is_not_retried():
    def limited(_):
        return errors.RateLimitedError("refused")

    clock = Clock()
    limit = RateLimit(50, clock)
    waits, outcome = run(
        Safety.UNSAFE, [response(400), response(200)], error_of=limited, limit=limit, clock=clock
    )
    assert (waits, type(outcome)) == ([], errors.RateLimitedError)
    assert limit.rate == 50


@pytest.mark.parametrize(
    ("script", "read", "idempotent", "unsafe"),
    [
        ([response(404)], True, True, False),
        ([NOT_SENT] * 3, True, True, True),
        ([response(429)] * 3, True, True, True),
    ],
)
def test_retry_safe_says_whether_the_same_call_can_be_made_again(script, read, idempotent, unsafe):
    for safety, expected in zip(Safety, (read, idempotent, unsafe), strict=True):
        assert run(safety, script)[1].retry_safe is expected, safety


def test_an_adapter_may_know_that_a_refusal_did_nothing():
    def harmless(_):
        return errors.ConflictError("refused", retry_safe=True)

    assert run(Safety.UNSAFE, [response(409)], error_of=harmless)[1].retry_safe is True


def test_no_retry_goes_past_the_deadline():
    clock = Clock()
    deadline = Deadline(5, clock)
    for seconds in ("5", "6"):
        waits, outcome = run(
            Safety.READ,
            [response(503, {"retry-after": seconds}), response(200)],
            deadline=deadline,
        )
        assert waits == []
        assert isinstance(outcome, errors.UnavailableError)
    soon = [response(503, {"retry-after": "4"}), response(200)]
    assert isinstance(run(Safety.READ, soon, deadline=deadline)[1], Response)

    clock.now += 4.5
    assert isinstance(run(Safety.READ, [response(200)], deadline=deadline)[1], Response)
    clock.now += 0.5
    _, outcome = run(Safety.READ, [response(200)], deadline=deadline)
    assert isinstance(outcome, errors.ProviderTimeoutError)
    assert "deadline" in str(outcome)


def test_a_request_waits_for_its_turn_but_not_past_the_deadline():
    clock = Clock()
    limit = RateLimit(2, clock)
    for wait in ([], [], [1.01]):
        waits, outcome = run(Safety.READ, [response(200)], limit=limit, clock=clock)
        assert waits == pytest.approx(wait)
        assert isinstance(outcome, Response)

    limit = RateLimit(2, clock)
    limit.turn()
    limit.turn()
    waits, outcome = run(
        Safety.READ, [response(200)], limit=limit, clock=clock, deadline=Deadline(1, clock)
    )
    assert waits == []
    assert isinstance(outcome, errors.ProviderTimeoutError)


def test_a_turn_without_time_to_wait_delays_no_other():
    clock = Clock()
    limit = RateLimit(1, clock)
    end, sent = clock.now + 60, 0
    while clock.now < end:
        _, outcome = run(
            Safety.READ, [response(200)], limit=limit, clock=clock, deadline=Deadline(0.5, clock)
        )
        sent += isinstance(outcome, Response)
        clock.now += 0.1
    assert sent > 50


@pytest.mark.parametrize("left", [0, -1])
def test_an_operation_past_its_deadline_takes_no_turn(left):
    clock = Clock()
    limit = RateLimit(1, clock)
    run(Safety.READ, [], limit=limit, clock=clock, deadline=Deadline(left, clock))
    assert run(Safety.READ, [response(200)], limit=limit, clock=clock)[0] == []


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
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 +99999999999999999999"}, None),
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


def test_retry_after_until_a_date():
    assert retry_after({"retry-after": "Sat, 01 Jan 2400 00:00:00 GMT"}) > 10**9


@pytest.mark.parametrize("event", [response(503), LOST], ids=["response", "lost"])
@pytest.mark.parametrize(("share", "retried"), [(0.0, 10), (0.2, 29)])
def test_a_failing_vendor_is_not_overloaded_with_retries(event, share, retried):
    settings = SETTINGS.model_copy(update={"retry_budget": share})
    assert requests_of_a_hundred(event, settings) == 100 + retried


def test_a_429_does_not_spend_the_retry_budget():
    settings = SETTINGS.model_copy(update={"retry_budget": 0.0})
    assert requests_of_a_hundred(response(429), settings) == 100 * 3


def requests_of_a_hundred(event, settings):
    """Return how many requests a hundred operations make with this outcome every time."""
    policy, sent = Policy(settings, refusal, jitter=lambda: 0.0), 0
    for _ in range(100):
        flow = attempts(REQUESTS[Safety.READ], policy, settings, Deadline(None))
        try:
            step = next(flow)
            while True:
                if isinstance(step, Wait):
                    step = next(flow)
                    continue
                sent += 1
                lost = isinstance(event, NoResponse)
                step = flow.throw(again(event)) if lost else flow.send(event)
        except errors.ProviderError:
            continue
    return sent


def test_what_the_policy_learns_applies_to_all_requests():
    clock = Clock()
    limit, settings = RateLimit(50, clock), SETTINGS.model_copy(update={"retries": 0})

    def send(event):
        return run(Safety.READ, [event], settings=settings, limit=limit, clock=clock)

    assert send(response(429))[1].status == 429
    assert limit.rate == 45
    assert send(response(200))[0] == [], "no Retry-After was given"
    clock.now += 1
    assert send(response(200))[0] == []
    assert limit.rate == pytest.approx(49.5)
    send(response(429, {"retry-after": "3"}))
    assert send(response(200))[0] == [3]
    clock.now += 3
    assert send(response(429, {"retry-after": "3600"}))[1].retry_after == 3600
    assert send(response(200))[0] == [], "a wait that is too long holds back only its own caller"
