"""What a recording leaves out: real HTTP, recorded by vcrpy, read back from the file."""

from __future__ import annotations

import base64
import gzip
import io
import json
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from vcr import VCR

from telephony.testing.scrubbing import SILENCE, TEXT, Scrubber, fictional

from . import tape

SECRET = "Tr0ub4dor-and-3-more"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ2ZW5kb3IifQ.c2lnbmF0dXJlLW9mLWl0"
PERSON = "+14158675309"


class Responses(BaseHTTPRequestHandler):
    """Respond with the content and the type that request headers give, compressed."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        content = gzip.compress(self.headers.get("Response", "{}").encode())
        self.send_response(200)
        self.send_header("Content-Type", self.headers.get("Response-Type", "application/json"))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", f"session={SECRET}")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture(scope="module")
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Responses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def record(url, tmp_path):
    """Return the text of the cassette of a request, and its replayed response."""

    def record(request, scrubber):
        path = tmp_path / "cassette.yaml"
        config = tape.config(scrubber)
        for mode in ("once", "none"):
            vcr = VCR(record_mode=mode)
            vcr.register_matcher("same_body", tape.same_body)
            with vcr.use_cassette(path, **config) as cassette, httpx.Client() as client:
                response = client.send(client.build_request("POST", **request))
        assert cassette.all_played
        return path.read_text(), response

    return record


BASIC = base64.b64encode(f"AC1:{SECRET}".encode()).decode()
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "request_",
    [
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"X-API-Key": SECRET}},
        {"headers": {"Cookie": f"session={SECRET}"}},
        {"headers": {"X-Vendor-Signature": SECRET}},
        {"params": {"authToken": SECRET}},
        {"json": {"credentials": [{"account": {"apiKeySecret": SECRET}}]}},
        {"json": {"settings": json.dumps({"inner": {"auth_password": SECRET}})}},
        {"json": {"callback": f"https://example.com/hook?token={SECRET}&x=1"}},
        {"json": {"callback": f"https://user:{SECRET}@example.com/hook"}},
        {
            "content": json.dumps({"a": {"b": {"password": SECRET}}}),
            "headers": {"Content-Type": "application/json; charset=utf-8"},
        },
        {
            "content": f"To=x&AuthToken={SECRET}",
            "headers": {"Content-Type": f"{FORM}; charset=UTF-8"},
        },
        {"content": f"Authorization: Bearer {SECRET}", "headers": {"Content-Type": "text/plain"}},
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_secret_is_not_recorded(record, url, request_):
    text, _ = record({"url": url, **request_}, Scrubber())

    assert SECRET not in text
    assert "**********" in text


def test_http_basic_is_not_recorded(record, url):
    headers = {"Authorization": f"Basic {BASIC}", "X-Echo": f"sent Basic {BASIC}"}

    text, _ = record({"url": url, "headers": headers}, Scrubber())

    assert BASIC not in text
    assert "Basic authentication" in Scrubber().text("Basic authentication")


def test_what_is_said_in_a_call_is_not_recorded_wherever_a_role_says_by_whom():
    turn = {"role": "user", "message": "It is me, Ann", "content": "Ann", "time": 5}

    scrubbed = Scrubber().value({"message": "Not found", "messages": [turn, {"result": "kept"}]})

    assert scrubbed == {
        "message": "Not found",
        "messages": [{**turn, "message": TEXT, "content": TEXT}, {"result": "kept"}],
    }


def test_neither_single_words_nor_what_a_tool_is_asked_are_recorded():
    said = {"role": "user", "content": "Ann", "words": [{"word": "Ann", "start": 1.5}]}
    asked = {"role": "tool_call_invocation", "name": "book", "arguments": '{"who": "Ann"}'}

    scrubbed = Scrubber().value([said, asked])

    assert scrubbed == [
        {**said, "content": TEXT, "words": [{"word": TEXT, "start": 1.5}]},
        {**asked, "arguments": TEXT},
    ]


def test_what_is_said_in_a_call_is_not_recorded_beside_what_it_responds_to():
    exchange = {"id": "tr_1", "transcript": "It is me, Ann", "response": "Hello, Ann"}
    call = {"lastTranscriptSnippet": "Bye, Ann", "transcripts": [exchange], "response": "kept"}

    scrubbed = Scrubber().value(call)

    assert scrubbed == {
        "lastTranscriptSnippet": TEXT,
        "transcripts": [{"id": "tr_1", "transcript": TEXT, "response": TEXT}],
        "response": "kept",
    }


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (json.dumps({"data": [{"auth": {"refreshToken": SECRET}}]}), "application/json"),
        (json.dumps({"data": [{"pin": SECRET}]}), "application/vnd.api+json; charset=utf-8"),
        (f"the url is https://x.example/?api_key={SECRET}", "text/plain"),
    ],
)
def test_a_compressed_response_is_read_before_it_is_recorded(record, url, said, kind):
    headers = {"Response": said, "Response-Type": kind}

    text, response = record(
        {"url": url, "headers": headers}, Scrubber(dropped_headers=["response"])
    )

    assert SECRET not in text
    assert response.text == said.replace(SECRET, "**********")
    assert "content-encoding" not in response.headers
    assert int(response.headers["content-length"]) == len(response.content)


def test_what_cannot_be_read_is_not_recorded(record, url):
    with pytest.raises(ValueError, match="not text"):
        record({"url": url, "content": b"\xff\xfe\x00"}, Scrubber())
    with pytest.raises(ValueError, match="compressed"):
        record({"url": url, "headers": {"Content-Encoding": "gzip"}, "content": b"x"}, Scrubber())


def test_what_was_said_in_a_call_is_not_recorded(record, url):
    headers = {"Response": "a voice", "Response-Type": "audio/wav"}

    text, response = record(
        {"url": url, "headers": headers}, Scrubber(dropped_headers=["response"])
    )

    assert "a voice" not in text
    assert response.content == SILENCE
    with wave.open(io.BytesIO(response.content)) as sound:
        assert set(sound.readframes(sound.getnframes())) == {ord("@")}


def test_tokens_are_known_by_their_form(record, url):
    key = "SK" + "0a" * 16
    words = {"note": f"{JWT} and {key}", "other": "sk_live_0123456789"}

    text, _ = record({"url": url, "json": words}, Scrubber())

    for secret in (*JWT.split("."), key, "0123456789"):
        assert secret not in text


def test_people_and_what_they_write_are_not_recorded(record, url):
    said = {"to": PERSON, "body": "See you at 12", "friendly_name": "(415) 867-5309"}
    request = {
        "url": f"{url}/numbers/%2B14158675309/x",
        "params": {"To": PERSON},
        "json": said,
        "headers": {"Response": json.dumps({"messages": [said]})},
    }

    text, response = record(request, Scrubber(dropped_headers=["response"]))

    assert "867" not in text
    assert "See you" not in text
    (message,) = response.json()["messages"]
    assert message["body"] == TEXT
    assert message["to"] == fictional(PERSON)
    # Written in another way, it is still the same number.
    assert message["friendly_name"][-4:] == message["to"][-4:]


@pytest.mark.parametrize(
    "number",
    ["+14155550123", "(415) 555-0123", "415-555-0123", "+353875551234"],
)
def test_numbers_with_555_stay(number):
    assert Scrubber().text(f"call {number} now") == f"call {number} now"


@pytest.mark.parametrize("number", [PERSON, "+353871234567", "1 415 867 5309", "14158675309"])
def test_other_numbers_become_the_same_one_each_time(number):
    scrubbed = Scrubber().text(number)

    assert scrubbed == Scrubber().text(number) != number
    assert "".join(filter(str.isdigit, scrubbed))[-7:-4] == "555"


@pytest.mark.parametrize(
    "harmless",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "2026-11-21T04:19:50.123456Z",
        "1732160390123",
        "192.168.100.200",
        '{"next_page_token": "PA123", "token_type": "bearer", "auth_username": "acme"}',
        '{"api_key_sid": "SK1a****1a1a", "message": "The token is wrong"}',
        "https://example.com/?page_token=PA123",
    ],
)
def test_what_is_no_secret_stays_as_it_is(harmless):
    assert Scrubber().text(harmless) == harmless


def test_what_is_the_applications_own_can_be_named(record, url):
    scrubber = Scrubber(
        replaced={url: "https://api.example.com", "acct_17": "acct_0"},
        secret_names=["customerPin"],
        text_names=["note"],
    )
    body = {"account": "acct_17", "customer_pin": 2580, "note": "He is at home"}

    text, _ = record({"url": f"{url}/acct_17", "json": body}, scrubber)

    assert "https://api.example.com/acct_0" in text
    for gone in (url, "acct_17", "2580", "at home"):
        assert gone not in text


def test_a_recording_that_cannot_be_saved_leaves_nothing_behind(url, tmp_path):
    vcr = VCR(record_mode="all")
    config = {**tape.config(Scrubber()), "persister": tape.Blank(), "match_on": ("uri",)}
    original = httpx.HTTPTransport.handle_request
    with vcr.use_cassette(tmp_path / "x.yaml", **config) as recorded:
        httpx.post(url)

    with pytest.raises(IsADirectoryError):
        tape.Tape("sandbox").write(tmp_path, recorded)

    assert httpx.HTTPTransport.handle_request is original
    assert list(tmp_path.iterdir()) == []
