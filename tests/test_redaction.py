"""Texts of messages are hidden where a vendor repeats them, and nothing else changes with them."""

from __future__ import annotations

import pytest

from telephony.errors import ConflictError
from telephony.redaction import MASK

RAW = {
    "code": "21610",
    "more_info": "https://www.twilio.com/docs/errors/21610",
    "errorCode": "21610",
    "request_id": "req_21610",
    "status": 400,
    "detail": ["Attempt 1 of 1", {"body": None}],
}


def located(body, raw, *, message="The message to 1 was refused: code 21610"):
    error = ConflictError(message, code="21610", raw=raw)
    error.located("desk", "send_message", ("sk_secret",), (body,))
    return error


@pytest.mark.parametrize("body", ["1", "code", "21610", "of", "e", "request_id", " ", ""])
def test_a_short_text_leaves_the_error_as_the_vendor_wrote_it(body):
    error = located(body, RAW)
    assert (error.code, error.raw) == ("21610", RAW)
    assert error.message == "The message to 1 was refused: code 21610"


@pytest.mark.parametrize("body", ["1", "yes", "Your code is 4711"])
def test_a_text_that_a_vendor_repeats_as_a_whole_is_hidden(body):
    error = located(body, {"body": body, "errors": [{"value": body}]}, message=body)
    assert error.raw == {"body": MASK, "errors": [{"value": MASK}]}
    assert error.message == MASK


def test_a_longer_text_is_hidden_within_others_but_not_in_ids_codes_and_keys():
    body = "Your code is 4711"
    raw = {"message": f"Cannot send {body!r}", "code": body, body: 1, "sid": body}
    error = located(body, raw, message=f"Refused: {body}")
    assert error.message == f"Refused: {MASK}"
    assert error.raw == {"message": f"Cannot send '{MASK}'", "code": body, body: 1, "sid": body}


def test_a_secret_is_hidden_everywhere():
    raw = {"sk_secret": "sk_secret", "id": "x-sk_secret", "code": ["sk_secret"]}
    error = ConflictError("sk_secret", code="sk_secret", raw=raw)
    error.located("desk", "send_message", ("sk_secret",), ())
    assert "sk_secret" not in f"{error} {error.code} {error.raw}"
