"""The retry policy, without I/O: the whole table of what is sent again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telephony import errors
from telephony.settings import ProviderSettings
from telephony.transport.retry import Attempt, Deadline, NoAnswer, Wait, attempts, retry_after
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
    flow = attempts(
        REQUESTS[safety],
        settings,
        deadline or Deadline(None),
        lambda response: errors.class_for(response.status)("refused"),
        lambda: jitter,
    )
    waits, script = [], iter(script)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                waits.append(step.seconds)
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
