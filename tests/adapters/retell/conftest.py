"""A provider at the sandbox, and one at a vendor that responds as planned."""

from __future__ import annotations

import pytest

import telephony

TRUNK = telephony.SipTrunk("example.pstn.twilio.com", username="out", password="sandbox-password")


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("retell")


@pytest.fixture
def account(telephony_sandbox):
    """Return what the account of the sandbox holds."""
    return telephony_sandbox.vendors["retell"].account


@pytest.fixture
def number(provider):
    return provider.import_number("+14155550142", source=TRUNK)


@pytest.fixture
def planned(vendor_server):
    """Return a provider at a vendor that responds with what is planned."""
    settings = {"api_key": "key_example_3f9c", "base_url": vendor_server.url, "retries": 0}
    with telephony.connect("retell", **settings) as provider:
        yield provider
