"""A further vendor, in a package of its own, needs nothing of us but to be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example_adapter"
SUITE = """\
from telephony.testing.conformance import AdapterConformance


class TestAcme(AdapterConformance):
    adapter = "acme"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Python in which the example is installed."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True)

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=source,
            env={**os.environ, "PYTHONPATH": str(site), **environment},
            capture_output=True,
            text=True,
        )

    done = run(
        "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", str(site), str(source),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return run


def test_it_is_small():
    files = [EXAMPLE / "pyproject.toml", *EXAMPLE.glob("acme_telephony/**/*.py")]
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) < 720


def test_it_is_found_and_connected_to(run):
    code = (
        "import telephony; from telephony._tables import matrix; "
        "provider = telephony.connect('acme'); print(provider, *matrix())"
    )

    done = run("-c", code, ACME_API_KEY="k")

    assert done.stdout.startswith("<Provider 'acme' (Acme)> acme agentphone"), done.stderr


def test_the_demo_takes_it_along(run):
    done = run("-m", "telephony", "demo", "acme")

    assert done.returncode == 0, done.stderr
    assert "acme   bought" in done.stdout


def test_it_passes_the_suite(run, tmp_path):
    (tmp_path / "test_acme.py").write_text(SUITE)

    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path))

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
