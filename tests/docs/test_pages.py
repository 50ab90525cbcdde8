"""Every program that a page shows runs as it stands, with the sandbox as the vendors."""

from __future__ import annotations

import re

import pytest

from telephony.registry import available
from telephony.testing.fault_matrix import set_up

from .pages import DOCS, README, blocks

PAGES = [README, *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("guides/*.md"))]
PROGRAMS = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "python" and not block.use
]


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_its_programs_run(program, run, telephony_sandbox, telephony_connect, tmp_path):
    """At each vendor that it names there is a number, which has received a text if it can.

    The Twilio account of the environment holds what is imported from it.
    """
    for block in blocks(program.page):
        if block.language == "toml" and block.code.startswith("default"):
            (tmp_path / "telephony.toml").write_text(block.code)
    if "def test_" in program.code:
        (tmp_path / "test_example.py").write_text(program.code)
        done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py")
        assert done.returncode == 0, done.stdout
        return
    for vendor in re.findall(r'connect(?:_async)?\("(\w+)"', program.code):
        if vendor in available():
            number = set_up(telephony_connect(vendor), telephony_sandbox, vendor).number
            if vendor in {"agentphone", "twilio"}:
                telephony_sandbox.receive_message(
                    vendor, number, sender="+14155550199", body="Is my order ready?"
                )

    if "TWILIO_ACCOUNT_SID" in program.code:
        for number in re.findall(r'"(\+\d+)"', program.code):
            telephony_connect("twilio").provision_number(number=number)

    done = run("-c", program.code)

    assert done.returncode == 0, done.stderr
