"""Reading what vendors send: the id is required, nothing else is, whatever stands there."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.errors import InvalidResponseError, OutcomeUnknownError
from telephony.reading import (
    LATEST,
    Body,
    Id,
    Rows,
    Time,
    duration,
    is_between,
    items,
    later,
    moment,
    read,
    read_or_none,
    rows,
)
from telephony.wire import Request, Response

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


class Owner(Body):
    id: Id
    name: str | None = None


class Thing(Body):
    id: Id
    size: int = 0
    owner: Owner | None = None
    owners: tuple[Owner, ...] = ()
    words: tuple[str, ...] = ()
    made_at: Time = None
    either: int | Owner | None = None


class Page(Body):
    owner: Owner


class Listing(Body):
    data: Rows = None
    more: bool = False


def reply(request):
    return Response(200, {}, b"", request, 3)


READ = reply(Request.get("/things"))
CHANGE = reply(Request.patch("/things/1"))
BUY = reply(Request.post("/things"))

WHOLE = {
    "id": "a",
    "size": 2,
    "owner": {"id": "o", "name": "Ann"},
    "owners": [{"id": "o"}, {"id": "p"}],
    "words": ["x", "y"],
    "made_at": "2026-11-21T10:00:00Z",
    "either": {"id": "e"},
    "later": {"unknown": [1]},
}


def both(model, value, response):
    """Read a value as it was received and as a part of what is parsed; both give the same."""
    unparsed = read(model, json.dumps(value).encode(), response)
    assert read(model, value, response) == unparsed
    return unparsed


def test_a_valid_body_is_read_unchanged():
    thing = both(Thing, WHOLE, READ)
    assert (thing.id, thing.size, thing.owner.name, thing.words) == ("a", 2, "Ann", ("x", "y"))
    assert thing.made_at == "2026-11-21T10:00:00Z"
    assert thing.either == Owner(id="e")


@pytest.mark.parametrize("field", sorted(set(WHOLE) - {"id"}))
@given(value=JSON)
def test_an_invalid_optional_field_does_not_lose_the_others(field, value):
    for odd in ({**WHOLE, field: value}, {k: v for k, v in WHOLE.items() if k != field}):
        assert both(Thing, odd, BUY).id == "a"
    inside = {**WHOLE, "owner": {"id": "o", "name": value}}
    assert both(Thing, inside, BUY).owner.id == "o"


@pytest.mark.parametrize(
    ("odd", "becomes"),
    [
        ({"owner": {"name": "Ann"}}, {"owner": None}),
        ({"owner": {"id": ""}}, {"owner": None}),
        ({"owner": {"id": "o", "name": []}}, {"owner": {"id": "o"}}),
        ({"owners": [None, {"id": "o"}, 5, {"name": "p"}, {"id": "q"}]},
         {"owners": [{"id": "o"}, {"id": "q"}]}),
        ({"words": [None, "x", {}]}, {"words": ["x"]}),
        ({"either": {"name": "e"}}, {"either": None}),
        ({"made_at": {}, "size": None, "owner": 1}, {"made_at": None, "size": 0, "owner": None}),
        ({"id": 7}, {"id": "7"}),
        ({"size": "2"}, {"size": 2}),
        ({"words": ["x", 5]}, {"words": ["x", "5"]}),
    ],
)  # fmt: skip
def test_an_unreadable_value_is_left_out(odd, becomes):
    assert both(Thing, {**WHOLE, **odd}, READ) == both(Thing, {**WHOLE, **becomes}, READ)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-21T10:00:00Z",
        "2026-11-21T11:00:00+01:00",
        "2026-11-21 10:00:00",
        "Sat, 21 Nov 2026 10:00:00 +0000",
        "Sat, 21 Nov 2026 10:00:00 GMT",
        1795255200,
        "1795255200",
        1795255200000,
        "1795255200000",
    ],
)
def test_a_time_is_read_in_every_format_of_the_vendors(written):
    found = moment(read(Thing, {"id": "a", "made_at": written}, READ).made_at)
    assert found == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "0001-01-01T00:00:00+14:00", "Sat, 99 Nov 2026 10:00:00 +0000", "Sat,", 1e300,
     float("nan"), True, None, [], {}],
)  # fmt: skip
def test_what_is_no_time_is_none(written):
    assert moment(written) is None


def test_milliseconds_are_not_taken_for_a_day_of_long_ago():
    assert moment("1750061512345") == datetime(2025, 6, 16, 8, 11, 52, 345000, tzinfo=UTC)


@given(st.text() | st.floats() | st.integers())
def test_no_text_and_no_number_breaks_the_reading_of_a_time(written):
    found = moment(written)
    assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [{}, {"id": ""}, {"id": None}, {"id": ["s3cret"]}, [], "s3cret"])
@pytest.mark.parametrize(
    ("response", "error", "retry_safe"),
    [
        (READ, InvalidResponseError, True),
        (CHANGE, OutcomeUnknownError, True),
        (BUY, OutcomeUnknownError, False),
    ],
    ids=["read", "change", "buy"],
)
def test_without_an_id_a_change_may_have_been_done(value, response, error, retry_safe):
    with pytest.raises((InvalidResponseError, OutcomeUnknownError)) as caught:
        both(Thing, value, response)
    assert type(caught.value) is error
    assert caught.value.retry_safe is retry_safe
    assert caught.value.attempts == 3
    assert "no usable id" in str(caught.value) or "no usable body" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    # What was chained would be printed with it, values included.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_text_that_was_cut_inside_an_emoji_does_not_lose_the_rest():
    content = b'{"id": "a", "size": 2, "words": ["x \\ud83d", "y"], "more": NaN}'
    response = Response(200, {}, content, Request.get("/things"))
    for thing in (read(Thing, content, response), read(Thing, response.json(), response)):
        assert (thing.id, thing.size, thing.words) == ("a", 2, ("x ?", "y"))
    assert response.object()["more"] is None


def test_the_error_names_what_was_first_found_wrong():
    with pytest.raises(InvalidResponseError, match=r"no usable owner\.id: missing"):
        read(Page, {"owner": {"name": "Ann"}}, READ)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[" * 100_000, b'{"id": "a"', b'{"id": "\xff"}', b"\x00", b"null"],
)
def test_what_is_no_json_object_has_no_usable_body(content):
    response = Response(200, {}, content, Request.get("/things"))
    with pytest.raises(InvalidResponseError, match=r"empty|not the JSON|no usable"):
        read(Thing, content, response)
    assert read_or_none(Thing, content) is None


def listed(value, response=READ):
    return rows(Thing, read(Listing, json.dumps(value).encode(), response).data, response)


def test_one_bad_row_does_not_end_a_listing(caplog):
    values = [{"id": "a"}, {"size": 1}, None, {"id": "b", "size": "s3cret"}, 5]
    with caplog.at_level(logging.WARNING, "telephony"):
        found = listed({"data": values, "more": 7})
    assert [(thing.id, json.loads(raw)) for thing, raw in found] == [
        ("a", {"id": "a"}),
        ("b", {"id": "b", "size": "s3cret"}),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "GET /things: 3 of 5 rows left out: no usable id: missing"
    ]


def test_the_warning_about_rows_shows_no_number(caplog):
    response = reply(Request.get("/numbers/+14155550123/messages?to=%2B14155550199"))
    with caplog.at_level(logging.WARNING, "telephony"):
        assert listed({"data": [{}]}, response) == []
    assert "GET /numbers/{number}/messages: 1 of 1" in caplog.text


@pytest.mark.parametrize("value", [{}, {"data": None}, {"data": []}, {"data": None, "more": []}])
def test_null_is_an_empty_listing(value):
    assert listed(value) == items(None, READ) == items(b"null", READ) == []


@pytest.mark.parametrize("value", [{}, "s3cret", 5, True, {"id": "a"}])
def test_a_value_that_is_not_a_list_is_refused(value):
    # An empty listing instead would say that everything is gone.
    with pytest.raises(InvalidResponseError, match="no usable data: expected a list"):
        listed({"data": value})
    with pytest.raises(InvalidResponseError, match="no list"):
        items(value, READ)
    with pytest.raises(InvalidResponseError, match="no list"):
        items(json.dumps(value).encode(), READ)


@given(st.lists(JSON, max_size=4))
def test_any_rows_of_a_listing_are_read_or_left_out(values):
    found = listed({"data": [{"id": "a"}, *values]})
    assert found[0][0].id == "a"
    assert [thing.id for thing, _ in rows(Thing, items(values, READ), READ)] == [
        thing.id for thing, _ in found[1:]
    ]


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("time", [None, NOON])
def test_without_bounds_everything_is_between_them(time):
    assert is_between(time, None, None)


def test_what_has_no_time_is_yet_to_come():
    assert is_between(None, NOON, None)
    assert not is_between(None, None, NOON)
    assert is_between(NOON, NOON, NOON + timedelta(seconds=1))
    assert not is_between(NOON, None, NOON)


@pytest.mark.parametrize("written", [None, "", "long", -1, float("nan"), float("inf"), 1e12])
def test_what_is_no_duration_is_none(written):
    assert duration(written) is None


def test_a_duration_is_read_as_a_number_or_as_text():
    assert duration("30") == duration(30) == timedelta(seconds=30)


def test_a_time_after_the_start_of_a_call_is_none_where_it_cannot_be():
    assert later(NOON, 1.5) == NOON + timedelta(seconds=1.5)
    assert later(None, 1) is later(NOON, None) is later(LATEST, 1) is None
