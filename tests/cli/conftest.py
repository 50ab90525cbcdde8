"""The example adapter as the command line finds it."""

from __future__ import annotations

import os
import sys

import pytest

from tests.conftest import EXAMPLE, inherited


@pytest.fixture
def acme_command(acme, tmp_path):
    """Return the arguments of `Popen` that run `telephony …` with the example adapter."""
    site = tmp_path / "site" / "acme_telephony-1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: acme_telephony\nVersion: 1\n")
    (site / "entry_points.txt").write_text(
        "[telephony.adapters]\nacme = acme_telephony:Acme\n"
        "[telephony.sandboxes]\nacme = acme_telephony.sandbox:AcmeSandbox\n"
    )
    settings = acme.settings(acme.base_url)
    environment = {
        **inherited(),
        "COLUMNS": "80",
        "PYTHONPATH": f"{EXAMPLE}{os.pathsep}{site.parent}",
        "TELEPHONY_PROVIDER": "acme",
        **{f"TELEPHONY_ACME_{name.upper()}": value for name, value in settings.items()},
    }
    folder = tmp_path / "work"
    folder.mkdir()

    def arguments(*words):
        telephony = [sys.executable, "-u", "-W", "error", "-m", "telephony"]
        return {"args": [*telephony, *words], "env": environment, "cwd": folder, "text": True}

    return arguments


@pytest.fixture
def acme_cli(acme_command, python):
    def run(*words):
        given = acme_command()
        return python("-m", "telephony", *words, cwd=given["cwd"], env=given["env"])

    return run
