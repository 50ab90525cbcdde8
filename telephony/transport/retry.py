"""When a request is sent again, decided without I/O: both transports run the same `attempts`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    reclassified,
)
from telephony.settings import ProviderSettings
from telephony.transport.deadline import Deadline
from telephony.transport.instrumentation import request_id_of
from telephony.transport.limits import RateLimit, RetryBudget
from telephony.wire import Request, Response, Safety

_SECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_PASSING = frozenset({502, 503, 504})
# Refusals that come of the state of what the request is about, not of who asks or how often.
_OF_STATE = (ConflictError, InvalidRequestError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send the request, as soon as there is a connection and it is its turn.

    Attributes:
        number: 1 for the first try.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds; then comes another attempt.

    Attributes:
        number: of the attempt that failed.
        reason: why, as the name of an error.
    """

    seconds: float
    number: int
    reason: str


class NoResponse(Exception):  # noqa: N818 - an event for the policy, never raised to callers
    """An attempt brought no answer.

    Attributes:
        error: what the caller gets if it stays so.
        sent: whether the vendor may have seen the request.
        made: whether the attempt was made at all.
    """

    def __init__(self, error: ProviderError, *, sent: bool, made: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.sent = sent
        self.made = made


def too_late() -> NoResponse:
    """There was no time left for the attempt, or its turn would have come too late."""
    error = ProviderTimeoutError(
        "The deadline of this operation passed",
        hint="Raise the `deadline` setting, or ask for less at once.",
        retry_safe=True,
    )
    return NoResponse(error, sent=False, made=False)


class Policy:
    """What all requests of one connection share: settings, rate limit, retry budget."""

    def __init__(
        self,
        settings: ProviderSettings,
        error_of: Callable[[Response], ProviderError],
        *,
        ambiguous: frozenset[int] = frozenset({408}),
        jitter: Callable[[], float] = random.random,
        limit: RateLimit | None = None,
    ) -> None:
        self.settings = settings
        self.error_of = error_of
        self.ambiguous = ambiguous
        self.jitter = jitter
        self.limit: RateLimit = limit or RateLimit(settings.requests_per_second)
        self.budget: RetryBudget = RetryBudget(settings.retry_budget)


def attempts(
    request: Request, policy: Policy, settings: ProviderSettings, deadline: Deadline
) -> Generator[Attempt | Wait, Response, Response]:
    """Send `request` until it is answered, refused for good, or not worth another try.

    Yields an `Attempt` and is sent the `Response`, or is thrown a `NoResponse`; yields a `Wait` and
    is resumed with `next`. An unsafe request goes out again only after an attempt that the vendor
    provably did not process: no connection, or too many requests.

    Raises:
        ProviderError: the vendor's error, or that there was no answer.
        OutcomeUnknownError: something that changes the vendor's state may have been done.
    """
    limit = policy.limit
    repeatable = request.safety is not Safety.UNSAFE
    number, maybe_done = 0, False
    policy.budget.earn()
    while True:
        number += 1
        asked: float | None = None
        too_many = False
        try:
            if not deadline.allows(0):
                raise too_late()
            response = yield Attempt(number)
        except NoResponse as silence:
            error, processed = silence.error, silence.sent
            again = silence.made and (repeatable or not silence.sent)
            error.attempts = number if silence.made else number - 1
        else:
            if 200 <= response.status < 300:
                limit.succeeded()
                return response
            error = policy.error_of(response) if response.status >= 400 else _redirected()
            error.status, error.attempts = response.status, number
            error.request_id = error.request_id or request_id_of(response.headers)
            asked = retry_after(response.headers)
            # A vendor may say 429 for something else, such as a busy line: its adapter knows.
            too_many = response.status == 429 and isinstance(error, RateLimitedError)
            if too_many:
                # A wait past the maximum fails this request alone: the vendor may take the next.
                limit.refused(asked if asked and asked <= settings.retry_after_max else 0.0)
            if isinstance(error, RateLimitedError) and asked is not None:
                error.retry_after = asked
            # A failure on the vendor's side may have come before the work or after it.
            processed = response.status >= 500 or response.status in policy.ambiguous
            # Such a refusal of the repetition shows what the lost attempt left behind.
            if isinstance(error, _OF_STATE):
                maybe_done = False
            again = too_many or (response.status in _PASSING and repeatable)
        maybe_done = maybe_done or (processed and request.safety is not Safety.READ)
        pause = _pause(number, settings, asked, policy.jitter)
        if (
            again
            and number <= settings.retries
            and pause is not None
            and deadline.allows(pause)
            # Too many requests are for the rate limit to end, not a sign of a failing vendor.
            and (too_many or policy.budget.spend())
        ):
            yield Wait(pause, number, type(error).__name__)
            continue
        error.retry_safe = error.retry_safe or repeatable or again
        raise _unknown(error, repeatable) if maybe_done else error


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the vendor asks to wait: `Retry-After` as seconds or as an HTTP date.

    A date is measured against the answer's own `Date`, so that a wrong clock on either side
    does not matter.
    """
    asked = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return max(0.0, float(asked))
    try:
        until = parsedate_to_datetime(asked)
        sent = parsedate_to_datetime(headers["date"]) if "date" in headers else now
        return max(0.0, (until - (sent or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _pause(
    number: int, settings: ProviderSettings, asked: float | None, jitter: Callable[[], float]
) -> float | None:
    """How long to wait before the next try; None when the vendor asks for more than is allowed."""
    if asked is not None and asked > settings.retry_after_max:
        return None
    exponential = min(settings.backoff_max, settings.backoff * 2.0 ** (number - 1))
    return max(asked or 0.0, exponential * jitter())


def _redirected() -> InvalidResponseError:
    # Following would carry the credentials, and the method's meaning, somewhere else.
    return InvalidResponseError("The answer is a redirect, which is not followed")


def _unknown(error: ProviderError, repeatable: bool) -> OutcomeUnknownError:
    unknown = reclassified(
        error,
        OutcomeUnknownError,
        hint="It may have been done; making the same call again is safe." if repeatable else "",
        retry_safe=repeatable,
    )
    unknown.__cause__ = error
    return unknown
