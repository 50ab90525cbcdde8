"""Twilio's refusals, and bodies that are not what they should be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from telephony.adapters.twilio.bodies import moment

import telephony
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE = "https://example.com/voice"


@pytest.mark.parametrize(
    ("to", "code", "kind"),
    [
        ("+15005550001", "21211", telephony.InvalidRequestError),
        ("+15005550002", "21612", telephony.InvalidRequestError),
        ("+15005550003", "21408", telephony.PermissionDeniedError),
        ("+15005550004", "21610", telephony.ConflictError),
        ("+15005550009", "21614", telephony.InvalidRequestError),
    ],
)
@pytest.mark.usefixtures("number")
def test_refusals_of_a_text_are_distinguished(provider, to, code, kind):
    with pytest.raises(kind) as caught:
        provider.send_message(NUMBER, to, "hello")

    assert (caught.value.code, type(caught.value)) == (code, kind)


@pytest.mark.parametrize(
    ("sender", "code", "kind"),
    [
        ("+15005550001", "21212", telephony.InvalidRequestError),
        ("+15005550007", "21606", telephony.NotFoundError),
        ("+15005550008", "21611", telephony.RateLimitedError),
        (OTHER, "21606", telephony.NotFoundError),
    ],
)
def test_a_sender_that_is_not_ours_is_refused(provider, sender, code, kind):
    with pytest.raises(kind) as caught:
        provider.send_message(sender, OTHER, "hello")

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("to", "code", "kind"),
    [
        ("+15005550001", "21217", telephony.InvalidRequestError),
        ("+15005550002", "21214", telephony.InvalidRequestError),
        ("+15005550003", "21215", telephony.PermissionDeniedError),
        ("+15005550004", "21216", telephony.PermissionDeniedError),
    ],
)
@pytest.mark.usefixtures("number")
def test_refusals_of_a_call_are_distinguished(provider, to, code, kind):
    with pytest.raises(kind) as caught:
        provider.place_call(NUMBER, to, url=VOICE)

    assert (caught.value.code, type(caught.value)) == (code, kind)


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        ("+15005550000", "21422", telephony.ConflictError),
        ("+15005550001", "21421", telephony.InvalidRequestError),
    ],
)
def test_refusals_of_a_purchase_are_distinguished(provider, number, code, kind):
    with pytest.raises(kind) as caught:
        provider.provision_number(number=number)

    assert (caught.value.code, type(caught.value)) == (code, kind)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, "", telephony.InvalidRequestError, "refused"),
        (404, "<html>not here</html>", telephony.NotFoundError, "refused"),
        (500, '{"code": 20003, "message": "odd"}', telephony.UnavailableError, "odd"),
        (400, '{"code": 10002, "message": "Trial"}', telephony.QuotaExceededError, "Trial"),
        (400, "[1]", telephony.InvalidRequestError, "refused"),
        (
            422,
            '{"type": "t", "title": "Bad input", "status": 422, "code": 99, "detail": "No X"}',
            telephony.InvalidRequestError,
            "Bad input: No X",
        ),
    ],
)
def test_any_error_body_is_understood(provider, telephony_sandbox, status, body, kind, message):
    headers = {"Twilio-Request-Id": "RQ123"}
    fault = Fault(kind="status", status=status, body=body, headers=headers, times=None)
    telephony_sandbox.fail(fault)

    with pytest.raises(kind, match=message) as caught:
        provider.get_number("PN" + "0" * 32)

    assert caught.value.request_id == "RQ123"


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, telephony.AuthenticationError, "auth token"),
        (403, telephony.PermissionDeniedError, "Restricted"),
    ],
)
def test_a_key_that_may_not_is_not_a_key_that_is_wrong(
    provider, telephony_sandbox, status, kind, hint
):
    """A hint to check the token would make users replace a good one."""
    body = '{"code": 20003, "message": "Permission Denied", "status": 403}'
    telephony_sandbox.fail(Fault(kind="status", status=status, body=body))

    with pytest.raises(kind) as caught:
        provider.get_number(NUMBER)

    assert hint in caught.value.hint
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 30 Jul 2015 23:19:04 +0000", datetime(2015, 7, 30, 23, 19, 4, tzinfo=UTC)),
        ("Thu, 30 Jul 2015 23:19:04 +0200", datetime(2015, 7, 30, 21, 19, 4, tzinfo=UTC)),
        ("30 Jul 2015 23:19:04 GMT", datetime(2015, 7, 30, 23, 19, 4, tzinfo=UTC)),
        ("Thu, 30 Abc 2015 23:19:04 +0000", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_or_left_out(text, expected):
    assert moment(text) == expected
