"""Texts and calls of a Twilio number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

import telephony
from telephony import Channel, Direction, MessageStatus
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE = "https://example.com/voice"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("number")


@pytest.mark.parametrize("count", [0, 1, 2, 5, 2001, 3000])
def test_both_directions_are_one_history_newest_first(provider, vendor, count):
    vendor.plant_messages(NUMBER, count, newest=NOON)

    found = list(provider.list_messages(NUMBER))

    assert len({m.id for m in found}) == len(found) == count
    times = [m.sent_at for m in found]
    assert times == sorted(times, reverse=True)
    assert {m.direction for m in found} <= {Direction.INBOUND, Direction.OUTBOUND}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_small_pages_neither_lose_nor_repeat(provider, vendor, limit):
    """Two messages in every second, one each way: the two listings tie all the time."""
    vendor.plant_messages(NUMBER, 40, newest=NOON)
    whole = [m.id for m in provider.list_messages(NUMBER)]

    part = [m.id for m in provider.list_messages(NUMBER, limit=limit)]

    assert len(whole) == 40
    assert len(part) == len(set(part)) == min(limit, 40)
    times = {m.id: m.sent_at for m in provider.list_messages(NUMBER)}
    assert [times[id_] for id_ in part] == [times[id_] for id_ in whole[:limit]]


def test_what_a_number_sent_to_itself_is_listed_once(provider, telephony_sandbox):
    sent = provider.send_message(NUMBER, NUMBER, "note to self")
    echo = telephony_sandbox.receive_message("twilio", NUMBER, sender=NUMBER, body="note to self")

    assert sorted(m.id for m in provider.list_messages(NUMBER)) == sorted([sent.id, echo])


def test_nothing_is_fetched_before_it_is_needed(provider, vendor, telephony_sandbox):
    vendor.plant_messages(NUMBER, 6000, newest=NOON)
    sent = len(telephony_sandbox.requests("twilio"))

    messages = provider.list_messages(NUMBER)
    assert len(telephony_sandbox.requests("twilio")) == sent
    next(messages)
    assert len(telephony_sandbox.requests("twilio")) == sent + 2


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        (NOON - timedelta(seconds=3), None, 8),
        (NOON - timedelta(seconds=3), NOON, 6),
        (NOON - timedelta(seconds=3, microseconds=1), NOON + timedelta(microseconds=1), 8),
        (NOON - timedelta(seconds=3) + timedelta(microseconds=1), None, 6),
        (NOON, NOON, 0),
        (None, NOON - timedelta(seconds=9), 0),
    ],
)
def test_the_period_is_exact_at_both_ends(provider, vendor, after, before, expected):
    vendor.plant_messages(NUMBER, 20, newest=NOON)

    assert len(list(provider.list_messages(NUMBER, after=after, before=before))) == expected


def test_an_aware_time_of_another_zone_is_the_same_moment(provider, vendor):
    vendor.plant_messages(NUMBER, 20, newest=NOON)
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert len(list(provider.list_messages(NUMBER, after=tokyo))) == 2


def test_media_are_requested_only_for_messages_that_have_any(provider, vendor, telephony_sandbox):
    vendor.plant_messages(NUMBER, 4, newest=NOON)
    vendor.plant_messages(
        NUMBER, 2, newest=NOON + timedelta(hours=1), media=["https://example.com/a.jpg"]
    )
    sent = len(telephony_sandbox.requests("twilio"))

    first = next(iter(provider.list_messages(NUMBER)))
    assert len(telephony_sandbox.requests("twilio")) == sent + 3
    found = list(provider.list_messages(NUMBER))

    (url,) = first.media
    assert url.startswith(f"{provider.adapter.base_url}/2010-04-01/Accounts/AC")
    assert f"/Messages/{first.id}/Media/ME" in url
    assert not url.endswith(".json")
    assert [m.channel for m in found] == [Channel.MMS] * 2 + [Channel.SMS] * 4
    assert [len(m.media) for m in found] == [1, 1, 0, 0, 0, 0]


def test_a_mistyped_number_is_not_an_empty_history(provider):
    assert list(provider.list_messages(NUMBER)) == []
    with pytest.raises(telephony.NotFoundError):
        list(provider.list_messages(OTHER))


def test_the_history_of_a_released_number_can_still_be_read(provider, vendor):
    vendor.plant_messages(NUMBER, 3, newest=NOON)
    provider.release_number(NUMBER)

    assert len(list(provider.list_messages(NUMBER))) == 3


def test_a_delivery_failure_is_in_the_message(provider, vendor):
    sent = provider.send_message(NUMBER, OTHER, "hello")
    vendor.account.texts[sent.id].body |= {"status": "undelivered", "error_code": 30005}
    vendor.account.texts[sent.id].body |= {"error_message": "Unknown destination", "price": None}

    (found,) = provider.list_messages(NUMBER)

    assert found.status is MessageStatus.UNDELIVERED
    assert (found.error.code, found.error.message) == ("30005", "Unknown destination")


def test_an_unknown_status_survives(provider, vendor):
    sent = provider.send_message(NUMBER, OTHER, "hello")
    vendor.account.texts[sent.id].body |= {"status": "partially_delivered", "direction": "sideways"}

    (found,) = provider.list_messages(NUMBER)

    assert (found.status, found.direction) == (MessageStatus.UNKNOWN, Direction.UNKNOWN)
    assert found.raw["status"] == "partially_delivered"


def test_media_repeat_their_key(provider, posts):
    urls = ["https://example.com/a.jpg", "https://example.com/b.jpg"]

    sent = provider.send_message(NUMBER, OTHER, "two", media=urls)

    assert posts()[-1].form() == [
        ("To", OTHER),
        ("From", NUMBER),
        ("Body", "two"),
        ("MediaUrl", urls[0]),
        ("MediaUrl", urls[1]),
    ]
    assert (sent.status, list(sent.media)) == (MessageStatus.QUEUED, urls)
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.send_message(NUMBER, OTHER, "", media=urls * 6)
    assert caught.value.argument == "media"


@pytest.mark.parametrize("kind", ["lost", "html", "empty", "cut"])
def test_a_text_is_never_sent_twice(provider, telephony_sandbox, kind):
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.send_message(NUMBER, OTHER, "once")

    assert len(telephony_sandbox.ledger("twilio", "message")) == 1


def test_the_text_of_a_message_is_in_no_error(provider, telephony_sandbox):
    body = '{"code": 21610, "message": "No: my secret plan", "details": {"Body": "my secret plan"}}'
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=400, body=body))

    with pytest.raises(telephony.ConflictError, match="opted out") as caught:
        provider.send_message(NUMBER, OTHER, "my secret plan")

    assert "secret plan" not in f"{caught.value} {caught.value.raw}"


# --- Calls ---------------------------------------------------------------------------------------


def test_a_call_needs_something_to_say(provider, telephony_sandbox):
    sent = len(telephony_sandbox.requests("twilio"))
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(NUMBER, OTHER)
    assert caught.value.argument == "url"
    with pytest.raises(telephony.UnsupportedOperationError, match="url"):
        provider.place_call(NUMBER, OTHER, agent="a")
    assert len(telephony_sandbox.requests("twilio")) == sent

    call = provider.place_call(NUMBER, OTHER, url=VOICE)
    assert (call.number, call.recipient, call.status) == (NUMBER, OTHER, "queued")
    assert provider.place_call(NUMBER, OTHER, options={"Twiml": "<Response/>"}).id != call.id
