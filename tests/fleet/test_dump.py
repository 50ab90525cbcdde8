"""A dump of every vendor's sandbox at once: its files plan nothing, and keep what they can."""

from __future__ import annotations

import tomllib
from contextlib import suppress

import pytest

from telephony.errors import TelephonyError
from telephony.fleet.declared.dump import dump
from telephony.fleet.declared.files import load
from telephony.fleet.errors import FleetError
from telephony.fleet.observed.reading import offer, snapshot
from telephony.fleet.planning.diff import plan
from telephony.fleet.planning.ops import Snapshot
from telephony.model import Split, TwilioAccount, Webhook
from telephony.registry import available

VOICE, SMS = "https://example.com/voice", "https://example.com/sms"


@pytest.fixture
def providers(telephony_connect):
    return {name: telephony_connect(name) for name in available()}


@pytest.fixture
def dumped(tmp_path):
    def write(providers):
        held = snapshot(providers)
        offers = {name: offer(provider) for name, provider in providers.items()}
        for path, content in dump(held, offers).items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(content, "utf-8")
        declared = load(tmp_path / "fleet.toml")
        made = plan(declared, held, offers)
        assert made.ops == made.problems == ()
        return declared

    return write


def test_every_vendors_numbers_are_dumped_as_they_are(providers, dumped, telephony_sandbox):
    providers["twilio"].provision_number(number="+14155550123", assign_to=VOICE)
    for name, provider in providers.items():
        with suppress(TelephonyError):  # not every vendor sells numbers
            provider.provision_number(assign_to=telephony_sandbox.vendors[name].sample.target)

    declared = dumped(providers)

    held = {one.number: one for one in snapshot(providers).holdings}
    assert {row.number for row in declared.rows} == held.keys()
    assert {row.owner for row in declared.rows} >= {"agentphone", "twilio"}


def test_who_owns_and_who_answers_is_read_from_the_vendors(
    providers, dumped, telephony_sandbox, tmp_path
):
    carrier, support = providers["twilio"], providers["elevenlabs"]
    settings = telephony_sandbox.settings("twilio")
    numbers = [carrier.provision_number(number=f"+1415555012{last}").number for last in (3, 4)]
    for number in numbers:
        carrier.assign_number(number, Split(Webhook(VOICE), Webhook(sms_url=SMS)))
    carrier.update_number(numbers[0], label="Front desk, 2nd floor")
    source = TwilioAccount(settings["account_sid"], auth_token=settings["auth_token"])
    agent = telephony_sandbox.vendors["elevenlabs"].sample.target
    support.import_number(numbers[0], source=source, assign_to=agent, options={"enable_sms": False})

    declared = dumped({"twilio": carrier, "elevenlabs": support})

    answered, own = (row for row in declared.rows if row.number in numbers)
    assert (answered.owner, answered.label) == ("twilio", "Front desk, 2nd floor")
    assert (answered.answer_at, answered.answer_to) == ("elevenlabs", f"agent:{agent.id}")
    assert (own.answer_at, own.answer_to) == ("twilio", f"webhook:{VOICE}")
    assert answered.sms_to == own.sms_to == f"webhook:{SMS}"
    toml = tomllib.loads((tmp_path / "fleet.toml").read_text())
    assert toml["owners"] == {"twilio": {}}
    assert toml["answerers"]["elevenlabs"] == {"via": "self"}


def test_nothing_is_dumped_that_could_not_be_read():
    unread = Snapshot(holdings=(), unreadable={"support": "HTTP 503"}, previous={})

    with pytest.raises(FleetError, match="support: HTTP 503"):
        dump(unread, {})


def test_an_empty_fleet_is_dumped_as_one(dumped):
    assert dumped({}).rows == ()
