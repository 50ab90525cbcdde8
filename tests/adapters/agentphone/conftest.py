from __future__ import annotations

import pytest


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("agentphone")


@pytest.fixture
def vendor(telephony_sandbox):
    return telephony_sandbox.vendors["agentphone"]


@pytest.fixture
def number(provider):
    return provider.provision_number()
