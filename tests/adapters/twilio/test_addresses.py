"""Senders and recipients that are not numbers in E.164: WhatsApp, short codes, names, services."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

import telephony
from telephony import Channel, MessageStatus, webhooks

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE = "https://example.com/voice"
SERVICE = "MG" + "5d" * 16

pytestmark = pytest.mark.usefixtures("number")


def test_a_whatsapp_message_goes_out_on_whatsapp_and_is_listed_there(provider, number, posts):
    sent = provider.send_message(number, f"whatsapp:{OTHER}", "hello")
    again = provider.send_message(f"whatsapp:{NUMBER}", f"whatsapp:{OTHER}", "hello")

    forms = [dict(post.form()) for post in posts()[-2:]]
    assert {form["From"] for form in forms} == {f"whatsapp:{NUMBER}"}
    (listed, _) = provider.list_messages(f"whatsapp:{NUMBER}")
    for message in (sent, again, listed):
        assert (message.number, message.channel) == (NUMBER, Channel.WHATSAPP)
        assert message.sender == f"whatsapp:{NUMBER}"
        assert message.recipient == f"whatsapp:{OTHER}"
    assert list(provider.list_messages(NUMBER)) == []


def test_a_whatsapp_message_that_came_in_is_the_same_by_webhook_and_by_listing(
    provider, telephony_sandbox
):
    """Answering its sender on another channel would cost money and not reach the sender."""
    ours, theirs = f"whatsapp:{NUMBER}", f"whatsapp:{OTHER}"
    telephony_sandbox.receive_message("twilio", ours, sender=theirs, body="hello")
    (listed,) = provider.list_messages(ours)
    params = {
        "MessageSid": listed.id,
        "From": theirs,
        "To": ours,
        "Body": "hello",
        "NumMedia": "0",
        "SmsStatus": "received",
        "ProfileName": "Somebody",
        "WaId": "14155550199",
    }
    (event,) = webhooks.parse(
        provider,
        method="POST",
        url="https://example.com/sms",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode(params).encode(),
        verify=False,
    )

    for message in (listed, event.message):
        assert (message.number, message.channel) == (NUMBER, Channel.WHATSAPP)
        assert (message.sender, message.recipient) == (theirs, ours)
        reply = provider.send_message(message.number, message.sender, "hi")
        assert reply.channel is Channel.WHATSAPP


def test_a_messaging_service_chooses_the_sender(provider, posts):
    sent = provider.send_message(SERVICE, OTHER, "hello")

    form = dict(posts()[-1].form())
    assert form == {"To": OTHER, "MessagingServiceSid": SERVICE, "Body": "hello"}
    assert (sent.number, sent.sender, sent.status) == (SERVICE, None, MessageStatus.QUEUED)
    (listed,) = provider.list_messages(NUMBER)
    assert (listed.id, listed.sender) == (sent.id, NUMBER)
    with pytest.raises(telephony.InvalidRequestError, match="senders") as caught:
        list(provider.list_messages(SERVICE))
    assert caught.value.argument == "number"


@pytest.mark.parametrize("sender", ["12345", "Acme Inc"])
def test_short_codes_and_names_send(provider, posts, sender):
    sent = provider.send_message(sender, OTHER, "hello")

    assert dict(posts()[-1].form())["From"] == sender
    assert (sent.number, sent.sender, sent.channel) == (sender, sender, Channel.SMS)
    assert [m.id for m in provider.list_messages(sender)] == [sent.id]


def test_a_text_goes_to_a_short_code(provider):
    assert provider.send_message(NUMBER, "80888", "STOP").recipient == "80888"


@pytest.mark.parametrize("to", ["sip:desk@example.com", "client:alice", f"whatsapp:{OTHER}"])
def test_a_call_goes_to_what_is_no_number(provider, posts, to):
    call = provider.place_call(NUMBER, to, url=VOICE)

    sender = f"whatsapp:{NUMBER}" if to.startswith("whatsapp:") else NUMBER
    form = dict(posts()[-1].form())
    assert (form["To"], form["From"]) == (to, sender)
    assert (call.number, call.recipient) == (NUMBER, to)


def test_a_client_calls(provider, posts):
    call = provider.place_call("client:alice", OTHER, url=VOICE)

    assert dict(posts()[-1].form())["From"] == "client:alice"
    assert call.number == "client:alice"


@pytest.mark.parametrize("to", ["desk@example.com", "alice", "80888", "+1"])
def test_what_cannot_be_called_is_refused_before_anything_is_sent(provider, posts, to):
    sent = len(posts())

    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(NUMBER, to, url=VOICE)

    assert caught.value.argument == "to"
    assert len(posts()) == sent


def test_a_sid_that_is_unknown_is_not_taken_for_a_sender(provider, posts):
    sent = len(posts())

    with pytest.raises(telephony.NotFoundError):
        provider.send_message("PN" + "0" * 32, OTHER, "hello")
    assert len(posts()) == sent


def test_an_address_means_nothing_where_a_number_is_due(provider):
    with pytest.raises(telephony.NotFoundError):
        provider.get_number(f"whatsapp:{NUMBER}")
    with pytest.raises(telephony.NotFoundError):
        provider.release_number(SERVICE)
    with pytest.raises(telephony.InvalidRequestError):
        provider.get_number("12345")


def test_a_whatsapp_sender_that_is_not_ours_is_refused(provider):
    with pytest.raises(telephony.NotFoundError) as caught:
        provider.send_message(f"whatsapp:{OTHER}", f"whatsapp:{NUMBER}", "hello")

    assert caught.value.code == "63007"
