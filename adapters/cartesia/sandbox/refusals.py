"""Cartesia's way of refusing."""

from __future__ import annotations

import uuid

from telephony.sandbox.vendor import Json, Refusal


def refusal(status: int, title: str, message: str = "", *, code: str | None = None) -> Refusal:
    request_id = str(uuid.uuid4())
    body: Json = {
        "error_code": code,
        "title": title,
        "message": message or title,
        "request_id": request_id,
    }
    return Refusal(status, body, {"x-request-id": request_id})


def invalid(message: str) -> Refusal:
    return refusal(400, "Invalid request", message)


def missing(thing: str) -> Refusal:
    return refusal(404, "Not found", f"There is no such {thing}.")
