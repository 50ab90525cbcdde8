"""The secrets in Vapi's bodies, which return what numbers and assistants were configured with.

A number of Twilio's comes back with the account's auth token, in webhooks too; a server URL with
its headers; a SIP number with its password.
"""

from __future__ import annotations

import re

from pydantic import JsonValue

from telephony.wire import Json

_SECRET = re.compile(
    r"(token|secret|password|(api|access|private|signing)_?key|^headers)$", re.IGNORECASE
)


def removed(body: Json) -> Json:
    """Return a body without the fields that may hold a secret, at any depth."""
    return {key: _removed(value) for key, value in body.items() if not _SECRET.search(key)}


def _removed(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return removed(value)
    return [_removed(item) for item in value] if isinstance(value, list) else value
