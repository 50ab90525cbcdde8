"""AgentPhone's errors. Source: docs.agentphone.ai (guides, API reference, openapi.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from telephony import errors
from telephony.reading import Body, error_object, error_text, read_or_none
from telephony.wire import Response

NO_NUMBER = "PHONE_NUMBER_NOT_FOUND"
_UNCONFIRMED = "DELIVERY_UNCONFIRMED"
_BY_CODE: Mapping[str, type[errors.ProviderError]] = {
    _UNCONFIRMED: errors.OutcomeUnknownError,
    "INSUFFICIENT_BALANCE": errors.QuotaExceededError,
    "VALIDATION_ERROR_NUMBER_LIMIT": errors.QuotaExceededError,
    "VALIDATION_ERROR": errors.InvalidRequestError,
    NO_NUMBER: errors.NotFoundError,
    "RATE_LIMIT_EXCEEDED": errors.RateLimitedError,
    "CARRIER_ERROR": errors.UnavailableError,
    "TWILIO_ERROR": errors.UnavailableError,
}


class _Wrong(Body):
    """What is wrong with a field, in the vendor's own form or in FastAPI's."""

    field: str | None = None
    loc: list[str | int] | None = None
    message: str | None = None
    msg: str | None = None

    def __str__(self) -> str:
        where = self.loc or ()
        name = self.field or ".".join(map(str, where[1:] or where))
        return ": ".join(filter(None, (name, self.message or self.msg)))


class _Said(Body):
    code: str | int | None = None
    message: str | None = None
    details: list[_Wrong] | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.message, _joined(self.details or ()))))


class _Error(_Said):
    """An error in any of the three forms that are documented."""

    error: _Said | str | None = None
    detail: _Said | str | list[_Wrong] | None = None


def error(response: Response) -> errors.ProviderError:
    """Return the error of a response: its code, where it has one, is preferred to its status."""
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    parts = [part for part in (said.error, said.detail, said) if part]
    codes = [part.code for part in parts if isinstance(part, _Said)]
    code = next((str(code) for code in codes if code), None)
    unexplained = response.status == 409 and response.request.path == "/v1/messages" and not code
    if unexplained or _UNCONFIRMED.encode() in response.content:
        # Where this code sits is undocumented, and missing it could send a text twice. No other
        # conflict of a text is known.
        code = _UNCONFIRMED
    texts = (_joined(part) if isinstance(part, list) else str(part) for part in parts)
    text = next(filter(None, texts), None) or error_text(response)
    kind = _BY_CODE.get(code or "") or errors.class_for(response.status)
    return kind(
        text or "AgentPhone refused the request",
        code=code,
        raw=_without_input(body) or None,
    )


def _joined(wrong: Sequence[_Wrong]) -> str:
    return "; ".join(filter(None, map(str, wrong)))


def _without_input(value: JsonValue) -> JsonValue:
    """Return an error body without the request's values, which validation errors may repeat."""
    if isinstance(value, dict):
        kept = (pair for pair in value.items() if pair[0] not in {"input", "ctx"})
        return {key: _without_input(item) for key, item in kept}
    if isinstance(value, list):
        return [_without_input(item) for item in value]
    return value
