"""The retry policy, without I/O: both transports run the same `attempts`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from telephony._transport.deadline import Deadline
from telephony._transport.instrumentation import request_id_of
from telephony._transport.limits import RateLimit, RetryBudget
from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    class_for,
    reclassified,
)
from telephony.settings import ProviderSettings
from telephony.wire import Request, Response, Safety

_SECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_TEMPORARY = frozenset({502, 503, 504})
# Refusals due to the state of the resource, not to credentials or rates.
_STATE_ERRORS = (ConflictError, InvalidRequestError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send the request, once there is a connection and the rate limit allows it.

    Attributes:
        number: 1 for the first.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait before another attempt.

    Attributes:
        seconds: how long.
        number: of the attempt that failed.
        reason: the name of its error.
    """

    seconds: float
    number: int
    reason: str


class NoResponse(Exception):  # noqa: N818 - an event for the policy, never raised to callers
    """An attempt without a response.

    Attributes:
        error: what the caller gets if there is no retry.
        sent: whether the vendor may have seen the request.
        made: whether the attempt was made at all.
    """

    def __init__(self, error: ProviderError, *, sent: bool, made: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.sent = sent
        self.made = made


def too_late() -> NoResponse:
    """Return that the deadline left no time for an attempt, or for its turn."""
    error = ProviderTimeoutError(
        "The deadline of this operation passed",
        hint="Raise the `deadline` setting, or request less at once.",
        retry_safe=True,
    )
    return NoResponse(error, sent=False, made=False)


class Policy:
    """What all requests of one provider share: settings, rate limit, retry budget."""

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
    """Make attempts until one succeeds or no further one is allowed; return the response.

    Yields an `Attempt` and is sent the `Response`, or is thrown a `NoResponse`; yields a `Wait` and
    is resumed with `next`. An unsafe request is retried only after an attempt that the vendor
    provably did not process: no connection, or too many requests.

    Raises:
        ProviderError: the vendor's error, or that there was no response.
        OutcomeUnknownError: something that changes the vendor's state may have been done.
    """
    limit = policy.limit
    repeatable = request.safety is not Safety.UNSAFE
    number, maybe_done = 0, False
    policy.budget.earn()
    while True:
        number += 1
        requested: float | None = None
        too_many = False
        try:
            if not deadline.allows(0):
                raise too_late()
            response = yield Attempt(number)
        except NoResponse as lost:
            error, processed = lost.error, lost.sent
            again = lost.made and (repeatable or not lost.sent)
            error.attempts = number if lost.made else number - 1
        else:
            if 200 <= response.status < (400 if request.redirects else 300):
                limit.succeeded()
                return response
            error = _refused(response, policy)
            error.status, error.attempts = response.status, number
            error.request_id = error.request_id or request_id_of(response.headers)
            requested = retry_after(response.headers)
            # A vendor may say 429 for something else, such as a busy line: its adapter knows.
            too_many = response.status == 429 and isinstance(error, RateLimitedError)
            if too_many:
                # A wait past the maximum fails this request alone: the vendor may take the next.
                limit.refused(
                    requested if requested and requested <= settings.retry_after_max else 0.0
                )
            if isinstance(error, RateLimitedError) and requested is not None:
                error.retry_after = requested
            # A failure on the vendor's side may have come before the work or after it.
            processed = response.status >= 500 or response.status in policy.ambiguous
            # Such a refusal of the retry shows the state that the lost attempt left.
            if isinstance(error, _STATE_ERRORS):
                maybe_done = False
            again = too_many or (response.status in _TEMPORARY and repeatable)
        maybe_done = maybe_done or (processed and request.safety is not Safety.READ)
        pause = _pause(number, settings, requested, policy.jitter)
        if (
            again
            and number <= settings.retries
            and pause is not None
            and deadline.allows(pause)
            # The rate limit handles 429; it is not a sign of a failing vendor.
            and (too_many or policy.budget.spend())
        ):
            yield Wait(pause, number, type(error).__name__)
            continue
        error.retry_safe = error.retry_safe or repeatable or again
        raise _unknown(error, repeatable) if maybe_done else error


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds of `Retry-After`, which are written as such or as an HTTP date.

    A date is measured against the response's own `Date`, so that a wrong clock on either side
    does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return max(0.0, float(value))
    try:
        until = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers["date"]) if "date" in headers else now
        return max(0.0, (until - (sent or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _pause(
    number: int, settings: ProviderSettings, requested: float | None, jitter: Callable[[], float]
) -> float | None:
    """Return the seconds before the next attempt; None if the vendor requests too many."""
    if requested is not None and requested > settings.retry_after_max:
        return None
    exponential = min(settings.backoff_max, settings.backoff * 2.0 ** (number - 1))
    return max(requested or 0.0, exponential * jitter())


def _refused(response: Response, policy: Policy) -> ProviderError:
    if response.status < 400:
        # Following would carry the credentials, and the method's meaning, somewhere else.
        return InvalidResponseError("The response is a redirect, which is not followed")
    if not response.request.anonymous:
        return policy.error_of(response)
    # Another host's words, which may repeat the link.
    if response.status in {400, 401, 403, 404, 410}:
        return NotFoundError(
            "What the vendor's link leads to is not there, or the link has expired",
            hint="Make the same call again: it gets a new link.",
        )
    return class_for(response.status)("The host of the vendor's link refused the request")


def _unknown(error: ProviderError, repeatable: bool) -> OutcomeUnknownError:
    unknown = reclassified(
        error,
        OutcomeUnknownError,
        hint="It may have been done; making the same call again is safe." if repeatable else "",
        retry_safe=repeatable,
    )
    unknown.__cause__ = error
    return unknown
