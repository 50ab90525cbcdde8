"""ElevenLabs's way of refusing."""

from __future__ import annotations

from telephony.sandbox.vendor import Refusal


def refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, {"detail": {"status": code, "message": message}})


def invalid(message: str) -> Refusal:
    return refusal(400, "bad_request", message)


def missing(thing: str) -> Refusal:
    code = f"{thing.replace(' ', '_')}_not_found"
    return refusal(404, code, f"The {thing} was not found.")
