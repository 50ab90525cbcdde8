"""Messages at AgentPhone: paged by time, spelled in four ways, sent once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Channel, Direction, MessageStatus

OTHER = "+17735550188"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def plant(telephony_sandbox, number):
    """Receive texts at the given moments; returns their ids, newest first."""

    def receive(*moments):
        planted = [
            (
                moment,
                telephony_sandbox.receive_message(
                    "agentphone", number.number, sender=OTHER, body="Hi", sent_at=moment
                ),
            )
            for moment in moments
        ]
        return [id_ for _, id_ in sorted(planted, key=lambda pair: pair[0], reverse=True)]

    return receive


# --- Listing messages ----------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["exclusive", "inclusive"])
def bound(request, vendor):
    vendor.account.before_is_inclusive = request.param


@pytest.fixture(params=[False, True], ids=["newest-first", "oldest-first"])
def order(request, vendor):
    vendor.account.oldest_first = request.param


@pytest.fixture(params=[False, True], ids=["exact", "whole-seconds"])
def shown(request, vendor):
    vendor.account.whole_seconds = request.param


@pytest.mark.usefixtures("bound", "order", "shown")
@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([NOON + timedelta(minutes=n) for n in range(450)], id="far-apart"),
        pytest.param([NOON + timedelta(seconds=n // 90) for n in range(450)], id="many-a-second"),
        pytest.param([NOON + 2 * MILLISECOND * n for n in range(450)], id="a-page-in-a-second"),
        pytest.param(
            [NOON - timedelta(hours=1)] * 3 + [NOON] * 200 + [NOON + timedelta(hours=1)] * 3,
            id="a-page-of-one-moment",
        ),
        pytest.param(
            [NOON - timedelta(hours=1)] + [NOON + 2 * MILLISECOND * n for n in range(401)],
            id="two-pages-in-a-second",
        ),
    ],
)
def test_messages_are_neither_lost_nor_repeated(provider, number, plant, moments):
    planted = plant(*moments)

    found = list(provider.list_messages(number))

    assert sorted(m.id for m in found) == sorted(planted)
    times = [m.sent_at for m in found]
    assert times == sorted(times, reverse=True)


@pytest.mark.usefixtures("bound")
def test_more_than_a_page_of_one_moment_is_an_error_and_not_a_loss(provider, number, plant):
    plant(NOON - timedelta(hours=1), *[NOON] * 201)

    with pytest.raises(telephony.InvalidResponseError, match="share one"):
        list(provider.list_messages(number))


@pytest.mark.usefixtures("bound")
def test_what_the_bounds_of_whole_seconds_cannot_reach_is_an_error_and_not_a_loss(
    provider, vendor, number, plant
):
    vendor.account.whole_seconds = vendor.account.coarse_bounds = True
    plant(NOON - timedelta(hours=1), *[NOON + 2 * MILLISECOND * n for n in range(401)])

    with pytest.raises(telephony.InvalidResponseError, match="cannot reach all of them") as caught:
        list(provider.list_messages(number))

    assert "`before`" in caught.value.hint


@pytest.mark.usefixtures("bound")
def test_bounds_are_exact_to_the_microsecond(provider, number, plant):
    tick = timedelta(microseconds=1)
    *_, second, first, _ = plant(NOON - tick, NOON, NOON + tick, NOON + 2 * tick)

    found = provider.list_messages(number, after=NOON, before=NOON + 2 * tick)

    assert [m.id for m in found] == [second, first]


def test_bounds_at_the_ends_of_time_are_none(provider, number, plant):
    plant(NOON)
    ends = {
        "after": datetime.min.replace(tzinfo=UTC),
        "before": datetime.max.replace(tzinfo=UTC),
    }

    assert len(list(provider.list_messages(number, **ends))) == 1


def test_a_text_without_a_time_has_yet_to_be_sent(provider, vendor, number):
    page = {"data": [{"id": "m1", "receivedAt": None}], "hasMore": False}
    vendor.state.respond(page, page)

    assert [m.id for m in provider.list_messages(number, after=NOON)] == ["m1"]
    assert list(provider.list_messages(number, before=NOON)) == []


def test_a_small_limit_requests_a_small_page(provider, telephony_sandbox, number, plant):
    plant(*[NOON] * 5)

    assert len(list(provider.list_messages(number, limit=2))) == 2
    assert telephony_sandbox.requests("agentphone")[-1].query == [("limit", "2")]


def test_a_page_that_repeats_itself_is_an_invalid_response(provider, vendor, number):
    page = {"data": [{"id": "m1", "receivedAt": "2026-05-01T12:00:00Z"}], "hasMore": True}
    vendor.state.respond(*[page] * 50)

    with pytest.raises(telephony.InvalidResponseError):
        list(provider.list_messages(number))


@pytest.mark.parametrize("page", [{"data": [], "hasMore": True}, {"hasMore": None}])
def test_an_empty_page_is_the_end_whatever_is_promised(provider, vendor, number, page):
    vendor.state.respond(page)

    assert list(provider.list_messages(number)) == []


def test_more_after_a_page_without_times_is_an_error(provider, vendor, number):
    vendor.state.respond({"data": [{"id": "m1", "receivedAt": None}], "hasMore": True})
    found = provider.list_messages(number)

    assert next(found).id == "m1"
    with pytest.raises(telephony.InvalidResponseError, match="has a time"):
        next(found)


def test_an_unreadable_message_ends_no_listing(provider, vendor, number, caplog):
    rows = ["m0", {"body": "no id"}, {"id": 17, "receivedAt": "Fri, 01 May 2026 12:00:00 GMT"}]
    vendor.state.respond({"data": rows, "hasMore": False})

    (message,) = provider.list_messages(number)

    assert (message.id, message.sent_at) == ("17", NOON)
    assert "2 of 3 rows left out" in caplog.text


def test_the_messages_of_a_released_number_are_found_by_its_e164(provider, number, plant):
    planted = plant(NOON, NOON + timedelta(hours=1))
    provider.release_number(number)

    assert [m.id for m in provider.list_messages(number.number)] == planted
    assert [m.id for m in provider.list_messages(number.id)] == planted
    with pytest.raises(telephony.NotFoundError, match="by its id"):
        list(provider.list_messages("+13125559999"))


def test_a_message_of_a_group_belongs_to_the_number_that_was_listed(provider, vendor, number):
    item = {"id": "m1", "from_": OTHER, "to": "grp_7f2a", "channel": "imessage"}
    vendor.state.respond({"data": [item], "hasMore": False})

    (message,) = provider.list_messages(number)

    assert (message.number, message.recipient) == (number.number, "grp_7f2a")
    assert message.direction is Direction.INBOUND


def test_a_settled_moment_that_comes_back_is_the_end(provider, vendor, number):
    """A vendor that heeds `after` and not `before` would have it listed for ever."""
    page = {"data": [{"id": "m1", "receivedAt": "2026-05-01T12:00:00Z"}], "hasMore": True}
    vendor.state.respond(*([page] * 3 + [{**page, "hasMore": False}] + [page] * 50))

    with pytest.raises(telephony.InvalidResponseError):
        list(provider.list_messages(number))


# --- What a message is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("from_", "to"),
        ("from", "to"),
        ("fromNumber", "toNumber"),
        ("from_number", "to_number"),
    ],
)
@pytest.mark.parametrize("outbound", [True, False])
def test_every_spelling_is_read_and_a_missing_direction_inferred(
    provider, vendor, number, sender, recipient, outbound
):
    ends = (number.number, OTHER) if outbound else (OTHER, number.number)
    item = {"id": "m1", "body": "Hi", "receivedAt": "2026-05-01T12:00:00.25Z"}
    item |= {sender: ends[0], recipient: ends[1]}
    vendor.state.respond({"data": [item], "hasMore": False})

    (message,) = provider.list_messages(number)

    assert (message.sender, message.recipient) == ends
    assert message.direction is (Direction.OUTBOUND if outbound else Direction.INBOUND)
    assert message.sent_at == NOON + timedelta(milliseconds=250)
    assert message.raw == item


def test_what_is_unknown_or_missing_in_a_message_is_tolerated(provider, vendor, number):
    item = {
        "id": "opaque/17 ?",
        "receivedAt": "2026-05-01T12:00:00",
        "body": None,
        "direction": "sideways",
        "channel": "telegraph",
        "status": "simmering",
        "failureReason": "line busy",
        "errorCode": 30007,
        "mediaUrl": "https://example.com/a.jpg",
        "reactions": [],
    }
    vendor.state.respond({"data": [item]})

    (message,) = provider.list_messages(number)

    assert (message.id, message.body) == ("opaque/17 ?", "")
    assert (message.sender, message.recipient) == (None, None)
    assert message.direction is Direction.UNKNOWN
    assert message.channel is Channel.UNKNOWN
    assert message.status is MessageStatus.UNKNOWN
    assert (message.error.code, message.error.message) == ("30007", "line busy")
    assert message.media == ("https://example.com/a.jpg",)
    assert message.sent_at == NOON
    assert message.raw["status"] == "simmering"


# --- Sending -------------------------------------------------------------------------------------


def test_a_message_with_media_is_listed_as_sent(provider, number):
    picture = "https://example.com/menu.jpg"

    sent = provider.send_message(number, OTHER, "Menu", media=[picture])
    (listed,) = provider.list_messages(number)

    assert sent.id == listed.id
    assert sent.status is listed.status is MessageStatus.SENT
    assert sent.channel is listed.channel is Channel.MMS
    assert sent.media == listed.media == (picture,)
    assert sent.raw["from_number"] == listed.raw["from_"] == number.number
    assert listed.direction is Direction.OUTBOUND


@pytest.mark.parametrize("to", ["72345", "guest@example.com", "grp_7f2a"])
def test_short_codes_mail_addresses_and_groups_can_be_written_to(provider, number, to):
    assert provider.send_message(number, to, "Hi").recipient == to


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Unconfirmed", "code": "DELIVERY_UNCONFIRMED"}},
        {"detail": {"code": "DELIVERY_UNCONFIRMED"}},
        {"detail": "DELIVERY_UNCONFIRMED: it may have gone out"},
        {"code": "DELIVERY_UNCONFIRMED", "message": "Unconfirmed"},
        {"message": "DELIVERY_UNCONFIRMED"},
        {"detail": "Conflict"},
    ],
)
def test_an_unconfirmed_delivery_is_unknown_and_never_sent_again(
    provider, telephony_sandbox, vendor, number, body
):
    vendor.account.unconfirmed = body

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.send_message(number, OTHER, "Your code is 4711")

    assert (caught.value.status, caught.value.code) == (409, "DELIVERY_UNCONFIRMED")
    assert not caught.value.retry_safe
    assert "4711" not in f"{caught.value} {caught.value.raw}"
    assert len(telephony_sandbox.ledger("agentphone", "message")) == 1
