"""Vapi's way of refusing."""

from __future__ import annotations

from pydantic import JsonValue

from telephony.sandbox.vendor import Refusal

_WORDS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
}


def refusal(status: int, *messages: str) -> Refusal:
    """Return an error of NestJS: of one message, or a list of what is wrong with the fields."""
    said: JsonValue = [*messages] if status == 400 else messages[0]
    return Refusal(status, {"message": said, "error": _WORDS[status], "statusCode": status})


def invalid(message: str) -> Refusal:
    return refusal(400, message)


def missing(thing: str) -> Refusal:
    return refusal(404, f"{thing} not found.")
