"""Every sample of Retell's pages: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import copy
import logging
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Agent, CallStatus, CarrierOutcome, Channel, Direction, Speaker

FRONT, OTHER = "+14155550142", "+14155550188"
AGENT = "agent_7f2c"
AT = datetime.fromtimestamp(1_770_000_000, UTC)

CREATE_REQUEST = {
    "area_code": 415,
    "country_code": "US",
    "nickname": "Front desk",
    "inbound_agents": [{"agent_id": AGENT, "weight": 1}],
}
NUMBER = {
    "phone_number": FRONT,
    "phone_number_type": "retell-twilio",
    "phone_number_pretty": "+1 (415) 555-0142",
    "nickname": "Front desk",
    "area_code": 415,
    "inbound_agents": [{"agent_id": AGENT, "weight": 1}],
    "last_modification_timestamp": 1_770_000_000_000,
}
# With everything that the reference names.
WHOLE = {
    **NUMBER,
    "phone_number_type": "custom",
    "outbound_agents": [{"agent_id": AGENT, "weight": 1, "agent_version": 3}],
    "inbound_sms_agents": [{"agent_id": "agent_sms", "weight": 1}],
    "outbound_sms_agents": [],
    "inbound_webhook_url": None,
    "inbound_sms_webhook_url": None,
    "allowed_inbound_country_list": ["US"],
    "allowed_outbound_country_list": ["US", "CA"],
    "fallback_number": "+14155550100",
    "sip_outbound_trunk_config": {
        "termination_uri": "example.pstn.twilio.com",
        "auth_username": "out",
        "transport": "TCP",
        "codecs": ["PCMU"],
    },
}
LIST = {"items": [NUMBER], "has_more": True, "pagination_key": FRONT}
MISSING = {"status": "error", "message": "Cannot find requested asset under given api key."}
CALL_REQUEST = {"from_number": FRONT, "to_number": OTHER, "idempotency_key": "7b1e"}
PLACED = {
    "call_id": "call_31fe",
    "call_type": "phone_call",
    "call_status": "registered",
    "agent_id": AGENT,
    "agent_version": 3,
    "direction": "outbound",
    "from_number": FRONT,
    "to_number": OTHER,
}
ENDED = {
    **PLACED,
    "call_status": "ended",
    "start_timestamp": 1_770_000_000_000,
    "end_timestamp": 1_770_000_030_000,
    "duration_ms": 30_000,
    "disconnection_reason": "user_hangup",
    "transcript": "Agent: Hello?\nUser: Hi.\n",
    "transcript_object": [
        {"role": "agent", "content": "Hello?", "words": [{"word": "Hello?", "start": 1.5}]},
        {"role": "user", "content": "Hi.", "words": [{"word": "Hi.", "start": 3.0, "end": 3.5}]},
        {"role": "transfer_target", "content": "Sales.", "words": []},
    ],
    "recording_url": "https://example.com/r.wav?X-Amz-Signature=s3cret",
    "public_log_url": "https://example.com/log.txt?X-Amz-Signature=s3cret",
    "call_cost": {"combined_cost": 70},
    "llm_token_usage": {"values": [], "average": 1, "num_requests": 1},
    "metadata": {"ticket": "88"},
}
CHAT = {
    "chat_id": "chat_1",
    "agent_id": AGENT,
    "chat_status": "ongoing",
    "chat_type": "sms_chat",
    "start_timestamp": 1_770_000_000_000,
    "message_with_tool_calls": [
        {"role": "user", "content": "Is five okay?", "created_timestamp": 1_770_000_000_000,
         "message_id": "m1", "multimedia": [{"url": "https://example.com/a.png"}]},
        {"role": "tool_call_invocation", "name": "book", "arguments": "{}", "tool_call_id": "t1"},
        {"role": "agent", "content": "Yes.", "created_timestamp": 1_770_000_001_000},
    ],
}  # fmt: skip
GET, CREATE, UPDATE = (
    f"GET /get-phone-number/{FRONT}",
    "POST /create-phone-number",
    f"PATCH /update-phone-number/{FRONT}",
)


@pytest.fixture
def respond(vendor_server):
    def plan(routes):
        vendor_server.responses = {route: (200, body) for route, body in routes.items()}

    return plan


# --- As printed ----------------------------------------------------------------------------------


def test_the_purchase_is_sent_and_read_as_printed(planned, vendor_server):
    vendor_server.responses = {CREATE: (201, NUMBER)}

    number = planned.provision_number(
        area_code="415",
        label="Front desk",
        options={"inbound_agents": CREATE_REQUEST["inbound_agents"]},
    )

    (sent,) = vendor_server.requests
    assert sent.json == CREATE_REQUEST
    assert (number.id, number.number, number.label) == (FRONT, FRONT, "Front desk")
    assert (number.assignment, number.updated_at) == (Agent(AGENT), AT)
    assert (number.created_at, number.channels) == (None, {Channel.VOICE})
    assert (number.carrier.kind, number.carrier.id) == ("retell-twilio", None)
    assert number.raw == NUMBER


def test_a_page_is_requested_and_read_as_printed(planned, vendor_server, respond):
    respond({"GET /v2/list-phone-numbers": LIST})
    (number,) = planned.list_numbers(limit=1)
    assert number.number == FRONT
    assert vendor_server.requests[0].path == "/v2/list-phone-numbers?limit=1"


def test_an_unknown_number_is_not_found(planned, vendor_server):
    unknown = "+19999999999"
    for route in ("GET /get", "PATCH /update", "DELETE /delete"):
        vendor_server.responses[f"{route}-phone-number/{unknown}"] = (422, MISSING)
    for act in (planned.get_number, planned.unassign_number, planned.release_number):
        with pytest.raises(telephony.NotFoundError) as caught:
            act(unknown)
        assert (caught.value.status, caught.value.raw) == (422, MISSING)


def test_another_422_is_an_invalid_request(planned, vendor_server):
    said = {"status": "error", "message": "Weights must add up to 1."}
    vendor_server.responses = {GET: (200, NUMBER), UPDATE: (422, said)}
    with pytest.raises(telephony.InvalidRequestError, match="add up"):
        planned.update_number(FRONT, label="Desk")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, telephony.InvalidRequestError),
        (401, telephony.AuthenticationError),
        (402, telephony.QuotaExceededError),
        (403, telephony.PermissionDeniedError),
        (409, telephony.ConflictError),
        (429, telephony.RateLimitedError),
        (500, telephony.UnavailableError),
    ],
)
def test_statuses_are_errors_whatever_the_body_is(planned, vendor_server, mutations, status, error):
    for _, odd in mutations(MISSING):
        vendor_server.responses = {GET: (status, odd)}
        with pytest.raises(error):
            planned.get_number(FRONT)


def test_a_call_is_placed_and_read_as_printed(planned, vendor_server):
    vendor_server.responses = {"POST /v2/create-phone-call": (201, PLACED)}

    call = planned.place_call(FRONT, OTHER, options={"idempotency_key": "7b1e"})

    (sent,) = vendor_server.requests
    assert sent.json == CALL_REQUEST
    assert (call.id, call.status, call.agent) == ("call_31fe", CallStatus.QUEUED, AGENT)
    assert (call.number, call.sender, call.recipient) == (FRONT, FRONT, OTHER)
    assert (call.direction, call.started_at) == (Direction.OUTBOUND, None)


def test_a_call_that_ended_is_read_without_what_opens_its_links(planned, respond):
    respond({"GET /v2/get-call/call_31fe": ENDED})
    call, transcript = planned.get_call("call_31fe"), planned.get_transcript("call_31fe")
    assert (call.status, call.reason) == (CallStatus.COMPLETED, "user_hangup")
    assert (call.started_at, call.answered_at) == (AT, AT)
    assert (call.ended_at, call.duration) == (AT + timedelta(seconds=30), timedelta(seconds=30))
    assert "s3cret" not in str(call.raw) + str(transcript.raw)
    assert call.raw["recording_url"] == "https://example.com/r.wav"
    assert call.raw["llm_token_usage"] == ENDED["llm_token_usage"]
    assert [(turn.speaker, turn.text, turn.at) for turn in transcript.turns] == [
        (Speaker.AGENT, "Hello?", AT + timedelta(seconds=1.5)),
        (Speaker.CALLER, "Hi.", AT + timedelta(seconds=3)),
        (Speaker.CALLER, "Sales.", None),
    ]


def test_what_tools_did_is_part_of_a_transcript(planned, respond):
    said = [
        {"role": "agent", "content": "A moment.", "words": []},
        {"role": "tool_call_invocation", "name": "book", "arguments": '{"at": 5}'},
        {"role": "tool_call_result", "content": "booked"},
        {"role": "node_transition", "former_node_name": "a", "new_node_name": "b"},
        {"role": "dtmf", "digit": "5"},
    ]
    respond({"GET /v2/get-call/call_31fe": {**ENDED, "transcript_with_tool_calls": said}})
    turns = planned.get_transcript("call_31fe").turns
    assert [(turn.speaker, turn.text) for turn in turns] == [
        (Speaker.AGENT, "A moment."),
        (Speaker.TOOL, 'book({"at": 5})'),
        (Speaker.TOOL, "booked"),
    ]


def test_texts_are_read_from_their_chats(planned, respond):
    chat = {key: value for key, value in CHAT.items() if key != "message_with_tool_calls"}
    respond({
        "POST /v3/list-chats": {"items": [chat], "has_more": False},
        "GET /get-chat/chat_1": CHAT,
    })  # fmt: skip
    sent, received = planned.list_messages(FRONT)
    assert (received.id, received.body) == ("m1", "Is five okay?")
    assert (received.direction, received.recipient) == (Direction.INBOUND, FRONT)
    assert (received.channel, received.media) == (Channel.MMS, ("https://example.com/a.png",))
    assert (sent.id, sent.sender, sent.recipient) == ("chat_1:2", FRONT, None)
    assert (sent.direction, sent.channel) == (Direction.OUTBOUND, Channel.SMS)
    assert (received.sent_at, sent.sent_at) == (AT, AT + timedelta(seconds=1))


# --- Spoiled, one field at a time ----------------------------------------------------------------


@pytest.mark.parametrize("sample", [NUMBER, WHOLE], ids=["printed", "whole"])
def test_a_number_is_read_and_changed_whatever_its_other_fields_are(
    planned, respond, mutations, sample
):
    for what, odd in mutations(sample, required={"phone_number"}):
        respond({
            CREATE: odd, GET: odd, UPDATE: odd, f"DELETE /delete-phone-number/{FRONT}": {},
            "GET /v2/list-phone-numbers": {"items": [odd], "has_more": False},
        })  # fmt: skip
        found = [
            planned.provision_number(),
            planned.get_number(FRONT),
            *planned.list_numbers(),
            planned.assign_number(FRONT, "agent_1"),
            planned.assign_number(FRONT, "https://example.com/"),
            planned.unassign_number(FRONT),
            planned.update_number(FRONT, label="Desk"),
        ]
        assert {number.id for number in found} == {FRONT}, what
        assert planned.release_number(FRONT).id == FRONT, what


def test_a_listing_goes_on_whatever_a_row_holds(planned, respond, mutations, caplog):
    last = {**NUMBER, "phone_number": "+14155550143"}
    page = {"items": [NUMBER, None, "odd", {"nickname": "no number"}, last], "has_more": False}
    for what, odd in mutations(page, required={"items", "items.4", "items.4.phone_number"}):
        if odd.get("has_more") and odd["has_more"] is not False:
            continue  # a promise of more, which the next test is about
        respond({"GET /v2/list-phone-numbers": odd})
        assert list(planned.list_numbers())[-1].number == "+14155550143", what
    assert "phone_number" in caplog.text


def test_a_promise_of_more_without_a_key_is_an_error_and_no_end(planned, respond):
    respond({"GET /v2/list-phone-numbers": {"items": [NUMBER], "has_more": True}})
    with pytest.raises(telephony.InvalidResponseError, match="no key"):
        list(planned.list_numbers())


def test_a_page_that_comes_again_is_an_error_and_no_loop(planned, respond):
    respond({"GET /v2/list-phone-numbers": LIST})
    with pytest.raises(telephony.InvalidResponseError, match="repeats"):
        list(planned.list_numbers())


def test_a_call_is_read_whatever_its_other_fields_are(planned, respond, mutations):
    for what, odd in mutations(ENDED, required={"call_id"}):
        respond({
            "POST /v2/create-phone-call": odd,
            "GET /v2/get-call/call_31fe": odd,
            "POST /v3/list-calls": {"items": [odd], "has_more": False},
            "POST /v2/stop-call/call_31fe": b"",
        })  # fmt: skip
        found = [
            planned.place_call(FRONT, OTHER),
            planned.get_call("call_31fe"),
            planned.end_call("call_31fe"),
            *planned.list_calls(),
        ]
        assert {call.id for call in found} == {"call_31fe"}, what
        try:
            assert planned.get_transcript("call_31fe").call == "call_31fe", what
        except telephony.NotFoundError:
            assert what.startswith("transcript_object:"), what


def test_texts_are_read_whatever_their_other_fields_are(planned, respond, mutations):
    required = {"chat_id", "message_with_tool_calls"}
    required |= {f"message_with_tool_calls.{nth}" for nth in range(3)}
    required |= {f"message_with_tool_calls.{nth}.role" for nth in range(3)}
    for what, odd in mutations(copy.deepcopy(CHAT), required=required):
        listed = {key: value for key, value in odd.items() if key != "message_with_tool_calls"}
        respond({
            "POST /v3/list-chats": {"items": [listed], "has_more": False},
            "GET /get-chat/chat_1": odd,
        })  # fmt: skip
        found = list(planned.list_messages(FRONT))
        assert {message.number for message in found} == {FRONT}, what
        assert len(found) == 2, what


# --- What the vendor's words mean ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"call_status": "registered"}, CallStatus.QUEUED),
        ({"call_status": "ongoing"}, CallStatus.IN_PROGRESS),
        ({"call_status": "ended"}, CallStatus.COMPLETED),
        ({"call_status": "not_connected"}, CallStatus.FAILED),
        ({"call_status": "error"}, CallStatus.FAILED),
        ({"call_status": "not_connected", "disconnection_reason": "dial_busy"}, CallStatus.BUSY),
        (
            {"call_status": "not_connected", "disconnection_reason": "user_declined"},
            CallStatus.NO_ANSWER,
        ),
        (
            {"call_status": "not_connected", "disconnection_reason": "invalid_destination"},
            CallStatus.FAILED,
        ),
        ({"call_status": "error", "disconnection_reason": "error_new"}, CallStatus.FAILED),
        ({"call_status": "ended", "disconnection_reason": "error_asr"}, CallStatus.FAILED),
        ({"call_status": "ended", "disconnection_reason": "scam_detected"}, CallStatus.FAILED),
        (
            {"call_status": "ended", "disconnection_reason": "voicemail_reached"},
            CallStatus.COMPLETED,
        ),
        ({"call_status": "ended", "disconnection_reason": "some_new_one"}, CallStatus.COMPLETED),
        (
            {"call_status": "ended", "disconnection_reason": "manual_stopped"},
            CallStatus.CANCELED,
        ),
        (
            {"call_status": "ended", "disconnection_reason": "manual_stopped",
             "start_timestamp": 1_770_000_000_000},
            CallStatus.COMPLETED,
        ),
        ({"call_status": "paused"}, CallStatus.UNKNOWN),
    ],
)  # fmt: skip
def test_a_status_is_known_by_the_reason(planned, respond, fields, status):
    respond({"GET /v2/get-call/call_31fe": {**PLACED, **fields}})
    assert planned.get_call("call_31fe").status is status


@pytest.mark.parametrize(
    ("kind", "outcome", "reversible"),
    [
        ("retell-twilio", CarrierOutcome.RELEASED, False),
        ("retell-telnyx", CarrierOutcome.RELEASED, False),
        ("custom", CarrierOutcome.KEPT, True),
        ("retell-other", CarrierOutcome.UNKNOWN, None),
    ],
)
def test_what_a_release_does_depends_on_the_number(planned, respond, kind, outcome, reversible):
    number = {**NUMBER, "phone_number_type": kind}
    respond({GET: number, f"DELETE /delete-phone-number/{FRONT}": b""})
    released = planned.release_number(FRONT)
    assert (released.at_carrier, released.reversible) == (outcome, reversible)


def test_the_single_agent_of_older_responses_is_read(planned, respond):
    old = {key: value for key, value in NUMBER.items() if key != "inbound_agents"}
    respond({GET: {**old, "inbound_agent_id": AGENT, "outbound_agent_id": AGENT}})
    assert planned.get_number(FRONT).assignment == Agent(AGENT)
    respond({GET: {**old, "inbound_agents": [], "inbound_agent_id": AGENT}})
    assert planned.get_number(FRONT).assignment is None


def test_a_number_that_is_no_e164_is_known_by_its_id(planned, vendor_server, respond, caplog):
    respond({"GET /get-phone-number/hotline": {**NUMBER, "phone_number": "hotline"}})
    with caplog.at_level(logging.DEBUG):
        assert planned.get_number("hotline").id == "hotline"
    assert vendor_server.requests[0].path == "/get-phone-number/hotline"
