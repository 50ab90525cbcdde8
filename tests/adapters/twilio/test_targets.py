"""What a number can be assigned to, and what happens where there is no such thing."""

from __future__ import annotations

import pytest
from telephony.adapters.twilio import Twilio
from telephony.adapters.twilio.settings import TwilioSettings

import telephony
from telephony import Application, Split, Trunk, Webhook

ACCOUNT = "AC" + "a" * 32
SETTINGS = {"account_sid": ACCOUNT, "auth_token": "made-up-token"}
HERE = f"/2010-04-01/Accounts/{ACCOUNT}"
NUMBER = "+14155550123"


def test_targets_are_listed_with_their_names(provider, vendor, telephony_sandbox):
    found = list(provider.list_targets())

    assert found == [*map(Application, vendor.applications[:2]), *map(Trunk, vendor.trunks[:2])]
    assert [target.name for target in found] == ["Reception", "Sales", "Agents", "Office"]
    assert [target.id for target in provider.list_targets(limit=3)] == [t.id for t in found[:3]]


def test_every_page_is_read_below_the_base_url(provider, vendor, telephony_sandbox):
    """Though Twilio's links name the host of the trunking API."""
    vendor.account.empty_pages = True

    found = list(provider.list_targets())

    assert len(found) == 4
    paths = [sent.path for sent in telephony_sandbox.requests("twilio")]
    assert paths[-2:] == ["/twilio/v1/Trunks"] * 2


def _urls(settings):
    """Return where the first page of each listing is requested, and a second page of the last."""
    adapter = Twilio(TwilioSettings(**SETTINGS, **settings), name="twilio")
    steps = adapter.list_targets(limit=None)
    asked, step = [], next(steps)
    link = "https://trunking.twilio.com/v1/Trunks?PageSize=1&Page=1&PageToken=PA1"
    pages = [
        b'{"applications": []}',
        b'{"trunks": [], "meta": {"next_page_url": "%s"}}' % link.encode(),
    ]
    while len(asked) < 3:
        if isinstance(step, telephony.wire.Batch):
            step = next(steps)
            continue
        asked.append(step.path)
        content = pages.pop(0) if pages else b"{}"
        if len(asked) < 3:
            step = steps.send(telephony.wire.Response(200, {}, content, step))
    origins = [adapter.base_url, *adapter.origins]
    return asked, origins


@pytest.mark.parametrize(
    ("settings", "trunking"),
    [
        ({}, "https://trunking.twilio.com"),
        ({"region": "ie1"}, "https://trunking.dublin.ie1.twilio.com"),
        ({"base_url": "https://proxy.example/tw"}, ""),
    ],
)
def test_the_trunking_api_has_its_own_host_unless_there_is_a_base_url(settings, trunking):
    (applications, trunks, second), origins = _urls(settings)

    assert applications == f"{HERE}/Applications.json"
    assert trunks == f"{trunking}/v1/Trunks"
    assert second == f"{trunking}/v1/Trunks?PageSize=1&Page=1&PageToken=PA1"
    assert all(not trunking or trunking in origin or "api." in origin for origin in origins)


def test_trunks_of_another_account_are_left_out(telephony_connect, vendor):
    """The main account's credentials reach its own trunks, not those of the subaccount."""
    sub = telephony_connect(
        "twilio",
        account_sid=vendor.subaccount.sid,
        auth_account_sid=vendor.account.sid,
        api_key_sid=None,
        api_key_secret=None,
    )
    assert list(sub.list_targets()) == [*map(Application, vendor.applications[2:])]


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
    assert provider.get_number(number).assignment is None


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
