"""The responses that Twilio prints, exactly as printed, and with each field spoiled.

`samples/` has the examples of its OpenAPI description, version 1.0.0 of the API 2010-04-01.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import telephony
from telephony import Application, Channel, Direction, MessageStatus, Trunk
from telephony.sandbox.calls import sound

ACCOUNT = "AC" + "a" * 32
HERE = f"/2010-04-01/Accounts/{ACCOUNT}"
NUMBER, OTHER = "+14155550123", "+14155550199"
KINDS = {"Local": "local", "Mobile": "mobile", "National": "national", "TollFree": "toll_free"}
# Not optional: the id, what was asked for, and the link without which a listing would be cut off.
REQUIRED = ("sid", "phone_number", "next_page_uri")


def samples(file, path=None, method=None, name=""):
    found = json.loads((Path(__file__).parent / "samples" / f"{file}.json").read_text("utf-8"))
    return [
        pytest.param(each["body"], id=f"{each['path']}-{each['name']}")
        for each in found
        if path in (None, each["path"])
        and method in (None, each["method"])
        and each["name"].startswith(name)
    ]


@pytest.fixture
def provider(vendor_server):
    settings = {"account_sid": ACCOUNT, "auth_token": "made-up-token"}
    with telephony.connect("twilio", **settings, base_url=vendor_server.url) as connected:
        yield connected


@pytest.fixture
def respond(vendor_server):
    """Plan the response of one route, below the account, with a body."""

    def responses(method, path, body, status=200):
        vendor_server.responses[f"{method} {HERE}{path}"] = (status, body)

    return responses


def spoiled(mutations, sample, *, rows=None):
    """Each mutation, what is required left alone, with what was done."""
    places = [f"{rows}.{index}." for index in range(len(sample[rows]))] if rows else [""]
    required = [f"{place}{name}" for place in places for name in REQUIRED]
    required += ["next_page_uri", *([rows] if rows else [])]
    yield from mutations(sample, required)


# --- Numbers for sale ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", KINDS)
@pytest.mark.parametrize("name", ["readFull", "readEmpty"])
def test_numbers_for_sale_are_read_as_printed(provider, respond, path, name):
    (sample,) = samples(
        "available", f"/AvailablePhoneNumbers/{{CountryCode}}/{path}.json", name=name
    )
    (body,) = sample.values
    respond("GET", f"/AvailablePhoneNumbers/NO/{path}.json", body)

    found = provider.search_numbers(country="NO", kind=KINDS[path])

    assert [n.raw for n in found] == body["available_phone_numbers"]
    for number in found:
        assert number.number == number.raw["phone_number"]
        assert number.kind == KINDS[path]
        assert (Channel.SMS in number.channels) is (
            number.raw["capabilities"].get("sms", number.raw["capabilities"].get("SMS")) is True
        )


@pytest.mark.parametrize("path", KINDS)
def test_odd_facts_of_a_number_for_sale_hide_nothing(provider, respond, mutations, path):
    (sample,) = samples(
        "available", f"/AvailablePhoneNumbers/{{CountryCode}}/{path}.json", name="readFull"
    )
    (body,) = sample.values
    for done, odd in spoiled(mutations, body, rows="available_phone_numbers"):
        respond("GET", f"/AvailablePhoneNumbers/NO/{path}.json", odd)

        found = provider.search_numbers(country="NO", kind=KINDS[path])

        wanted = [row["phone_number"] for row in body["available_phone_numbers"]]
        assert [n.number for n in found] == wanted, done


# --- Owned numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("body", samples("numbers", method="GET", name="read"))
def test_owned_numbers_are_read_as_printed(provider, respond, body):
    respond("GET", "/IncomingPhoneNumbers.json", body)

    found = list(provider.list_numbers())

    rows = body["incoming_phone_numbers"]
    assert [(n.id, n.number) for n in found] == [(r["sid"], r["phone_number"]) for r in rows]
    for number, row in zip(found, rows, strict=True):
        assert (number.label, number.status) == (row["friendly_name"], "active")
        assert number.channels == {
            Channel(word) for word, can in row["capabilities"].items() if can
        }
        assert number.created_at.isoformat() == "2015-07-30T23:19:04+00:00"
        assert (number.assignment, number.raw) == (None, row)


@pytest.mark.parametrize(
    "body", samples("numbers", "/IncomingPhoneNumbers.json", "GET", "readFull")
)
def test_odd_facts_of_owned_numbers_hide_none(provider, respond, mutations, body):
    for done, odd in spoiled(mutations, body, rows="incoming_phone_numbers"):
        respond("GET", "/IncomingPhoneNumbers.json", odd)

        (found,) = provider.list_numbers()

        assert (found.id, found.number) == ("PN" + "a" * 32, "+18089255327"), done


def test_an_unreadable_number_hides_no_other(provider, respond, caplog):
    (sample,) = samples("numbers", "/IncomingPhoneNumbers.json", "GET", "readFull")
    (body,) = sample.values
    row = body["incoming_phone_numbers"][0]
    for odd in (None, "", 7, [], {**row, "sid": None}, {**row, "phone_number": ""}):
        caplog.clear()
        respond(
            "GET",
            "/IncomingPhoneNumbers.json",
            {**body, "incoming_phone_numbers": [odd, row, odd]},
        )

        assert [n.id for n in provider.list_numbers()] == [row["sid"]]
        (record,) = caplog.records
        assert record.name == "telephony"
        assert row["phone_number"] not in record.getMessage()


@pytest.mark.parametrize("body", samples("numbers", "/IncomingPhoneNumbers/{Sid}.json", "GET"))
def test_a_number_is_found_whatever_its_optional_facts_are(provider, respond, mutations, body):
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("GET", f"/IncomingPhoneNumbers/{body['sid']}.json", odd)

        found = provider.get_number(body["sid"])

        assert (found.id, found.number) == (body["sid"], body["phone_number"]), done


@pytest.mark.parametrize("body", samples("numbers", "/IncomingPhoneNumbers.json", "POST"))
def test_a_number_that_was_bought_keeps_its_id(provider, respond, mutations, body):
    respond("GET", "/IncomingPhoneNumbers.json", {"incoming_phone_numbers": []})
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("POST", "/IncomingPhoneNumbers.json", odd, 201)

        bought = provider.provision_number(number=body["phone_number"], label="Desk")

        assert (bought.id, bought.number) == (body["sid"], body["phone_number"]), done


@pytest.mark.parametrize("body", samples("numbers", "/IncomingPhoneNumbers/{Sid}.json", "POST"))
def test_a_number_that_was_changed_keeps_its_id(provider, respond, mutations, body):
    sid = body["sid"]
    respond("GET", f"/IncomingPhoneNumbers/{sid}.json", body)
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("POST", f"/IncomingPhoneNumbers/{sid}.json", odd)

        changed = provider.assign_number(sid, "https://example.com/voice")

        assert (changed.id, changed.number) == (sid, body["phone_number"]), done


# --- Messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", samples("messages", "/Messages.json", "POST"))
def test_a_text_that_was_sent_keeps_its_id(provider, respond, mutations, body):
    service, to = "MG" + "a" * 32, body["to"]
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("POST", "/Messages.json", odd, 201)
        sent = [provider.send_message(sender, to, "hello") for sender in (NUMBER, service)]

        assert [each.id for each in sent] == [body["sid"]] * 2, done
        assert sent[0].number == NUMBER, done


def test_a_text_is_sent_as_printed(provider, respond):
    (sample,) = samples("messages", "/Messages.json", "POST", "createScheduledMessageWhatsapp")
    (body,) = sample.values
    respond("POST", "/Messages.json", body, 201)

    sent = provider.send_message("MG" + "a" * 32, "whatsapp:+15558675310", "Hello! 👍")

    assert (sent.channel, sent.status) == (Channel.WHATSAPP, MessageStatus.QUEUED)
    assert (sent.sender, sent.recipient) == (None, "whatsapp:+15558675310")
    assert sent.number == "MG" + "a" * 32
    assert sent.body == "Hello! 👍"


@pytest.mark.parametrize("name", ["readFullPage1", "readEmpty"])
def test_a_history_is_read_as_printed(provider, respond, name):
    for sample in samples("messages", "/Messages.json", "GET", name):
        (body,) = sample.values
        respond("GET", "/Messages.json", {**body, "next_page_uri": None})
        for row in body["messages"]:
            respond("GET", f"/Messages/{row['sid']}/Media.json", media())
        respond("GET", "/IncomingPhoneNumbers.json", owned(NUMBER))

        found = {m.id: m for m in provider.list_messages(NUMBER)}

        assert found.keys() == {row["sid"] for row in body["messages"]}
        for row in body["messages"]:
            message = found[row["sid"]]
            inbound = row["direction"] == "inbound"
            assert (message.sender, message.recipient) == (row["from"], row["to"])
            assert message.body == row["body"]
            assert message.direction is (Direction.INBOUND if inbound else Direction.OUTBOUND)
            assert (message.error and message.error.message) == row["error_message"]


def test_odd_facts_of_messages_hide_none(provider, respond, mutations):
    (sample,) = samples("messages", "/Messages.json", "GET", "readFullPage1")
    (body,) = sample.values
    body = {**body, "next_page_uri": None}
    for row in body["messages"]:
        respond("GET", f"/Messages/{row['sid']}/Media.json", media())
    for done, odd in spoiled(mutations, body, rows="messages"):
        respond("GET", "/Messages.json", odd)

        found = {m.id for m in provider.list_messages(NUMBER)}

        assert found == {row["sid"] for row in body["messages"]}, done


def test_odd_facts_of_media_lose_no_message(provider, respond, mutations):
    (sample,) = samples("messages", "/Messages.json", "GET", "readFullPage1")
    (body,) = sample.values
    row = {**body["messages"][0], "num_media": "1"}
    respond("GET", "/Messages.json", {**body, "messages": [row], "next_page_uri": None})
    place = f"/Messages/{row['sid']}/Media.json"
    respond("GET", place, media())
    (url,) = next(iter(provider.list_messages(NUMBER))).media
    assert url.endswith(media()["media_list"][0]["uri"].removesuffix(".json"))

    for done, odd in mutations(media(), ["media_list", "media_list.0.uri"]):
        respond("GET", place, odd)
        assert next(iter(provider.list_messages(NUMBER))).media == (url,), done
    for nothing in ({}, {"media_list": None}, {"media_list": [{}, None, {"uri": ""}]}):
        respond("GET", place, nothing)
        found = next(iter(provider.list_messages(NUMBER)))
        assert (found.id, found.media) == (row["sid"], ())


def media():
    (sample,) = samples("messages", "/Messages/{MessageSid}/Media.json", "GET", "readFull")
    (body,) = sample.values
    return body


def owned(number):
    row = {"sid": "PN" + "a" * 32, "phone_number": number}
    return {"incoming_phone_numbers": [row], "next_page_uri": None}


# --- Calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", samples("calls", "/Calls.json", "POST"))
def test_a_call_that_was_placed_keeps_its_id(provider, respond, mutations, body):
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("POST", "/Calls.json", odd, 201)

        call = provider.place_call(NUMBER, OTHER, url="https://example.com/voice")

        assert (call.id, call.number) == (body["sid"], NUMBER), done


CALLS = samples("calls", "/Calls.json", "GET", "read")


@pytest.mark.parametrize("body", CALLS)
def test_calls_are_read_as_printed(provider, respond, body):
    respond("GET", "/Calls.json", {**body, "next_page_uri": None})

    found = {call.id: call for call in provider.list_calls()}

    assert found.keys() == {row["sid"] for row in body["calls"]}
    for row in body["calls"]:
        call = found[row["sid"]]
        assert (call.sender, call.recipient, call.raw) == (row["from"], row["to"], row)
        assert call.number == (row["to"] if row["direction"] == "inbound" else row["from"])
        assert f"{call.started_at:%a, %d %b %Y %H:%M:%S +0000}" == row["start_time"]
        assert f"{call.ended_at:%a, %d %b %Y %H:%M:%S +0000}" == row["end_time"]
        assert str(int(call.duration.total_seconds())) == row["duration"]
        assert call.status.replace("_", "-") == row["status"]


@pytest.mark.parametrize("body", samples("calls", "/Calls.json", "GET", "readFullPage1"))
def test_odd_facts_of_calls_hide_none(provider, respond, mutations, body):
    body = {**body, "next_page_uri": None, "calls": body["calls"][:1]}
    for done, odd in spoiled(mutations, body, rows="calls"):
        respond("GET", "/Calls.json", odd)

        assert [call.id for call in provider.list_calls()] == [body["calls"][0]["sid"]], done


@pytest.mark.parametrize("body", samples("calls", "/Calls/{Sid}.json"))
def test_a_call_is_found_and_ended_whatever_its_optional_facts_are(
    provider, respond, mutations, body
):
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("GET", f"/Calls/{body['sid']}.json", odd)
        respond("POST", f"/Calls/{body['sid']}.json", odd)

        assert provider.get_call(body["sid"]).id == body["sid"], done
        assert provider.end_call(body["sid"]).id == body["sid"], done


@pytest.mark.parametrize("body", samples("calls", "/Recordings.json", name="readFull"))
def test_odd_facts_of_a_recording_do_not_hide_it(provider, respond, mutations, body):
    (row,) = body["recordings"]
    body = {**body, "recordings": [{**row, "encryption_details": None}]}
    respond("GET", f"/Recordings/{row['sid']}.wav", sound())
    meant = ("recordings.0.status", "recordings.0.encryption_details")
    for done, odd in spoiled(mutations, body, rows="recordings"):
        if done.startswith(meant):
            continue
        respond("GET", "/Recordings.json", odd)

        assert provider.get_recording("CA1").content == sound(), done


@pytest.mark.parametrize("body", samples("messages", "/Messages/{Sid}.json", "GET"))
def test_a_message_is_found_whatever_its_optional_facts_are(provider, respond, mutations, body):
    respond("GET", f"/Messages/{body['sid']}/Media.json", media())
    for done, odd in [("as printed", body), *spoiled(mutations, body)]:
        respond("GET", f"/Messages/{body['sid']}.json", odd)

        assert provider.get_message(body["sid"]).id == body["sid"], done


# --- Targets -------------------------------------------------------------------------------------


TARGETS = ("applications", "trunks", "services")


@pytest.fixture
def targets(vendor_server):
    (applications,) = samples("targets", "/Applications.json", name="readFull")
    (trunks,) = samples("targets", "/v1/Trunks", name="readFull")
    (services,) = samples("targets", "/v1/Services", name="readFull")
    pages = {
        f"{HERE}/Applications.json": {**applications.values[0], "next_page_uri": None},
        "/v1/Trunks": trunks.values[0],
        "/v1/Services": services.values[0],
    }
    vendor_server.responses = {f"GET {place}": (200, page) for place, page in pages.items()}
    return pages


def test_targets_are_read_as_printed(provider, targets):
    ids = [Application("AP" + "a" * 32), Trunk("TK" + "a" * 32), Application("MG" + "a" * 32)]
    assert list(provider.list_targets()) == ids
    assert [target.name for target in provider.list_targets()] == [
        page[key][0]["friendly_name"] for page, key in zip(targets.values(), TARGETS, strict=True)
    ]


@pytest.mark.parametrize("key", TARGETS)
def test_odd_facts_of_targets_hide_none(provider, vendor_server, targets, mutations, key):
    (place,) = (place for place, page in targets.items() if key in page)
    page = targets[place]
    required = [key, f"{key}.0.sid", f"{key}.0.account_sid", "next_page_uri", "meta.next_page_url"]
    wanted = [target.id for target in provider.list_targets()]
    for done, odd in mutations(page, required):
        vendor_server.responses[f"GET {place}"] = (200, odd)

        assert [target.id for target in provider.list_targets()] == wanted, done
