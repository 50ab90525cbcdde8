"""Carrier accounts at Vapi: Vonage, Telnyx and SIP trunks."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import SipTrunk, TelnyxAccount, TwilioAccount, VonageAccount

VONAGE = VonageAccount("a1b2c3d4", "canary-vonage")
TELNYX = TelnyxAccount("canary-telnyx")
TRUNK = SipTrunk(
    "sip.example.com:5061",
    username="desk",
    password="canary-sip",
    transport="tls",
    media_encryption="required",
    allowed_addresses=("192.0.2.0/24", "198.51.100.7"),
    name="HQ",
)


@pytest.mark.parametrize(
    ("account", "sent"),
    [
        (VONAGE, {"provider": "vonage", "apiKey": "a1b2c3d4", "apiSecret": "canary-vonage"}),
        (TELNYX, {"provider": "telnyx", "apiKey": "canary-telnyx"}),
        (
            TRUNK,
            {
                "provider": "byo-sip-trunk",
                "name": "HQ",
                "gateways": [
                    {
                        "ip": "sip.example.com",
                        "port": 5061,
                        "inboundEnabled": False,
                        "outboundProtocol": "tls/srtp",
                    },
                    {"ip": "192.0.2.0", "netmask": 24, "outboundEnabled": False},
                    {"ip": "198.51.100.7", "outboundEnabled": False},
                ],
                "outboundAuthenticationPlan": {
                    "authUsername": "desk",
                    "authPassword": "canary-sip",
                },
            },
        ),
        (
            SipTrunk("192.0.2.1", transport="udp"),
            {
                "provider": "byo-sip-trunk",
                "name": "192.0.2.1",
                "gateways": [
                    {"ip": "192.0.2.1", "inboundEnabled": True, "outboundProtocol": "udp"}
                ],
            },
        ),
        (
            SipTrunk(allowed_addresses=("192.0.2.1",)),
            {
                "provider": "byo-sip-trunk",
                "gateways": [{"ip": "192.0.2.1", "outboundEnabled": False}],
            },
        ),
    ],
)
def test_an_account_is_linked_rotated_and_unlinked_without_showing_a_secret(
    provider, telephony_sandbox, account, sent
):
    linked = provider.link_carrier(account)

    assert telephony_sandbox.requests("vapi")[-1].json() == sent
    assert linked.kind == account.kind
    assert [found.id for found in provider.list_carriers()] == [linked.id]
    rotated = provider.rotate_carrier(linked, account)
    gone = provider.unlink_carrier(linked)
    shown = [f"{one!r} {json.dumps(one.raw)}" for one in (linked, rotated, gone)]
    assert [text for text in shown if "canary" in text] == []
    assert list(provider.list_carriers()) == []


def test_other_credentials_are_no_carriers(provider, account):
    for kind in ("openai", "11labs", "vonage"):
        account.credentials[kind] = {**account.stamps(), "id": kind, "provider": kind}

    assert [found.id for found in provider.list_carriers()] == ["vonage"]
    for operation in (
        lambda: provider.unlink_carrier("openai"),
        lambda: provider.rotate_carrier("openai", VONAGE),
    ):
        with pytest.raises(telephony.NotFoundError, match="not of a carrier"):
            operation()
    assert "openai" in account.credentials


def test_twilio_goes_with_the_number(provider, telephony_sandbox):
    with pytest.raises(telephony.UnsupportedOperationError, match="VonageAccount"):
        provider.link_carrier(TwilioAccount("AC1", auth_token="t"))

    assert telephony_sandbox.requests("vapi") == []


@pytest.mark.parametrize(
    ("trunk", "said"),
    [
        (SipTrunk(), "neither place nor receive"),
        (SipTrunk("sip.example.com", username="u"), "incomplete"),
        (SipTrunk("sip.example.com", pin="1234"), "only addresses"),
        (SipTrunk("sip.example.com", allowed_numbers=("+14155550123",)), "only addresses"),
        (SipTrunk("sip.example.com", inbound_username="u"), "only addresses"),
        (SipTrunk("sip.example.com", destination_country="US"), "only addresses"),
        (SipTrunk("sip.example.com", media_encryption="allowed"), "encrypts all media"),
        (
            SipTrunk("sip.example.com", transport="udp", media_encryption="required"),
            "encrypts all media",
        ),
        (SipTrunk(allowed_addresses=("192.0.0.0/16",)), "at most 256"),
        (SipTrunk(allowed_addresses=("2001:db8::1",)), "at most 256"),
        (SipTrunk(allowed_addresses=("nowhere",)), "no IP address"),
        (SipTrunk("sip.example.com", name="x" * 41), "longer than 40"),
    ],
)
def test_what_vapi_has_no_field_for_is_refused(provider, telephony_sandbox, trunk, said):
    with pytest.raises(telephony.InvalidRequestError, match=said):
        provider.link_carrier(trunk)

    assert telephony_sandbox.requests("vapi") == []


def test_a_gateway_that_vapi_cannot_make_is_an_error_of_vapi(provider):
    options = {"gateways": [{"ip": "sip.example.com"}]}

    with pytest.raises(telephony.InvalidRequestError, match="SIP gateway creation failed"):
        provider.link_carrier(SipTrunk("sip.example.com"), options=options)


def test_an_account_does_not_become_one_of_another_kind(provider):
    linked = provider.link_carrier(VONAGE)

    with pytest.raises(telephony.InvalidRequestError, match="of the kind vonage") as caught:
        provider.rotate_carrier(linked, TELNYX)

    assert caught.value.argument == "credentials"


def test_an_account_that_numbers_come_from_stays(provider, telephony_sandbox):
    linked = provider.link_carrier(VONAGE)
    number = provider.import_number("+14155550123", source=linked)

    with pytest.raises(telephony.ConflictError, match="Release the numbers"):
        provider.unlink_carrier(linked)
    assert telephony_sandbox.ledger("vapi", "unlink") == []

    provider.release_number(number)
    assert provider.unlink_carrier(linked).id == linked.id
