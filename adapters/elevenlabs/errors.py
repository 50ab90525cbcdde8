"""ElevenLabs's errors. Source: SDK 2.78.0; elevenlabs-js#174, elevenlabs-mcp#40 (GitHub issues)."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from telephony import errors
from telephony.reading import Body, error_object, error_text, read_or_none
from telephony.wire import Response

# A used-up plan and a missing permission come with 401, like a wrong key.
_BY_CODE: Mapping[str, type[errors.ProviderError]] = {
    "quota_exceeded": errors.QuotaExceededError,
    "missing_permissions": errors.PermissionDeniedError,
}


class _Wrong(Body):
    """What is wrong with a field, as FastAPI writes it."""

    loc: list[str | int] | None = None
    msg: str | None = None

    def __str__(self) -> str:
        where = self.loc or ()
        return ": ".join(filter(None, (".".join(map(str, where[1:] or where)), self.msg)))


class _Said(Body):
    status: str | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


class _Error(Body):
    """An error in any of its forms."""

    detail: _Said | str | list[_Wrong] | None = None
    message: str | None = None


def error(response: Response) -> errors.ProviderError:
    """Return the error of a response: its code, where it has one, is preferred to its status."""
    body = error_object(response)
    found = read_or_none(_Error, body) or _Error()
    said = found.detail if isinstance(found.detail, _Said) else _Said()
    code = said.status or said.code or None
    text = said.message or found.message or error_text(response)
    if isinstance(found.detail, str):
        text = found.detail
    elif isinstance(found.detail, list):
        text = "; ".join(filter(None, map(str, found.detail)))
    kind = _BY_CODE.get(code or "") or errors.class_for(response.status)
    return kind(
        text or "ElevenLabs refused the request",
        code=code,
        request_id=said.request_id,
        raw=_without_input(body) or None,
    )


def _without_input(value: JsonValue) -> JsonValue:
    """Return an error body without the request's values, which validation errors may repeat."""
    if isinstance(value, dict):
        kept = (pair for pair in value.items() if pair[0] not in {"input", "ctx"})
        return {key: _without_input(item) for key, item in kept}
    if isinstance(value, list):
        return [_without_input(item) for item in value]
    return value
