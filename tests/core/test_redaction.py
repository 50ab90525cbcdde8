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


def failed(body, raw, *, message="The message to 1 was refused: code 21610"):
    error = ConflictError(message, code="21610", raw=raw)
    error.add_context("desk", "send_message", ("sk_secret",), (body,))
    return error


@pytest.mark.parametrize("body", ["1", "code", "21610", "of", "e", "request_id", " ", ""])
def test_a_short_text_leaves_the_error_as_the_vendor_wrote_it(body):
    error = failed(body, RAW)
    assert (error.code, error.raw) == ("21610", RAW)
    assert error.message == "The message to 1 was refused: code 21610"


@pytest.mark.parametrize("body", ["1", "yes", "Your code is 4711"])
def test_a_text_that_a_vendor_repeats_as_a_whole_is_hidden(body):
    error = failed(body, {"body": body, "errors": [{"value": body}]}, message=body)
    assert error.raw == {"body": MASK, "errors": [{"value": MASK}]}
    assert error.message == MASK


def test_a_word_is_hidden_within_texts_but_not_in_ids_codes_and_keys():
    raw = {"message": "Cannot send 'Appointment'", "code": "appointment", "appointment": 1}
    error = failed("appointment", raw, message="Refused: appointment")
    assert error.message == f"Refused: {MASK}"
    assert error.raw == raw
    assert failed("Appointment", raw).raw == {**raw, "message": f"Cannot send '{MASK}'"}


@pytest.mark.parametrize(
    "echo", ["Your code is 4711", "Your+code+is+4711", "Your%20code%20is%204711"]
)
def test_a_sentence_is_hidden_wherever_a_vendor_repeats_it(echo):
    body = "Your code is 4711"
    raw = {"message": f"Cannot send {echo}", "code": f"refused: {echo}", echo: 1, "sid": echo}
    error = ConflictError(f"Refused: {echo}", code=f"Body={echo}", raw=raw)
    error.add_context("desk", "send_message", (), (body,))
    assert (error.message, error.code) == (f"Refused: {MASK}", f"Body={MASK}")
    assert echo not in str(error.raw)


def test_a_secret_is_hidden_everywhere():
    raw = {"sk_secret": "sk_secret", "id": "x-sk_secret", "code": ["sk_secret"]}
    error = ConflictError("sk_secret", code="sk_secret", raw=raw)
    error.add_context("desk", "send_message", ("sk_secret",), ())
    assert "sk_secret" not in f"{error} {error.code} {error.raw}"
