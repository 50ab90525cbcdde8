"""Importing at Butter AI: both directions, SIP trunks, lost responses."""

from __future__ import annotations

import pytest

import telephony
from telephony import LinkedCarrier, SipTrunk, TwilioAccount
from telephony.sandbox import Fault

AGENT = "agent_aa11bb22cc33"
NUMBER, CALLEE = "+442079460123", "+447700900456"
ACCOUNT = TwilioAccount("AC" + "0f" * 16, auth_token="t0ken-of-twilio")
TRUNK = SipTrunk("sip.carrier.example", username="hq", password="p4ss-of-trunk")

IMPORT = "POST .*/api/phone-numbers$"


@pytest.mark.parametrize("inbound", [True, False])
def test_both_directions_are_always_sent(provider, linked, inbound, sent):
    provider.import_number(NUMBER, source=LinkedCarrier(linked.id), inbound=inbound)

    assert sent("POST", "/phone-numbers") == [
        {
            "phone_number": NUMBER,
            "provider": "twilio",
            "supports_inbound": inbound,
            "supports_outbound": True,
            "integration_id": linked.id,
        }
    ]


def test_a_sip_trunk_is_sent_in_the_vendors_words(provider, sent):
    trunk = SipTrunk(
        "sip.carrier.example",
        username="hq",
        password="p4ss-of-trunk",
        media_encryption="required",
        pin="4711",
        name="hq-trunk",
    )

    number = provider.import_number(
        NUMBER, source=trunk, options={"inbound_room_name": "call-{number}"}
    )

    assert number.carrier.kind == "sip_trunk"
    assert sent("POST", "/phone-numbers") == [
        {
            "phone_number": NUMBER,
            "provider": "sip",
            "supports_inbound": True,
            "supports_outbound": True,
            "sip_server_address": "sip.carrier.example",
            "sip_username": "hq",
            "sip_password": "p4ss-of-trunk",
            "inbound_pin": "4711",
            "media_encryption": "require",
            "sip_trunk_name": "hq-trunk",
            "inbound_room_name": "call-{number}",
        }
    ]


@pytest.mark.parametrize(
    ("unified", "vendors"), [("disabled", "disable"), ("allowed", "allow"), ("required", "require")]
)
def test_media_encryption_is_translated(provider, unified, vendors, sent):
    provider.import_number(NUMBER, source=SipTrunk("sip.example", media_encryption=unified))

    (body,) = sent("POST", "/phone-numbers")
    assert body["media_encryption"] == vendors


@pytest.mark.parametrize(
    ("trunk", "named"),
    [
        (SipTrunk(), "address"),
        (SipTrunk("sip.example", pin="123"), "pin"),
        (SipTrunk("sip.example", pin="12345678901"), "pin"),
        (SipTrunk("sip.example", transport="tls"), "transport"),
        (SipTrunk("sip.example", allowed_addresses=("192.0.2.1",)), "allowed_addresses"),
        (SipTrunk("sip.example", allowed_numbers=(CALLEE,)), "allowed_numbers"),
        (SipTrunk("sip.example", inbound_username="in"), "inbound_username"),
        (SipTrunk("sip.example", inbound_password="1n-pass"), "inbound_password"),
        (SipTrunk("sip.example", destination_country="GB"), "destination_country"),
    ],
)
def test_what_a_sip_trunk_cannot_have_is_refused_and_not_dropped(
    provider, telephony_sandbox, trunk, named
):
    with pytest.raises(telephony.InvalidRequestError, match=named) as caught:
        provider.import_number(NUMBER, source=trunk)

    assert caught.value.argument == "source"
    assert telephony_sandbox.requests("butter") == []


def test_a_sip_trunk_for_callers_only_needs_no_address(provider):
    number = provider.import_number(NUMBER, source=SipTrunk(pin="4711"), outbound=False)

    assert number.raw["supports_outbound"] is False


def test_the_source_of_an_import_is_required(provider, telephony_sandbox):
    with pytest.raises(telephony.InvalidRequestError, match="link_carrier") as caught:
        provider.import_number(NUMBER)
    assert caught.value.argument == "source"
    with pytest.raises(telephony.UnsupportedOperationError, match="LinkedCarrier"):
        provider.import_number(NUMBER, source=ACCOUNT)

    assert telephony_sandbox.requests("butter") == []


def test_a_carrier_that_is_not_linked_is_not_found(provider):
    with pytest.raises(telephony.NotFoundError, match="link_carrier"):
        provider.import_number(NUMBER, source=LinkedCarrier("intg_000000000000"))


def test_a_carrier_of_another_organization_is_denied(provider, vendor):
    vendor.account.elsewhere.add("intg_000000000000")

    with pytest.raises(telephony.PermissionDeniedError):
        provider.import_number(NUMBER, source=LinkedCarrier("intg_000000000000"))


def test_a_number_that_is_taken_is_a_conflict_that_says_where_it_may_be(provider, vendor, kinds):
    vendor.account.elsewhere.add(NUMBER)

    with pytest.raises(telephony.ConflictError, match="another organization") as caught:
        provider.import_number(NUMBER, source=TRUNK)

    assert NUMBER not in f"{caught.value} {caught.value.raw}"
    assert kinds() == []


@pytest.mark.parametrize("kind", ["lost", "cut", "html", "malformed", "empty"])
def test_an_import_whose_response_is_lost_is_found(
    provider, linked, telephony_sandbox, kind, kinds
):
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))

    number = provider.import_number(NUMBER, source=LinkedCarrier(linked.id))

    assert number.number == NUMBER
    assert kinds() == ["link", "import"]
    assert telephony_sandbox.requests("butter")[-1].query == [("status", "free")]


@pytest.mark.usefixtures("imported")
def test_a_number_that_was_there_before_is_not_taken_for_the_lost_import(
    provider, telephony_sandbox, kinds
):
    """The vendor refused it, but the refusal was lost: what is there is not what was asked for."""
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.import_number(NUMBER, source=TRUNK)

    assert kinds() == ["link", "import"]


def test_an_import_that_never_arrived_stays_unknown(provider, telephony_sandbox, kinds):
    telephony_sandbox.fail(Fault(kind="reset", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.import_number(NUMBER, source=TRUNK)

    assert kinds() == []


@pytest.mark.parametrize("way", ["inbound", "outbound"])
def test_a_missing_direction_that_was_requested_comes_with_a_notice(provider, vendor, way):
    data = {"phone_number_id": "phon_1", "phone_number": NUMBER, f"supports_{way}": False}
    vendor.state.respond({"success": True, "data": data}, to=IMPORT)

    number = provider.import_number(NUMBER, source=TRUNK)

    assert [f"{way}=True" in notice for notice in number.notices] == [True]


def test_an_import_that_was_cut_off_before_its_assignment_says_how_to_go_on(provider):
    """A process was killed between the two; the next run makes the same call."""
    provider.import_number(NUMBER, source=TRUNK)

    with pytest.raises(telephony.ConflictError, match=r"call assign_number\(\)"):
        provider.import_number(NUMBER, source=TRUNK, assign_to=AGENT)


def test_a_sip_import_without_an_id_in_its_response_is_looked_up(provider, vendor):
    """The response to a SIP import is not documented."""
    provider.import_number(NUMBER, source=TRUNK)
    vendor.state.respond({"success": True, "data": {"sip_uri": "sip:in.example"}}, to=IMPORT)

    assert provider.import_number(NUMBER, source=TRUNK).id.startswith("phon_")


def test_credentials_that_butter_makes_stay_out_of_raw(provider, vendor):
    data = {
        "phone_number_id": "phon_1",
        "phone_number": NUMBER,
        "trunk": {"id": "ST_1", "auth_password": "made-by-butter"},
        "trunks": [{"id": "ST_2", "auth_password": "made-by-butter"}],
        "sip_password": "p4ss-of-trunk",
        "inbound_pin": "4711",
    }
    vendor.state.respond({"success": True, "data": data}, to=IMPORT)

    number = provider.import_number(NUMBER, source=TRUNK)

    assert number.raw["trunk"] == {"id": "ST_1"}
    assert number.raw["trunks"] == [{"id": "ST_2"}]
    assert not {"sip_password", "inbound_pin"} & set(number.raw)


def test_import_and_assign_in_one(provider, linked, kinds):
    number = provider.import_number(NUMBER, source=LinkedCarrier(linked.id), assign_to=AGENT)

    assert number.assignment.id == AGENT
    assert kinds() == ["link", "import", "assign"]


def test_an_import_that_cannot_be_assigned_says_that_it_is_imported(provider, kinds):
    with pytest.raises(telephony.NotFoundError, match="IS imported") as caught:
        provider.import_number(NUMBER, source=TRUNK, assign_to="agent_nobody")

    assert not caught.value.retry_safe
    assert kinds() == ["import"]
    assert provider.get_number(NUMBER).assignment is None
