"""What a number can be assigned to, and what happens where there is no such thing."""

from __future__ import annotations

import json

import pytest
from telephony.adapters.twilio import Twilio
from telephony.adapters.twilio.settings import TwilioSettings

import telephony
from telephony import Application, Split, Trunk, Webhook
from telephony.wire import Request, Response

ACCOUNT = "AC" + "a" * 32
SETTINGS = {"account_sid": ACCOUNT, "auth_token": "made-up-token"}
HERE = f"/2010-04-01/Accounts/{ACCOUNT}"
NUMBER = "+14155550123"
SERVICE, OTHER_SERVICE = "MG" + "5d" * 16, "MG" + "5d" * 15 + "5e"


def test_targets_are_listed_with_their_names(provider, vendor, telephony_sandbox):
    found = list(provider.list_targets())

    assert found == [
        *map(Application, vendor.applications[:2]),
        *map(Trunk, vendor.trunks[:2]),
        Application(SERVICE),
    ]
    names = ["Reception", "Sales", "Agents", "Office", "Notifications"]
    assert [target.name for target in found] == names
    assert [target.id for target in provider.list_targets(limit=3)] == [t.id for t in found[:3]]


def test_every_page_is_read_below_the_base_url(provider, vendor, telephony_sandbox):
    """Though Twilio's links name the hosts of the trunking and messaging APIs."""
    vendor.account.empty_pages = True

    found = list(provider.list_targets())

    assert len(found) == 5
    paths = [sent.path for sent in telephony_sandbox.requests("twilio")]
    assert paths[-4:] == ["/twilio/v1/Trunks"] * 2 + ["/twilio/v1/Services"] * 2


def _requested(settings):
    """Return what is requested for a listing of targets with two pages of trunks."""
    adapter = Twilio(TwilioSettings(**SETTINGS, **settings), name="twilio")
    link = "https://trunking.twilio.com/v1/Trunks?PageSize=1&Page=1&PageToken=PA1"
    pages = [{}, {"meta": {"next_page_url": link}}, {}, {}]
    steps = adapter.list_targets(limit=None)
    requested, step = [], next(steps)
    for page in pages:
        while not isinstance(step, Request):
            step = next(steps)
        requested.append(step.path)
        step = steps.send(Response(200, {}, json.dumps(page).encode(), step))
    origins = (adapter.base_url, *adapter.origins)
    assert all(path.startswith(("/", *origins)) for path in requested)
    return requested


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "https://{}.twilio.com"),
        ({"region": "ie1"}, "https://{}.dublin.ie1.twilio.com"),
        ({"base_url": "https://proxy.example/tw"}, ""),
    ],
)
def test_products_have_hosts_of_their_own_unless_there_is_a_base_url(settings, host):
    trunks = f"{host.format('trunking')}/v1/Trunks"
    assert _requested(settings) == [
        f"{HERE}/Applications.json",
        trunks,
        f"{trunks}?PageSize=1&Page=1&PageToken=PA1",
        f"{host.format('messaging')}/v1/Services",
    ]


def test_trunks_and_services_of_another_account_are_left_out(telephony_connect, vendor):
    """The main account's credentials reach its own ones, not those of the subaccount."""
    sub = telephony_connect(
        "twilio",
        account_sid=vendor.subaccount.sid,
        auth_account_sid=vendor.account.sid,
        api_key_sid=None,
        api_key_secret=None,
    )
    assert list(sub.list_targets()) == [*map(Application, vendor.applications[2:])]


def test_a_messaging_service_gets_the_texts_of_a_number(provider, vendor, number, posts):
    provider.assign_number(number, Webhook("https://example.com/voice", "https://example.com/sms"))

    joined = provider.assign_number(number, SERVICE)

    assert (joined.id, joined.assignment) == (number.id, provider.get_number(number).assignment)
    assert "Messaging Service" in joined.notices[0]
    assert vendor.account.senders[SERVICE] == [number.id]
    assert posts()[-1].form() == [("PhoneNumberSid", number.id)]
    # The same again changes nothing.
    assert provider.assign_number(number, Application(SERVICE)).notices == joined.notices
    assert vendor.account.senders[SERVICE] == [number.id]


def test_calls_and_a_messaging_service_are_assigned_at_once(provider, vendor, number):
    assigned = provider.assign_number(number, Split(Trunk(vendor.trunks[0]), Application(SERVICE)))
    assert (assigned.assignment, len(assigned.notices)) == (Trunk(vendor.trunks[0]), 1)
    assert vendor.account.senders[SERVICE] == [number.id]


def test_a_number_is_the_sender_of_one_service_at_a_time(provider, vendor, number):
    vendor.account.services[OTHER_SERVICE] = {**vendor.account.services[SERVICE]}
    vendor.account.senders[OTHER_SERVICE] = [number.id]
    with pytest.raises(telephony.ConflictError, match="already"):
        provider.assign_number(number, SERVICE)


@pytest.mark.parametrize("to", [Application(SERVICE), Split(Application(SERVICE), None)])
def test_a_service_takes_no_calls_and_no_number_that_is_yet_to_come(provider, posts, to):
    with pytest.raises(telephony.InvalidRequestError, match="Messaging Service"):
        provider.provision_number(number=NUMBER, assign_to=to)
    assert posts() == []


@pytest.mark.parametrize("kind", [Application, Trunk])
def test_a_target_that_does_not_exist_is_named_with_the_nearest(provider, vendor, number, kind):
    known = {Application: vendor.applications[1], Trunk: vendor.trunks[1]}[kind]
    name = {Application: "Sales", Trunk: "Office"}[kind]
    misspelt = known[:-1] + ("0" if known[-1] != "0" else "1")

    for to in (kind(misspelt), Split(kind(misspelt), Webhook(sms_url="https://example.com/sms"))):
        with pytest.raises(telephony.NotFoundError) as caught:
            provider.assign_number(number, to)
        assert caught.value.argument == "to"
        assert f"{known} ({name})" in caught.value.hint
        assert misspelt in str(caught.value)
        assert (caught.value.status, caught.value.request_id[:2]) == (400, "RQ")
    assert provider.get_number(number).assignment is None


def test_a_service_that_does_not_exist_is_named_with_the_nearest(provider, number):
    with pytest.raises(telephony.NotFoundError, match=OTHER_SERVICE) as caught:
        provider.assign_number(number, OTHER_SERVICE)
    assert f"{SERVICE} (Notifications)" in caught.value.hint


def test_another_refusal_is_not_taken_for_a_missing_target(provider, vendor, number):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.assign_number(
            number, Application(vendor.applications[0]), options={"VoiceMethod": "PUT"}
        )
    assert caught.value.argument is None
    with pytest.raises(telephony.NotFoundError) as missing:
        provider.assign_number("PN" + "0" * 32, Application(vendor.applications[0]))
    assert missing.value.argument is None


def test_a_target_that_cannot_be_looked_for_leaves_the_refusal(vendor_server):
    place = f"{HERE}/IncomingPhoneNumbers/PN1.json"
    vendor_server.responses = {
        f"GET {place}": (200, {"sid": "PN1", "phone_number": NUMBER}),
        f"POST {place}": (400, {"code": 20001, "message": "No such TrunkSid", "status": 400}),
        "GET /v1/Trunks/TK1": (403, {"code": 20003, "message": "No", "status": 403}),
    }
    with (
        telephony.connect("twilio", **SETTINGS, base_url=vendor_server.url) as provider,
        pytest.raises(telephony.InvalidRequestError, match="No such TrunkSid"),
    ):
        provider.assign_number("PN1", Trunk("TK1"))
