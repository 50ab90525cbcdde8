"""Vapi's errors: a message or several, in the form of NestJS.

Source: the error handling of VapiAI/gitops; docs.vapi.ai declares almost no error bodies.
"""

from __future__ import annotations

from telephony.errors import ProviderError, class_for
from telephony.reading import Body, error_object, error_text, read_or_none
from telephony.wire import Response

from . import secrets


class _Error(Body):
    message: str | list[str] | None = None
    error: str | None = None


def error(response: Response) -> ProviderError:
    """Return the error of a response."""
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    text = "; ".join(said.message) if isinstance(said.message, list) else said.message
    return class_for(response.status)(
        text or said.error or error_text(response) or "Vapi refused the request",
        raw=secrets.removed(body) or None,
    )
