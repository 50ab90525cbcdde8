"""One webhook in, verified; its events out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from telephony.capabilities import Capability, Level
from telephony.errors import SignatureError, UnsupportedOperationError
from telephony.events import Event, WebhookRequest
from telephony.protocols import Adapter, AsyncPhoneNumberProvider, PhoneNumberProvider
from telephony.webhooks.store import ClaimState, Store

Vendor: TypeAlias = Adapter | PhoneNumberProvider | AsyncPhoneNumberProvider
Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


def parse(
    vendor: Vendor,
    *,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    verify: bool = True,
    received_at: datetime | None = None,
    store: Store | None = None,
) -> list[Event]:
    """What a vendor's webhook tells, proven to be the vendor's.

    Args:
        vendor: a connected provider, or its adapter.
        url: whole, with query, as the vendor called it. Behind a proxy that is not the URL that
            arrives: Twilio, which signs it, has the setting `webhook_url`.
        headers: in any case; a mapping or pairs.
        body: the bytes as they arrived, before any framework has decoded them.
        verify: False only in tests.
        received_at: aware; when it arrived, if not now.
        store: remembers what was parsed, so that a webhook which comes again is refused. If you
            then fail to handle an event, call ``store.release(key_of(event))``, or the vendor's
            next try is refused too. (`asgi` and `wsgi` do all of this themselves.)

    Raises:
        SignatureError: it is not proven to be the vendor's, is stale, or came before.
        InvalidRequestError: the body cannot be read.
        ConfigurationError: the secret to verify it with is not configured.
        UnsupportedOperationError: the vendor sends no webhooks that could be proven.
    """
    adapter = adapter_of(vendor)
    at = received_at or datetime.now(UTC)
    request = WebhookRequest(method.upper(), url, lower_case(headers), bytes(body), at)
    events = adapter.parse_webhook(request, verify=verify)
    if store is not None:
        for event in events:
            if store.claim(key_of(event)).state is not ClaimState.OURS:
                raise SignatureError(f"{adapter.name}: replayed: this webhook came before.")
            store.finish(key_of(event), adapter.webhook_answer(event, None))
    return events


def adapter_of(vendor: Vendor) -> Adapter:
    """The adapter of a connected provider, which must send webhooks that can be proven."""
    # Not by isinstance: of a protocol it sees no attributes that a wrapper passes through.
    adapter: Adapter = vendor.adapter if hasattr(vendor, "adapter") else vendor
    support = adapter.capabilities[Capability.PARSE_WEBHOOK]
    if support.level is Level.NONE:
        raise UnsupportedOperationError(adapter.name, Capability.PARSE_WEBHOOK, support.note)
    return adapter


def key_of(event: Event) -> str:
    """What a store knows an event by."""
    return f"{event.provider}:{event.id}"


def lower_case(headers: Headers) -> dict[str, str]:
    """Headers by their name in lower case; what is repeated is joined, as HTTP has it."""
    found: dict[str, str] = {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
