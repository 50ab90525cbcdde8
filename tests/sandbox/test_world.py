"""One sandbox is one world: what a vendor does at a number's carrier is seen there, and called."""

from __future__ import annotations

import pytest

import telephony
from telephony.model import Agent, Ingress, LinkedCarrier, Split, Trunk, TwilioAccount, Webhook
from telephony.registry import available, load
from telephony.sandbox.world import Answerer

PERSON = "+14155550199"
SELF_WIRED = [
    name for name in available() if load(name).ingress.get("twilio") is Ingress.SELF_WIRED
]
OWN_APPLICATION = Webhook("https://example.com/voice", "https://example.com/sms")


@pytest.fixture
def carrier(telephony_connect):
    return telephony_connect("twilio")


@pytest.fixture
def number(carrier):
    held = carrier.provision_number(number="+14155550123")
    carrier.assign_number(held, OWN_APPLICATION)
    return held.number


@pytest.fixture
def account(telephony_sandbox):
    """Link the account of Twilio's sandbox as each vendor does."""
    settings = telephony_sandbox.settings("twilio")
    return {
        "agentless": TwilioAccount(settings["account_sid"], auth_token=settings["auth_token"]),
        "keyed": TwilioAccount(
            settings["account_sid"],
            api_key_sid=settings["api_key_sid"],
            api_key_secret=settings["api_key_secret"],
        ),
    }


def _imported(provider, number, account, agent):
    match provider.adapter.vendor:
        case "Cartesia":
            source = provider.link_carrier(account["keyed"])
        case "Butter AI":
            source = provider.link_carrier(account["agentless"], label="Carrier")
        case _:
            source = account["agentless"]
    if source is not account["agentless"]:
        source = LinkedCarrier(source.id)
    return provider.import_number(number, source=source, assign_to=agent)


@pytest.mark.parametrize("vendor", SELF_WIRED)
def test_a_vendor_that_answers_a_number_points_its_carrier_at_itself(
    vendor, carrier, number, account, telephony_connect, telephony_sandbox
):
    assert telephony_sandbox.answerer(number) == Answerer("twilio", "https://example.com/voice")
    provider = telephony_connect(vendor)
    agent = telephony_sandbox.vendors[vendor].sample.target

    _imported(provider, number, account, agent)

    assert telephony_sandbox.answerer(number) == Answerer(vendor, agent.id)
    written = carrier.get_number(number).assignment
    assert f"https://{vendor}.sandbox.invalid/voice" in (
        getattr(written, "voice_url", None),
        getattr(getattr(written, "voice", None), "voice_url", None),
    )
    telephony_sandbox.receive_call("twilio", number, sender=PERSON)
    (call,) = provider.list_calls(number)
    assert call.sender in (PERSON, None)


@pytest.mark.parametrize("vendor", SELF_WIRED)
def test_who_is_routed_elsewhere_is_not_called(
    vendor, carrier, number, account, telephony_connect, telephony_sandbox
):
    provider = telephony_connect(vendor)
    _imported(provider, number, account, telephony_sandbox.vendors[vendor].sample.target)

    carrier.assign_number(number, OWN_APPLICATION)

    assert telephony_sandbox.answerer(number).vendor == "twilio"
    telephony_sandbox.receive_call("twilio", number, sender=PERSON)
    with pytest.raises(LookupError, match=f"to twilio, and not to {vendor}"):
        telephony_sandbox.receive_call(vendor, number, sender=PERSON)
    assert list(provider.list_calls(number)) == []


@pytest.mark.parametrize("vendor", ["cartesia", "elevenlabs", "vapi"])
def test_what_the_carriers_account_does_not_hold_is_not_imported(
    vendor, number, account, telephony_connect
):
    with pytest.raises(telephony.InvalidRequestError):
        _imported(telephony_connect(vendor), "+14155550124", account, None)


def test_a_trunk_leads_to_the_vendor_of_its_address(
    carrier, number, telephony_connect, telephony_sandbox
):
    twilio = telephony_sandbox.vendors["twilio"]
    trunk = twilio.trunks[0]
    twilio.account.origination_urls["OU" + "0" * 32] = {
        "trunk_sid": trunk,
        "sip_url": "sip:acme.sip.livekit.cloud;transport=tcp",
        "priority": 1,
        "enabled": True,
    }
    carrier.assign_number(number, Trunk(trunk))
    assert telephony_sandbox.answerer(number) is None
    rooms = telephony_connect("livekit")
    source = telephony_sandbox.vendors["livekit"].sample.source
    rooms.import_number(number, source=source, assign_to=Agent("reception"))

    assert telephony_sandbox.answerer(number) == Answerer("livekit", "reception")
    rooms.unassign_number(number)
    assert telephony_sandbox.answerer(number) is None


@pytest.mark.parametrize("careless", [False, True])
def test_a_release_clears_what_the_vendor_wrote_at_the_carrier(
    careless, carrier, number, account, telephony_connect, telephony_sandbox
):
    telephony_sandbox.vendors["cartesia"].account.clears_foreign_routing = careless
    voice = telephony_connect("cartesia")
    _imported(voice, number, account, Agent("agent_reception"))
    carrier.assign_number(number, OWN_APPLICATION)

    voice.release_number(number, unassign=True)

    expected = None if careless else Answerer("twilio", "https://example.com/voice")
    assert telephony_sandbox.answerer(number) == expected


def test_texts_stay_where_they_were(carrier, number, account, telephony_connect):
    _imported(telephony_connect("cartesia"), number, account, Agent("agent_reception"))
    match carrier.get_number(number).assignment:
        case Webhook(sms_url=texts) | Split(sms=Webhook(sms_url=texts)):
            assert texts == "https://example.com/sms"


@pytest.mark.parametrize("vendor", ["agentphone", "retell"])
def test_a_number_of_the_vendors_own_needs_no_carrier(vendor, telephony_connect, telephony_sandbox):
    agent = telephony_sandbox.vendors[vendor].sample.target
    provider = telephony_connect(vendor)
    number = provider.provision_number(assign_to=agent)
    assert telephony_sandbox.answerer(number.number) == Answerer(vendor, agent.id)
    provider.unassign_number(number)
    assert telephony_sandbox.answerer(number.number) is None
