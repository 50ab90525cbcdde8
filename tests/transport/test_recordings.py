"""Recordings, which vendors keep at other hosts under links that are secrets themselves."""

from __future__ import annotations

import asyncio
import logging
import ssl

import pytest
import trustme

import telephony
from telephony import errors, recordings
from telephony.capabilities import FULL, Capability
from telephony.model import Recording
from telephony.protocols import Adapter
from telephony.provider import AsyncProvider, Provider
from telephony.sandbox.calls import sound
from telephony.settings import ProviderSettings
from telephony.wire import Operation, Request, Response

SIGNED = "X-Signature=hunter2"
MEGABYTE = 1024 * 1024


class Filed(Adapter):
    """A vendor that names the URL of a recording, or redirects to it."""

    vendor = "Filed"
    Settings = ProviderSettings
    capabilities = {Capability.GET_RECORDING: FULL}  # noqa: RUF012
    outcomes = {}  # noqa: RUF012

    def __init__(self, settings: ProviderSettings, *, name: str) -> None:
        self.name = name
        self.base_url = settings.base_url
        self.headers = {"Authorization": "Bearer the-secret-key"}

    def error(self, response: Response) -> errors.ProviderError:
        return errors.class_for(response.status)(response.content.decode())

    def get_recording(self, call: str) -> Operation[Recording]:
        linked = "://" in call
        request = Request("GET", call if linked else f"/calls/{call}/recording", anonymous=linked)
        return recordings.fetched(request, "call_1", self.name)


@pytest.fixture
def fetch(mode):
    def fetch(call, base_url, **settings):
        made = ProviderSettings(base_url=base_url, retries=0, **settings)
        adapter = Filed(made, name="filed")
        if mode == "blocking":
            with Provider(adapter, made) as provider:
                return provider.get_recording(call)

        async def run():
            async with AsyncProvider(adapter, made) as provider:
                return await provider.get_recording(call)

        return asyncio.run(run())

    return fetch


@pytest.fixture
def vendor(listen):
    return listen()


@pytest.fixture
def storage(listen):
    """Another host, which has the file."""
    storage = listen()
    storage.headers, storage.body = {"Content-Type": "audio/x-wav; charset=x"}, sound()
    return storage


def test_a_link_to_another_host_is_followed_without_our_credentials(fetch, vendor, storage):
    recording = fetch(f"{storage.url}/call.wav?{SIGNED}", vendor.url)

    assert (recording.content, recording.media_type) == (sound(), "audio/x-wav")
    assert (recording.call, recording.provider) == ("call_1", "filed")
    ((path, headers),) = storage.heard
    assert path == f"/call.wav?{SIGNED}"
    assert "Authorization" not in headers
    assert vendor.heard == []


def test_a_redirect_is_followed_once_without_our_credentials(fetch, vendor, storage):
    vendor.status, vendor.headers = 302, {"Location": f"{storage.url}/call.wav?{SIGNED}"}
    assert fetch("call_1", vendor.url).content == sound()
    assert vendor.heard[0][1]["Authorization"] == "Bearer the-secret-key"
    assert "Authorization" not in storage.heard[0][1]

    storage.status, storage.headers = 302, {"Location": f"{storage.url}/elsewhere"}
    with pytest.raises(telephony.InvalidResponseError, match="redirect"):
        fetch("call_1", vendor.url)


def test_the_vendor_itself_may_send_the_file_with_any_content_type(fetch, vendor):
    vendor.headers, vendor.body = {"Content-Type": "application/octet-stream"}, b"ID3\x04 an mp3"
    assert fetch("call_1", vendor.url).media_type == "audio/mpeg"
    for body in (b"", b"<html>Not yet</html>", b'{"status": "processing"}'):
        vendor.body = body
        with pytest.raises(telephony.InvalidResponseError, match="not the recording"):
            fetch("call_1", vendor.url)


def test_the_link_is_shown_nowhere(fetch, vendor, storage, caplog, exporter):
    caplog.set_level(logging.DEBUG)
    exporter.clear()
    seen = []
    hooks = dict.fromkeys(("on_request", "on_response", "on_retry"), seen.append)
    link = f"{storage.url}/secret-file.wav?{SIGNED}"
    fetch(link, vendor.url, **hooks)
    storage.status, storage.body = 403, f"Expired: {link}".encode()
    with pytest.raises(telephony.NotFoundError, match="link has expired") as caught:
        fetch(link, vendor.url, **hooks)
    storage.status, storage.body = 503, f"Down: {link}".encode()
    with pytest.raises(telephony.UnavailableError) as down:
        fetch(link, vendor.url, **hooks)

    assert seen[0].path == storage.url
    spans = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert storage.url in spans
    request = Request("GET", link, anonymous=True)
    response = Response(200, {}, b"", request)
    for record in (
        caplog.text, repr(seen), spans, repr(request), repr(response),
        repr(caught.value), repr(vars(caught.value)), repr(vars(down.value)),
    ):  # fmt: skip
        assert "hunter2" not in record
        assert "secret-file" not in record


@pytest.mark.parametrize(
    ("link", "base_url"),
    [
        ("http://files.example.com/call.wav", "https://api.example.com"),
        ("http://127.0.0.1:9/call.wav", "https://api.example.com"),
        ("https://localhost:9/call.wav", "https://api.example.com"),
        ("ftp://files.example.com/call.wav", "http://127.0.0.1:9"),
        ("http://files.example.com/call.wav", "http://127.0.0.1:9"),
    ],
)
def test_a_link_in_plain_text_or_to_this_machine_is_refused(fetch, link, base_url):
    with pytest.raises(telephony.InvalidResponseError, match="not followed"):
        fetch(link, base_url)


def test_another_host_gets_no_client_certificate(fetch, listen, tmp_path):
    authority, ours = trustme.CA(), tmp_path / "ours.pem"
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    authority.issue_cert("us@example.com").private_key_and_cert_chain_pem.write_to_path(ours)
    hosts = listen(), listen()
    for host in hosts:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        host.speak_tls(context)
    hosts[0].status, hosts[0].headers = 302, {"Location": f"{hosts[1].url}/call.wav"}

    with pytest.raises(telephony.UnavailableError):
        fetch("call_1", hosts[0].url, verify=tmp_path / "authority.pem", client_certificate=ours)
    assert (len(hosts[0].heard), len(hosts[1].heard)) == (1, 0)


def test_a_recording_may_be_larger_than_other_responses(fetch, vendor):
    vendor.body = b"RIFF" + bytes(65 * MEGABYTE)
    assert len(fetch("call_1", vendor.url).content) == 65 * MEGABYTE + 4
