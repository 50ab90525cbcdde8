"""A page a vendor: what it shows is run, in its order, against the sandbox."""

from __future__ import annotations

import re
import shlex

import pytest

from telephony import Capability, Webhook
from telephony.cli.app import run
from telephony.config import variable_prefix
from telephony.config.layers import own_variables
from telephony.registry import available, load
from telephony.sandbox.world import Answerer
from telephony.settings import ProviderSettings
from tests.conftest import inherited

from .pages import DOCS, blocks

PAGES = {page.stem: page for page in (DOCS / "vendors").glob("*.md")}
INDEX = PAGES.pop("index").read_text("utf-8")
TEXTS = {vendor: page.read_text("utf-8") for vendor, page in PAGES.items()}
SECTIONS = [
    "Prepare", "Check it", "Use it", "What works", "Numbers", "Messages", "Calls", "Webhooks",
    "Carriers", "Limits and traps", "Sources",
]  # fmt: skip
SELLERS = {"agentphone", "retell", "twilio"}
HELD = "+14155550123"
OWN = Webhook("https://example.com/voice", "https://example.com/sms")


def test_every_vendor_has_a_page_of_the_same_order():
    assert TEXTS.keys() == set(available())
    for vendor, text in TEXTS.items():
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
        assert f"\n```{{made}} vendor {vendor}\n```\n" in text
        assert f"\n{vendor}\n" in INDEX
        assert INDEX.count(f"({vendor}.md)") >= 2


@pytest.fixture
def environment(telephony_sandbox, tmp_path, monkeypatch):
    """Set only what a user sets: the vendors' own variables, a login; and where the vendors are."""
    wanted = {
        name: value
        for name, value in telephony_sandbox.environment().items()
        if not name.startswith("TELEPHONY_") or name.endswith("_BASE_URL")
    }
    wanted |= {
        "COLUMNS": "200",
        "SIP_USERNAME": "agents",
        "SIP_PASSWORD": "sandbox-password",
        "TELEPHONY_CONFIG": str(tmp_path / "telephony.toml"),
    }
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return {**inherited(), **wanted}


@pytest.mark.parametrize("vendor", sorted(PAGES))
def test_what_it_shows_runs(
    vendor, python, environment, telephony_sandbox, telephony_connect, tmp_path, capsys
):
    shown = blocks(PAGES[vendor])
    assert [block.language for block in shown][:3] == ["toml", "console", "python"]
    (tmp_path / "telephony.toml").write_text(shown[0].code)
    carrier, provider = telephony_connect("twilio"), telephony_connect(vendor)
    if vendor not in SELLERS:
        carrier.provision_number(number=HELD, assign_to=OWN)
        _agents_trunk(telephony_sandbox.vendors["twilio"])

    for block in shown[1:]:
        if block.language == "python":
            done = python("-c", block.code, cwd=tmp_path, env=environment)
            assert done.returncode == 0, done.stderr
            continue
        for line in block.code.splitlines():
            prompt, command, *arguments = shlex.split(line)
            assert (prompt, command) == ("$", "telephony")
            assert run(arguments) == 0, capsys.readouterr().err

    assert "ok, the vendor responds" in capsys.readouterr().out
    (number,) = provider.list_numbers()
    assert telephony_sandbox.answerer(number.number).vendor == vendor
    done_there = [entry.kind for entry in telephony_sandbox.ledger(vendor, "call", "message")]
    assert done_there == ["message" if vendor in {"agentphone", "twilio"} else "call"]
    if vendor not in SELLERS:
        assert carrier.get_number(HELD).number == HELD  # it stayed there, and can go back
        if provider.supports(Capability.RELEASE_NUMBER):
            provider.release_number(HELD, unassign=True)
        carrier.assign_number(HELD, OWN)
        assert telephony_sandbox.answerer(HELD) == Answerer("twilio", OWN.voice_url)


def _agents_trunk(twilio):
    """Send the calls of the trunk that LiveKit's page makes in Twilio's console to LiveKit."""
    twilio.account.origination_urls["OU" + "0" * 32] = {
        "trunk_sid": twilio.trunks[0],
        "sip_url": "sip:vjnxecm0tjk.sip.livekit.cloud;transport=tcp",
        "priority": 1,
        "enabled": True,
    }


@pytest.mark.parametrize("vendor", sorted(PAGES))
def test_its_table_of_settings_is_that_of_the_code(vendor):
    shown = {}
    for names, variables in re.findall(
        r"^\| (`[a-z_`, ]+`) \| .* \| (.*) \|$", TEXTS[vendor], re.MULTILINE
    ):
        shown |= zip(re.findall(r"\w+", names), re.findall(r"\w+", variables), strict=True)

    fields = load(vendor).Settings.model_fields
    shared = ProviderSettings.model_fields
    own = {name for name in fields if name not in shared or fields[name].is_required()}
    assert own <= shown.keys()
    for name, variable in shown.items():
        ours = f"{variable_prefix(vendor)}{name.upper()}"
        assert variable == next(iter(own_variables(fields[name])), ours)
