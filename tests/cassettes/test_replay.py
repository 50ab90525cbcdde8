"""Every recording, replayed without a network; or recorded, with ``--record-mode=all``."""

from __future__ import annotations

import pytest

from telephony.registry import available
from telephony.testing.client import connect

from . import tape
from .scenarios import SCENARIOS, offered


def pytest_generate_tests(metafunc):
    if "mode" in metafunc.fixturenames:
        recording = metafunc.config.getoption("--record-mode") not in (None, "none")
        # One recording serves both.
        metafunc.parametrize("mode", ["blocking"] if recording else ["blocking", "asyncio"])


@pytest.mark.vcr
@pytest.mark.block_network
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_recording_is_what_happens(scenario, mode, stage, vcr, record_mode):
    with connect(mode, scenario.vendor, **stage.settings) as client:
        scenario.run(client.provider, stage.situation)

    if record_mode == "none":
        assert vcr.all_played
    else:
        stage.tape.write(tape.FOLDER / f"{scenario}.yaml", vcr)


def test_every_operation_of_every_vendor_is_recorded_and_nothing_else():
    recorded = {f"{p.parent.name}/{p.stem}" for p in tape.FOLDER.glob("*/*.yaml")}

    assert recorded == {str(scenario) for scenario in SCENARIOS}
    for vendor in available():
        assert recorded >= {f"{vendor}/{operation}" for operation in offered(vendor)}
