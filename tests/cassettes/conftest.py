"""Replays cassettes, and records them anew with ``--record-mode=all`` (``make record``)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ..adapters.livekit.conftest import livekit_server  # noqa: F401 - a fixture
from . import tape
from .scenario import Scenario
from .stage import Stage, credentials, live, own_server, replayed, sandbox


def pytest_recording_configure(config, vcr):
    vcr.register_matcher("same_body", tape.same_body)


@pytest.fixture(scope="session")
def vcr_cassette_dir():
    return str(tape.FOLDER)


@pytest.fixture
def allowed_hosts() -> None:
    """Block the network of a replay, as the plugin's own fixture would ask for a scenario."""


@pytest.fixture
def default_cassette_name(scenario: Scenario) -> str:
    return str(scenario)


@pytest.fixture
def stage(scenario: Scenario, record_mode: str, request) -> Iterator[Stage]:
    """Set up before vcrpy is, so that what it takes to prepare a scenario is not recorded."""
    path = tape.FOLDER / f"{scenario}.yaml"
    with ExitStack() as held:
        if record_mode == "none":
            yield replayed(scenario, tape.Tape.read(path))
        elif not scenario.provoked and (found := credentials(scenario.vendor)):
            yield held.enter_context(live(scenario, found))
        elif scenario.at_own_server and (name := _own_server()):
            url = request.getfixturevalue("livekit_server")
            yield held.enter_context(own_server(scenario, name, url))
        else:
            server = request.getfixturevalue("telephony_sandbox")
            yield held.enter_context(sandbox(scenario, server))


@pytest.fixture
def vcr_config(stage: Stage, record_mode: str) -> dict[str, object]:
    blank = {} if record_mode == "none" else {"persister": tape.Blank()}
    return {**tape.config(stage.scrubber), **blank}


def _own_server() -> str:
    """Return the name and version of the livekit-server that can be run here, or nothing."""
    server = os.environ.get("TELEPHONY_LIVEKIT_SERVER") or shutil.which("livekit-server")
    if server is None or shutil.which("redis-server") is None:
        return ""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    return said.strip().replace(" version ", " ")
