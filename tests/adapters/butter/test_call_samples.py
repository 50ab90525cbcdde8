"""What Butter AI's pages of calls print: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Agent, CallStatus, Direction, Speaker

SUMMARY = """
{"call_sid": "call_abc123def456", "to_number": "+15559876543", "from_number": "+15551234567",
 "agent_id": "agent_xyz789", "agent_name": "Sales Rep", "client_id": "org_123",
 "call_type": "outbound", "status": "completed", "recording_enabled": true, "total_cost": 12.35,
 "duration_seconds": 120.5, "turn_count": 7, "created_at": "2026-03-09T10:00:00Z",
 "updated_at": "2026-03-09T10:02:30Z", "start_time": "2026-03-09T10:00:05Z",
 "end_time": "2026-03-09T10:02:25Z", "end_reason": "tool_end_call", "billing_status": "billed"}
"""
PAGINATION = """
{"next_cursor": "eyJjYWxsX3NpZCI6ICJjYWxsX2FiYzEyMyJ9", "has_more": true, "page_size": 50}
"""
# The transcript is ours: of it the page says that it has "speaker and text for each turn".
CALL = """
{"call_sid": "call_abc123def456", "trace_id": "trace_xyz789", "to_number": "+15559876543",
 "from_number": "+15551234567", "agent_id": "agent_xyz789", "agent_name": "Sales Rep",
 "agent_config": {"llm_model": "gpt-4", "llm_provider": "openai", "llm_temperature": 0.7,
  "tts_provider": "elevenlabs", "stt_provider": "deepgram", "speak_first": true},
 "client_id": "org_123", "call_type": "outbound", "status": "completed", "transport": "twilio",
 "recording_enabled": true, "recording_url": "s3://bucket/recordings/call_abc123.wav",
 "duration_seconds": 120.5, "turn_count": 7, "total_cost": 12.35,
 "cost_breakdown": {"llm_input": {"cost_credits": 1.0, "units": 100}},
 "usage": {"llm": {"total_tokens": 150, "input_tokens": 100, "output_tokens": 50},
  "tts": {"total_characters": 500}, "stt": {"total_duration_seconds": 120}},
 "summary": {"end_reason": "tool_end_call", "interruptions": 2, "avg_turn_duration": 17.2,
  "total_tokens": 150, "total_characters": 500},
 "errors": {"error_count": 0, "has_fatal_errors": false, "errors": []},
 "turns": [{"turn_number": 1, "relative_start_time": 0, "relative_end_time": 25.3,
  "duration_seconds": 25.3, "events": [{"type": "assistant_response",
   "text": "Hello! How can I help you today?", "relative_time": 0, "metadata": {}}]}],
 "transcript": [{"speaker": "assistant", "text": "Hello! How can I help you today?"},
  {"speaker": "user", "text": "Is five okay?"}]}
"""
AGENTS = """
{"success": true, "data": {"period": {}, "agents": [{"agent_id": "agent_xyz789",
  "agent_name": "Sales Rep", "total_calls": 123, "total_cost_credits": 123,
  "avg_duration_seconds": 123}]}}
"""
STATUSES = {
    "queued": CallStatus.QUEUED,
    "initiated": CallStatus.QUEUED,
    "calling": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "in_progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELED,
    "on hold": CallStatus.UNKNOWN,
}

SID = "call_abc123def456"
ROUTE = f"GET /api/calls/{SID}"
DOWNLOAD = f"{ROUTE}/recording/download"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.fixture
def provider(vendor_server):
    settings = {
        "api_key": "bk_live_0000000000000000",
        "organization_id": "org_77ab19",
        "base_url": vendor_server.url,
        "requests_per_second": 10_000,
        "retries": 0,
    }
    with telephony.connect("butter", **settings) as connected:
        yield connected


def found(**changes):
    return {"success": True, "data": json.loads(CALL) | changes}


def page(*calls, **pagination):
    return {
        "success": True,
        "data": list(calls),
        "pagination": json.loads(PAGINATION) | pagination,
    }


LAST = {"has_more": False, "next_cursor": None}


def test_a_call_is_read_as_printed(provider, vendor_server):
    vendor_server.responses = {ROUTE: (200, found())}

    call = provider.get_call(SID)

    assert (call.id, call.provider, call.agent) == (SID, "butter", "agent_xyz789")
    assert (call.number, call.sender) == ("+15551234567", "+15551234567")
    assert call.recipient == "+15559876543"
    assert (call.direction, call.status) == (Direction.OUTBOUND, CallStatus.COMPLETED)
    assert (call.duration, call.reason) == (timedelta(seconds=120.5), "tool_end_call")
    assert call.raw["usage"]["llm"]["total_tokens"] == 150


def test_what_an_agent_knows_of_other_services_is_not_shown(provider, vendor_server):
    tool = {"name": "stock", "headers": {"Authorization": "Bearer s3cret"}, "api_key": "s3cret"}
    vendor_server.responses = {ROUTE: (200, found(agent_config={"custom_tools": [tool]}))}

    call, transcript = provider.get_call(SID), provider.get_transcript(SID)

    for result in (call, transcript):
        assert result.raw["agent_config"] == {"custom_tools": [{"name": "stock", "headers": {}}]}


def test_calls_are_listed_as_printed_page_by_page(provider, vendor_server):
    vendor_server.responses = {"GET /api/calls": (200, page(json.loads(SUMMARY)))}

    (call,) = provider.list_calls(limit=1)

    assert vendor_server.requests[-1].path == "/api/calls?limit=1"
    assert call.started_at == datetime(2026, 3, 9, 10, 0, 5, tzinfo=UTC)
    assert call.ended_at == datetime(2026, 3, 9, 10, 2, 25, tzinfo=UTC)
    assert (call.answered_at, call.reason) == (None, "tool_end_call")


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_status_has_a_meaning(provider, vendor_server, word, status):
    vendor_server.responses = {ROUTE: (200, found(status=word))}

    assert provider.get_call(SID).status is status


@pytest.mark.parametrize(
    ("type_", "number", "direction"),
    [
        ("inbound", "+15559876543", Direction.INBOUND),
        ("outbound", "+15551234567", Direction.OUTBOUND),
        ("preview", None, Direction.UNKNOWN),
        (None, None, Direction.UNKNOWN),
    ],
)
def test_the_type_says_which_number_is_ours(provider, vendor_server, type_, number, direction):
    vendor_server.responses = {ROUTE: (200, found(call_type=type_))}

    call = provider.get_call(SID)

    assert (call.number, call.direction) == (number, direction)


def test_what_has_not_begun_started_when_it_was_made(provider, vendor_server):
    queued = json.loads(SUMMARY) | {"status": "queued", "start_time": None, "end_time": None}
    vendor_server.responses = {"GET /api/calls": (200, page(queued, **LAST))}

    (call,) = provider.list_calls()

    assert call.started_at == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)


def test_the_transcript_is_read_as_documented(provider, vendor_server):
    vendor_server.responses = {ROUTE: (200, found())}

    transcript = provider.get_transcript(SID)

    assert transcript.call == SID
    assert [(turn.speaker, turn.text) for turn in transcript.turns] == [
        (Speaker.AGENT, "Hello! How can I help you today?"),
        (Speaker.CALLER, "Is five okay?"),
    ]
    assert transcript.raw["turns"][0]["duration_seconds"] == 25.3
    assert "five" not in repr(transcript)


@pytest.mark.parametrize(
    ("word", "speaker"),
    [
        ("agent", Speaker.AGENT),
        ("Assistant", Speaker.AGENT),
        ("bot", Speaker.AGENT),
        ("user", Speaker.CALLER),
        ("caller", Speaker.CALLER),
        ("tool", Speaker.TOOL),
        ("system", Speaker.SYSTEM),
        (None, Speaker.SYSTEM),
    ],
)
def test_a_speaker_is_known_by_any_usual_word(provider, vendor_server, word, speaker):
    said = [{"speaker": word, "text": "Hello"}]
    vendor_server.responses = {ROUTE: (200, found(transcript=said))}

    (turn,) = provider.get_transcript(SID).turns

    assert turn.speaker is speaker


def test_a_recording_is_downloaded_as_documented(provider, vendor_server, tmp_path):
    vendor_server.responses = {DOWNLOAD: (200, WAV)}

    recording = provider.get_recording(SID)

    (sent,) = vendor_server.requests
    assert sent.headers["x-api-key"] == "bk_live_0000000000000000"
    assert recording.media_type == "audio/wav"
    assert recording.save(tmp_path / "call.wav").read_bytes() == WAV


@pytest.mark.parametrize("content", [b"", b"<html>Sign in</html>", b'{"success": true}'])
def test_what_is_no_sound_is_no_recording(provider, vendor_server, content):
    vendor_server.responses = {DOWNLOAD: (200, content)}

    with pytest.raises(telephony.InvalidResponseError):
        provider.get_recording(SID)


def test_agents_with_calls_are_listed_with_their_names(provider, vendor_server):
    held = {"phone_number_id": "phon_1", "phone_number": "+15551234567"}
    vendor_server.responses = {
        "GET /api/analytics/agents": (200, json.loads(AGENTS)),
        "GET /api/phone-numbers": (
            200,
            {
                "success": True,
                "data": [
                    held | {"assigned_agent_id": "agent_xyz789"},
                    held | {"phone_number_id": "phon_2", "assigned_agent_id": "agent_2"},
                    held | {"phone_number_id": "phon_3", "assigned_agent_id": "agent_2"},
                ],
            },
        ),
    }

    targets = list(provider.list_targets())

    assert targets == [Agent("agent_xyz789"), Agent("agent_2")]
    assert [target.name for target in targets] == ["Sales Rep", None]


# --- Spoiled, one field at a time ----------------------------------------------------------------


def test_a_call_and_its_transcript_are_read_whatever_else_the_response_holds(
    provider, vendor_server, mutations
):
    for what, odd in mutations(found(), required={"data", "data.call_sid"}):
        vendor_server.responses = {ROUTE: (200, odd)}
        assert provider.get_call(SID).id == SID, what
        assert provider.get_transcript(SID).call == SID, what


def test_calls_are_listed_whatever_else_the_response_holds(provider, vendor_server, mutations):
    sample = page(None, json.loads(SUMMARY) | {"call_sid": "call_0"}, json.loads(SUMMARY), **LAST)
    for what, odd in mutations(sample, required={"data", "data.2.call_sid"}):
        vendor_server.responses = {"GET /api/calls": (200, odd)}
        *_, last = provider.list_calls(limit=2)
        assert last.id == SID, what


def test_agents_are_listed_whatever_else_the_response_holds(provider, vendor_server, mutations):
    for what, odd in mutations(json.loads(AGENTS), required={"data", "data.agents"}):
        vendor_server.responses = {
            "GET /api/analytics/agents": (200, odd),
            "GET /api/phone-numbers": (200, {"success": True, "data": []}),
        }
        assert len(list(provider.list_targets())) <= 1, what


@pytest.mark.parametrize("seconds", [-1, 1e300, "long", None])
def test_a_duration_that_is_none_is_left_out(provider, vendor_server, seconds):
    vendor_server.responses = {ROUTE: (200, found(duration_seconds=seconds))}

    assert provider.get_call(SID).duration is None
