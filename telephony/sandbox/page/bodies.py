"""Headers and bodies as people read them, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from pydantic import JsonValue

from telephony.redaction import MASK, masked

LONGEST = 4000
"""How many characters of a body are shown."""
_SECRET = re.compile(
    r"(authorization|cookie|password|passwd|secret|credential|pin|auth.?token|api.?key|"
    r"^token|access.?token)s?$",
    re.IGNORECASE,
)


def headers(found: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers of a request or response, credentials masked."""
    return [(name, _header(name, value)) for name, value in sorted(found.items())]


def address(path: str) -> str:
    """Return a path or URL whose query shows no secret."""
    place, mark, query = path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(map(_is_secret, dict(pairs))):
        return path
    return place + mark + urlencode([(k, _shown(k, v)) for k, v in pairs], safe="*+/:")


def body(content: bytes, media_type: str) -> str:
    """Return a body in lines that people read, its secrets masked."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"{len(content):,} bytes of {media_type or 'an unknown type'}"
    shown = _fields(text) if "x-www-form-urlencoded" in media_type else _json(text)
    if len(shown) > LONGEST:
        return f"{shown[:LONGEST]}\n… and {len(shown) - LONGEST:,} characters more"
    return shown


def _header(name: str, value: str) -> str:
    if not _is_secret(name):
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def _shown(name: str, value: str) -> str:
    return MASK if _is_secret(name) else value


def _fields(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    return "\n".join(f"{name}: {_shown(name, value)}" for name, value in pairs)


def _json(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return str(masked(text, ()))
    return json.dumps(_without_secrets(value), indent=2, ensure_ascii=False)


def _without_secrets(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    if isinstance(value, dict):
        return {
            name: MASK if isinstance(each, str) and _is_secret(name) else _without_secrets(each)
            for name, each in value.items()
        }
    return masked(value, ())
