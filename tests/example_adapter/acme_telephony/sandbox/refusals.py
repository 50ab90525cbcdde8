"""Acme's way of refusing."""

from telephony.sandbox.vendor import Refusal


def refusal(status: int, text: str) -> Refusal:
    return Refusal(status, {"code": f"E{status}", "text": text})


def invalid(problem: str) -> Refusal:
    return refusal(400, problem)
