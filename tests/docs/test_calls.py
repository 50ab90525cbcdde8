"""The program that follows a call, at every vendor where calls have an end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from telephony import Capability, Level
from telephony.registry import available
from telephony.testing.fault_matrix import set_up

from .pages import DOCS, named

EXAMPLES = named(DOCS / "guides" / "calls.md", "example")


@pytest.mark.parametrize("vendor", sorted(available()))
def test_a_call_is_followed_to_its_end_at_every_vendor_that_can(
    run, telephony_sandbox, telephony_connect, vendor
):
    provider = telephony_connect(vendor)
    if provider.capabilities[Capability.GET_CALL].level is not Level.FULL:
        return
    made = set_up(provider, telephony_sandbox, vendor)
    provider.assign_number(made.number, made.sample.target)
    url = [made.sample.call_url] if made.sample.call_url else []
    given = (vendor, made.number, "+14155550199", *url)
    with ThreadPoolExecutor() as threads:
        talking = threads.submit(run, "-c", EXAMPLES["call"], *given)
        while not telephony_sandbox.ledger(vendor, "call"):
            assert not talking.done(), talking.result().stderr
            time.sleep(0.01)
        telephony_sandbox.advance(vendor, 3600)
        done = talking.result()

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("completed ")
    if provider.supports(Capability.GET_TRANSCRIPT):
        assert "caller: Is five okay?" in done.stdout
