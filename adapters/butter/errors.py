"""Butter AI's errors. Source: docs.getbutter.ai/api-reference/introduction."""

from __future__ import annotations

import re

from pydantic import JsonValue

from telephony.errors import ProviderError, class_for
from telephony.reading import error_object, error_text
from telephony.wire import Json, Response

_LISTED = re.compile(r"\[(?:\s*['\"]?\+\d{6,15}['\"]?\s*,?)+\]|\+\d{6,15}(?:\s*,\s*\+\d{6,15})+")
_NUMBER = re.compile(r"\+\d{6,15}")


def error(response: Response) -> ProviderError:
    """Return the error of a response.

    Its shape is not documented: `detail` as FastAPI writes it, `message`, `error` or plain text.
    """
    body = error_object(response)
    return class_for(response.status)(
        said(body) or _counted(error_text(response)) or "Butter AI refused the request",
        raw=shown(body) or None,
    )


def said(body: Json) -> str | None:
    """Return the text of an error body."""
    for key in ("detail", "message", "error"):
        text = _text(body.get(key))
        if text:
            return _counted(text)
    return None


def _text(value: JsonValue) -> str | None:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        where = value.get("loc")
        place = ".".join(map(str, where)) if isinstance(where, list) else ""
        said = _text(value.get("msg") or value.get("message"))
        return ": ".join(part for part in (place, said) if part)
    return None


def shown(body: Json) -> Json:
    """Return an error body without numbers and without the input that a validator repeats."""
    kept: Json = {}
    for key, value in body.items():
        if key == "detail":
            kept[key] = _counted(_text(value) or "")
        elif isinstance(value, str):
            kept[key] = _counted(value)
        elif isinstance(value, bool | int | float):
            kept[key] = value
    return kept


def _counted(text: str) -> str:
    """Return `text` with a count in place of the numbers: they do not belong in a log."""

    def count(listed: re.Match[str]) -> str:
        found = listed[0].count("+")
        return "1 number" if found == 1 else f"{found} numbers"

    return _NUMBER.sub("<number>", _LISTED.sub(count, text))
