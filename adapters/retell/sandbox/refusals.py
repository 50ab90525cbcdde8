"""Retell AI's way of refusing."""

from __future__ import annotations

from telephony.sandbox.vendor import Refusal


def refusal(status: int, message: str) -> Refusal:
    return Refusal(status, {"status": "error", "message": message})


def invalid(message: str) -> Refusal:
    return refusal(400, message)


def missing() -> Refusal:
    """Return the refusal of anything unknown, which is no 404."""
    return refusal(422, "Cannot find requested asset under given api key.")
