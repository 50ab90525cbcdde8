"""Whatever a vendor responds, only our own errors are raised, and every operation ends."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import telephony
from telephony import Capability, Provider, registry
from telephony._transport.retry import Policy, attempts
from telephony.config import resolve
from telephony.sandbox import Sandbox
from telephony.testing.fault_matrix import (
    CALLS,
    OTHER_PARTY,
    Run,
    Setup,
    place_call,
    set_up,
)
from telephony.wire import Response

MOST_REQUESTS = 50
PROFILE = settings(deadline=None, derandomize=True, database=None)
# Parsing a webhook sends no request; it has properties of its own.
OFFERED = [
    (name, operation)
    for name in registry.available()
    for operation, support in registry.load(name).capabilities.items()
    if support.level is not telephony.Level.NONE and operation is not Capability.PARSE_WEBHOOK
]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["", "+14155550123", "2026-02-30T25:61:00Z", "/next?page=2", "http://[", "-1"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
STATUSES = st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503])


LISTINGS = {
    Capability.LIST_NUMBERS: lambda p, _, limit: p.list_numbers(limit=limit),
    Capability.LIST_MESSAGES: lambda p, made, limit: p.list_messages(made.number, limit=limit),
    Capability.LIST_CALLS: lambda p, _, limit: p.list_calls(limit=limit),
}


class EndlessError(Exception):
    """The operation sent more requests than it can need."""


class Replayed(Provider):
    """A provider whose vendor is a function from a request to its response. Nothing is sent."""

    def __init__(self, name, **settings):
        found = resolve(name, {**settings, "retries": 0})
        super().__init__(found.adapter(found.settings, name=name), found.settings)
        self._transport.close()
        self._transport = self

    def outcome(self, operation, situation, response):
        """Return the operation's result for these responses, or the error of ours that it raises.

        Raises:
            EndlessError: it sends request after request.
        """
        self._response, self._requests = response, 0
        try:
            outcome = CALLS[operation](self, situation)
        except telephony.TelephonyError as error:
            outcome = error
        assert f"{outcome} {outcome!r}"
        return outcome

    def listed(self, listing, situation, response):
        """Return what a listing yields for these responses, up to a number of requests."""
        self._response, self._requests = response, 0
        found = []
        with contextlib.suppress(EndlessError):
            found.extend(LISTINGS[listing](self, situation, None))
        return found

    def send(self, request, deadline, _):
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise EndlessError
        response = replace(self._response(request), request=request)
        # A policy of its own for each: the rate learnt from one response must not delay the next.
        flow = attempts(
            request, Policy(self._settings, self.adapter.error), self._settings, deadline
        )
        next(flow)
        try:
            flow.send(response)
        except StopIteration as done:
            return done.value
        raise AssertionError("without retries there is one attempt")


@dataclass(frozen=True)
class Example:
    """An operation done once at the sandbox, with its responses."""

    provider: Replayed
    situation: Setup
    responses: list[Response]
    result: object

    def response(self, request):
        """Return the response to the first such request, whichever page this one requests."""
        place = (request.method, request.path.partition("?")[0])
        return next(
            one
            for one in self.responses
            if (one.request.method, one.request.path.partition("?")[0]) == place
        )


class Examples:
    """Examples of every operation, each made when it is first used."""

    def __init__(self, server):
        self._server = server
        self._made = {}

    def __call__(self, name, operation):
        if (name, operation) not in self._made:
            self._made[name, operation] = self._make(name, operation)
        return self._made[name, operation]

    def _make(self, name, operation):
        with telephony.connect(name, **self._server.settings(name)) as provider:
            made = Run(provider, provider, self._server, name).ready(operation)
            if operation is Capability.LIST_MESSAGES:
                for text in ("One", "Two"):
                    self._server.receive_message(name, made.number, sender=OTHER_PARTY, body=text)
            return self._example(name, provider, made, CALLS[operation])

    def first_page(self, name, listing):
        """As above, of a listing that is read up to its first item, and then wholly."""

        def listed_twice(provider, made):
            first = list(LISTINGS[listing](provider, made, 1))
            list(LISTINGS[listing](provider, made, None))
            return first

        with telephony.connect(name, **self._server.settings(name)) as provider:
            made = Run(provider, provider, self._server, name).ready(listing)
            for nth in (1, 2):
                set_up(provider, self._server, name, nth)
                if listing is Capability.LIST_MESSAGES:
                    self._server.receive_message(name, made.number, sender=OTHER_PARTY, body="Hi")
                if listing is Capability.LIST_CALLS:
                    place_call(provider, made)
            return self._example(name, provider, made, listed_twice)

    def _example(self, name, provider, made, call):
        responses, send = [], provider._transport.send

        def keep(request, deadline, watch):
            responses.append(send(request, deadline, watch))
            return responses[-1]

        provider._transport.send = keep
        result = call(provider, made)
        return Example(Replayed(name, **self._server.settings(name)), made, responses, result)


@pytest.fixture(scope="module")
def examples():
    with Sandbox() as server:
        yield Examples(server)


def replayed(script):
    """Return a vendor that gives these responses in turn, over and over."""
    again = itertools.cycle(script)
    return lambda _: next(again)


def body(value):
    return json.dumps(value).encode("utf-8", "surrogatepass")


def value_of(response):
    """Return the JSON of a response; of a recording, which is none, an empty object."""
    sound = response.headers.get("content-type", "").startswith("audio/")
    return {} if sound or not response.content else json.loads(response.content)


def places(value, here=()):
    """Yield the path of every value inside a JSON value; of a list, that of its first item."""
    yield here
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value[:1]):
            yield from places(part, (*here, key))


def changed(value, place, change):
    """`value` with what is at `place` changed; `change` returns what belongs there, or DROP."""
    if not place:
        return change(value)
    key, *rest = place
    part = changed(value[key], rest, change)
    if isinstance(value, dict):
        return {
            k: part if k == key else v for k, v in value.items() if k != key or part is not DROP
        }
    return [part if k == key else v for k, v in enumerate(value) if k != key or part is not DROP]


DROP = object()


def dropped(_):
    return DROP


def listed(value):
    return [value]


def emptied(_):
    return {}


def garbled(_):
    return "?"


CHANGES = st.one_of(
    st.just(dropped),
    VALUES.map(lambda other: lambda _: other),
    st.just(listed),
    st.just(lambda value: {"data": value}),
    st.just(lambda value: value[0] if isinstance(value, list) and value else None),
    st.just(lambda value: str(value)),
    st.just(lambda value: not value),
)


RESPONSES = st.builds(
    Response,
    STATUSES,
    st.sampled_from([{}, {"content-type": "application/json"}, {"retry-after": "9" * 400}]),
    VALUES.map(body) | st.binary(max_size=20),
    st.none(),
)


@st.composite
def spoiled(draw, response):
    """Return a response of the sandbox with some of its parts changed."""
    value = value_of(response)
    for _ in range(draw(st.integers(1, 2))):
        value = changed(value, draw(st.sampled_from(list(places(value)))), draw(CHANGES))
        value = None if value is DROP else value
    status = draw(st.just(response.status) | STATUSES)
    return replace(response, status=status, content=body(value))


@pytest.mark.parametrize(("name", "operation"), OFFERED)
@settings(PROFILE, max_examples=20)
@given(data=st.data())
def test_any_response_is_read_or_refused(examples, name, operation, data):
    example = examples(name, operation)
    script = data.draw(st.lists(RESPONSES, min_size=1, max_size=4))
    example.provider.outcome(operation, example.situation, replayed(script))


@pytest.mark.parametrize(("name", "operation"), OFFERED)
def test_no_part_of_a_response_is_relied_on(examples, name, operation):
    example = examples(name, operation)
    for nth, response in enumerate(example.responses):
        value = value_of(response)
        for place in places(value):
            for change in (dropped, listed, emptied, garbled):
                spoilt = changed(value, place, change)
                script = list(example.responses)
                script[nth] = replace(response, content=b"" if spoilt is DROP else body(spoilt))
                example.provider.outcome(operation, example.situation, replayed(script))


@pytest.mark.parametrize(("name", "operation"), OFFERED)
@settings(PROFILE, max_examples=20)
@given(data=st.data())
def test_a_damaged_response_is_read_or_refused(examples, name, operation, data):
    example = examples(name, operation)
    script = list(example.responses)
    nth = data.draw(st.integers(0, len(script) - 1))
    script[nth] = data.draw(spoiled(script[nth]))
    example.provider.outcome(operation, example.situation, replayed(script))


LISTED = [pair for pair in OFFERED if pair[1] in LISTINGS]


@pytest.mark.parametrize(("name", "listing"), LISTED)
def test_a_page_repeated_for_ever_raises(examples, name, listing):
    example = examples.first_page(name, listing)
    found = example.provider.outcome(listing, example.situation, example.response)
    assert isinstance(found, telephony.InvalidResponseError | list)


# The same response for every page; to a listing of calls it would also be the same cursor.
ENDLESS = [pair for pair in LISTED if pair[1] is not Capability.LIST_CALLS]


@pytest.mark.parametrize(("name", "listing"), ENDLESS)
def test_a_listing_without_end_can_be_read_on(examples, name, listing):
    example = examples.first_page(name, listing)
    (shown,) = example.result
    later = itertools.count(1)

    def next_page(request):
        response, nth = example.response(request), next(later)
        text = response.content.decode().replace(shown.id, f"{shown.id[:-4]}{nth:04}")
        if isinstance(shown, telephony.PhoneNumber):
            text = text.replace(shown.number, f"{shown.number[:-4]}{nth:04}")
        return replace(response, content=text.encode())

    items = example.provider.listed(listing, example.situation, next_page)
    assert len({item.id for item in items}) == len(items) > 1
