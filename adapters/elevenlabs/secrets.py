"""Credentials taken out of what ElevenLabs shows: headers and variables of the account's own."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import JsonValue

from telephony.raw import WithRaw, parsed, with_raw
from telephony.wire import Json

# Counts of tokens are none. Dynamic variables named `secret__…` are secrets by their name.
_SECRET = re.compile(
    r"password|secret|token(?!s)|api_?key|^credentials$|^authorization$|^(request_)?headers$",
    re.IGNORECASE,
)
# Whether a body can have such a key; the backslash is for keys that are written with escapes.
_SUSPECT = re.compile(
    rb"password|secret|token(?!s)|api_?key|\"credentials\"|\"authorization\"|headers\"|\\u",
    re.IGNORECASE,
)

R = TypeVar("R", bound=WithRaw)


def with_safe_raw(result: R, raw: bytes) -> R:
    """Return `result` with its `raw`, without credentials."""
    if _SUSPECT.search(raw) is None:
        return with_raw(result, raw)
    return result.model_copy(update={"raw": _cleared(parsed(raw))})


def removed(raw: Json) -> Json:
    """Return an object without credentials."""
    return {key: _cleared(value) for key, value in raw.items() if not _SECRET.search(key)}


def _cleared(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_cleared(element) for element in value]
    return removed(value) if isinstance(value, dict) else value
