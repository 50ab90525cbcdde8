"""Verify a webhook and read its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from telephony.capabilities import Capability, Level, support_of
from telephony.errors import SignatureError, UnsupportedOperationError
from telephony.events import Event, WebhookRequest
from telephony.protocols import Adapter, AsyncPhoneNumberProvider, PhoneNumberProvider
from telephony.webhooks.store import Claim, ClaimState, Store

ProviderOrAdapter: TypeAlias = PhoneNumberProvider | AsyncPhoneNumberProvider | Adapter
Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


def parse(
    provider: ProviderOrAdapter,
    *,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    verify: bool = True,
    received_at: datetime | None = None,
    store: Store | None = None,
) -> list[Event]:
    """Return the events of a webhook that is proven to be the vendor's.

    Args:
        provider: a connected provider, or its adapter.
        method: the HTTP method.
        url: complete, as the vendor called it. Behind a proxy that differs from the URL
            that arrives: where the vendor signs it, set `webhook_url`.
        headers: in any case; a mapping or pairs.
        body: the bytes as they arrived, before any framework has decoded them.
        verify: False only in tests.
        received_at: aware; when it arrived, if not now.
        store: remembers what was parsed. Events that came before are left out, and a webhook with
            no new event is refused. If you then fail to handle an event, call
            ``store.forget(key_of(event))``, or the vendor's retry is refused too. (`asgi` and
            `wsgi` do all of this themselves.)

    Raises:
        SignatureError: it is not proven to be the vendor's, is too old, or came before.
        InvalidRequestError: the body cannot be read.
        ConfigurationError: the secret to verify it with is not configured.
        UnsupportedOperationError: the vendor's webhooks cannot be verified.

    Example:
        for event in webhooks.parse(
            provider,
            method=request.method,
            url=str(request.url),
            headers=request.headers,
            body=await request.body(),
        ):
            print(event)
    """
    adapter = adapter_of(provider)
    at = received_at or datetime.now(UTC)
    request = WebhookRequest(method.upper(), url, lower_case(headers), bytes(body), at)
    events = adapter.parse_webhook(request, verify=verify)
    return events if store is None else _new(events, adapter, store)


def _new(events: list[Event], adapter: Adapter, store: Store) -> list[Event]:
    """Return the events that did not come before, and record them."""
    claimed: list[tuple[Event, Claim]] = []
    try:
        for event in events:
            claim = store.claim(key_of(event))
            if claim.state is ClaimState.OURS:
                claimed.append((event, claim))
        for event, claim in claimed:
            store.finish(claim, adapter.webhook_response(event))
    except BaseException:
        for event, _ in claimed:
            store.forget(key_of(event))
        raise
    if events and not claimed:
        raise SignatureError(f"{adapter.name}: replayed: this webhook came before.")
    return [event for event, _ in claimed]


def adapter_of(provider: ProviderOrAdapter) -> Adapter:
    """Return the adapter of a provider whose vendor sends webhooks that can be verified."""
    # Not by isinstance: for a protocol it does not see what a wrapper's __getattr__ passes through.
    adapter: Adapter = provider.adapter if hasattr(provider, "adapter") else provider
    support = support_of(adapter.capabilities, Capability.PARSE_WEBHOOK)
    if support.level is Level.NONE:
        raise UnsupportedOperationError(adapter.name, Capability.PARSE_WEBHOOK, support.note)
    return adapter


def key_of(event: Event) -> str:
    """Return the key of an event in a store.

    Args:
        event: one that `parse` returned.

    Example:
        store.forget(key_of(event))
    """
    return f"{event.provider}:{event.id}"


def lower_case(headers: Headers) -> dict[str, str]:
    """Return headers by their name in lower case; repeated ones are joined, as HTTP defines."""
    found: dict[str, str] = {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
