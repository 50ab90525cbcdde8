from __future__ import annotations

import json
from urllib.parse import urlsplit

import httpx
import pytest


@pytest.fixture
def vendor(telephony_sandbox):
    return telephony_sandbox.vendors["twilio"]


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("twilio")


@pytest.fixture
def number(provider):
    return provider.provision_number(number="+14155550123", label="Desk")


@pytest.fixture
def posts(telephony_sandbox):
    """Return the changes that were asked for, in order, as they arrived."""

    def sent():
        return [r for r in telephony_sandbox.requests("twilio") if r.method == "POST"]

    return sent


@pytest.fixture
def responses():
    """Return what the SDK was answered: method, path, status and body."""
    return []


@pytest.fixture
def sdk(telephony_sandbox, responses):
    """Twilio's own client, unmodified; what it sends to Twilio's hosts goes to the sandbox."""
    from twilio.http import HttpClient
    from twilio.http.response import Response
    from twilio.rest import Client

    base = telephony_sandbox.base_url("twilio")
    wire = httpx.Client()

    class ToSandbox(HttpClient):
        def __init__(self):
            self.is_async = False

        def request(self, method, uri, params=None, data=None, headers=None, auth=None, **_):
            host, path = urlsplit(uri).netloc, uri.split(urlsplit(uri).netloc, 1)[1]
            assert host in {f"{name}.twilio.com" for name in ("api", "trunking", "messaging")}
            response = wire.request(
                method, base + path, params=params or None, data=data, headers=headers, auth=auth
            )
            body = json.loads(response.text) if response.text else None
            responses.append((method, path.partition("?")[0], response.status_code, body))
            return Response(response.status_code, response.text, response.headers)

    settings = telephony_sandbox.settings("twilio")
    with wire:
        # A mapping of its own: the SDK would read the region from the environment.
        yield Client(
            settings["account_sid"],
            settings["auth_token"],
            http_client=ToSandbox(),
            environment={"": ""},
        )
