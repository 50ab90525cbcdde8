"""The secrets in Retell AI's bodies.

Calls over the web have an access token, and links to recordings and logs may be signed; a number's
SIP password is not documented to come back, but is taken out all the same.
"""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import JsonValue

from telephony.raw import WithRaw, parsed, with_raw
from telephony.wire import Json

R = TypeVar("R", bound=WithRaw)

# Counts of tokens are none.
_SECRET = re.compile(
    r"password|secret|token(?!s|_usage)|api_?key|authorization|credential", re.IGNORECASE
)
_LINK = re.compile(r"(recording(_multi_channel)?|log|contents)_url$")
# Whether a body can have such a key; the backslash is for keys that are written with escapes.
_SUSPECT = re.compile(
    rb"password|secret|token(?!s|_usage)|api_?key|authorization|credential"
    rb"|(recording(_multi_channel)?|log|contents)_url|\\u",
    re.IGNORECASE,
)


def kept_out(result: R, raw: bytes) -> R:
    """Return `result`, just made, with the vendor's JSON object as its `raw`, secrets removed."""
    if _SUSPECT.search(raw) is None:
        return with_raw(result, raw)
    return result.model_copy(update={"raw": _removed(parsed(raw))})


def removed(body: Json) -> Json:
    """Return a body without secrets at any depth, and its links without their signatures."""
    return {
        key: value.partition("?")[0]
        if isinstance(value, str) and _LINK.search(key)
        else _removed(value)
        for key, value in body.items()
        if not _SECRET.search(key)
    }


def _removed(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return removed(value)
    return [_removed(item) for item in value] if isinstance(value, list) else value
