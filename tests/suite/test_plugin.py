"""The pytest plugin, as projects meet it that have telephony installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def project(tmp_path):
    """Run pytest over one module of tests, as a project of its own."""

    def run(tests, *arguments, conftest=""):
        (tmp_path / "test_project.py").write_text(tests)
        (tmp_path / "conftest.py").write_text(conftest)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


def test_properties_that_other_suites_record_are_left_alone(project):
    done = project(
        "def test_of_a_geologist(record_property):\n"
        "    record_property('faults', 'San Andreas')\n"
        "    record_property('violations', None)\n"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fault matrix" not in done.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_fault_matrix_is_summed_up_with_and_without_workers(project, workers):
    done = project(
        "import pytest\n"
        "from telephony.testing.plugin import STRUCK\n"
        "@pytest.mark.parametrize('faults', [2, 3])\n"
        "def test_cell(request, faults):\n"
        "    request.node.stash[STRUCK] = (faults, 1)\n",
        "-n",
        workers,
    )
    assert "fault matrix: 2 combinations" in done.stdout, done.stdout + done.stderr
    assert "5 faults struck, violations: 2" in done.stdout


def test_a_project_that_uses_no_fixture_loads_nothing_of_telephony(project):
    done = project(
        "import sys\n"
        "def test_it():\n"
        "    ours = {m for m in sys.modules if m.partition('.')[0] == 'telephony'}\n"
        "    inner = {'telephony.testing', 'telephony.testing.plugin'}\n"
        "    assert ours == {'telephony', 'telephony._version', *inner}\n"
        "    assert {'pydantic', 'httpx', 'starlette', 'uvicorn'}.isdisjoint(sys.modules)\n",
        "-p",
        "no:recording",
    )
    assert done.returncode == 0, done.stdout


def test_a_fixture_without_its_packages_says_how_to_get_them(project):
    done = project(
        "def test_it(telephony_connect):\n    telephony_connect('cartesia')\n",
        conftest="import sys\nsys.modules['uvicorn'] = None\n",
    )
    assert done.returncode == 1
    assert "Install it with: pip install 'telephony[sandbox]'" in done.stdout
    assert "Traceback" not in done.stdout
