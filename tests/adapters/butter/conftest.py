"""Butter AI's sandbox with an account linked and a number imported."""

from __future__ import annotations

import pytest

from telephony import LinkedCarrier, TwilioAccount


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("butter")


@pytest.fixture
def vendor(telephony_sandbox):
    """Return the emulation itself, to plant special situations in."""
    return telephony_sandbox.vendors["butter"]


@pytest.fixture
def linked(provider):
    account = TwilioAccount("AC" + "0f" * 16, auth_token="t0ken-of-twilio")
    return provider.link_carrier(account, label="EU lines")


@pytest.fixture
def imported(provider, linked):
    return provider.import_number("+442079460123", source=LinkedCarrier(linked.id))


@pytest.fixture
def sent(telephony_sandbox):
    """Return the bodies of the requests to one route, in order."""

    def bodies(method, ending):
        return [
            request.json()
            for request in telephony_sandbox.requests("butter")
            if request.method == method and request.path.endswith(ending)
        ]

    return bodies


@pytest.fixture
def kinds(telephony_sandbox):
    """Return what really happened at the vendor, in order."""
    return lambda: [entry.kind for entry in telephony_sandbox.ledger("butter")]
