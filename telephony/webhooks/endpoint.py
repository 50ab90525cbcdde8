"""The part that the ASGI and the WSGI application share: from a request to its response."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, cast

from pydantic_core import to_json

from telephony.errors import (
    ConfigurationError,
    InvalidRequestError,
    OutcomeUnknownError,
    SignatureError,
)
from telephony.events import (
    Event,
    HandlerResult,
    MessageToSend,
    Reply,
    WebhookRequest,
    WebhookResponse,
)
from telephony.protocols import Adapter, AsyncPhoneNumberProvider, PhoneNumberProvider
from telephony.webhooks.parsing import ProviderOrAdapter, adapter_of, key_of
from telephony.webhooks.store import Claim, ClaimState, MemoryStore, Store

log: logging.Logger = logging.getLogger("telephony.webhooks")

BlockingHandler: TypeAlias = Callable[[Event], HandlerResult]
AsyncHandler: TypeAlias = Callable[[Event], Awaitable[HandlerResult]]

BODY_LIMIT = 1024 * 1024
# Seconds that a delivery waits, and between two looks, while the same event is being handled:
# vendors give up after 15 seconds or more.
BUSY_TIMEOUT, POLL_INTERVAL = 10.0, 0.02
_PLACEHOLDER = "{provider}"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole HTTP response."""

    status: int
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def all_headers(self) -> list[tuple[str, str]]:
        own = [("content-type", self.content_type), ("content-length", str(len(self.body)))]
        return [*own, *self.headers]


class Refused(Exception):  # noqa: N818 - it becomes an HTTP response, not an error of ours
    """The response to a request that is not handled."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.response: HttpResponse = HttpResponse(
            status, body=f"{text}\n".encode(), headers=headers
        )


@dataclass(frozen=True, slots=True)
class Mounted:
    """An adapter whose webhooks arrive at one path, and what its replies are sent with."""

    adapter: Adapter
    provider: PhoneNumberProvider | AsyncPhoneNumberProvider | None


@dataclass
class ReceivedDelivery:
    """One verified delivery, while its events are handled one after the other."""

    mounted: Mounted
    events: list[Event]
    response: WebhookResponse | None = None

    def add(self, response: WebhookResponse | None) -> None:
        # Vendors that wait for a reply send one event at a time.
        if self.response is None or not self.response.body:
            self.response = response

    def http_response(self) -> HttpResponse:
        found = self.response or self.mounted.adapter.webhook_response(None)
        return HttpResponse(200, found.content_type, found.body)


class Endpoint:
    """The webhooks of some providers, each at its own path."""

    def __init__(
        self, providers: Iterable[ProviderOrAdapter], path: str, store: Store | None
    ) -> None:
        self.store: Store = store if store is not None else MemoryStore()
        self._paths: dict[str, Mounted] = {}
        names: set[str] = set()
        for each in providers:
            adapter = adapter_of(each)
            _must_refuse_unsigned(adapter)
            if adapter.name in names:
                raise ConfigurationError(
                    f"Two providers are named {adapter.name!r}. Give each a name of its own: "
                    f'connect("tenant-a", adapter={adapter.name!r}, …).'
                )
            names.add(adapter.name)
            place = path.replace(_PLACEHOLDER, adapter.name)
            if place in self._paths:
                raise ConfigurationError(
                    f"Two providers would get their webhooks at {place}: write {_PLACEHOLDER} into "
                    "`path`."
                )
            has_operations = hasattr(each, "adapter")
            provider = cast("PhoneNumberProvider | AsyncPhoneNumberProvider", each)
            self._paths[place] = Mounted(adapter, provider if has_operations else None)

    def mounted(
        self, method: str, path: str, content_type: str | None, content_length: str | None
    ) -> Mounted:
        """Return the adapter of a request, before its body is read. Raises `Refused`."""
        mounted = self._paths.get(path)
        if mounted is None:
            raise Refused(404, "There is no such webhook.")
        adapter = mounted.adapter
        allowed = adapter.webhook_methods
        if method not in allowed:
            raise Refused(405, f"Use {' or '.join(allowed)}.", ("allow", ", ".join(allowed)))
        if content_length is not None and not (
            content_length.isascii() and content_length.isdecimal()
        ):
            raise Refused(400, "The Content-Length is not a number.")
        # By its length first: Python refuses to read a number of thousands of digits.
        if content_length and (len(content_length) > 18 or int(content_length) > BODY_LIMIT):
            raise too_large()
        kind = (content_type or "").partition(";")[0].strip().lower()
        if method == "POST" and kind not in adapter.webhook_types:
            raise Refused(415, f"Send {' or '.join(adapter.webhook_types)}.")
        return mounted

    def received(
        self, mounted: Mounted, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> ReceivedDelivery:
        """Return the delivery, verified. Raises `Refused`."""
        adapter = mounted.adapter
        request = WebhookRequest(method, url, headers, body, datetime.now(UTC))
        try:
            return ReceivedDelivery(mounted, adapter.parse_webhook(request, verify=True))
        except SignatureError as error:
            log.warning("%s", error)
            raise Refused(401, str(error)) from error
        except InvalidRequestError as error:
            error.add_context(adapter.name, "parse_webhook", ())
            log.warning("%s", error)
            raise Refused(400, error.message) from error

    def claim(self, event: Event) -> Claim:
        return self.store.claim(key_of(event))

    def is_decided(self, received: ReceivedDelivery, claim: Claim, waited: float) -> bool:
        """Return whether a claim is decided; if not, claim again in `POLL_INTERVAL` seconds.

        Raises:
            Refused: it took longer than `BUSY_TIMEOUT`.
        """
        if claim.state is ClaimState.BUSY:
            if waited >= BUSY_TIMEOUT:
                log.warning(
                    "webhook %s is still being handled: the vendor has to deliver it again",
                    claim.key,
                )
                raise Refused(503, "This webhook is being handled.", ("retry-after", "5"))
            return False
        if claim.state is ClaimState.DONE:
            received.add(claim.response)
        return True

    def call(
        self, received: ReceivedDelivery, event: Event, claim: Claim, handler: BlockingHandler
    ) -> WebhookResponse | MessageToSend:
        """Call a blocking handler and return its reply. Raises `Refused`, the claim released."""
        try:
            return self.reply(received, event, handler(event))
        except BaseException as error:
            self.store.release(claim)
            if isinstance(error, Exception):
                raise failed(claim) from error
            raise

    def reply(
        self, received: ReceivedDelivery, event: Event, result: object
    ) -> WebhookResponse | MessageToSend:
        """Return the response, or the message to send, for a handler's result.

        Raises:
            InvalidRequestError, ConfigurationError, TypeError: it cannot be sent.
        """
        adapter = received.mounted.adapter
        if result is None:
            return adapter.webhook_response(event)
        if isinstance(result, WebhookResponse):
            return result
        if isinstance(result, Mapping):
            return WebhookResponse("application/json", to_json(result))
        text = result.text if isinstance(result, Reply) else result
        if not isinstance(text, str):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                "A handler returns a Reply, a WebhookResponse, a dict or None, not "
                f"{type(result).__name__}."
            )
        if not text.strip():
            raise InvalidRequestError(
                "The reply is empty.", argument="reply", hint="Return None for no reply."
            )
        reply = adapter.webhook_reply(event, text)
        if isinstance(reply, MessageToSend) and received.mounted.provider is None:
            raise ConfigurationError(
                f"{adapter.name}: a reply is sent by send_message, which an adapter alone cannot "
                "do. Mount the connected provider instead of its adapter."
            )
        return reply

    def reply_failed(
        self, received: ReceivedDelivery, event: Event, claim: Claim, error: BaseException
    ) -> None:
        """Settle an event whose reply could not be sent.

        A reply that may have been sent is not retried: then the event counts as handled.

        Raises:
            Refused: it was not sent; the vendor sends the webhook again.
        """
        if isinstance(error, Exception) and not isinstance(error, OutcomeUnknownError):
            self.store.release(claim)
            raise failed(claim) from error
        log.error("a reply to webhook %s may have been sent", claim.key, exc_info=error)
        self.finish(received, claim, received.mounted.adapter.webhook_response(event))

    def finish(self, received: ReceivedDelivery, claim: Claim, response: WebhookResponse) -> None:
        self.store.finish(claim, response)
        received.add(response)


def too_large() -> Refused:
    return Refused(413, f"The body is over {BODY_LIMIT} bytes.")


def is_async(function: object) -> bool:
    """Return whether a call returns a coroutine: an async function, or an object with one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def failed(claim: Claim) -> Refused:
    """Return and log the refusal for the exception that is being handled."""
    log.exception("the handler failed on webhook %s", claim.key)
    return Refused(500, "The webhook could not be handled.")


def _must_refuse_unsigned(adapter: Adapter) -> None:
    """Raise `ConfigurationError` now, rather than at the first webhook, if a secret is missing."""
    method = adapter.webhook_methods[0]
    request = WebhookRequest(method, "https://localhost/", {}, b"", datetime.now(UTC))
    try:
        adapter.parse_webhook(request, verify=True)
    except SignatureError:
        return
    raise ConfigurationError(f"The adapter of {adapter.name} accepts webhooks without a signature.")
