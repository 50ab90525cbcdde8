"""Twilio accounts linked at Butter AI."""

from __future__ import annotations

import pytest

import telephony
from telephony import LinkedCarrier, SipTrunk, TwilioAccount
from telephony.sandbox import Fault

ACCOUNT = TwilioAccount("AC" + "0f" * 16, auth_token="t0ken-of-twilio")
TRUNK = SipTrunk("sip.carrier.example", username="hq", password="p4ss-of-trunk")


def test_a_twilio_account_is_linked_by_its_auth_token(provider, sent):
    linked = provider.link_carrier(ACCOUNT)

    assert sent("POST", "/integrations") == [
        {
            "name": ACCOUNT.account_sid,
            "credentials": {
                "provider": "twilio",
                "account_sid": ACCOUNT.account_sid,
                "auth_token": "t0ken-of-twilio",
            },
        }
    ]
    assert (linked.kind, linked.account) == ("twilio", ACCOUNT.account_sid)
    assert "t0ken" not in f"{linked!r} {linked.raw}"


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({}, "auth_token"),
        ({"auth_token": "t0ken", "api_key_sid": "SK1"}, "api_key_sid"),
        ({"auth_token": "t0ken", "api_key_secret": "s3cret"}, "api_key_secret"),
        ({"auth_token": "t0ken", "region": "ie1"}, "region"),
    ],
)
def test_credentials_that_butter_has_no_place_for_are_refused(
    provider, telephony_sandbox, extra, named
):
    account = TwilioAccount("AC" + "0f" * 16, **extra)

    with pytest.raises(telephony.InvalidRequestError, match=named) as linking:
        provider.link_carrier(account)
    with pytest.raises(telephony.InvalidRequestError, match=named) as rotating:
        provider.rotate_carrier("intg_1", account)

    assert (linking.value.argument, rotating.value.argument) == ("account", "credentials")
    assert telephony_sandbox.requests("butter") == []


def test_a_sip_trunk_is_not_linked_but_imported_from(provider):
    with pytest.raises(telephony.UnsupportedOperationError, match="TwilioAccount"):
        provider.link_carrier(TRUNK)


def test_a_name_that_is_too_long_is_refused(provider, telephony_sandbox):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.link_carrier(ACCOUNT, label="x" * 101)

    assert caught.value.argument == "label"
    assert telephony_sandbox.requests("butter") == []


def test_a_link_whose_response_is_lost_is_not_made_again(provider, telephony_sandbox, kinds):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError, match="dashboard"):
        provider.link_carrier(ACCOUNT)

    assert kinds() == ["link"]


def test_rotation_sends_all_credentials_and_keeps_the_name(provider, linked, sent):
    rotated = provider.rotate_carrier(
        linked, TwilioAccount(ACCOUNT.account_sid, auth_token="n3w-token")
    )

    assert (rotated.id, rotated.label) == (linked.id, "EU lines")
    assert rotated.account == ACCOUNT.account_sid
    (body,) = sent("PUT", linked.id)
    assert body["credentials"]["auth_token"] == "n3w-token"
    assert set(body) == {"credentials"}


@pytest.mark.parametrize("status", [409, 400])
def test_unlinking_while_numbers_use_it_counts_them(provider, vendor, linked, status):
    for last in (3, 4):
        provider.import_number(f"+44207946012{last}", source=LinkedCarrier(linked.id))
    vendor.account.in_use_status = status

    with pytest.raises(telephony.ConflictError, match="used by: 2 numbers") as caught:
        provider.unlink_carrier(linked)

    assert (caught.value.status, caught.value.attempts) == (status, 1)
    assert "detail" in caught.value.raw
    assert "+4420" not in f"{caught.value} {caught.value.raw} {caught.value.__cause__}"
    assert "dashboard" in caught.value.hint


def test_a_refused_unlinking_keeps_the_vendors_id_of_the_request(
    provider, linked, telephony_sandbox
):
    named = {"X-Request-Id": "req_1"}
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=409, headers=named))

    with pytest.raises(telephony.ConflictError) as caught:
        provider.unlink_carrier(linked)

    assert caught.value.request_id == "req_1"


def test_unlinking_survives_a_lost_response(provider, linked, telephony_sandbox, kinds):
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    unlinked = provider.unlink_carrier(linked)

    assert (unlinked.id, unlinked.kind) == (linked.id, "twilio")
    assert kinds() == ["link", "unlink"]
    with pytest.raises(telephony.NotFoundError):
        provider.unlink_carrier(linked)


def test_unlinking_that_keeps_failing_is_an_error(provider, linked, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=503, times=None))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.unlink_carrier(linked)


def test_unlinking_returns_what_was_removed(provider, linked, sent):
    assert provider.unlink_carrier(linked, options={"force": True}).label == "EU lines"
    assert sent("DELETE", linked.id) == [{"force": True}]
