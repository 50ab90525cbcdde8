"""A process that dies while it buys: with the same key, the next one finds what was bought."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest

import telephony
from telephony import Capability, registry
from telephony.sandbox import Fault
from tests.conftest import inherited

KEY = "order-1207"

# Buys, and dies at the given request: ``before`` it is sent or ``after`` its response has arrived.
BUYER = """
import json, os, sys
import telephony

adapter, settings, arguments, moment, nth = json.loads(sys.argv[1])
seen = 0

def die(event):
    global seen
    seen += 1
    if seen > nth:
        os._exit(9)

hooks = {"before": {"on_request": die}, "after": {"on_response": die}, "never": {}}
with telephony.connect(adapter, **settings, **hooks[moment]) as provider:
    provider.provision_number(**arguments)
"""


BUYING = [
    name
    for name in registry.available()
    if Capability.PROVISION_NUMBER in registry.load(name).outcomes
]


@pytest.fixture(params=BUYING)
def adapter(request):
    return request.param


@pytest.fixture
def settings(telephony_sandbox, adapter):
    return {**telephony_sandbox.settings(adapter), "backoff": 0.0}


@pytest.fixture
def arguments(telephony_sandbox, telephony_connect, adapter):
    """Return what to buy so that it can be found again: some vendors require the exact number."""
    provider, wanted = telephony_connect(adapter), {"idempotency_key": KEY}
    try:
        provider.provision_number(**wanted)
    except telephony.UnsupportedOperationError:
        wanted["number"] = provider.search_numbers(limit=1)[0].number
        provider.provision_number(**wanted)
    telephony_sandbox.reset()
    return wanted


@pytest.fixture
def order(adapter, settings, arguments):
    """Return the arguments of Python with which it buys."""
    return lambda moment="never", nth=0: (
        "-c", BUYER, json.dumps([adapter, settings, arguments, moment, nth])
    )  # fmt: skip


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_number_is_bought_once_however_often_the_process_is_killed(
    telephony_sandbox, telephony_connect, python, adapter, arguments, order, moment, tmp_path
):
    """At each of its requests: before it goes out, while the vendor has it, after its response."""
    provider = telephony_connect(adapter)
    provider.provision_number(**arguments)
    for nth in range(len(telephony_sandbox.requests(adapter))):
        telephony_sandbox.reset()
        if moment == "during":
            telephony_sandbox.fail(Fault(kind="slow_headers", seconds=60, skip=nth))
            with subprocess.Popen([sys.executable, *order()]) as buyer:
                while len(telephony_sandbox.requests(adapter)) <= nth:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        buyer.wait(0.01)
                        pytest.fail("it had to wait for a response")
                buyer.kill()
            telephony_sandbox.heal()
        else:
            assert python(*order(moment, nth), cwd=tmp_path, env=inherited()).returncode == 9

        # This process knows nothing of the other but the key.
        again = [provider.provision_number(**arguments) for _ in range(2)]
        # A vendor may give out the number a moment later, as it activates it.
        found = [provider.get_number(number).number for number in again]
        (bought,) = telephony_sandbox.ledger(adapter, "purchase")
        assert found == [bought.number] * 2, f"request {nth + 1}"
