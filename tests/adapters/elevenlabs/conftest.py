"""A provider at the sandbox, and one at a vendor that responds as planned."""

from __future__ import annotations

import pytest

import telephony


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("elevenlabs")


@pytest.fixture
def account(telephony_sandbox):
    """Return what the workspace of the sandbox holds."""
    return telephony_sandbox.vendors["elevenlabs"].account


@pytest.fixture
def planned(vendor_server):
    """Return a provider at a vendor that responds with what is planned."""
    with telephony.connect(
        "elevenlabs", api_key="key-of-tests", base_url=vendor_server.url, backoff=0.0
    ) as provider:
        yield provider


@pytest.fixture
def sandbox_source(telephony_sandbox):
    """Return the Twilio account that holds the numbers of the sandbox."""
    return telephony_sandbox.vendors["elevenlabs"].sample.source
