"""What strangers send to an endpoint: no request is handled, none breaks it, none says much."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from twilio.request_validator import RequestValidator

import telephony
from telephony import webhooks

TOKEN = "a-token-of-twilio"
PUBLIC = "https://example.com/webhooks/twilio"
TEXT = {
    "MessageSid": "SM" + "2b" * 16, "From": "+14155550199", "To": "+14155550101", "Body": "Hi",
    "NumMedia": "0",
}  # fmt: skip
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(params=["asgi", "wsgi"])
def endpoint(request):
    """Where Twilio's webhooks go, and the events that were handled."""
    handled = []
    settings = {"account_sid": "AC" + "0f" * 16, "auth_token": TOKEN, "webhook_url": PUBLIC}
    with telephony.connect("twilio", **settings) as provider:
        app = getattr(webhooks, request.param)([provider], handled.append)
        url = request.getfixturevalue(f"serve_{request.param}")(app)
        yield f"{url}/webhooks/twilio", handled


def signed(params=TEXT, token=TOKEN):
    signature = RequestValidator(token).compute_signature(PUBLIC, params)
    return {"content-type": FORM, "x-twilio-signature": signature}


def test_what_twilio_signs_is_handled_once_whatever_token_a_replay_brings(endpoint):
    url, handled = endpoint
    for token in ("1", "1", "2"):
        headers = signed() | {"i-twilio-idempotency-token": token}
        assert httpx.post(url, headers=headers, content=urlencode(TEXT)).status_code == 200
    assert len(handled) == 1


@pytest.mark.parametrize(
    "body",
    [
        urlencode(TEXT | {"Body": "Hi!"}),
        urlencode(TEXT | {"Extra": "1"}),
        urlencode(TEXT) + "&Body=Ho",
        urlencode(TEXT) + "&Body=",
        urlencode({name: value for name, value in TEXT.items() if name != "Body"}),
        "",
        "%",
        "\x00\xff",
    ],
)
def test_a_body_that_was_changed_is_refused(endpoint, body):
    url, handled = endpoint
    response = httpx.post(url, headers=signed(), content=body.encode("latin-1"))

    assert response.status_code == 401
    assert handled == []


def test_a_second_signature_beside_the_right_one_is_refused(endpoint):
    url, handled = endpoint
    headers = [*signed().items(), ("x-twilio-signature", "forged")]
    assert httpx.post(url, headers=headers, content=urlencode(TEXT)).status_code == 401

    headers = [*signed(token="").items(), *signed(token=" ").items()]
    assert httpx.post(url, headers=headers, content=urlencode(TEXT)).status_code in {401, 415}
    assert handled == []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(endpoint, method):
    url, handled = endpoint
    response = httpx.request(method, url, headers=signed())

    assert (response.status_code, response.headers["allow"]) == (405, "POST, GET")
    assert handled == []


def test_a_get_without_a_signature_is_refused(endpoint):
    url, handled = endpoint
    assert httpx.get(url, params=TEXT).status_code == 401
    assert handled == []


def test_a_chunked_body_is_limited_by_its_size(endpoint):
    """Wsgiref does not read chunks, and then nothing arrived: what is signed does not match."""
    url, handled = endpoint
    content = urlencode(TEXT).encode()
    response = httpx.post(url, headers=signed(), content=iter([content[:9], content[9:]]))

    assert (response.status_code, len(handled)) in {(200, 1), (401, 0)}


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "9" * 19, "9" * 5000, str(1024 * 1024 + 1)])
def test_an_invalid_content_length_never_blocks_or_crashes(endpoint, length):
    """Sent by hand: no client sends these. The server may refuse it before the application does."""
    url, handled = endpoint
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        head = (
            f"POST {place.path} HTTP/1.1\r\nHost: example.com\r\nContent-Type: {FORM}\r\n"
            f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode("utf-8"))
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status in {400, 413}
    assert handled == []
