"""Webhooks as vendors send them: in order, retried as the vendor does, and kept for tests.

They are sent to this machine only: what a vendor should send elsewhere is kept, but not sent.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from telephony.settings import is_loopback

_TIMEOUT = 15.0


def on_any_failure(status: int | None) -> bool:
    return status is None or not 200 <= status < 300


def on_server_error(status: int | None) -> bool:
    return status is None or status >= 500


def never(status: int | None) -> bool:  # noqa: ARG001 - of the kind of the two above
    return False


def ignored(response: bytes) -> None:
    """Do nothing with a response, as most vendors do."""


def unsigned() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """A webhook to send.

    Attributes:
        headers: the same in every attempt.
        attempts: how often it is sent at most.
        retried: whether it is sent again after this status; None: there was no response.
        sign: makes further headers for each attempt.
        on_success: called with the body of a response with status 2xx.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    attempts: int = 1
    retried: Callable[[int | None], bool] = never
    sign: Callable[[], Mapping[str, str]] = field(default=unsigned, repr=False)
    method: str = "POST"
    on_success: Callable[[bytes], None] = field(default=ignored, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class DeliveryAttempt:
    """An attempt to deliver a webhook; `status` is None where there was no response."""

    vendor: str
    at: datetime
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None
    response: bytes = field(repr=False)


class WebhookSender:
    """Send webhooks from threads of its own.

    Args:
        backoff: seconds before the second attempt; doubles each time.
    """

    def __init__(self, backoff: float) -> None:
        self._backoff = backoff
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="telephony-sandbox-webhooks")
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        self._stopped = threading.Event()
        self._jobs: list[Future[None]] = []
        self._log: list[DeliveryAttempt] = []

    def send(self, vendor: str, webhooks: Sequence[OutgoingWebhook]) -> None:
        """Deliver one after the other, each until it succeeds or is given up."""
        self._jobs.append(self._pool.submit(self._run, vendor, webhooks, self._log))

    def attempts_so_far(self) -> list[DeliveryAttempt]:
        """Return every attempt that has an outcome, while others may be under way."""
        return list(self._log)

    def attempts(self) -> list[DeliveryAttempt]:
        """Return every attempt so far, once none is under way."""
        while self._jobs:
            jobs, self._jobs = self._jobs, []
            wait(jobs)
            for job in jobs:
                job.result()
        return list(self._log)

    def reset(self) -> None:
        """Forget every attempt, and retry nothing that is under way."""
        self._log = []

    def close(self) -> None:
        self._stopped.set()
        self._pool.shutdown()
        self._client.close()

    def _run(
        self, vendor: str, webhooks: Sequence[OutgoingWebhook], log: list[DeliveryAttempt]
    ) -> None:
        for webhook in webhooks:
            for nth in range(webhook.attempts):
                if nth and self._stopped.wait(self._backoff * 2 ** (nth - 1)):
                    return
                if log is not self._log:
                    return
                log.append(self._attempt(vendor, webhook))
                if not (is_loopback(webhook.url) and webhook.retried(log[-1].status)):
                    break

    def _attempt(self, vendor: str, webhook: OutgoingWebhook) -> DeliveryAttempt:
        at = datetime.now(UTC)
        headers = {**webhook.headers, **webhook.sign()}
        status, content = None, b""
        if is_loopback(webhook.url):
            with contextlib.suppress(httpx.HTTPError):
                response = self._client.request(
                    webhook.method, webhook.url, headers=headers, content=webhook.body or None
                )
                status, content = response.status_code, response.content
        if status is not None and 200 <= status < 300:
            webhook.on_success(content)
        return DeliveryAttempt(
            vendor, at, webhook.method, webhook.url, headers, webhook.body, status, content
        )
