"""Reading what vendors send: the id is required, nothing else is, whatever stands there."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.errors import InvalidResponseError, OutcomeUnknownError
from telephony.model import Channel, Direction, Id, Message, MessageError, MessageStatus
from telephony.reading import Body, Moment, as_message, items, read, rows
from telephony.wire import Request, Response

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
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
    made_at: Moment | None = None
    either: int | Owner | None = None


class Page(Body):
    owner: Owner


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


def test_a_valid_body_is_read_unchanged():
    thing = read(Thing, WHOLE, READ)
    assert (thing.id, thing.size, thing.owner.name, thing.words) == ("a", 2, "Ann", ("x", "y"))
    assert thing.made_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert thing.either == Owner(id="e")


@pytest.mark.parametrize("field", sorted(set(WHOLE) - {"id"}))
@given(value=JSON)
def test_an_invalid_optional_field_does_not_lose_the_others(field, value):
    for odd in ({**WHOLE, field: value}, {k: v for k, v in WHOLE.items() if k != field}):
        assert read(Thing, odd, BUY).id == "a"
    inside = {**WHOLE, "owner": {"id": "o", "name": value}}
    assert read(Thing, inside, BUY).owner.id == "o"


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
        ({"made_at": ""}, {"made_at": None}),
        ({"made_at": "soon"}, {"made_at": None}),
        ({"made_at": "0001-01-01T00:00:00+14:00"}, {"made_at": None}),
        ({"made_at": {}, "size": None, "owner": 1}, {"made_at": None, "size": 0, "owner": None}),
        ({"id": 7}, {"id": "7"}),
    ],
)  # fmt: skip
def test_an_unreadable_value_is_left_out(odd, becomes):
    assert read(Thing, {**WHOLE, **odd}, READ) == read(Thing, {**WHOLE, **becomes}, READ)


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
    ],
)
def test_a_time_is_read_in_every_format_of_the_vendors(written):
    found = read(Thing, {"id": "a", "made_at": written}, READ).made_at
    assert found == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


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
        read(Thing, value, response)
    assert type(caught.value) is error
    assert caught.value.retry_safe is retry_safe
    assert caught.value.attempts == 3
    assert "no usable id" in str(caught.value) or "no usable body" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    # What was chained would be printed with it, values included.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_error_names_what_was_first_found_wrong():
    with pytest.raises(InvalidResponseError, match=r"no usable owner\.id: Field required"):
        read(Page, {"owner": {"name": "Ann"}}, READ)


def test_one_bad_row_does_not_end_a_listing(caplog):
    values = [{"id": "a"}, {"size": 1}, None, {"id": "b", "size": "s3cret"}, 5]
    with caplog.at_level(logging.WARNING, "telephony"):
        found = rows(Thing, values, READ)
    assert [(thing.id, raw) for thing, raw in found] == [
        ("a", {"id": "a"}),
        ("b", {"id": "b", "size": "s3cret"}),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "GET /things: 3 of 5 rows left out: no usable id: Field required"
    ]


def test_null_is_an_empty_listing():
    assert rows(Thing, None, READ) == items(None, READ) == []


def test_a_value_that_is_not_a_list_is_refused():
    with pytest.raises(InvalidResponseError, match="no list"):
        items({}, READ)


SAID = {
    "id": "SM1",
    "provider": "acme",
    "number": "+14155550123",
    "sender": "+14155550199",
    "recipient": "+14155550123",
    "body": "Hi",
    "direction": Direction.INBOUND,
    "status": MessageStatus.RECEIVED,
    "channel": Channel.SMS,
    "sent_at": datetime(2026, 11, 21, tzinfo=UTC),
    "media": (),
    "error": None,
    "raw": {},
}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"sender": None, "recipient": None},
        {"sent_at": None},
        {"sent_at": datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=1)))},
        {"media": ["https://example.com/a.png"]},
        {"error": {"code": "30007", "message": "Filtered"}},
    ],
)
def test_a_message_is_the_same_with_and_without_validation(odd):
    fields = {**SAID, **odd}
    made, checked = as_message(dict(fields), READ), Message.model_validate(fields)
    assert made == checked
    assert repr(made) == repr(checked)


@pytest.mark.parametrize(
    ("odd", "becomes"),
    [
        ({"sender": 1}, {"sender": None}),
        ({"recipient": []}, {"recipient": None}),
        ({"body": None}, {"body": ""}),
        ({"sent_at": "soon"}, {"sent_at": None}),
        ({"media": [None, "https://example.com/a.png"]}, {"media": ("https://example.com/a.png",)}),
        ({"media": None}, {"media": ()}),
        ({"error": {"code": []}}, {"error": MessageError()}),
    ],
)
def test_an_invalid_field_does_not_lose_the_message(odd, becomes):
    assert as_message({**SAID, **odd}, READ) == as_message({**SAID, **becomes}, READ)


@pytest.mark.parametrize("id_", [None, "", 1, []])
def test_a_message_without_an_id_is_refused(id_):
    with pytest.raises(InvalidResponseError, match="no usable id"):
        as_message({**SAID, "id": id_}, READ)
