"""Cartesia's errors. Source: docs.cartesia.ai/api-reference, versions 2025-04-16 and 2026-03-01."""

from __future__ import annotations

from telephony.errors import ProviderError, class_for
from telephony.reading import Body, error_object, error_text, read_or_none
from telephony.wire import Response


class _Error(Body):
    error_code: str | None = None
    title: str | None = None
    message: str | None = None
    request_id: str | None = None
    unreachable_numbers: list[object] | None = None


def error(response: Response) -> ProviderError:
    """Return the error of a response: JSON since 2026-03-01, before that ``Title: Message``."""
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    text = ": ".join(part for part in (said.title, said.message) if part) or error_text(response)
    if said.unreachable_numbers:
        text = f"{text or 'Refused'} ({len(said.unreachable_numbers)} numbers cannot be reached)"
    return class_for(response.status)(
        text or "Cartesia refused the request",
        code=said.error_code,
        request_id=said.request_id,
        # The numbers of an account do not belong in a log.
        raw={key: value for key, value in body.items() if key != "unreachable_numbers"} or None,
    )
