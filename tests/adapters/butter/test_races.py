"""Concurrent changes at Butter AI: two processes that move one number, and a killed one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import telephony

AGENT, OTHER, THIRD = "agent_aa11bb22cc33", "agent_dd44ee55ff66", "agent_0c0c0c0c0c0c"
NUMBER = "+442079460123"

MOVER = """
import json, sys, telephony
settings, number, agent = json.loads(sys.argv[1])
with telephony.connect("butter", **settings) as provider:
    print(flush=True)
    sys.stdin.readline()
    try:
        print(provider.assign_number(number, agent).assignment.id)
    except telephony.ProviderError as error:
        print(type(error).__name__, error.hint)
"""

IMPORTER = """
import json, os, sys, telephony
settings, number, source, agent = json.loads(sys.argv[1])
posts = []

def die(event):
    posts.extend([event.method] * (event.method == "POST"))
    if len(posts) == 2:
        os._exit(9)

with telephony.connect("butter", **settings, on_request=die) as provider:
    provider.import_number(number, source=telephony.LinkedCarrier(source), assign_to=agent)
"""


def command(script, *arguments):
    return [sys.executable, "-c", script, json.dumps(arguments)]


def test_a_killed_import_is_finished_by_assigning(provider, linked, telephony_sandbox, kinds):
    settings = dict(telephony_sandbox.settings("butter"))
    killed = subprocess.run(
        command(IMPORTER, settings, NUMBER, linked.id, AGENT), check=False, timeout=60
    )
    source = telephony.LinkedCarrier(linked.id)

    with pytest.raises(telephony.ConflictError, match=r"call assign_number\(\)"):
        provider.import_number(NUMBER, source=source, assign_to=AGENT)
    assigned = provider.assign_number(NUMBER, AGENT)

    assert killed.returncode == 9
    assert assigned.assignment.id == AGENT
    assert kinds() == ["link", "import", "assign"]


@pytest.mark.usefixtures("imported")
def test_two_processes_that_move_one_number_leave_it_answered(provider, vendor, telephony_sandbox):
    vendor.account.agents[THIRD] = "Third"
    provider.assign_number(NUMBER, AGENT)
    settings = dict(telephony_sandbox.settings("butter"))
    movers = [
        subprocess.Popen(
            command(MOVER, settings, NUMBER, agent),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for agent in (OTHER, THIRD)
    ]
    for mover in movers:
        mover.stdout.readline()
    for mover in movers:
        mover.stdin.write("\n")
        mover.stdin.flush()
    said = [mover.communicate(timeout=60)[0].strip() for mover in movers]

    holder = provider.get_number(NUMBER).assignment
    assert holder is not None, said
    assert holder.id in said, said


@pytest.mark.usefixtures("imported")
def test_a_number_of_an_agent_that_is_gone_says_which_agent_that_is(provider, vendor):
    provider.assign_number(NUMBER, AGENT)
    del vendor.account.agents[AGENT]

    with pytest.raises(telephony.NotFoundError, match=f"taken from the agent '{AGENT}'"):
        provider.assign_number(NUMBER, OTHER)
