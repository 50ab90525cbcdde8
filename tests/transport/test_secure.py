"""Credentials go to the vendor and nowhere else: certificates, redirects, links, plain http."""

from __future__ import annotations

import contextlib
import json
import logging
import ssl
import subprocess
import sys

import httpx
import pytest
import trustme

import telephony
from telephony.testing.client import connect


@pytest.fixture
def settings(adapter, telephony_sandbox):
    return {**telephony_sandbox.settings(adapter), "retries": 0}


@pytest.mark.parametrize(
    "setting", ["ssl", "tls", "verify_ssl", "ssl_verify", "insecure", "cert", "trust_env"]
)
def test_nothing_turns_verification_off(adapter, mode, settings, setting):
    with pytest.raises(telephony.ConfigurationError, match=f"no setting `{setting}`"):
        connect(mode, adapter, **settings, **{setting: False})


def test_an_untrusted_certificate_is_refused(adapter, mode, settings, listen, monkeypatch):
    listener = listen()
    listener.vouched_for_by(trustme.CA())
    # What turns verification off in other clients changes nothing here.
    for variable in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PYTHONHTTPSVERIFY"):
        monkeypatch.setenv(variable, "0")
    with (
        connect(mode, adapter, **{**settings, "base_url": listener.url}) as client,
        pytest.raises(telephony.UnavailableError, match=r"not trusted.*SSL_CERT_FILE"),
    ):
        list(client.provider.list_numbers())
    assert listener.heard == []


LISTER = """
import json, sys
from telephony.testing.client import connect

mode, settings = json.loads(sys.argv[1])
with connect(mode, "cartesia", **settings) as client:
    assert list(client.provider.list_numbers()) == []
"""


def test_an_authority_of_ones_own_is_trusted_once_it_is_named(
    mode, listen, telephony_sandbox, tmp_path, monkeypatch
):
    authority, listener = trustme.CA(), listen()
    listener.vouched_for_by(authority)
    listener.body = b'{"data": [], "has_more": false}'
    named = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(named)
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": listener.url}

    # Who is trusted is read once in a process.
    subprocess.run([sys.executable, "-c", LISTER, json.dumps([mode, settings])], check=True)

    assert len(listener.heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_do_not_follow_a_redirect(adapter, mode, settings, listen, status):
    vendor, elsewhere = listen(), listen()
    vendor.status, vendor.headers = status, {"Location": f"{elsewhere.url}/stolen"}
    with (
        connect(mode, adapter, **{**settings, "base_url": vendor.url}) as client,
        pytest.raises(telephony.InvalidResponseError, match="redirect"),
    ):
        list(client.provider.list_numbers())
    assert len(vendor.heard) == 1
    assert elsewhere.heard == []


@pytest.mark.parametrize("link", ["{other}/p2", "//{host}/p2", "{other}@{own}/p2"])
def test_credentials_do_not_follow_a_link_to_the_next_page(mode, telephony_sandbox, listen, link):
    vendor, elsewhere = listen(), listen()
    host = elsewhere.url.removeprefix("http://")
    own = vendor.url.removeprefix("http://")
    next_page = link.format(other=elsewhere.url, host=host, own=own)
    vendor.body = (
        b'{"incoming_phone_numbers": [{"sid": "PN5a", "phone_number": "+14155550123"}],'
        b'"next_page_uri": "%s"}' % next_page.encode()
    )
    settings = {**telephony_sandbox.settings("twilio"), "base_url": vendor.url, "retries": 0}
    with (
        connect(mode, "twilio", **settings) as client,
        pytest.raises(telephony.InvalidResponseError),
    ):
        list(client.provider.list_numbers())
    assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://api.example.com", None),
        ("http://api.example.com", "example.com"),
        ("http://127.0.0.1.example.com", None),
        ("http://localhost.example.com", "localhost"),
        ("http://0.0.0.0:80", None),
    ],
)
def test_plain_http_to_another_machine_is_refused(adapter, mode, settings, url, named):
    insecure = {**settings, "base_url": url, "allow_insecure_http": named}
    with pytest.raises(telephony.ConfigurationError, match="plain http"):
        connect(mode, adapter, **insecure)


def test_plain_http_is_allowed_on_this_machine_and_where_it_is_named(adapter, mode, settings):
    for url, named in (
        ("http://localhost:1", None),
        ("http://[::1]:1", None),
        ("http://api.example.com", "api.example.com"),
    ):
        with connect(mode, adapter, **{**settings, "base_url": url, "allow_insecure_http": named}):
            pass


@pytest.fixture
def trusted(listen, tmp_path):
    """Return a server with a certificate of a private authority, and the authority's file."""
    authority, listener = trustme.CA(), listen()
    listener.vouched_for_by(authority)
    listener.body = b'{"data": [], "has_more": false}'
    named = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(named)
    return listener, named


def test_the_setting_verify_names_whom_to_trust(mode, telephony_sandbox, trusted):
    listener, named = trusted
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": listener.url, "retries": 0}
    for verify in (str(named), named, False):
        with connect(mode, "cartesia", **settings, verify=verify) as client:
            assert list(client.provider.list_numbers()) == []
    assert len(listener.heard) == 3


@pytest.mark.parametrize("setting", ["verify", "client_certificate"])
def test_certificates_that_cannot_be_read_are_refused_at_once(
    mode, telephony_sandbox, setting, tmp_path
):
    settings = telephony_sandbox.settings("cartesia")
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(telephony.ConfigurationError, match=f"`{setting}` cannot be used"):
            connect(mode, "cartesia", **settings, **{setting: tmp_path / name})


def test_verification_is_turned_off_on_this_machine_only(adapter, mode, settings):
    there = {**settings, "base_url": "https://api.example.com", "verify": False}
    with pytest.raises(telephony.ConfigurationError, match="file of certificates to trust"):
        connect(mode, adapter, **there)


def test_a_client_certificate_is_shown(mode, telephony_sandbox, listen, tmp_path):
    authority, listener = trustme.CA(), listen()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    listener.speak_tls(context)
    listener.body = b'{"data": [], "has_more": false}'
    named, ours = tmp_path / "authority.pem", tmp_path / "ours.pem"
    authority.cert_pem.write_to_path(named)
    authority.issue_cert("us@example.com").private_key_and_cert_chain_pem.write_to_path(ours)
    settings = {**telephony_sandbox.settings("cartesia"), "base_url": listener.url, "retries": 0}
    with (
        connect(mode, "cartesia", **settings, verify=named) as client,
        pytest.raises(telephony.UnavailableError),
    ):
        list(client.provider.list_numbers())
    with connect(mode, "cartesia", **settings, verify=named, client_certificate=ours) as client:
        assert list(client.provider.list_numbers()) == []


def test_everything_goes_through_the_proxy_that_is_set(mode, telephony_sandbox, listen):
    proxy = listen()
    proxy.body = b'{"data": [], "has_more": false}'
    settings = {
        **telephony_sandbox.settings("cartesia"),
        "base_url": "http://api.example.com",
        "allow_insecure_http": "api.example.com",
        "proxy": proxy.url.replace("//", "//user:hunter2@"),
    }
    with connect(mode, "cartesia", **settings) as client:
        assert list(client.provider.list_numbers()) == []
    ((path, headers),) = proxy.heard
    assert path.startswith("http://api.example.com/")
    assert headers["Proxy-Authorization"].startswith("Basic ")


@pytest.mark.parametrize("proxy", ["proxy.example.com:3128", "ftp://proxy.example.com", "http://"])
def test_a_proxy_that_is_no_url_is_refused_without_showing_it(mode, telephony_sandbox, proxy):
    settings = telephony_sandbox.settings("cartesia")
    with pytest.raises(telephony.ConfigurationError, match="write a whole URL") as caught:
        connect(mode, "cartesia", **settings, proxy=f"{proxy}#hunter2")
    assert "hunter2" not in str(caught.value)


def test_the_logs_of_others_show_nothing_of_our_requests(
    adapter, mode, telephony_sandbox, listen, caplog
):
    """With everything logged that any package logs: no number, no query, no secret."""
    listener = listen()
    listener.headers = {"Location": "/numbers/+14155550123", "Set-Cookie": "session=hunter2"}
    settings = {**telephony_sandbox.settings(adapter), "base_url": listener.url, "retries": 0}
    caplog.set_level(logging.DEBUG)
    with connect(mode, adapter, **settings) as client:
        for read in (
            lambda: client.provider.get_number("+14155550123"),
            lambda: list(client.provider.list_numbers(limit=5)),
        ):
            with contextlib.suppress(telephony.TelephonyError):
                read()
    assert listener.heard
    theirs = [one for one in caplog.records if one.name.startswith(("httpx", "httpcore"))]
    assert {one.getMessage() for one in theirs} <= {"close.started", "close.complete"}
    for private in ("4155550123", "hunter2", "?", *map(str, secrets_of_adapter(settings))):
        assert private not in caplog.text
    httpx.get(listener.url)
    assert "HTTP Request: GET" in caplog.text, "other code's requests are logged as before"
    assert "httpcore.http11" in {one.name for one in caplog.records}


def secrets_of_adapter(settings):
    return [value for name, value in settings.items() if "secret" in name or "token" in name]
