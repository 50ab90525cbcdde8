"""AgentPhone's errors. Source: docs.agentphone.ai (guides, API reference, openapi.json)."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from telephony import errors
from telephony.reading import error_object, error_text
from telephony.wire import Response

_UNCONFIRMED = "DELIVERY_UNCONFIRMED"
_BY_CODE: Mapping[str, type[errors.ProviderError]] = {
    _UNCONFIRMED: errors.OutcomeUnknownError,
    "INSUFFICIENT_BALANCE": errors.QuotaExceededError,
    "VALIDATION_ERROR_NUMBER_LIMIT": errors.QuotaExceededError,
    "VALIDATION_ERROR": errors.InvalidRequestError,
    "PHONE_NUMBER_NOT_FOUND": errors.NotFoundError,
    "RATE_LIMIT_EXCEEDED": errors.RateLimitedError,
    "CARRIER_ERROR": errors.UnavailableError,
    "TWILIO_ERROR": errors.UnavailableError,
}


def error(response: Response) -> errors.ProviderError:
    """Return the error of a response: its code, where it has one, is preferred to its status."""
    body = error_object(response)
    parts = [part for part in (body.get("error"), body.get("detail"), body) if part]
    code = next((part["code"] for part in parts if isinstance(part, dict) and "code" in part), None)
    unexplained = response.status == 409 and response.request.path == "/v1/messages" and not code
    if unexplained or _UNCONFIRMED.encode() in response.content:
        # Where this code sits is undocumented, and missing it could send a text twice. No other
        # conflict of a text is known.
        code = _UNCONFIRMED
    text = next(filter(None, map(_said, parts)), None) or error_text(response)
    kind = _BY_CODE.get(str(code)) or errors.class_for(response.status)
    return kind(
        text or "AgentPhone refused the request",
        code=str(code) if code else None,
        raw=_without_input(body) or None,
    )


def _said(part: JsonValue) -> str:
    """Return the text of a part of an error body, with the fields that are wrong."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "; ".join(filter(None, map(_field, part)))
    if isinstance(part, dict):
        details = part.get("details")
        said = (part.get("message"), _said(details) if isinstance(details, list) else None)
        return ": ".join(str(text) for text in said if text)
    return ""


def _field(wrong: JsonValue) -> str:
    if not isinstance(wrong, dict):
        return ""
    where = wrong.get("field") or wrong.get("loc") or ""
    name = ".".join(map(str, where[1:] or where)) if isinstance(where, list) else str(where)
    return ": ".join(filter(None, (name, str(wrong.get("message") or wrong.get("msg") or ""))))


def _without_input(value: JsonValue) -> JsonValue:
    """Return an error body without the request's values, which validation errors may repeat."""
    if isinstance(value, dict):
        kept = (pair for pair in value.items() if pair[0] not in {"input", "ctx"})
        return {key: _without_input(item) for key, item in kept}
    if isinstance(value, list):
        return [_without_input(item) for item in value]
    return value
