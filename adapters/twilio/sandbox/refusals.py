"""Twilio's way of refusing."""

from __future__ import annotations

from telephony.sandbox.vendor import Refusal


def refusal(status: int, code: int, message: str) -> Refusal:
    return Refusal(
        status,
        {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        },
    )


def invalid(message: str) -> Refusal:
    return refusal(400, 20001, message)


def missing(path: str) -> Refusal:
    return refusal(404, 20404, f"The requested resource {path} was not found")
