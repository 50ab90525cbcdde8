"""Every sample that AgentPhone's pages print: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import (
    Agent,
    CallStatus,
    CarrierOutcome,
    Channel,
    Direction,
    NumberStatus,
    webhooks,
)

NUMBERS = "/v1/numbers"
OTHER = "+17735550188"

# The guide's own, which has neither a `type` nor a `direction`.
CREATE_REQUEST = """
{"country": "US", "areaCode": "415", "agentId": "agt_abc123"}
"""
CREATE = """
{"id": "num_xyz789", "phoneNumber": "+15551234567", "country": "US", "status": "active",
 "agentId": "agt_abc123", "createdAt": "2025-01-15T10:45:00Z"}
"""
MESSAGES = """
{"data": [{"id": "msg_001", "from_": "+15559876543", "to": "+15551234567",
   "body": "Hi, I need help with my order", "receivedAt": "2025-01-15T12:00:00Z"}],
 "hasMore": false}
"""
# The reference's.
NUMBER = """
{"id": "num_5c1f", "phoneNumber": "+13125550142", "country": "US", "status": "active",
 "type": "sms", "agentId": "agt_7h2kd", "createdAt": "2025-06-01T08:00:00Z",
 "externalId": "crm-line-17", "expiresAt": null}
"""
LIST = """
{"data": [{"id": "num_5c1f", "phoneNumber": "+13125550142", "country": "US", "status": "active",
   "type": "sms", "agentId": "agt_7h2kd", "createdAt": "2025-06-01T08:00:00Z"},
  {"id": "num_9d20", "phoneNumber": "+14165550171", "country": "CA", "status": "active",
   "type": "sms", "agentId": null, "createdAt": "2025-05-20T16:40:00Z"}],
 "hasMore": true, "total": 3}
"""
RELEASE = """
{"success": true, "phoneNumber": "+13125550142", "status": "released"}
"""
AVAILABLE = """
{"data": [{"phoneNumber": "+13125550160", "city": "Chicago", "state": "IL",
   "rateCenter": "CHICAGO", "areaCode": "312"}]}
"""
RECEIVED = """
{"data": [{"id": "msg_4401", "from_": "+17735550188", "to": "+13125550142",
   "body": "Is my order ready?", "direction": "inbound", "channel": "sms",
   "receivedAt": "2025-06-02T09:15:00Z"}], "hasMore": true}
"""
ATTACH = """
{"agentId": "agt_7h2kd",
 "number": {"id": "num_9d20", "phoneNumber": "+14165550171", "status": "active", "type": "sms"}}
"""
SENT = """
{"id": "msg_4402", "status": "sent", "channel": "sms", "from_number": "+13125550142",
 "to_number": "+17735550188", "conversation_id": "conv_88ab", "media_urls": [],
 "reply_to_message_id": null, "reply_parent_unresolved": null}
"""
CALL = """
{"id": "call_31fe", "agentId": "agt_7h2kd", "phoneNumberId": "num_5c1f",
 "fromNumber": "+13125550142", "toNumber": "+17735550188", "direction": "outbound",
 "status": "in-progress", "startedAt": "2025-06-02T10:00:00Z"}
"""
CALLS = """
{"data": [{"id": "call_31fe", "agentId": "agt_7h2kd", "phoneNumberId": "num_5c1f",
   "phoneNumber": "+13125550142", "fromNumber": "+13125550142", "toNumber": "+17735550188",
   "direction": "outbound", "status": "completed", "startedAt": "2025-06-02T10:00:00Z",
   "endedAt": "2025-06-02T10:01:12Z", "durationSeconds": 72,
   "lastTranscriptSnippet": "See you at five.", "recordingUrl": null,
   "recordingAvailable": false}], "hasMore": false, "total": 1}
"""
AGENTS = """
{"data": [{"id": "agt_7h2kd", "name": "Front desk", "voiceMode": "hosted",
   "voice": "11labs-Marissa", "createdAt": "2025-06-01T07:55:00Z",
   "numbers": [{"id": "num_5c1f", "phoneNumber": "+13125550142", "status": "active",
     "type": "sms"}]}], "total": 1}
"""
CALL_ENDED = """
{"event": "agent.call_ended", "channel": "voice", "timestamp": "2025-06-02T10:01:12Z",
 "agentId": "agt_7h2kd",
 "data": {"callId": "call_31fe", "numberId": "num_5c1f", "from": "+13125550142",
  "to": "+17735550188", "contact": null, "direction": "outbound", "status": "completed",
  "startedAt": "2025-06-02T10:00:00Z", "endedAt": "2025-06-02T10:01:12Z", "durationSeconds": 72,
  "disconnectionReason": "user_hangup",
  "transcript": [{"role": "agent", "content": "Hello"}, {"role": "user", "content": "Hi"}],
  "summary": null, "userSentiment": null, "callSuccessful": true}}
"""
WEBHOOK = """
{"id": "wh_1", "url": "https://example.com/hook", "secret": "whsec_example_3f9c",
 "status": "active", "contextLimit": 25, "timeout": 60, "createdAt": "2025-06-01T08:00:00Z"}
"""
ERROR = """
{"error": {"message": "A balance of $3.00 is needed", "code": "INSUFFICIENT_BALANCE",
  "type": "validation_error",
  "details": [{"field": "country", "message": "too dear", "type": "range"}]}}
"""


@pytest.fixture
def provider(vendor_server):
    """Return a provider at a vendor that responds with the samples."""
    settings = {"api_key": "sk_live_1", "base_url": vendor_server.url, "retries": 0}
    with telephony.connect("agentphone", **settings) as provider:
        yield provider


@pytest.fixture
def respond(vendor_server):
    """Plan the vendor's next responses."""

    def planned(routes):
        vendor_server.responses = {route: (200, shown) for route, shown in routes.items()}

    return planned


def body(sample):
    return json.loads(sample)


def parsed(provider, event):
    return webhooks.parse(
        provider,
        method="POST",
        url="https://example.com/",
        headers={},
        body=json.dumps(event).encode(),
        verify=False,
    )


# --- As printed ----------------------------------------------------------------------------------


def test_the_purchase_of_the_guide_is_sent_and_read_as_printed(provider, vendor_server, respond):
    respond({f"POST {NUMBERS}": body(CREATE)})

    number = provider.provision_number(area_code="415", assign_to="agt_abc123")

    (sent,) = vendor_server.requests
    mark = sent.json["externalId"]
    assert sent.json == body(CREATE_REQUEST) | {"externalId": mark}
    assert (number.id, number.number, number.country) == ("num_xyz789", "+15551234567", "US")
    assert (number.status, number.assignment) == (NumberStatus.ACTIVE, Agent("agt_abc123"))
    assert number.created_at == datetime(2025, 1, 15, 10, 45, tzinfo=UTC)
    assert number.notices == ("Area code 415 was not available; this is 555.",)


def test_the_messages_of_the_guide_are_read_as_printed(provider, respond):
    respond(
        {f"GET {NUMBERS}/num_xyz789": body(CREATE)}
        | {f"GET {NUMBERS}/num_xyz789/messages": body(MESSAGES)}
    )

    (message,) = provider.list_messages("num_xyz789")

    assert (message.id, message.number) == ("msg_001", "+15551234567")
    assert (message.sender, message.recipient) == ("+15559876543", "+15551234567")
    assert message.body == "Hi, I need help with my order"
    assert message.direction is Direction.INBOUND
    assert message.sent_at == datetime(2025, 1, 15, 12, tzinfo=UTC)


def test_the_list_is_requested_and_read_as_printed(provider, vendor_server, respond):
    respond({f"GET {NUMBERS}": body(LIST)})

    found = list(provider.list_numbers(limit=2))

    assert [number.id for number in found] == ["num_5c1f", "num_9d20"]
    assert [number.country for number in found] == ["US", "CA"]
    assert found[1].assignment is None
    assert vendor_server.requests[0].path == f"{NUMBERS}?limit=2&offset=0"


def test_the_search_is_read_as_printed(provider, vendor_server, respond):
    respond({f"GET {NUMBERS}/available": body(AVAILABLE)})

    (found,) = provider.search_numbers(area_code="312", limit=2)

    assert (found.number, found.locality, found.region) == ("+13125550160", "Chicago", "IL")


def test_attaching_sending_calling_and_releasing_are_read_as_printed(
    provider, vendor_server, respond
):
    route = f"{NUMBERS}/num_9d20"
    held = body(LIST)["data"][1]
    respond(
        {
            f"GET {route}": held,
            "POST /v1/agents/agt_7h2kd/numbers": body(ATTACH),
            "POST /v1/messages": body(SENT),
            "POST /v1/calls": body(CALL),
            f"GET {route}/messages": body(RECEIVED) | {"hasMore": False},
            f"DELETE {route}": body(RELEASE),
        }
    )

    number = provider.assign_number("num_9d20", "agt_7h2kd")
    sent = provider.send_message(number, OTHER, "Ready at 5 pm.")
    call = provider.place_call(number, OTHER, agent="agt_7h2kd")
    (received,) = provider.list_messages(number)
    released = provider.release_number(number)

    assert (number.assignment, number.number) == (Agent("agt_7h2kd"), "+14165550171")
    assert (sent.id, sent.recipient, sent.channel) == ("msg_4402", OTHER, Channel.SMS)
    assert (call.id, call.status, call.agent) == (
        "call_31fe",
        CallStatus.IN_PROGRESS,
        "agt_7h2kd",
    )
    assert (received.id, received.channel) == ("msg_4401", Channel.SMS)
    assert released.at_carrier is CarrierOutcome.RELEASED


def test_a_call_is_read_and_listed_as_printed(provider, vendor_server, respond):
    printed = body(CALLS)["data"][0]
    respond({"GET /v1/calls": body(CALLS), "GET /v1/calls/call_31fe": printed})

    (listed,) = provider.list_calls(limit=1)
    found = provider.get_call("call_31fe")

    assert listed == found
    assert (found.number, found.agent) == ("+13125550142", "agt_7h2kd")
    assert (found.sender, found.recipient) == ("+13125550142", OTHER)
    assert (found.direction, found.status) == (Direction.OUTBOUND, CallStatus.COMPLETED)
    assert found.started_at == datetime(2025, 6, 2, 10, tzinfo=UTC)
    assert found.ended_at == datetime(2025, 6, 2, 10, 1, 12, tzinfo=UTC)
    assert found.duration == timedelta(seconds=72)
    assert vendor_server.requests[0].path == "/v1/calls?limit=1&offset=0"


def test_the_printed_event_of_a_calls_end_is_the_printed_call(provider, respond):
    respond({"GET /v1/calls/call_31fe": body(CALLS)["data"][0]})

    (ended,) = parsed(provider, body(CALL_ENDED))

    own = {"raw", "reason"}
    assert ended.call.model_dump(exclude=own) == provider.get_call("call_31fe").model_dump(
        exclude=own
    )
    assert ended.call.reason == "user_hangup"


def test_agents_are_listed_as_printed(provider, respond):
    respond({"GET /v1/agents": body(AGENTS)})

    (agent,) = provider.list_targets()

    assert (agent.id, agent.name) == ("agt_7h2kd", "Front desk")


def test_another_url_keeps_the_other_settings_of_the_webhook(provider, vendor_server, respond):
    """What a POST does not mention goes back to the vendor's defaults."""
    now = body(WEBHOOK) | {"url": "https://example.com/new", "secret": "whsec_2"}
    respond({"GET /v1/webhooks": body(WEBHOOK), "POST /v1/webhooks": now})

    provider.set_webhook("https://example.com/new", replace=True)
    provider.set_webhook("https://example.com/new", replace=True, options={"timeout": 5})

    first, second = (sent.json for sent in vendor_server.requests if sent.method == "POST")
    assert first == {"url": "https://example.com/new", "contextLimit": 25, "timeout": 60}
    assert second == first | {"timeout": 5}


# --- Spoiled, one field at a time ----------------------------------------------------------------


@pytest.mark.parametrize("sample", [CREATE, NUMBER], ids=["guide", "reference"])
def test_a_number_is_bought_read_listed_and_changed_whatever_its_other_fields_are(
    provider, vendor_server, respond, mutations, sample
):
    key, agent = body(sample)["id"], body(sample)["agentId"]
    route = f"{NUMBERS}/{key}"
    for what, odd in mutations(body(sample), required={"id", "phoneNumber"}):
        former = odd.get("agentId")
        respond(
            {
                f"POST {NUMBERS}": odd,
                f"GET {NUMBERS}": {"data": [odd], "hasMore": False},
                f"GET {route}": odd,
                f"POST /v1/agents/{agent}/numbers": {},
                f"GET /v1/agents/{agent}": {},
                f"DELETE /v1/agents/{former}/numbers/{key}": {},
                f"DELETE {route}": {},
            }
        )
        found = [
            provider.provision_number(assign_to=agent),
            provider.get_number(key),
            provider.get_number(odd["phoneNumber"]),
            *provider.list_numbers(),
            provider.assign_number(key, agent),
            provider.unassign_number(key),
        ]
        assert {number.id for number in found} == {key}, what
        if odd.get("status") != "released":
            assert provider.release_number(key).id == key, what


def test_a_listing_goes_on_whatever_a_page_says_of_it(provider, respond, mutations, caplog):
    sample = body(LIST) | {"hasMore": False}
    sample["data"] += [None, "odd", {"id": "num_odd"}, body(NUMBER) | {"id": "num_last"}]
    required = {"data", "hasMore", "data.5", "data.5.id", "data.5.phoneNumber"}
    for what, odd in mutations(sample, required=required):
        respond({f"GET {NUMBERS}": odd})
        assert list(provider.list_numbers())[-1].id == "num_last", what
    assert "phoneNumber" in caplog.text


@pytest.mark.parametrize("promised", [None, "", 0, [], {}, "odd", ...])
def test_an_odd_promise_of_more_ends_a_listing_quietly(provider, respond, promised):
    page = {key: value for key, value in body(LIST).items() if key == "data"}
    if promised is not ...:
        page |= {"hasMore": promised, "total": promised}
    respond(
        {f"GET {NUMBERS}": page, f"GET {NUMBERS}/num_5c1f": body(NUMBER)}
        | {f"GET {NUMBERS}/num_5c1f/messages": {**page, "data": body(RECEIVED)["data"]}}
    )

    assert len(list(provider.list_numbers())) == 2
    assert len(list(provider.list_messages("num_5c1f"))) == 1


@pytest.mark.parametrize("sample", [MESSAGES, RECEIVED], ids=["guide", "reference"])
def test_messages_are_listed_whatever_their_other_fields_are(provider, respond, mutations, sample):
    printed = body(sample) | {"hasMore": False}
    printed["data"][0] |= {
        "status": "delivered", "failureReason": None, "errorCode": 30007,
        "mediaUrl": "https://example.com/a.jpg", "mediaUrls": ["https://example.com/a.jpg", None],
        "conversationId": "conv_88ab",
    }  # fmt: skip
    for what, odd in mutations(printed, required={"data", "data.0", "data.0.id", "hasMore"}):
        respond({f"GET {NUMBERS}/num_5c1f": body(NUMBER), f"GET {NUMBERS}/num_5c1f/messages": odd})
        (message,) = provider.list_messages("num_5c1f")
        assert (message.id, message.number) == (printed["data"][0]["id"], "+13125550142"), what


def test_a_text_and_a_call_return_their_ids_whatever_else_the_response_holds(
    provider, respond, mutations
):
    number = f"{NUMBERS}/num_5c1f"
    for what, odd in mutations(body(SENT) | {"media_urls": [None]}, required={"id"}):
        respond({f"GET {number}": body(NUMBER), "POST /v1/messages": odd})
        assert provider.send_message("num_5c1f", OTHER, "Hi").id == "msg_4402", what
    for what, odd in mutations(body(CALL), required={"id"}):
        respond({f"GET {number}": body(NUMBER), "POST /v1/calls": odd})
        assert provider.place_call("num_5c1f", OTHER).id == "call_31fe", what


def test_calls_are_read_listed_and_ended_whatever_their_other_fields_are(
    provider, respond, mutations
):
    page = body(CALLS)
    page["data"][0] |= {"disconnectionReason": "user_hangup", "agentName": "Front desk"}
    for what, odd in mutations(page, required={"data", "data.0", "data.0.id", "hasMore"}):
        call = odd["data"][0]
        respond(
            {
                "GET /v1/calls": odd,
                f"GET {NUMBERS}/num_5c1f": body(NUMBER),
                f"GET {NUMBERS}/num_5c1f/calls": odd,
                "GET /v1/calls/call_31fe": call,
                "POST /v1/calls/call_31fe/end": call,
            }
        )
        found = [
            *provider.list_calls(),
            *provider.list_calls("num_5c1f"),
            provider.get_call("call_31fe"),
            provider.end_call("call_31fe"),
        ]
        assert [call.id for call in found] == ["call_31fe"] * 4, what


def test_the_end_of_a_call_is_reported_whatever_else_the_event_holds(provider, mutations):
    required = {"event", "data", "data.callId", "test"}
    for what, odd in mutations(body(CALL_ENDED), required=required):
        (ended,) = parsed(provider, odd)
        assert ended.call.id == "call_31fe", what


def test_a_transcript_is_read_whatever_else_is_in_it(provider, respond, mutations):
    said = {"transcript": body(CALL_ENDED)["data"]["transcript"], "status": "completed"}
    for what, odd in mutations(said, required={"transcript"}):
        respond({"GET /v1/calls/call_31fe/transcript": odd})
        assert provider.get_transcript("call_31fe").call == "call_31fe", what


def test_agents_are_listed_whatever_else_is_said_of_them(provider, respond, mutations):
    for what, odd in mutations(body(AGENTS), required={"data", "data.0", "data.0.id"}):
        respond({"GET /v1/agents": odd})
        assert [agent.id for agent in provider.list_targets()] == ["agt_7h2kd"], what


def test_a_number_is_attached_whatever_else_the_response_holds(provider, respond, mutations):
    free = body(LIST)["data"][1]
    for what, odd in mutations(body(ATTACH)):
        respond({f"GET {NUMBERS}/num_9d20": free, "POST /v1/agents/agt_7h2kd/numbers": odd})
        now = provider.assign_number("num_9d20", "agt_7h2kd")
        assert (now.id, now.number) == ("num_9d20", "+14165550171"), what


def test_a_search_is_read_whatever_else_the_response_holds(provider, respond, mutations):
    for what, odd in mutations(body(AVAILABLE), required={"data", "data.0", "data.0.phoneNumber"}):
        respond({f"GET {NUMBERS}/available": odd})
        assert [found.number for found in provider.search_numbers()] == ["+13125550160"], what


def test_an_error_is_the_same_error_whatever_its_body_is(provider, vendor_server, mutations):
    for what, odd in mutations(body(ERROR), required={"error", "error.code"}):
        vendor_server.responses = {f"POST {NUMBERS}": (400, odd)}
        with pytest.raises(telephony.QuotaExceededError) as caught:
            provider.provision_number()
        assert caught.value.code == "INSUFFICIENT_BALANCE", what
