"""Retell AI's errors: a message and no code. Source: docs.retellai.com, OpenAPI; retell-sdk 6.2."""

from __future__ import annotations

import re

from telephony.errors import InvalidRequestError, NotFoundError, ProviderError, class_for
from telephony.reading import Body, error_object, error_text, read_or_none
from telephony.wire import Response

from . import secrets

# Retell's 404 is 422, which also means that something else is wrong.
_MISSING = re.compile(r"cannot find|not found|does not exist|no such", re.IGNORECASE)


class _Error(Body):
    message: str | None = None
    error: str | None = None


def error(response: Response) -> ProviderError:
    """Return the error of a response."""
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    text = said.message or said.error or error_text(response)
    kind = class_for(response.status)
    if response.status == 422:
        kind = NotFoundError if _MISSING.search(text) else InvalidRequestError
    return kind(text or "Retell refused the request", raw=secrets.removed(body) or None)
