"""What answers a Twilio number: webhooks, applications, trunks, and mixtures of them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

import telephony
from telephony import Application, Split, Trunk, Webhook
from telephony.sandbox import Fault

VOICE, SMS = "https://example.com/voice", "https://example.com/sms"


def test_a_plain_string_is_a_url_an_application_or_a_trunk(provider, number, vendor):
    application, trunk = vendor.applications[0], vendor.trunks[0]

    assert provider.assign_number(number, VOICE).assignment == Webhook(VOICE)
    assert provider.assign_number(number, trunk).assignment == Trunk(trunk)
    assert provider.assign_number(number, application).assignment == Application(application)
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.assign_number(number, "agent_reception")
    assert caught.value.argument == "to"


def _targets(vendor):
    (first, second, *_), (trunk, other, *_) = vendor.applications, vendor.trunks
    return [
        Webhook(VOICE),
        Webhook(sms_url=SMS),
        Webhook(VOICE, SMS),
        Application(first),
        Trunk(trunk),
        Split(Trunk(other), Webhook(sms_url=SMS)),
        Split(Trunk(other), Application(first)),
        Split(Application(first), Webhook(sms_url=SMS)),
        Split(Application(first), Application(second)),
        Split(Application(first), None),
        Split(Webhook(VOICE), Application(second)),
        Split(None, Application(second)),
    ]


FIELDS = ("trunk_sid", "voice_application_sid", "voice_url", "sms_application_sid", "sms_url")


def _answers(number):
    """Return what answers calls, and what answers texts."""
    trunk, app, url, sms_app, sms_url = (number.raw[field] or "" for field in FIELDS)
    return trunk or app or url, sms_app or sms_url


@pytest.mark.parametrize("first", range(12))
@pytest.mark.parametrize("second", range(12))
def test_what_was_replaced_can_always_be_put_back(provider, number, vendor, first, second):
    targets = _targets(vendor)
    before = provider.assign_number(number, targets[first])
    after = provider.assign_number(number, targets[second])

    if _answers(after) == _answers(before):
        assert after.replaced is None
    else:
        assert _answers(provider.assign_number(number, after.replaced)) == _answers(before)


@pytest.mark.parametrize("index", range(12))
def test_unassigning_leaves_nothing_that_answers_and_can_be_undone(
    provider, number, vendor, posts, index
):
    before = provider.assign_number(number, _targets(vendor)[index])
    sent = len(posts())

    after = provider.unassign_number(number)

    assert (after.assignment, _answers(after)) == (None, ("", ""))
    assert len(posts()) == sent + 1
    assert _answers(provider.assign_number(number, after.replaced)) == _answers(before)


@pytest.mark.parametrize("index", range(12))
def test_an_assignment_says_what_answers_calls_and_what_answers_texts(
    provider, number, vendor, index
):
    wanted = _targets(vendor)[index]
    provider.unassign_number(number)

    assert provider.assign_number(number, wanted).assignment == wanted


def test_a_trunk_takes_calls_and_what_answers_texts_stays(provider, number, vendor):
    trunk, other = (Trunk(sid) for sid in vendor.trunks[:2])
    texts = Webhook(sms_url=SMS)
    provider.assign_number(number, Webhook(VOICE, SMS))

    assert provider.assign_number(number, trunk).replaced == Webhook(VOICE, SMS)
    on_trunk = provider.assign_number(number, other)
    assert (on_trunk.assignment, on_trunk.replaced) == (Split(other, texts), Split(trunk, texts))
    assert provider.unassign_number(number).replaced == Split(other, texts, Webhook(VOICE))


def test_unassigning_keeps_what_a_trunk_and_an_application_overruled(provider, number, vendor):
    """Their URLs would answer next, so they go too; a saved `replaced` brings all of it back."""
    provider.assign_number(number, Webhook(VOICE, SMS))
    provider.assign_number(
        number, Split(Trunk(vendor.trunks[0]), Application(vendor.applications[0]))
    )
    before = {field: provider.get_number(number).raw[field] for field in FIELDS}

    after = provider.unassign_number(number)
    saved = TypeAdapter(Split).dump_json(after.replaced)
    put_back = provider.assign_number(number, TypeAdapter(Split).validate_json(saved))

    assert (before["voice_url"], before["sms_url"]) == (VOICE, SMS)
    assert [after.raw[field] or "" for field in FIELDS] == [""] * 5
    assert {field: put_back.raw[field] for field in FIELDS} == before


def test_a_url_that_replaces_a_trunk_does_not_lose_the_one_below_it(provider, number, vendor):
    provider.assign_number(number, VOICE)
    provider.assign_number(number, Trunk(vendor.trunks[0]))

    changed = provider.assign_number(number, "https://example.com/new")
    provider.assign_number(number, changed.replaced)

    raw = provider.get_number(number).raw
    assert (raw["trunk_sid"], raw["voice_url"]) == (vendor.trunks[0], VOICE)


@pytest.mark.parametrize("texts", [Webhook(sms_url=SMS), None])
def test_the_webhook_of_a_number_is_the_one_in_force(provider, number, vendor, texts):
    """The URL of a number whose calls a trunk carries gets no requests."""
    options = {"StatusCallback": "https://example.com/ended"}
    provider.assign_number(number, Webhook(VOICE), options=options)
    assert provider.get_webhook(number).url == VOICE

    provider.assign_number(number, Split(Trunk(vendor.trunks[0]), texts))
    found = provider.get_webhook(number)

    assert (found and found.url) == (texts and SMS)
    provider.assign_number(number, Application(vendor.applications[0]))
    assert provider.get_webhook(number) is None


def test_unassigning_a_number_that_nothing_answers_sends_nothing(provider, number, posts):
    sent = len(posts())

    assert provider.unassign_number(number).replaced is None
    assert len(posts()) == sent


def test_a_url_takes_a_number_off_its_trunk(provider, number, vendor):
    provider.assign_number(number, Trunk(vendor.trunks[0]))

    changed = provider.assign_number(number, VOICE)

    assert changed.raw["trunk_sid"] is None
    assert changed.assignment == Webhook(VOICE)


@pytest.mark.parametrize(
    "target",
    [
        Webhook(),
        Webhook(""),
        Webhook("example.com/voice"),
        Split(telephony.Agent("a"), None),
        Split(Webhook(sms_url=SMS), None),
        Split(None, Webhook(VOICE)),
        Split(None, None, Webhook(VOICE)),
        Split(Webhook(VOICE), None, Webhook(VOICE)),
        Split(Trunk("TK1"), None, Webhook(sms_url=SMS)),
    ],
)
def test_targets_that_answer_nothing_are_refused_before_anything_is_sent(
    provider, number, telephony_sandbox, target
):
    sent = len(telephony_sandbox.requests("twilio"))

    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.assign_number(number, target)

    assert caught.value.argument == "to"
    assert len(telephony_sandbox.requests("twilio")) == sent


@pytest.mark.parametrize("kind", ["status", "lost", "reset"])
def test_assigning_survives_passing_failures(provider, number, telephony_sandbox, kind):
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))

    assert provider.assign_number(number, VOICE).assignment == Webhook(VOICE)


def test_options_clear_repeat_and_switch(provider, number, posts):
    options = {"VoiceFallbackUrl": None, "VoiceMethod": "GET", "VoiceCallerIdLookup": True}
    provider.assign_number(number, VOICE, options=options)

    assert dict(posts()[-1].form()) == {
        "VoiceUrl": VOICE,
        "VoiceApplicationSid": "",
        "TrunkSid": "",
        "VoiceFallbackUrl": "",
        "VoiceMethod": "GET",
        "VoiceCallerIdLookup": "true",
    }
