"""The language of adapters: what requests are made of, what responses are taken for, paging."""

from __future__ import annotations

import itertools
import weakref
from itertools import chain

import pytest

from telephony import errors, wire
from telephony.wire import Batch, NumberRef, PageTracker, Request, Response, Safety

READ = Request.get("/things")
CHANGE = Request.patch("/things/1")
BUY = Request.post("/things")


def response(content, request=READ, content_type="application/json; charset=utf-8", attempts=3):
    return Response(200, {"content-type": content_type}, content, request, attempts)


def finished(steps, *responses):
    """Return an operation's result for these responses; errors are thrown in."""
    try:
        next(steps)
        for one in responses:
            steps.throw(one) if isinstance(one, Exception) else steps.send(one)
    except StopIteration as done:
        return done.value
    raise AssertionError("it has not ended")


# --- Requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "method", "safety"),
    [
        (Request.get("/x"), "GET", Safety.READ),
        (Request.post("/x"), "POST", Safety.UNSAFE),
        (Request.post("/x", safety=Safety.READ), "POST", Safety.READ),
        (Request.post_form("/x", {}), "POST", Safety.UNSAFE),
        (Request.post_form("/x", {}, safety=Safety.IDEMPOTENT), "POST", Safety.IDEMPOTENT),
        (Request.patch("/x"), "PATCH", Safety.IDEMPOTENT),
        (Request.put("/x"), "PUT", Safety.IDEMPOTENT),
        (Request.delete("/x"), "DELETE", Safety.IDEMPOTENT),
        (Request("GET", "/x"), "GET", Safety.READ),
    ],
)
def test_how_often_a_request_may_be_sent(request_, method, safety):
    assert (request_.method, request_.path, request_.safety) == (method, "/x", safety)


def test_what_a_request_carries():
    assert Request.get("/x", {"a": 1, "b": None, "c": ""}).params == [("a", "1"), ("c", "")]
    assert Request.get("/x").params == []
    for make in (Request.post, Request.patch, Request.put, Request.delete):
        assert make("/x", {"a": None}).json == {"a": None}
        assert make("/x").json is None
        assert make("/x").form is None
    assert Request.patch("/x", {}).json == {}
    assert Request.delete("/x", {}).json is None, "a DELETE has a body only if it says something"


def test_a_form_as_vendors_read_it():
    fields = {"To": "+14155550123", "Media": ["a", "b"], "Record": True, "Max": 3, "Url": None}
    pairs = [
        ("To", "+14155550123"), ("Media", "a"), ("Media", "b"), ("Record", "true"), ("Max", "3"),
        ("Url", ""),
    ]  # fmt: skip
    assert wire.form(fields) == pairs
    assert Request.post_form("/x", fields).form == pairs


def test_options_override_the_body():
    body = {"label": "Desk", "agent": None, "size": 1}
    assert wire.merged(body, {"size": 2, "note": None}) == {
        "label": "Desk", "size": 2, "note": None,
    }  # fmt: skip


def test_an_id_stays_one_segment():
    assert wire.path("/n/{}/m/{}", "a/b", "+1?x=%") == "/n/a%2Fb/m/%2B1%3Fx%3D%25"
    for bad in ("", " ", ".", "..", " .. "):
        with pytest.raises(errors.InvalidRequestError) as caught:
            wire.path("/n/{}", bad)
        assert caught.value.argument == "id"


def test_secrets_and_texts_are_not_in_a_repr():
    secret = Request("POST", "/x", (("q", "s3cret"),), {"k": "s3cret"}, headers={"a": "s3cret"})
    form = Request.post_form("/x", {"k": "s3cret"})
    reply = Response(200, {"a": "s3cret"}, b"s3cret", secret)
    assert "s3cret" not in repr([secret, form, reply])


def test_a_number_reference_prints_its_id_or_else_its_number():
    assert str(NumberRef("PN1", "+14155550123")) == "PN1"
    assert str(NumberRef(number="+14155550123")) == "+14155550123"
    assert str(NumberRef()) == ""


# --- Responses ------------------------------------------------------------------------------------


def test_a_readable_response():
    reply = response(b'{"id": "a", "size": 2}')
    assert reply.json() == reply.object() == {"id": "a", "size": 2}
    assert response(b"[]").json() == []


UNREADABLE = {
    "empty": (lambda reply: reply.json(), b" \n", "The response is empty where JSON was expected"),
    "html": (
        lambda reply: reply.json(),
        b"<html>",
        "The response is not the JSON that was expected (application/json)",
    ),
    "list": (lambda reply: reply.object(), b"[]", "The response is not a JSON object"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize(
    ("request_", "error", "retry_safe"),
    [
        (READ, errors.InvalidResponseError, True),
        (CHANGE, errors.OutcomeUnknownError, True),
        (BUY, errors.OutcomeUnknownError, False),
    ],
    ids=["read", "change", "buy"],
)
def test_an_unreadable_response_to_a_change_is_an_unknown_outcome(
    kind, request_, error, retry_safe
):
    use, content, message = UNREADABLE[kind]
    with pytest.raises(errors.ProviderError) as caught:
        use(response(content, request_))
    assert type(caught.value) is error
    assert caught.value.message.startswith(message)
    assert caught.value.retry_safe is retry_safe
    assert (caught.value.status, caught.value.attempts) == (200, 3)
    assert "s3cret" not in str(caught.value)
    # What was chained would be printed with it, values included.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_response_without_a_content_type_is_reported_so():
    with pytest.raises(errors.InvalidResponseError, match=r"\(no content type\)"):
        Response(200, {}, b"<", READ).json()


# --- Listings -------------------------------------------------------------------------------------


def three_pages(log):
    try:
        for page in ("ab", "cd", "ef"):
            try:
                reply = yield Request.get(f"/{page}")
            except errors.ProviderError as error:
                log.append(error)
                yield Batch(["x"])
                continue
            log.append(reply)
            yield Batch(list(page))
    finally:
        log.append("closed")


def test_the_first_that_is_wanted_and_no_page_past_it():
    log = []
    listing = three_pages(log)
    found = finished(wire.first(listing, lambda item: item in "cd"), *["reply"] * 2)
    assert found == "c"
    assert log == ["reply", "reply", "closed"]


def test_no_match_returns_none():
    assert finished(wire.first(three_pages([]), lambda _: False), *["reply"] * 3) is None


def test_every_response_and_failure_reaches_the_listing():
    log, failure = [], errors.UnavailableError("down")
    found = finished(wire.collect(three_pages(log)), "reply", failure, "reply")
    assert found == ["a", "b", "x", "e", "f"]
    assert log == ["reply", failure, "reply", "closed"]


def test_batches_may_follow_one_another():
    def listing():
        yield Batch(["a"])
        yield Batch(["b"])
        yield Request.get("/c")
        yield Batch([])
        yield Batch(["c"])

    assert finished(wire.collect(listing()), "reply") == ["a", "b", "c"]


def test_an_abandoned_listing_is_closed():
    log = []
    steps = wire.collect(three_pages(log))
    next(steps)
    steps.close()
    assert log == ["closed"]


def test_when_reading_back_fails_the_first_error_is_raised():
    lost = errors.OutcomeUnknownError("lost")

    def look():
        return (yield READ)

    assert finished(wire.reconciled(look(), lost), "found") == "found"
    down = errors.UnavailableError("down")
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        finished(wire.reconciled(look(), lost), down)
    assert caught.value is lost
    assert caught.value.__cause__ is down


def test_a_page_yields_only_new_items():
    tracker = PageTracker()
    assert tracker.unseen(["a", "b", "a"], str.lower) == ["a", "b"]
    assert tracker.unseen(["B", "c"], str.lower) == ["c"]
    assert tracker.unseen(["a", "c"], str.lower) == []
    stuck = tracker.repeated_page()
    assert isinstance(stuck, errors.InvalidResponseError)
    assert stuck.retry_safe
    assert "repeats" in str(stuck)
    assert "Start the listing again" in str(stuck)


@pytest.mark.parametrize("cycle", [1, 2, 3, 4, 5, 7, 50])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("before", [0, 1, 20])
def test_a_repeated_page_is_noticed_however_late(cycle, size, before):
    pages = [[f"{page}-{item}" for item in range(size)] for page in range(before + cycle)]
    requested = []

    def read(pages):
        tracker = PageTracker()
        for page in pages:
            requested.append(page)
            if not tracker.unseen(page, str):
                raise tracker.repeated_page()

    with pytest.raises(errors.InvalidResponseError, match="repeats"):
        read(chain(pages[:before], itertools.cycle(pages[before:])))
    assert len(pages) < len(requested) <= 4 * len(pages)


class Id(str):
    __slots__ = ("__weakref__",)


def test_long_listings_are_not_remembered_whole():
    tracker, ids = PageTracker(), []
    for page in range(100):
        fresh = [Id(f"{page}-{item}") for item in range(100)]
        ids += map(weakref.ref, fresh)
        assert tracker.unseen(fresh, lambda each: each) == fresh
    assert tracker.unseen(["99-0", "98-0", "97-0", "100-0"], str) == ["100-0"]
    del fresh
    assert sum(one() is not None for one in ids) < 500
