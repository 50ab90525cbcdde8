"""Responses that are small when sent and huge when decoded, or in encodings not requested."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib

import pytest

import telephony
from telephony.testing.client import connect
from tests.conftest import http_answer
from tests.systems import LINUX

EMPTY = b'{"data": [], "has_more": false}'


def reading(mode, telephony_sandbox, raw_server, body, *headers):
    def respond(connection, _):
        connection.sendall(http_answer(body, *headers))

    server = raw_server(respond)
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": server.url, "retries": 0}
    with connect(mode, "cartesia", **settings) as client:
        return list(client.provider.list_numbers()), server


def test_gzip_is_requested_and_read(mode, telephony_sandbox, raw_server):
    found, server = reading(
        mode, telephony_sandbox, raw_server, gzip.compress(EMPTY), "Content-Encoding: gzip"
    )
    assert found == []
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(gzip.compress(EMPTY)), "gzip, gzip"),
        (zlib.compress(EMPTY), "deflate"),
        (EMPTY, "br"),
        (EMPTY, "gzip"),
        (gzip.compress(EMPTY)[:-9], "gzip"),
        (gzip.compress(EMPTY) + b"more", "gzip"),
    ],
    ids=["twice", "deflate", "brotli", "not gzip", "cut off", "something follows"],
)
def test_an_undecodable_body_raises(mode, telephony_sandbox, raw_server, body, encoding):
    with pytest.raises(telephony.InvalidResponseError, match="cannot be read"):
        reading(mode, telephony_sandbox, raw_server, body, f"Content-Encoding: {encoding}")


BOMB = """
import sys
import telephony

with telephony.connect("cartesia", api_key="k", base_url=sys.argv[1], retries=0) as provider:
    try:
        list(provider.list_numbers())
    except telephony.InvalidResponseError:
        (peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
        print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
@LINUX
def test_a_small_response_cannot_take_all_memory(raw_server, encoding):
    bomb = gzip.compress(b" " * (512 * 1024 * 1024), compresslevel=9)
    if encoding != "gzip":
        bomb = gzip.compress(bomb)
        assert len(bomb) < 5000

    def respond(connection, _):
        connection.sendall(http_answer(bomb, f"Content-Encoding: {encoding}"))

    url = raw_server(respond).url
    done = subprocess.run(
        [sys.executable, "-c", BOMB, url], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 400, "megabytes"
