"""`telephony config init`: what it writes for each vendor is complete."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from telephony import registry
from tests.conftest import home, inherited
from tests.systems import TERMINAL


@pytest.fixture
def init(python, tmp_path):
    """Run `telephony …` in an empty folder, and type at it, if anything."""

    def run(*words, typed="", **environment):
        given = {"cwd": tmp_path, "env": {**inherited(), **home(tmp_path), **environment}}
        if not typed:
            return python("-m", "telephony", *words, **given)
        ours, theirs = os.openpty()
        with os.fdopen(ours, "wb", buffering=0) as keys, os.fdopen(theirs, "rb"):
            keys.write(typed.encode())
            return python("-m", "telephony", *words, **given, stdin=Path(os.ttyname(theirs)))

    return run


@TERMINAL
@pytest.mark.parametrize("vendor", registry.available())
def test_who_takes_every_default_gets_a_file_that_works(init, telephony_sandbox, tmp_path, vendor):
    done = init("config", "init", typed=f"{vendor}\n" + "\n" * 9)
    assert done.returncode == 0, done.stderr

    variables = {
        name: value
        for name, value in telephony_sandbox.own_variables(vendor).items()
        if f"export {name}=" in done.stdout
    }
    assert done.stdout.count("export ") == len(variables)
    # Where the sandbox is, the file does not say.
    url = {f"TELEPHONY_{vendor.upper()}_BASE_URL": telephony_sandbox.settings(vendor)["base_url"]}
    checked = init("config", "check", "--online", **variables, **url)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert tomllib.loads((tmp_path / "telephony.toml").read_text("utf-8"))["default"] == vendor


def test_all_vendors_of_the_environment_are_written(init, telephony_sandbox):
    variables = {}
    for vendor in registry.available():
        variables |= telephony_sandbox.own_variables(vendor)
        if "base_url" not in registry.load(vendor).Settings.account:
            base_url = telephony_sandbox.settings(vendor)["base_url"]
            variables[f"TELEPHONY_{vendor.upper()}_BASE_URL"] = base_url

    done = init("config", "init", "--from-env", "--json", **variables)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["profiles"] == list(registry.available())
    assert json.loads(done.stdout)["unset"] == []
    checked = init("config", "check", "--online", **variables)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_the_environment_has_in_part_is_left_out_by_name(init):
    done = init("config", "init", "--from-env", BUTTER_API_KEY="canary", VAPI_API_KEY="k")

    assert done.returncode == 0, done.stderr
    assert "Wrote telephony.toml with vapi." in done.stdout
    assert "Left out: butter: `organization_id` is missing" in done.stderr
    assert "canary" not in done.stderr
