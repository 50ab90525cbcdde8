"""LiveKit's way of refusing: Twirp's codes."""

from __future__ import annotations

from telephony.sandbox.vendor import Json, Refusal

WRAPPED = "twirp error unknown: "
"""What the server's words begin with where one of its own services refused."""
_STATUS = {
    "canceled": 408,
    "deadline_exceeded": 408,
    "invalid_argument": 400,
    "malformed": 400,
    "out_of_range": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "aborted": 409,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "unknown": 500,
    "internal": 500,
    "unimplemented": 501,
    "unavailable": 503,
}


def refusal(code: str, message: str, meta: Json | None = None) -> Refusal:
    body: Json = {"code": code, "msg": message}
    return Refusal(_STATUS[code], body | ({"meta": meta} if meta else {}))


def invalid(message: str) -> Refusal:
    return refusal("invalid_argument", message)


def missing(message: str) -> Refusal:
    return refusal("not_found", message)


def malformed_json() -> Refusal:
    return refusal("malformed", "the json request could not be decoded")
