"""The script that runs unchanged at every vendor, at every vendor."""

from __future__ import annotations

import pytest

from telephony.registry import available
from telephony.testing.fault_matrix import set_up

from .pages import DOCS, named

EXAMPLES = named(DOCS / "configuration.md", "example")


@pytest.mark.parametrize("vendor", sorted(available()))
def test_the_same_script_runs_at_every_vendor(run, telephony_sandbox, telephony_connect, vendor):
    made = set_up(telephony_connect(vendor), telephony_sandbox, vendor)
    target = made.sample.target
    name = next(iter(vars(target).values())) or target.sms_url

    done = run("-c", EXAMPLES["swap"], vendor, made.number, name)

    assert done.returncode == 0, done.stderr
    assert "assign_number: " in done.stdout
    assert telephony_connect(vendor).get_number(made.number).assignment is None
