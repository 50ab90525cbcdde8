"""Calls: what Twilio says of them, how they end, and their recordings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import CallStatus, Direction
from telephony.sandbox.calls import RINGS, TALKS, sound
from telephony.webhooks import CallEnded, CallStarted

ACCOUNT = "AC" + "a" * 32
CALL, RECORDING = "CA" + "b" * 32, "RE" + "c" * 32
HERE = f"/2010-04-01/Accounts/{ACCOUNT}"
NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE = "https://example.com/voice"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def alone(vendor_server):
    """Return a provider of a server whose responses the test plans."""
    settings = {"account_sid": ACCOUNT, "auth_token": "made-up-token"}
    with telephony.connect("twilio", **settings, base_url=vendor_server.url) as connected:
        yield connected


def described(vendor_server, **facts):
    body = {"sid": CALL, "from": NUMBER, "to": OTHER, "direction": "outbound-api", **facts}
    vendor_server.responses[f"GET {HERE}/Calls/{CALL}.json"] = (200, body)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", CallStatus.QUEUED),
        ("initiated", CallStatus.QUEUED),
        ("ringing", CallStatus.RINGING),
        ("in-progress", CallStatus.IN_PROGRESS),
        ("completed", CallStatus.COMPLETED),
        ("busy", CallStatus.BUSY),
        ("no-answer", CallStatus.NO_ANSWER),
        ("failed", CallStatus.FAILED),
        ("canceled", CallStatus.CANCELED),
        ("parked", CallStatus.UNKNOWN),
        (None, CallStatus.UNKNOWN),
    ],
)
def test_every_word_for_a_status_is_known(alone, vendor_server, word, status):
    described(vendor_server, status=word)
    assert alone.get_call(CALL).status is status


@pytest.mark.parametrize(
    ("word", "direction", "number"),
    [
        ("inbound", Direction.INBOUND, OTHER),
        ("outbound-api", Direction.OUTBOUND, NUMBER),
        ("outbound-dial", Direction.OUTBOUND, NUMBER),
        ("trunking-originating", Direction.INBOUND, OTHER),
        ("trunking-terminating", Direction.OUTBOUND, NUMBER),
        ("sideways", Direction.UNKNOWN, NUMBER),
    ],
)
def test_the_direction_says_which_number_is_ours(alone, vendor_server, word, direction, number):
    described(vendor_server, direction=word)
    call = alone.get_call(CALL)
    assert (call.direction, call.number) == (direction, number)
    assert (call.sender, call.recipient) == (NUMBER, OTHER)


def test_a_whatsapp_call_is_of_the_number(alone, vendor_server):
    described(vendor_server, **{"from": f"whatsapp:{NUMBER}"})
    call = alone.get_call(CALL)
    assert (call.number, call.sender) == (NUMBER, f"whatsapp:{NUMBER}")


@pytest.mark.parametrize(
    ("stated", "duration"),
    [
        ("15", timedelta(seconds=15)),
        ("0", timedelta()),
        (0, timedelta()),
        (7, timedelta(seconds=7)),
        ("", None),
        ("nan", None),
        ("1e99", None),
        ("a while", None),
        (None, None),
    ],
)
def test_a_duration_is_in_seconds(alone, vendor_server, stated, duration):
    described(vendor_server, duration=stated)
    assert alone.get_call(CALL).duration == duration


def test_a_call_begins_when_twilio_takes_it_until_it_is_dialled(provider, vendor, number):
    placed = provider.place_call(number, OTHER, url=VOICE)
    assert (placed.status, placed.started_at.tzinfo) == (CallStatus.QUEUED, UTC)
    vendor.advance(RINGS + TALKS)
    call = provider.get_call(placed)
    assert call.status is CallStatus.COMPLETED
    assert call.started_at == placed.started_at
    assert call.ended_at == call.started_at + timedelta(seconds=RINGS + TALKS)
    assert call.duration == timedelta(seconds=TALKS)
    # Twilio states neither.
    assert (call.answered_at, call.reason) == (None, None)


# --- Placed --------------------------------------------------------------------------------------


def test_a_call_rings_as_long_as_is_wanted(provider, number, posts):
    for timeout, sent in ((1, "1"), (20, "20"), (20.2, "21"), (600, "600")):
        provider.place_call(number, OTHER, url=VOICE, timeout=timeout)
        assert dict(posts()[-1].form())["Timeout"] == sent


def test_a_call_cannot_ring_for_longer_than_twilio_lets_it(provider, number, posts):
    before = len(posts())
    with pytest.raises(telephony.InvalidRequestError, match="600") as caught:
        provider.place_call(number, OTHER, url=VOICE, timeout=600.5)
    assert (caught.value.argument, len(posts())) == ("timeout", before)


# --- Listed --------------------------------------------------------------------------------------


def test_calls_received_and_placed_come_in_one_listing(provider, vendor, number):
    other = provider.provision_number(number="+14155550124")
    calls = []
    for _ in range(3):
        calls.append(provider.place_call(number, OTHER, url=VOICE).id)
        vendor.advance(3600)
        calls.append(vendor.receive_call(NUMBER, OTHER))
        provider.place_call(other, OTHER, url=VOICE)
        vendor.advance(3600)
    calls.append(provider.place_call(number, NUMBER, url=VOICE).id)

    found = list(provider.list_calls(number))

    assert [call.id for call in found] == calls[::-1]
    assert {call.number for call in found} == {NUMBER}
    assert {call.direction for call in found} == {Direction.INBOUND, Direction.OUTBOUND}
    assert found == [provider.get_call(call) for call in reversed(calls)]
    assert len(list(provider.list_calls())) == 10
    assert [c.id for c in provider.list_calls(limit=1)] == calls[:-2:-1]


def test_the_earliest_and_the_latest_moment_bound_nothing(provider, vendor, number):
    call = provider.place_call(number, OTHER, url=VOICE)
    sent = provider.send_message(number, OTHER, "hello")
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

    assert [c.id for c in provider.list_calls(after=first, before=last)] == [call.id]
    assert [m.id for m in provider.list_messages(after=first, before=last)] == [sent.id]


def test_few_calls_of_a_full_day_take_few_requests(provider, vendor, number, telephony_sandbox):
    calls = []
    for _ in range(20):
        calls.append(provider.place_call(number, OTHER, url=VOICE))
        vendor.advance(60)
    before = len(telephony_sandbox.requests("twilio"))

    found = provider.list_calls(number, before=calls[0].started_at + timedelta(1 / 86400), limit=1)

    assert [call.id for call in found] == [calls[0].id]
    assert len(telephony_sandbox.requests("twilio")) - before == 2


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_bounds_are_moments_though_twilio_filters_by_days(provider, vendor, number, hour):
    """Every two hours a call, so that the bounds lie within days as well as between them."""
    calls = []
    for _ in range(36):
        provider.place_call(number, OTHER, url=VOICE)
        calls.append(provider.list_calls(limit=1))
        vendor.advance(7200)
    calls = list(provider.list_calls(number))
    begins = calls[-1].started_at.replace(hour=hour, minute=0, second=0) + timedelta(days=1)
    after, before = begins, begins + timedelta(hours=11)

    found = provider.list_calls(number, after=after, before=before)

    wanted = [call for call in calls if after <= call.started_at < before]
    assert list(found) == wanted
    assert wanted


def test_an_empty_history_hides_no_mistyped_number(provider, number):
    assert list(provider.list_calls(NUMBER)) == []
    with pytest.raises(telephony.NotFoundError):
        list(provider.list_calls("+14155550177"))


# --- Ended ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (0, CallStatus.CANCELED),
        (RINGS, CallStatus.COMPLETED),
        (RINGS + TALKS, CallStatus.COMPLETED),
    ],
)
def test_a_call_is_ended_by_one_request(provider, vendor, number, posts, seconds, status):
    placed = provider.place_call(number, OTHER, url=VOICE)
    vendor.advance(seconds)

    assert provider.end_call(placed).status is status
    assert posts()[-1].form() == [("Status", "completed")]


def test_what_has_ended_meanwhile_is_read_instead(alone, vendor_server):
    refusal = {"code": 21220, "message": "Invalid call state", "status": 400}
    vendor_server.responses[f"POST {HERE}/Calls/{CALL}.json"] = (400, refusal)
    described(vendor_server, status="completed")
    assert alone.end_call(CALL).status is CallStatus.COMPLETED

    refusal["code"] = 20001
    with pytest.raises(telephony.InvalidRequestError):
        alone.end_call(CALL)


# --- Reported by webhooks ------------------------------------------------------------------------


def test_the_progress_of_a_placed_call_is_reported(provider, telephony_sandbox, vendor, number):
    hook = "http://127.0.0.1:9/calls"
    events = ["initiated", "ringing", "answered", "completed"]
    placed = provider.place_call(
        number,
        OTHER,
        url=VOICE,
        options={"StatusCallback": hook, "StatusCallbackEvent": events},
    )
    vendor.advance(RINGS)
    vendor.advance(TALKS)

    reported = {
        event.call.status: event
        for sent in telephony_sandbox.delivered()
        for event in telephony.webhooks.parse(
            provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
        )
    }
    assert {status: type(event) for status, event in reported.items()} == {
        CallStatus.QUEUED: CallStarted,
        CallStatus.RINGING: CallStarted,
        CallStatus.IN_PROGRESS: CallStarted,
        CallStatus.COMPLETED: CallEnded,
    }
    read = provider.get_call(placed)
    ended = reported[CallStatus.COMPLETED].call
    assert (ended.number, ended.duration) == (NUMBER, timedelta(seconds=TALKS))
    stated = ended.model_dump(exclude={"raw"}, exclude_none=True)
    assert read.model_dump(include=set(stated)) == stated


# --- Recordings ----------------------------------------------------------------------------------


def recorded(vendor_server, *rows):
    listing = {"recordings": list(rows), "next_page_uri": None}
    vendor_server.responses[f"GET {HERE}/Recordings.json"] = (200, listing)


def test_a_recording_is_a_wav_file(provider, vendor, number):
    call = vendor.receive_call(NUMBER, OTHER)
    recording = provider.get_recording(call)
    assert (recording.content, recording.media_type) == (sound(), "audio/x-wav")


def test_the_newest_finished_recording_is_taken(alone, vendor_server):
    states = ("in-progress", "processing", "absent", "deleted", "completed")
    rows = [{"sid": f"RE{index}", "status": word} for index, word in enumerate(states)]
    recorded(vendor_server, *rows, {"sid": "RE9", "status": "completed"})
    vendor_server.responses[f"GET {HERE}/Recordings/RE4.wav"] = (200, sound())

    assert alone.get_recording(CALL).content == sound()
    assert vendor_server.requests[0].path.endswith(f"CallSid={CALL}&PageSize=1000")


def test_a_recording_kept_elsewhere_is_fetched_without_our_key(alone, vendor_server, serve_wsgi):
    heard = []

    def storage(environ, start_response):
        heard.append(environ)
        start_response("200 OK", [("Content-Type", "audio/x-wav")])
        return [sound()]

    url = f"{serve_wsgi(storage)}/{RECORDING}.wav?Signature=hunter2"
    recorded(vendor_server, {"sid": RECORDING, "status": "completed", "media_url": url})

    assert alone.get_recording(CALL).content == sound()
    (environ,) = heard
    assert environ["QUERY_STRING"] == "Signature=hunter2"
    assert "HTTP_AUTHORIZATION" not in environ


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/x/RE1",
        "https://api.dublin.ie1.twilio.com:443/x",
        "https://user:password@api.twilio.com/x",
        "{base_url}/x",
        "/x",
        "",
    ],
)
def test_a_recording_at_twilio_is_fetched_below_the_base_url(alone, vendor_server, url):
    url = url.format(base_url=vendor_server.url)
    recorded(vendor_server, {"sid": RECORDING, "status": "completed", "media_url": url})
    vendor_server.responses[f"GET {HERE}/Recordings/{RECORDING}.wav"] = (200, sound())
    assert alone.get_recording(CALL).content == sound()


@pytest.mark.parametrize("url", ["http://[", "https://[", "http://storage.example/RE1"])
def test_a_recording_without_a_safe_link_is_not_fetched(alone, vendor_server, url):
    recorded(vendor_server, {"sid": RECORDING, "status": "completed", "media_url": url})
    with pytest.raises(telephony.InvalidResponseError, match="not followed"):
        alone.get_recording(CALL)


def test_an_encrypted_recording_is_not_taken_for_sound(alone, vendor_server):
    details = {"encryption_cek": "key", "encryption_iv": "iv"}
    recorded(
        vendor_server, {"sid": RECORDING, "status": "completed", "encryption_details": details}
    )
    with pytest.raises(telephony.ConflictError, match=RECORDING):
        alone.get_recording(CALL)


def test_a_call_without_a_recording_says_how_to_get_one(provider, number):
    call = provider.place_call(number, OTHER, url=VOICE)
    with pytest.raises(telephony.NotFoundError, match="'Record': True"):
        provider.get_recording(call)


def test_transcripts_are_read_at_twilio(provider):
    with pytest.raises(telephony.UnsupportedOperationError, match="Conversational Intelligence"):
        provider.get_transcript(CALL)


# --- Messages of the whole account ---------------------------------------------------------------


def test_the_inbox_names_the_number_of_each_message(provider, vendor, number):
    service = "MG" + "5d" * 16
    vendor.receive_message(NUMBER, OTHER, "in", sent_at=None)
    vendor.receive_message(f"whatsapp:{NUMBER}", f"whatsapp:{OTHER}", "there", sent_at=None)
    provider.send_message(number, OTHER, "out", media=[VOICE])
    provider.send_message(service, OTHER, "chosen")

    found = list(provider.list_messages())

    assert [m.body for m in found] == ["chosen", "out", "there", "in"]
    assert {m.number for m in found} == {NUMBER}
    assert [len(m.media) for m in found] == [0, 1, 0, 0]
    assert [provider.get_message(m) for m in found] == found


def test_a_message_without_a_sender_is_of_the_service_that_is_to_choose(alone, vendor_server):
    service = "MG" + "d" * 32
    body = {"sid": "SM1", "from": None, "to": OTHER, "messaging_service_sid": service}
    vendor_server.responses[f"GET {HERE}/Messages/SM1.json"] = (200, body)
    assert alone.get_message("SM1").number == service


def test_a_key_that_cannot_be_found_again_is_refused(provider, number, posts):
    before = len(posts())
    for change in (
        lambda: provider.send_message(number, OTHER, "Hi", idempotency_key="ticket-88"),
        lambda: provider.place_call(number, OTHER, url=VOICE, idempotency_key="ticket-88"),
        lambda: provider.place_call(number, OTHER, url=VOICE, metadata={"ticket": "88"}),
    ):
        with pytest.raises(telephony.UnsupportedOperationError):
            change()
    assert len(posts()) == before
