"""Webhooks on their way: sent in order, tried again as the vendor does, and kept for tests.

Only to this machine: what a vendor should send elsewhere is kept, but not sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import httpx

from telephony.settings import is_loopback

_TIMEOUT = 15.0


def on_any_failure(status: int | None) -> bool:
    return status is None or not 200 <= status < 300


def on_server_error(status: int | None) -> bool:
    return status is None or status >= 500


def never(status: int | None) -> bool:  # noqa: ARG001 - of the kind of the two above
    return False


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """One webhook, to be sent.

    Attributes:
        sign: the headers, made anew for every try.
        tries: how often it is sent at most.
        retried: whether it is sent again after this status; None: there was no answer.
    """

    url: str
    body: bytes = field(repr=False)
    sign: Callable[[], Mapping[str, str]] = field(repr=False)
    tries: int = 1
    retried: Callable[[int | None], bool] = never
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try; `status` is None where there was no answer."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None
    answer: bytes = field(repr=False)


class WebhookSender:
    """Sends webhooks from threads of its own.

    Args:
        backoff: seconds before the second try; doubles each time.
    """

    def __init__(self, backoff: float) -> None:
        self._backoff = backoff
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="telephony-sandbox-webhooks")
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        self._stopped = threading.Event()
        self._jobs: list[Future[None]] = []
        self._log: list[DeliveryAttempt] = []

    def send(self, deliveries: Sequence[OutgoingWebhook]) -> None:
        """Deliver one after the other, each until it succeeds or is given up."""
        self._jobs.append(self._pool.submit(self._run, deliveries, self._log))

    def settled(self) -> list[DeliveryAttempt]:
        """Every try so far, once none is under way."""
        while self._jobs:
            jobs, self._jobs = self._jobs, []
            wait(jobs)
            for job in jobs:
                job.result()
        return list(self._log)

    def forget(self) -> None:
        """Begin anew; what is on its way is not tried again."""
        self._log = []

    def close(self) -> None:
        self._stopped.set()
        self._pool.shutdown()
        self._client.close()

    def _run(self, deliveries: Sequence[OutgoingWebhook], log: list[DeliveryAttempt]) -> None:
        for delivery in deliveries:
            for nth in range(delivery.tries):
                if nth and self._stopped.wait(self._backoff * 2 ** (nth - 1)):
                    return
                if log is not self._log:
                    return
                if not is_loopback(delivery.url):
                    log.append(_kept(delivery, delivery.sign()))
                    break
                log.append(self._try(delivery))
                if not delivery.retried(log[-1].status):
                    break

    def _try(self, delivery: OutgoingWebhook) -> DeliveryAttempt:
        headers = delivery.sign()
        try:
            response = self._client.request(
                delivery.method, delivery.url, headers=headers, content=delivery.body or None
            )
        except httpx.HTTPError:
            return _kept(delivery, headers)
        return _kept(delivery, headers, response.status_code, response.content)


def _kept(
    delivery: OutgoingWebhook,
    headers: Mapping[str, str],
    status: int | None = None,
    answer: bytes = b"",
) -> DeliveryAttempt:
    return DeliveryAttempt(delivery.method, delivery.url, headers, delivery.body, status, answer)
