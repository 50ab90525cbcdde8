"""Calls as Cartesia's pages print them: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import CallStatus, Speaker

# The page of a call, as of 2026-03-01, and as of 2025-04-16 (from the guide's time).
ONE_CALL = """
{"id": "<string>", "agent_id": "<string>", "status": "created", "agent_name": "<string>",
 "start_time": "2023-11-07T05:31:56Z", "end_time": "2023-11-07T05:31:56Z",
 "transcript": [
   {"role": "<string>", "start_timestamp": 123, "end_timestamp": 123, "text": "<string>",
    "text_chunks": [{"text": "<string>", "start_timestamp": 123}], "end_reason": "<string>",
    "tool_calls": [{"id": "<string>", "name": "<string>", "arguments": {}, "result": "<string>"}],
    "vad_buffer_ms": 123, "stt_ttfb": 123, "tts_ttfb": 123,
    "log_event": {"event": "<string>", "metadata": {}, "timestamp": 123},
    "log_metric": {"name": "<string>", "value": 123, "timestamp": 123}}],
 "telephony_params": {"to": "<string>", "from": "<string>", "call_sid": "<string>",
   "direction": "<string>", "parameters": {}, "headers": {}, "connection_type": "websocket"},
 "summary": "<string>", "error_message": "<string>", "end_reason": "agent_hangup",
 "deployment_id": "<string>", "deployment_version_id": "<string>", "metadata": {}}
"""
OLDER_CALL = """
{"id": "<string>", "agent_id": "<string>", "start_time": "2023-11-07T05:31:56Z",
 "end_time": "2023-11-07T05:31:56Z",
 "transcript": [
   {"role": "<string>", "text": "<string>",
    "text_chunks": [{"text": "<string>", "start_timestamp": 123}],
    "start_timestamp": 123, "end_timestamp": 123, "end_reason": "<string>",
    "tool_calls": [{"id": "<string>", "name": "<string>", "arguments": {}}],
    "vad_buffer_ms": 123, "tts_ttfb": 123,
    "log_event": {"event": "<string>", "metadata": {}, "timestamp": 123},
    "log_metric": {"name": "<string>", "value": 123, "timestamp": 123}}],
 "telephony_params": {"to": "<string>", "from": "<string>"}, "summary": "<string>",
 "status": "active", "error_message": "<string>", "deployment_id": "<string>"}
"""


@pytest.fixture(params=("2025-04-16", "2026-03-01", "2026-08-14"))
def provider(connect, request):
    return connect(request.param)


def body(response):
    return json.loads(response)


@pytest.mark.parametrize(
    ("sample", "status", "reason"),
    [
        (ONE_CALL, CallStatus.QUEUED, "agent_hangup"),
        (OLDER_CALL, CallStatus.IN_PROGRESS, "<string>"),
    ],
    ids=["2026", "2025"],
)
def test_a_call_is_read_as_printed(provider, vendor_server, sample, status, reason):
    vendor_server.responses = {"GET /agents/calls/ac_1": (200, body(sample))}

    call, transcript = provider.get_call("ac_1"), provider.get_transcript("ac_1")

    assert (call.id, call.agent, call.number, call.sender) == ("<string>",) * 4
    assert (call.status, call.reason, call.raw) == (status, reason, body(sample))
    moment = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert (call.started_at, call.ended_at, call.duration) == (moment, moment, timedelta())
    turn, *tools = transcript.turns
    # Whoever has no known role is no person.
    assert (turn.speaker, turn.text) == (Speaker.SYSTEM, "<string>")
    assert turn.at == moment + timedelta(seconds=123)
    assert {tool.speaker for tool in tools} == {Speaker.TOOL}
    assert tools[0].text == "<string>({})"


@pytest.mark.parametrize(
    ("role", "turn", "said"),
    [
        ("assistant", {"text": "Hi"}, [(Speaker.AGENT, "Hi")]),
        ("user", {"text": "", "text_chunks": [{"text": "Is "}, {"text": "five okay?"}]},
         [(Speaker.CALLER, "Is five okay?")]),
        ("system", {"text": None, "log_event": {"event": "booked"}}, [(Speaker.SYSTEM, "booked")]),
        ("system", {"log_metric": {"name": "score", "value": 0.5}},
         [(Speaker.SYSTEM, "score: 0.5")]),
        ("assistant",
         {"text": "A moment", "tool_calls": [
             {"name": "book", "arguments": {"at": "17:00"}, "result": {"free": True}}]},
         [(Speaker.AGENT, "A moment"), (Speaker.TOOL, 'book({"at": "17:00"})'),
          (Speaker.TOOL, '{"free": true}')]),
        ("assistant", {"tool_calls": [{"arguments": "raw text"}]},
         [(Speaker.TOOL, "tool(raw text)")]),
        ("user", {}, []),
    ],
)  # fmt: skip
def test_turns_say_who_said_what(connect, vendor_server, role, turn, said):
    sample = body(ONE_CALL) | {"transcript": [{"role": role, "start_timestamp": 1.5, **turn}]}
    vendor_server.responses = {"GET /agents/calls/ac_1": (200, sample)}

    turns = connect().get_transcript("ac_1").turns

    assert [(one.speaker, one.text) for one in turns] == said


def test_what_was_deleted_is_not_found_and_what_is_still_unsaid_is_empty(connect, vendor_server):
    ended = body(ONE_CALL) | {"redacted_at": "2026-05-01T12:00:00Z"}
    ended.pop("transcript")
    going_on = {"id": "ac_1", "status": "started", "transcript": None}
    vendor_server.responses = {
        "GET /agents/calls/ac_1": (200, ended),
        "GET /agents/calls/ac_2": (200, going_on),
    }

    with pytest.raises(telephony.NotFoundError, match="data was deleted"):
        connect().get_transcript("ac_1")
    assert connect().get_transcript("ac_2").turns == ()


@pytest.mark.parametrize("sample", [ONE_CALL, OLDER_CALL], ids=["2026", "2025"])
def test_a_call_is_read_and_listed_whatever_its_other_fields_are(
    connect, vendor_server, mutations, sample
):
    provider, number = connect(), "<string>"
    for what, odd in mutations(body(sample), required={"id"}):
        listed = {"data": [odd], "has_more": False}
        vendor_server.responses = {
            "GET /agents/calls/ac_1": (200, odd),
            "GET /agents/calls": (200, listed),
            "GET /agents": (200, {"summaries": [{"id": "agent_1"}]}),
            "POST /agents/calls/ac_1/cancel": (200, {"cancelled": True}),
        }
        found = [
            provider.get_call("ac_1"),
            provider.end_call("ac_1"),
            *provider.list_calls(),
        ]
        assert [call.id for call in found] == [number] * 3, what
        try:
            assert provider.get_transcript("ac_1").call == number, what
        except (telephony.InvalidResponseError, telephony.NotFoundError):
            # What was asked for is not there.
            assert what.startswith("transcript:"), what


def test_agents_are_listed_whatever_else_the_page_says_of_them(connect, vendor_server, mutations):
    agent = {"id": "agent_1", "name": "Desk", "description": None, "version_id": "v1"}
    times = dict.fromkeys(("created_at", "updated_at"), "2026-09-02T09:14:03Z")
    for version, key, path in (
        ("2026-03-01", "summaries", "/agents"),
        ("2026-08-14", "data", "/v1/agents"),
    ):
        provider = connect(version)
        sample = {key: [None, agent | times], "has_more": False, "next_page": None}
        for what, odd in mutations(sample, required={key, f"{key}.1", f"{key}.1.id"}):
            vendor_server.responses = {f"GET {path}": (200, odd)}
            # Whether another page follows is the server's to say.
            assert next(provider.list_targets()).id == "agent_1", what
