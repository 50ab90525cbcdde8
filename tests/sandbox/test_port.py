"""The sandbox's port, refused on purpose."""

from __future__ import annotations

import time

import httpx
import pytest

from telephony.sandbox import Fault


@pytest.fixture
def refuses(telephony_sandbox):
    def connect() -> bool:
        try:
            return httpx.get(f"{telephony_sandbox.url}/_sandbox").status_code != 200
        except httpx.ConnectError:
            return True

    return connect


def test_the_last_fault_says_for_how_long_connections_are_refused(telephony_sandbox, refuses):
    telephony_sandbox.fail(Fault(kind="refused", seconds=0.05))
    telephony_sandbox.fail(Fault(kind="refused", seconds=60))
    time.sleep(0.2)
    assert refuses()

    telephony_sandbox.heal()
    assert not refuses()


def test_what_was_healed_is_left_alone(telephony_sandbox, refuses, caplog):
    telephony_sandbox.fail(Fault(kind="refused", seconds=0.05))
    telephony_sandbox.fail(Fault(kind="refused", seconds=60))
    telephony_sandbox.heal()
    time.sleep(0.2)
    assert not refuses()
    assert not caplog.records, "no second listener was tried"
