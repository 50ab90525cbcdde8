"""The guide to fleets: its story, typed as it stands on the stage that it sets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ..conftest import inherited
from ..systems import SHELL
from .pages import DOCS, blocks
from .test_recipe_pages import Terminal, alike, session

FILES = {"fleet_toml": "fleet.toml", "orders_csv": "orders.csv"}
pytestmark = SHELL


@pytest.fixture
def terminal(tmp_path):
    """Open terminals in a folder of their own, as wide as most are."""
    opened = []

    def start():
        places = [Path(sys.executable).parent, os.environ["PATH"]]
        path = os.pathsep.join(map(str, places))
        opened.append(Terminal(tmp_path, {**inherited(), "PATH": path, "COLUMNS": "80"}, {}))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.timeout(300)
def test_its_story_comes_out_as_written(terminal, tmp_path):
    typing, folder = None, tmp_path / "fleet-demo"
    for block in blocks(DOCS / "fleet.md"):
        commands = session(block.code) if block.language == "console" else []
        if block.use == "terminal":
            stage, typing = terminal(), terminal()
            stage.type(commands[0][0])
            assert any("Ctrl-C stops it" in line for line in stage.process.stdout)
        elif block.use == "file":
            (folder / FILES[block.name]).write_text(block.code)
        elif block.use == "program":
            (folder / "program.py").write_text(block.code)
            shown, _ = typing.shown("python -W error program.py")
            assert shown.startswith("finished"), shown
        for nth, (command, expected) in enumerate(commands if typing and not block.use else ()):
            shown, status = typing.shown(command)
            shown = "\n".join(map(str.rstrip, shown.strip().splitlines()))
            following = [each for each, _ in commands[nth + 1 : nth + 2]]
            assert status == 0 or following == ["echo $?"], f"{command}\n{shown}"
            assert not expected or alike(expected, shown), f"{command}\n{shown}"
