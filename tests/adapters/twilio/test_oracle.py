"""Twilio's own SDK as the judge of the sandbox and of our requests.

It must be able to use the one, and the others must be those that it makes.

Differences on purpose:
- The SDK buys by area code in one request. We search and buy an exact number, so that a lost
  response can be settled by looking for that number.
- The SDK puts a number on a trunk through the trunking API, which has no such resource in some
  regions. We set `TrunkSid` on the number, which works in all of them.
- The SDK requests pages of 50 by default, the adapter as many items as are wanted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from twilio.base.exceptions import TwilioRestException

import telephony
from telephony import Split, Webhook
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE, SMS = "https://example.com/voice", "https://example.com/sms"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LABEL = "Front desk & Söhne +1"


def last(telephony_sandbox):
    """Return the last request: method, path, and query and form without their order."""
    sent = telephony_sandbox.requests("twilio")[-1]
    return sent.method, sent.path, sorted(sent.query), sorted(sent.form())


# Each does the same through our provider `x.p` and through the SDK `x.s`; `x.n` is a number held.
SAME = {
    "list": (
        lambda x: list(x.p.list_numbers()),
        lambda x: x.s.incoming_phone_numbers.list(page_size=1000),
    ),
    "list a few": (
        lambda x: list(x.p.list_numbers(limit=7)),
        lambda x: x.s.incoming_phone_numbers.list(limit=7),
    ),
    "get by id": (
        lambda x: x.p.get_number(x.n.id),
        lambda x: x.s.incoming_phone_numbers(x.n.id).fetch(),
    ),
    "get by number": (
        lambda x: x.p.get_number(NUMBER),
        lambda x: x.s.incoming_phone_numbers.list(phone_number=NUMBER, page_size=1000),
    ),
    "search": (
        lambda x: x.p.search_numbers(area_code="415", contains="5550", limit=9),
        lambda x: x.s.available_phone_numbers("US").local.list(
            area_code=415, contains="5550", page_size=9
        ),
    ),
    "search toll-free": (
        lambda x: x.p.search_numbers(area_code="888", limit=9),
        lambda x: x.s.available_phone_numbers("US").toll_free.list(area_code=888, page_size=9),
    ),
    "search mobile": (
        lambda x: x.p.search_numbers(country="LT", limit=9),
        lambda x: x.s.available_phone_numbers("LT").mobile.list(page_size=9),
    ),
    "search national": (
        lambda x: x.p.search_numbers(country="GB", kind="national", channels=["voice"], limit=9),
        lambda x: x.s.available_phone_numbers("GB").national.list(voice_enabled=True, page_size=9),
    ),
    "search with options": (
        lambda x: x.p.search_numbers(
            options={"InRegion": "CA", "ExcludeAllAddressRequired": True, "SmsEnabled": False},
            limit=9,
        ),
        lambda x: x.s.available_phone_numbers("US").local.list(
            in_region="CA", exclude_all_address_required=True, sms_enabled=False, page_size=9
        ),
    ),
    "label": (
        lambda x: x.p.update_number(x.n, label=LABEL),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(friendly_name=LABEL),
    ),
    "assign webhook": (
        lambda x: x.p.assign_number(x.n, Webhook(VOICE, SMS)),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(
            voice_url=VOICE,
            voice_application_sid="",
            trunk_sid="",
            sms_url=SMS,
            sms_application_sid="",
        ),
    ),
    "assign application": (
        lambda x: x.p.assign_number(x.n, x.v.applications[0]),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(
            voice_application_sid=x.v.applications[0], sms_application_sid=x.v.applications[0]
        ),
    ),
    "assign trunk": (
        lambda x: x.p.assign_number(x.n, x.v.trunks[0]),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(trunk_sid=x.v.trunks[0]),
    ),
    "assign split": (
        lambda x: x.p.assign_number(x.n, Split(telephony.Trunk(x.v.trunks[0]), None)),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(
            trunk_sid=x.v.trunks[0], sms_url="", sms_application_sid=""
        ),
    ),
    "set webhook": (
        lambda x: x.p.set_webhook(SMS, of=x.n),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(
            voice_url=SMS, sms_url=SMS, status_callback=SMS
        ),
    ),
    "unassign": (
        lambda x: x.p.unassign_number(x.n, options={"VoiceMethod": "GET"}),
        lambda x: x.s.incoming_phone_numbers(x.n.id).update(
            voice_url="",
            voice_application_sid="",
            trunk_sid="",
            sms_url="",
            sms_application_sid="",
            voice_method="GET",
        ),
    ),
    "list messages": (
        lambda x: list(x.p.list_messages(x.n, after=NOON, before=NOON.replace(hour=13))),
        lambda x: x.s.messages.list(
            from_=NUMBER,
            date_sent_after=NOON,
            date_sent_before=NOON.replace(hour=13),
            page_size=1000,
        ),
    ),
    "list all messages": (
        lambda x: list(x.p.list_messages(after=NOON)),
        lambda x: x.s.messages.list(date_sent_after=NOON, page_size=1000),
    ),
    "get a message": (
        lambda x: x.p.get_message(x.text),
        lambda x: x.s.messages(x.text).fetch(),
    ),
    "send": (
        lambda x: x.p.send_message(x.n, OTHER, "Grüße & 👋", media=[VOICE, SMS]),
        lambda x: x.s.messages.create(
            to=OTHER, from_=NUMBER, body="Grüße & 👋", media_url=[VOICE, SMS]
        ),
    ),
    "send on WhatsApp": (
        lambda x: x.p.send_message(x.n, f"whatsapp:{OTHER}", "hello"),
        lambda x: x.s.messages.create(
            to=f"whatsapp:{OTHER}", from_=f"whatsapp:{NUMBER}", body="hello"
        ),
    ),
    "send by a service": (
        lambda x: x.p.send_message("MG" + "5d" * 16, OTHER, "hello"),
        lambda x: x.s.messages.create(
            to=OTHER, messaging_service_sid="MG" + "5d" * 16, body="hello"
        ),
    ),
    "call a SIP address": (
        lambda x: x.p.place_call(x.n, "sip:desk@example.com", url=VOICE),
        lambda x: x.s.calls.create(to="sip:desk@example.com", from_=NUMBER, url=VOICE),
    ),
    "call": (
        lambda x: x.p.place_call(x.n, OTHER, url=VOICE),
        lambda x: x.s.calls.create(to=OTHER, from_=NUMBER, url=VOICE),
    ),
    "call that rings for 20 seconds": (
        lambda x: x.p.place_call(x.n, OTHER, url=VOICE, timeout=20),
        lambda x: x.s.calls.create(to=OTHER, from_=NUMBER, url=VOICE, timeout=20),
    ),
    "list calls": (
        lambda x: list(x.p.list_calls(x.n, after=NOON, before=NOON)),
        lambda x: x.s.calls.list(
            from_=NUMBER,
            start_time_after="2026-03-04",
            start_time_before="2026-03-05",
            page_size=1000,
        ),
    ),
    "list all calls": (
        lambda x: list(x.p.list_calls(limit=7)),
        lambda x: x.s.calls.list(limit=7),
    ),
    "get a call": (
        lambda x: x.p.get_call(x.call),
        lambda x: x.s.calls(x.call).fetch(),
    ),
    "end a call": (
        lambda x: x.p.end_call(x.call),
        lambda x: x.s.calls(x.call).update(status="completed"),
    ),
    "list targets": (
        lambda x: list(x.p.list_targets()),
        lambda x: x.s.messaging.v1.services.list(page_size=1000),
    ),
    "assign to a service": (
        lambda x: x.p.assign_number(x.n, x.service),
        lambda x: (
            x.v.account.senders[x.service].clear(),
            x.s.messaging.v1.services(x.service).phone_numbers.create(x.n.id),
        ),
    ),
    "call with options": (
        lambda x: x.p.place_call(
            x.n,
            OTHER,
            options={"Twiml": "<Response/>", "StatusCallbackEvent": ["ringing", "answered"]},
        ),
        lambda x: x.s.calls.create(
            to=OTHER,
            from_=NUMBER,
            twiml="<Response/>",
            status_callback_event=["ringing", "answered"],
        ),
    ),
}


@pytest.mark.parametrize("operation", SAME)
def test_our_requests_are_the_sdks(provider, sdk, telephony_sandbox, vendor, number, operation):
    ours, theirs = SAME[operation]
    call = vendor.receive_call(NUMBER, OTHER)
    text = vendor.receive_message(NUMBER, OTHER, "hello", sent_at=None)
    both = SimpleNamespace(
        p=provider, s=sdk, n=number, v=vendor, call=call, text=text, service="MG" + "5d" * 16
    )

    ours(both)
    mine = last(telephony_sandbox)
    theirs(both)

    assert mine == last(telephony_sandbox)


def test_our_purchase_is_the_sdks(provider, sdk, telephony_sandbox):
    provider.provision_number(
        number=NUMBER, label=LABEL, assign_to=VOICE, options={"VoiceCallerIdLookup": True}
    )
    mine = last(telephony_sandbox)
    sdk.incoming_phone_numbers.create(
        phone_number=OTHER, friendly_name=LABEL, voice_url=VOICE, voice_caller_id_lookup=True
    )
    method, path, query, form = last(telephony_sandbox)

    assert mine == (method, path, query, [(k, v.replace(OTHER, NUMBER)) for k, v in form])


def test_our_release_is_the_sdks(provider, sdk, telephony_sandbox, number):
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=400))
    assert sdk.incoming_phone_numbers(number.id).fetch().phone_number == NUMBER
    with pytest.raises(telephony.InvalidRequestError):
        provider.release_number(number.id)
    telephony_sandbox.heal()
    provider.release_number(number.id)
    mine = last(telephony_sandbox)
    with pytest.raises(TwilioRestException) as caught:
        sdk.incoming_phone_numbers(number.id).delete()

    assert mine == last(telephony_sandbox)
    assert (caught.value.status, caught.value.code) == (404, 20404)


def test_both_read_the_same_messages_in_the_same_pages(provider, sdk, vendor, number):
    vendor.plant_messages(NUMBER, 45, newest=NOON, media=[VOICE])

    received = sdk.messages.list(to=number.number, page_size=7)
    sent = sdk.messages.list(from_=number.number, page_size=7)
    ours = list(provider.list_messages(NUMBER))

    assert sorted(m.sid for m in [*received, *sent]) == sorted(m.id for m in ours)
    theirs = {m.sid: (m.body, m.date_sent, m.direction) for m in [*received, *sent]}
    for message in ours:
        body, date_sent, direction = theirs[message.id]
        assert (message.body, message.sent_at) == (body, date_sent)
        assert (message.direction == "inbound") == (direction == "inbound")
    media = sdk.messages(ours[0].id).media.list()
    assert [f"{provider.adapter.base_url}{m.uri[:-5]}" for m in media] == list(ours[0].media)


def test_both_find_the_same_calls_recordings_and_targets(provider, sdk, vendor, number):
    placed = provider.place_call(number, OTHER, url=VOICE)
    vendor.advance(3600)
    received = vendor.receive_call(NUMBER, OTHER)

    theirs = sdk.calls.list(page_size=1)
    ours = list(provider.list_calls())
    assert [c.sid for c in theirs] == [c.id for c in ours] == [received, placed.id]
    for call, read in zip(theirs, ours, strict=True):
        assert (call.start_time, call.end_time) == (read.started_at, read.ended_at)
        assert int(call.duration) == read.duration.total_seconds()
    (recording,) = sdk.recordings.list(call_sid=received)
    assert recording.fetch().call_sid == received
    assert (recording.status, recording.encryption_details) == ("completed", None)
    assert provider.get_recording(received).call == received

    targets = [(target.id, target.name) for target in provider.list_targets()]
    named = [
        *sdk.applications.list(page_size=1),
        *sdk.trunking.v1.trunks.list(page_size=1),
        *sdk.messaging.v1.services.list(page_size=1),
    ]
    assert targets == [(each.sid, each.friendly_name) for each in named]


def test_the_sdk_runs_against_the_whole_sandbox(sdk, vendor):
    walk(sdk, vendor)


def walk(sdk, vendor):
    """Every operation that the sandbox has, through the SDK."""
    assert sdk.api.accounts(sdk.account_sid).fetch().status == "active"
    numbers, offers = sdk.incoming_phone_numbers, sdk.available_phone_numbers
    assert {c.country_code for c in offers.list()} == {"US", "CA", "GB", "LT"}
    assert offers("GB").fetch().subresource_uris.keys() == {
        "local",
        "mobile",
        "national",
        "toll_free",
    }
    offered = [
        *offers("US").local.list(area_code=415, limit=2),
        *offers("US").toll_free.list(limit=1),
        *offers("GB").mobile.list(limit=1),
    ]
    held = [numbers.create(phone_number=offer.phone_number) for offer in offered]
    held.append(numbers.create(area_code="212", friendly_name="Any"))
    assert held[-1].phone_number.startswith("+1212")
    assert len(numbers.local.list()) == 3
    assert len(numbers.toll_free.list(page_size=1)) == len(numbers.mobile.list()) == 1
    numbers.toll_free.create(phone_number="+18335550123")
    assert [n.friendly_name for n in numbers.list(friendly_name="Any")] == ["Any"]
    assert len(numbers.list(page_size=2)) == 6
    page = numbers.page(page_size=2)
    assert page.next_page().previous_page().next_page().next_page().next_page() is None
    first = held[0]
    changed = first.update(voice_url=VOICE, sms_method="GET", friendly_name="Desk")
    assert (changed.voice_url, changed.sms_method, changed.friendly_name) == (VOICE, "GET", "Desk")

    text = sdk.messages.create(to=OTHER, from_=first.phone_number, body="Hi", media_url=[VOICE])
    assert (text.status, text.date_sent, text.num_media) == ("queued", None, "1")
    assert text.fetch().status == "delivered"
    (media,) = text.media.list()
    assert media.fetch().parent_sid == text.sid
    assert media.delete()
    assert text.update(body="").body == ""
    assert text.delete()
    assert sdk.messages.list() == []

    call = sdk.calls.create(to=OTHER, from_=first.phone_number, url=VOICE)
    assert [c.sid for c in sdk.calls.list(to=OTHER)] == [call.sid]
    assert call.fetch().update(status="canceled").status == "canceled"

    application = sdk.applications.create(friendly_name="New", voice_url=VOICE)
    assert application.fetch().update(sms_url=SMS).sms_url == SMS
    assert [a.sid for a in sdk.applications.list(friendly_name="New")] == [application.sid]
    first.update(voice_application_sid=application.sid)

    trunk = sdk.trunking.v1.trunks.create(friendly_name="New", domain_name="new.pstn.twilio.com")
    assert len(sdk.trunking.v1.trunks.list(page_size=1)) == len(vendor.account.trunks) == 3
    assert trunk.fetch().update(friendly_name="Newer").friendly_name == "Newer"
    url = trunk.origination_urls.create(10, 20, True, "In", "sip:x.sip.livekit.cloud")
    assert [u.sid for u in trunk.origination_urls.list()] == [url.sid]
    on_trunk = trunk.phone_numbers.create(phone_number_sid=first.sid)
    assert (on_trunk.trunk_sid, on_trunk.voice_application_sid) == (trunk.sid, "")
    assert [n.sid for n in trunk.phone_numbers.list()] == [on_trunk.fetch().sid] == [first.sid]
    assert on_trunk.delete()
    assert first.fetch().trunk_sid is None
    assert trunk.delete()
    assert application.delete()
    for number in numbers.list():
        assert number.delete()


def test_the_sandbox_refuses_as_the_sdk_expects(sdk, number):
    refusals = {
        20404: lambda: sdk.incoming_phone_numbers("PN" + "0" * 32).fetch(),
        21422: lambda: sdk.incoming_phone_numbers.create(phone_number=number.number),
        21452: lambda: sdk.incoming_phone_numbers.create(area_code="533"),
        21606: lambda: sdk.messages.create(to=NUMBER, from_=OTHER, body="Hi"),
        20001: lambda: sdk.incoming_phone_numbers(number.id).update(voice_url="nowhere"),
    }
    for code, refused in refusals.items():
        with pytest.raises(TwilioRestException) as caught:
            refused()
        assert caught.value.code == code

    url = f"https://api.twilio.com/2010-04-01/Accounts/{sdk.account_sid}/Calls.json?Page=2"
    response = sdk.request("GET", url)
    assert (response.status_code, '"code":70002' in response.text) == (400, True)
    assert (
        sdk.request("GET", url.replace("?Page=2", "").replace("Calls", "Nothing")).status_code
        == 404
    )
    assert sdk.request("GET", url, auth=(sdk.account_sid, "wrong")).status_code == 401
