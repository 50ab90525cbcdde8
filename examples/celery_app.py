"""Purchases and texts as Celery tasks, retried only where that does nothing twice.

    celery --app examples.celery_app worker --pool solo
    python examples/celery_app.py agentphone order-17 +14155550199

To try it out, one folder is the queue and another holds the results. In production, set
CELERY_BROKER to your Redis or RabbitMQ, which deliver a task again after a worker was killed.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from celery import Celery, Task

import telephony
from telephony import OutcomeUnknownError, ProviderError

FOLDER = Path(os.environ.get("CELERY_FOLDER", "celery")).absolute()
QUEUE, RESULTS = FOLDER / "queue", FOLDER / "results"
for folder in (QUEUE, RESULTS):
    folder.mkdir(parents=True, exist_ok=True)

app = Celery(
    "celery_app",
    broker=os.environ.get("CELERY_BROKER", "filesystem://"),
    backend=f"file://{RESULTS}",
)
if "CELERY_BROKER" not in os.environ:
    folders = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), str(QUEUE))
    app.conf.broker_transport_options = folders


@functools.cache
def connected(name: str) -> telephony.Provider:
    """Return a provider, which keeps its connections open as long as the worker's process runs."""
    return telephony.connect(name)


def pause(task: Task[..., str], error: ProviderError) -> float:
    """Return the seconds to wait: what the vendor asks for, or 2, 4, 8 … up to ten minutes."""
    asked = error.retry_after if isinstance(error, telephony.RateLimitedError) else None
    return asked or min(2.0 ** (task.request.retries + 1), 600.0)


# Acknowledged late: after a crash the broker delivers it again, and the key makes that harmless.
@app.task(bind=True, name="buy_number", acks_late=True, reject_on_worker_lost=True, max_retries=10)
def buy_number(self: Task[..., str], provider: str, order: str) -> str:
    """Buy the number of an order, once, however often this runs. The result is its E.164."""
    try:
        return connected(provider).provision_number(idempotency_key=order).number
    except ProviderError as error:
        # With its key, the same purchase finds what an earlier one of unknown outcome bought.
        if error.retry_safe or isinstance(error, OutcomeUnknownError):
            raise self.retry(exc=error, countdown=pause(self, error)) from error
        raise


# Acknowledged early: no vendor takes a key for a text, so a crash must not deliver it again.
@app.task(bind=True, name="send_text", acks_late=False, max_retries=10)
def send_text(self: Task[..., str], provider: str, number: str, to: str, body: str) -> str:
    """Send a text, at most once. The result is the vendor's id of it.

    If it fails with OutcomeUnknownError, it may have been sent: look before you send it again.
    """
    try:
        return connected(provider).send_message(number, to, body).id
    except ProviderError as error:
        if error.retry_safe:
            raise self.retry(exc=error, countdown=pause(self, error)) from error
        raise


def main(provider: str, order: str, to: str) -> None:
    """Let the workers buy a number, then text from it."""
    number = buy_number.delay(provider, order).get(timeout=600)
    print(f"Bought {number}")
    text = send_text.delay(provider, number, to, f"Your number is {number}.").get(timeout=600)
    print(f"Sent {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
