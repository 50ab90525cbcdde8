"""What the ASGI and the WSGI application share: which request is whose, and what is answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from telephony.errors import ConfigurationError, InvalidRequestError, SignatureError
from telephony.events import Event, Reply, WebhookAnswer, WebhookRequest
from telephony.protocols import Adapter
from telephony.webhooks.parsing import Vendor, adapter_of, key_of
from telephony.webhooks.store import ClaimState, MemoryStore, Store

log = logging.getLogger("telephony.webhooks")

BODY_LIMIT = 1024 * 1024
# A delivery that comes while the same one is being handled waits for the outcome this long, in
# these steps: vendors give up after 15 seconds and more.
PATIENCE, STEP = 10.0, 0.02
_PLACE = "{provider}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def all_headers(self) -> list[tuple[str, str]]:
        own = [("content-type", self.content_type), ("content-length", str(len(self.body)))]
        return [*own, *self.headers]


class Refused(Exception):  # noqa: N818 - it becomes an HTTP answer, not an error of ours
    """Answer with this instead of going on."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.answer = Answer(status, body=f"{text}\n".encode(), headers=headers)


@dataclass
class Delivery:
    """One verified webhook, while its events are handled one after the other."""

    adapter: Adapter
    events: list[Event]
    said: WebhookAnswer | None = None

    def add(self, answer: WebhookAnswer | None) -> None:
        # Vendors that wait for a reply send one event at a time.
        if self.said is None or not self.said.body:
            self.said = answer

    def answer(self) -> Answer:
        said = self.said or self.adapter.webhook_answer(None, None)
        return Answer(200, said.content_type, said.body)


class Endpoint:
    """The webhooks of some vendors, each at its own path."""

    def __init__(self, vendors: Iterable[Vendor], path: str, store: Store | None) -> None:
        self.store: Store = store if store is not None else MemoryStore()
        self._paths: dict[str, Adapter] = {}
        for adapter in map(adapter_of, vendors):
            _must_refuse_unsigned(adapter)
            place = path.replace(_PLACE, adapter.name)
            if place in self._paths:
                raise ConfigurationError(
                    f"Two providers would get their webhooks at {place}: write {_PLACE} into "
                    "`path`, and give each provider a name of its own."
                )
            self._paths[place] = adapter

    def adapter(
        self, method: str, path: str, content_type: str | None, content_length: str | None
    ) -> Adapter:
        """Whose request this is, judged before its body is read. Raises `Refused`."""
        adapter = self._paths.get(path)
        if adapter is None:
            raise Refused(404, "There is no such webhook.")
        allowed = adapter.webhook_methods
        if method not in allowed:
            raise Refused(405, f"Use {' or '.join(allowed)}.", ("allow", ", ".join(allowed)))
        if content_length is not None and not content_length.isdecimal():
            raise Refused(400, "The Content-Length is not a number.")
        if int(content_length or 0) > BODY_LIMIT:
            raise too_large()
        kind = (content_type or "").partition(";")[0].strip().lower()
        if method == "POST" and kind not in adapter.webhook_types:
            raise Refused(415, f"Send {' or '.join(adapter.webhook_types)}.")
        return adapter

    def delivery(
        self, adapter: Adapter, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Delivery:
        """Its events, verified. Raises `Refused`."""
        request = WebhookRequest(method, url, headers, body, datetime.now(UTC))
        try:
            return Delivery(adapter, adapter.parse_webhook(request, verify=True))
        except SignatureError as error:
            log.warning("%s", error)
            raise Refused(401, str(error)) from error
        except InvalidRequestError as error:
            error.located(adapter.name, "parse_webhook", ())
            log.warning("%s", error)
            raise Refused(400, error.message) from error

    def ours(self, delivery: Delivery, event: Event, waited: float) -> bool | None:
        """Whether the event is to be handled here and now; None: ask again in `STEP` seconds.

        Raises:
            Refused: `waited` seconds were long enough.
        """
        claim = self.store.claim(key_of(event))
        if claim.state is ClaimState.OURS:
            return True
        if claim.state is ClaimState.DONE:
            delivery.add(claim.answer)
            return False
        if waited >= PATIENCE:
            raise _busy(event)
        return None

    def handle(self, delivery: Delivery, event: Event, handler: Callable[[Event], Reply]) -> None:
        """Let a blocking handler handle an event that is ours. Raises `Refused`."""
        try:
            answer = delivery.adapter.webhook_answer(event, handler(event))
        except BaseException as error:
            self.release(event)
            if isinstance(error, Exception):
                raise failed(event) from error
            raise
        self.finish(delivery, event, answer)

    def finish(self, delivery: Delivery, event: Event, answer: WebhookAnswer) -> None:
        self.store.finish(key_of(event), answer)
        delivery.add(answer)

    def release(self, event: Event) -> None:
        self.store.release(key_of(event))


def too_large() -> Refused:
    return Refused(413, f"The body is over {BODY_LIMIT} bytes.")


def _busy(event: Event) -> Refused:
    log.warning("webhook %s is still being handled: it has to come again", key_of(event))
    return Refused(503, "This webhook is being handled.", ("retry-after", "5"))


def failed(event: Event) -> Refused:
    """For the exception that is being handled: the vendor shall send it again."""
    log.exception("the handler failed on webhook %s", key_of(event))
    return Refused(500, "The webhook could not be handled.")


def _must_refuse_unsigned(adapter: Adapter) -> None:
    """Raises `ConfigurationError` now, rather than at the first webhook, if a secret is missing."""
    method = adapter.webhook_methods[0]
    request = WebhookRequest(method, "https://localhost/", {}, b"", datetime.now(UTC))
    try:
        adapter.parse_webhook(request, verify=True)
    except SignatureError:
        return
    raise ConfigurationError(f"The adapter of {adapter.name} takes webhooks that nobody signed.")
