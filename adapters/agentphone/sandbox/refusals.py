"""AgentPhone's ways of refusing."""

from __future__ import annotations

from telephony.sandbox.vendor import Json, Refusal


def refusal(
    status: int, message: str, *, code: str | None = None, kind: str = "invalid_request_error"
) -> Refusal:
    said: Json = {"message": message, "type": kind, **({"code": code} if code else {})}
    return Refusal(status, {"error": said})


def invalid(message: str) -> Refusal:
    return refusal(400, message, code="VALIDATION_ERROR", kind="validation_error")


def over(status: int, message: str, code: str) -> Refusal:
    return refusal(status, message, code=code, kind="validation_error")


def missing(thing: str) -> Refusal:
    """Codes are documented for some things only; others respond with a text."""
    if thing == "Phone number":
        return refusal(404, "Phone number not found", code="PHONE_NUMBER_NOT_FOUND")
    return Refusal(404, {"detail": f"{thing} not found"})


def too_many() -> Refusal:
    said: Json = {
        "message": "Too many requests",
        "type": "rate_limit_error",
        "code": "RATE_LIMIT_EXCEEDED",
    }
    return Refusal(429, {"error": said}, {"Retry-After": "1"})
