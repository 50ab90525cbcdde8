"""Butter AI's way of refusing."""

from __future__ import annotations

from telephony.sandbox.vendor import Json, Refusal


def refusal(status: int, detail: str) -> Refusal:
    return Refusal(status, {"detail": detail})


def invalid(place: str, field: str, message: str) -> Refusal:
    detail: Json = {"loc": [place, field], "msg": message, "type": "value_error"}
    return Refusal(422, {"detail": [detail]})
