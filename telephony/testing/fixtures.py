"""Fixtures that connect the conformance suite to an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Sample, Sandbox
from telephony.testing.client import connect
from telephony.testing.fault_matrix import (
    Setup,
    set_up,
)


class AdapterFixtures:
    """An adapter, connected to its server blocking and with asyncio."""

    adapter: ClassVar[str]

    @pytest.fixture
    def server(self, telephony_sandbox: Sandbox) -> Sandbox:
        return telephony_sandbox

    @pytest.fixture
    def sample(self, server: Sandbox) -> Sample:
        return server.vendors[self.adapter].sample

    @pytest.fixture(params=["blocking", "asyncio"])
    def mode(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def settings(self, server: Sandbox) -> dict[str, object]:
        return {**server.settings(self.adapter), "backoff": 0.0}

    @pytest.fixture
    def provider(self, mode: str, settings: dict[str, object]) -> Iterator[PhoneNumberProvider]:
        with connect(mode, self.adapter, **settings) as client:
            yield client.provider

    @pytest.fixture
    def made(self, provider: PhoneNumberProvider, server: Sandbox) -> Setup:
        return set_up(provider, server, self.adapter)
