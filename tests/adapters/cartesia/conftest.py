"""A provider at a vendor that responds as planned."""

from __future__ import annotations

import pytest

import telephony


@pytest.fixture
def connect(vendor_server):
    """Return a provider at a vendor that responds with the samples."""
    opened = []

    def connected(version="2026-03-01"):
        settings = {"api_key": "sk_car_1", "base_url": vendor_server.url, "version": version}
        opened.append(telephony.connect("cartesia", **settings))
        return opened[-1]

    yield connected
    for provider in opened:
        provider.close()
