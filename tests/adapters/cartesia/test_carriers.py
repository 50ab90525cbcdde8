"""Carrier accounts at Cartesia: rotation, directions of a trunk, links after a lost response."""

from __future__ import annotations

import pytest

import telephony
from telephony import LinkedCarrier, SipTrunk, TwilioAccount
from telephony.sandbox import Fault

SID = "AC" + "0f" * 16
KEY = {"api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s3cret-of-twilio"}
NEW_KEY = {"api_key_sid": "SK" + "2b" * 16, "api_key_secret": "n3w-secret"}
LINKS = "/agents/phone-numbers/providers"


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


@pytest.mark.parametrize("region", [None, "us1", "ie1", "au1"])
def test_a_rotation_keeps_the_region(provider, region):
    """A link that is moved to us1 unasked places no calls from Ireland any more."""
    linked = provider.link_carrier(TwilioAccount(SID, region=region, **KEY))

    rotated = provider.rotate_carrier(linked, TwilioAccount(SID, **NEW_KEY))

    assert rotated.region == linked.region == (region or "us1")
    assert rotated.raw["api_key_sid"] == "SK2b****2b2b"


def test_a_rotation_changes_the_region_only_on_request(provider):
    linked = provider.link_carrier(TwilioAccount(SID, region="ie1", **KEY))

    assert provider.rotate_carrier(linked, TwilioAccount(SID, "au1", **NEW_KEY)).region == "au1"


@pytest.mark.parametrize("answered", [True, False])
def test_a_refused_link_is_never_taken_for_ours(provider, telephony_sandbox, answered):
    """The account is linked already, with another key: ours is not in use, whatever was heard."""
    provider.link_carrier(TwilioAccount(SID, **KEY))
    if not answered:
        telephony_sandbox.fail(Fault(kind="lost", method="POST", path="/providers"))

    with pytest.raises((telephony.ConflictError, telephony.OutcomeUnknownError)):
        provider.link_carrier(TwilioAccount(SID, **NEW_KEY))


@pytest.mark.parametrize(
    ("shown", "ours"),
    [
        ("SK1a****1a1a", True),
        ("SK1a1a…", True),
        ("SK" + "1a" * 16, True),
        ("SK2b****2b2b", False),
        ("****", False),
        (None, False),
    ],
)
def test_a_link_is_ours_by_what_is_shown_of_its_key(vendor_server, shown, ours):
    row = {"id": "prov_1", "account_sid": SID, "api_key_sid": shown, "region": "us1"}
    vendor_server.responses = {f"POST {LINKS}": (502, {}), f"GET {LINKS}": (200, [row])}
    settings = {"api_key": "sk_car_1", "base_url": vendor_server.url}

    with telephony.connect("cartesia", **settings) as provider:
        if ours:
            assert provider.link_carrier(TwilioAccount(SID, **KEY)).id == "prov_1"
        else:
            with pytest.raises(telephony.OutcomeUnknownError):
                provider.link_carrier(TwilioAccount(SID, **KEY))


def test_a_trunk_has_its_own_name_unless_a_label_is_given(provider):
    trunk = SipTrunk("sip.example.com", name="HQ")

    first, second = provider.link_carrier(trunk), provider.link_carrier(trunk, label="Main")
    renamed = provider.rotate_carrier(first, SipTrunk(name="Old HQ"))

    assert (first.label, second.label, renamed.label) == ("HQ", "Main", "Old HQ")
    assert renamed.raw["outbound"] == first.raw["outbound"]


@pytest.mark.parametrize(
    ("trunk", "notice"),
    [
        (SipTrunk("sip.example.com", username="u", password="p4ssword-1"), "only places calls"),
        (SipTrunk(allowed_addresses=("192.0.2.1",)), "only receives calls"),
        (SipTrunk("sip.example.com", allowed_addresses=("192.0.2.1",)), None),
    ],
)
def test_a_number_of_a_trunk_that_works_one_way_says_so(provider, trunk, notice):
    linked = provider.link_carrier(trunk)

    number = provider.import_number("+14155550123", source=LinkedCarrier(linked.id))

    assert [notice in said for said in number.notices] == ([True] if notice else [])


def test_a_number_is_imported_though_its_trunk_cannot_be_read(provider, telephony_sandbox):
    linked = provider.link_carrier(SipTrunk("sip.example.com"))
    telephony_sandbox.fail(Fault(kind="status", method="GET", status=404, path="/providers/"))

    number = provider.import_number("+14155550123", source=LinkedCarrier(linked.id))

    assert (number.carrier.id, number.notices) == (linked.id, ())


@pytest.mark.parametrize("version", ["2026-03-01", "2026-08-14"])
def test_a_number_changes_its_carrier_account_and_nothing_else(telephony_connect, version):
    provider = telephony_connect("cartesia", version=version)
    first = provider.link_carrier(TwilioAccount(SID, **KEY))
    second = provider.link_carrier(TwilioAccount("AC" + "1e" * 16, **KEY))
    bought = provider.import_number(
        "+14155550123", source=first, label="Desk", assign_to="agent_reception"
    )

    moved = provider.update_number(bought, source=second)
    both = provider.update_number(bought, label="Front desk", source=LinkedCarrier(first.id))

    assert (moved.carrier.id, moved.label) == (second.id, "Desk")
    assert moved.assignment.id == "agent_reception"
    assert (both.carrier.id, both.label) == (first.id, "Front desk")
    assert (moved.replaced, both.replaced) == (None, None)


def test_a_number_does_not_move_to_another_kind_of_carrier(provider):
    first = provider.link_carrier(TwilioAccount(SID, **KEY))
    trunk = provider.link_carrier(SipTrunk("sip.example.com"))
    number = provider.import_number("+14155550123", source=first)

    with pytest.raises(telephony.InvalidRequestError, match="import it again"):
        provider.update_number(number, source=trunk)
    with pytest.raises(telephony.UnsupportedOperationError, match="LinkedCarrier"):
        provider.update_number(number, source=TwilioAccount(SID))

    assert provider.get_number(number).carrier.id == first.id
