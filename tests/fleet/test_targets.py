"""A target as text: read back as it was, and compared as far as vendors show it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import Agent, Application, InvalidRequestError, Room, Split, Trunk, Webhook
from telephony.fleet.targets import exactly, parts, reads_as, target_of, text_of, texts_alone

IDS = st.text(min_size=1, max_size=8).filter(lambda text: text.strip())
URLS = IDS.map(lambda text: f"https://example.com/{text}")
AGENTS = st.builds(Agent, id=IDS, name=st.none() | IDS)
WEBHOOKS = st.builds(Webhook, voice_url=st.none() | URLS, sms_url=st.none() | URLS)
ROOMS = IDS.map(Room)
SINGLE = st.one_of(AGENTS, WEBHOOKS, IDS.map(Application), IDS.map(Trunk), ROOMS)
SPLITS = st.builds(
    Split,
    voice=st.none() | SINGLE,
    sms=st.none() | AGENTS | WEBHOOKS | ROOMS,
    overruled=st.none() | WEBHOOKS,
)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (None, "-"),
        (Agent("agent_7", name="Reception"), "agent:agent_7"),
        (Trunk("TK1"), "trunk:TK1"),
        (Application("AP1"), "application:AP1"),
        (Room("lobby"), "room:lobby"),
        (Webhook("https://example.com/a:b"), "webhook:https://example.com/a:b"),
        (
            Webhook("https://example.com/v", "https://example.com/s"),
            '{"kind":"webhook","sms_url":"https://example.com/s","voice_url":"https://example.com/v"}',
        ),
        (
            Split(Trunk("TK1"), Agent("a")),
            '{"kind":"split","sms":{"id":"a","kind":"agent"},"voice":{"id":"TK1","kind":"trunk"}}',
        ),
        (Split(), "-"),
    ],
)
def test_every_kind_has_a_text(target, text):
    assert text_of(target) == text
    assert target_of(text) == (None if text == "-" else target)


@given(SINGLE | SPLITS)
def test_a_text_means_the_target_that_it_was_made_from(target):
    read = target_of(text_of(target))

    assert read == (None if text_of(target) == "-" else target)
    assert text_of(read) == text_of(target)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("trunk:TK1", text_of(Split(Trunk("TK1"), Webhook(None, "https://example.com/s")))),
        (
            "webhook:https://example.com/v",
            text_of(Webhook("https://example.com/v", "https://e.com")),
        ),
        (
            text_of(Webhook(None, "https://e.com")),
            text_of(Webhook("https://e.com", "https://e.com")),
        ),
    ],
)
def test_what_restores_both_leaves_neither_as_it_is(text, other):
    assert reads_as(other, text)
    assert not reads_as(other, exactly(text))
    assert reads_as(text, exactly(text))
    assert exactly(other) == other


def test_only_a_url_of_texts_alone_leaves_calls_as_they_are():
    assert texts_alone(text_of(Webhook(None, "https://e.com"))) == "https://e.com"
    for target in (None, Webhook("https://e.com", "https://e.com"), Application("AP1")):
        assert texts_alone(text_of(target)) is None


@pytest.mark.parametrize(
    "text", ["", " ", "agent:", "trunk:", "{", '{"kind":"agent"}', '{"kind":"fax","id":"1"}', "[]"]
)
def test_what_is_no_target_is_refused_with_how_to_write_one(text):
    with pytest.raises(InvalidRequestError, match="Write it like agent:ID"):
        target_of(text)


def test_a_plain_word_is_what_the_vendor_makes_of_it():
    assert target_of("reception", Agent) == Agent("reception")
    assert target_of("https://example.com", Webhook) == Webhook("https://example.com")
    # An explicit kind goes first, and a word means nothing without a vendor.
    assert target_of("room:lobby", Agent) == Room("lobby")
    with pytest.raises(InvalidRequestError):
        target_of("reception")


def test_calls_and_texts_are_kept_apart():
    both = text_of(Webhook("https://example.com/v", "https://example.com/s"))
    texts_only = text_of(Webhook(None, "https://example.com/s"))

    assert parts(both) == ("webhook:https://example.com/v", texts_only)
    assert parts(texts_only) == ("-", texts_only)
    assert parts("trunk:TK1") == ("trunk:TK1", "-")
    assert parts("application:AP1") == ("application:AP1", "application:AP1")
    assert parts("-") == ("-", "-")


def test_what_an_assignment_leaves_alone_is_no_difference():
    texts = Webhook(None, "https://example.com/s")
    with_texts = text_of(Split(Trunk("TK1"), texts))

    assert reads_as(with_texts, "trunk:TK1")
    assert reads_as(with_texts, text_of(texts))
    assert reads_as(
        text_of(Webhook("https://e.com/v", "https://e.com/s")), "webhook:https://e.com/v"
    )
    assert not reads_as("trunk:TK1", with_texts)
    assert not reads_as("-", "trunk:TK1")
    assert not reads_as("trunk:TK1", "-")
    assert not reads_as(with_texts, text_of(Webhook(None, "https://example.com/other")))
