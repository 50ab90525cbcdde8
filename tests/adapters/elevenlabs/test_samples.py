"""What the contract prints: requests as printed, and responses with each optional field spoiled."""

from __future__ import annotations

import contextlib
import json

import pytest

import telephony
from telephony import Agent, CallStatus, Direction, SipTrunk, Speaker, TwilioAccount

NUMBERS, PAGES = "/v1/convai/phone-numbers", "/v1/convai/v2/phone-numbers"
CALLS, AGENTS = "/v1/convai/conversations", "/v1/convai/agents"
SETTINGS, HOOKS = "/v1/convai/settings", "/v1/workspace/webhooks"
OURS, THEIRS = "+14155550142", "+14155550188"
ACCOUNT = TwilioAccount("AC0f", auth_token="not-a-secret")

IMPORT_REQUEST = """
{"provider": "twilio", "phone_number": "+14155550142", "label": "Front desk", "sid": "AC0f",
 "token": "not-a-secret"}
"""
IMPORT = '{"phone_number_id": "phnum_0142"}'
NUMBER = """
{"provider": "twilio", "phone_number": "+14155550142", "label": "Front desk",
 "supports_inbound": true, "supports_outbound": true, "phone_number_id": "phnum_0142",
 "assigned_agent": null}
"""
ASSIGNED = """
{"provider": "twilio", "phone_number": "+14155550142", "label": "Front desk",
 "supports_inbound": true, "supports_outbound": true, "phone_number_id": "phnum_0142",
 "assigned_agent": {"agent_id": "agent_7f2c", "agent_name": "Front desk", "environment": null,
                    "branch_id": null}}
"""
TRUNK = """
{"provider": "sip_trunk", "phone_number": "+14155550142", "label": "HQ", "supports_inbound": true,
 "supports_outbound": true, "phone_number_id": "phnum_0142", "assigned_agent": null,
 "livekit_stack": "standard", "store_sip_messages": false,
 "inbound_trunk": {"allowed_addresses": ["192.0.2.0/24"], "allowed_numbers": [],
   "media_encryption": "allowed", "has_auth_credentials": true, "username": "in"},
 "outbound_trunk": {"address": "sip.example.com", "transport": "tls", "media_encryption": "allowed",
   "headers": {"X-Carrier-Key": "canary-header"}, "has_auth_credentials": true, "username": "out"}}
"""
CALL_REQUEST = """
{"agent_id": "agent_7f2c", "agent_phone_number_id": "phnum_0142", "to_number": "+14155550188"}
"""
CALL = """
{"success": true, "message": "Call placed", "conversation_id": "conv_31fe", "callSid": "CA0f"}
"""
SUMMARY = """
{"conversation_id": "conv_31fe", "agent_id": "agent_7f2c", "status": "done",
 "start_time_unix_secs": 1770000000, "call_duration_secs": 42, "call_successful": "success",
 "direction": "outbound", "termination_reason": "Call ended by remote party",
 "conversation_initiation_source": "twilio", "transcript_summary": null, "message_count": 3}
"""
DETAIL = """
{"conversation_id": "conv_31fe", "agent_id": "agent_7f2c", "status": "done", "has_audio": true,
 "has_user_audio": true, "has_response_audio": true,
 "transcript": [
   {"role": "agent", "message": "Hello", "time_in_call_secs": 1, "tool_calls": [],
    "tool_results": []},
   {"role": "user", "message": "Hi", "time_in_call_secs": 3},
   {"role": "agent", "message": null, "time_in_call_secs": 4,
    "tool_calls": [{"request_id": "r_1", "tool_name": "look_up", "params_as_json": "{}",
      "tool_details": {"headers": {"X-Own": "canary-tool"}}}],
    "tool_results": [{"tool_name": "look_up", "result_value": "found"}]}],
 "metadata": {"start_time_unix_secs": 1770000000, "accepted_time_unix_secs": 1770000005,
   "call_duration_secs": 42, "termination_reason": "Call ended by remote party", "error": null,
   "cost": 300, "phone_call": {"type": "twilio", "direction": "inbound",
     "phone_number_id": "phnum_0142", "agent_number": "+14155550142",
     "external_number": "+14155550188", "call_result": "answered", "call_sid": "CA0f",
     "stream_sid": "MZ0f"}},
 "conversation_initiation_client_data": {"dynamic_variables":
   {"secret__token": "canary-variable", "name": "Ann"}},
 "analysis": null}
"""
SETTINGS_SAMPLE = """
{"webhooks": {"post_call_webhook_id": "wh_1", "events": ["transcript"], "send_audio": false}}
"""
HOOK = """
{"webhook_id": "wh_1", "name": "Calls", "webhook_url": "https://example.com/calls",
 "is_disabled": false, "is_auto_disabled": false, "created_at_unix": 1770000000,
 "auth_type": "hmac", "request_headers": {"X-Own": "canary-header"}}
"""
MISSING = '{"detail": {"status": "phone_number_not_found", "message": "Not here."}}'


def body(sample):
    return json.loads(sample)


def page(name, *rows, cursor=None):
    return {name: list(rows), "next_cursor": cursor, "has_more": cursor is not None}


def _unless(error, operation, id_):
    """Return the result, or None after this error, which the other fields may mean."""
    with contextlib.suppress(error):
        return operation(id_)


# --- As printed ----------------------------------------------------------------------------------


def test_a_number_is_imported_as_printed_and_read_back(planned, vendor_server):
    vendor_server.responses = {
        f"GET {PAGES}": (200, page("phone_numbers")),
        f"POST {NUMBERS}": (200, body(IMPORT)),
        f"GET {NUMBERS}/phnum_0142": (200, body(NUMBER)),
    }

    number = planned.import_number(OURS, source=ACCOUNT, label="Front desk")

    _, post, read = vendor_server.requests
    assert post.json == body(IMPORT_REQUEST)
    assert (read.method, read.path) == ("GET", f"{NUMBERS}/phnum_0142")
    assert (number.id, number.number, number.label) == ("phnum_0142", OURS, "Front desk")
    assert (number.assignment, number.carrier.kind) == (None, "twilio")


def test_a_number_is_assigned_as_printed(planned, vendor_server):
    vendor_server.responses = {
        f"GET {NUMBERS}/phnum_0142": (200, body(NUMBER)),
        f"PATCH {NUMBERS}/phnum_0142": (200, body(ASSIGNED)),
    }

    number = planned.assign_number("phnum_0142", "agent_7f2c")

    assert vendor_server.requests[-1].json == {"agent_id": "agent_7f2c"}
    assert (number.assignment, number.assignment.name) == (Agent("agent_7f2c"), "Front desk")


def test_a_call_is_placed_as_printed(planned, vendor_server):
    vendor_server.responses = {
        f"GET {NUMBERS}/phnum_0142": (200, body(ASSIGNED)),
        "POST /v1/convai/twilio/outbound-call": (200, body(CALL)),
    }

    call = planned.place_call("phnum_0142", THEIRS)

    sent = vendor_server.requests[-1].json
    # By which it is found after a lost response.
    mark = sent.pop("conversation_initiation_client_data")["dynamic_variables"]["telephony_key"]
    assert len(mark) == 12
    assert sent == body(CALL_REQUEST)
    assert (call.id, call.sender, call.recipient) == ("conv_31fe", OURS, THEIRS)
    assert (call.status, call.agent) == (CallStatus.QUEUED, "agent_7f2c")


def test_an_unknown_number_is_refused_as_printed(planned, vendor_server):
    vendor_server.responses = {f"GET {NUMBERS}/unknown": (404, body(MISSING))}

    with pytest.raises(telephony.NotFoundError, match="Not here") as caught:
        planned.get_number("unknown")
    assert caught.value.code == "phone_number_not_found"


def test_a_call_is_read_from_its_two_sides(planned, vendor_server):
    vendor_server.responses = {f"GET {CALLS}/conv_31fe": (200, body(DETAIL))}

    call = planned.get_call("conv_31fe")

    assert (call.number, call.sender, call.recipient) == (OURS, THEIRS, OURS)
    assert (call.direction, call.status) == (Direction.INBOUND, CallStatus.COMPLETED)
    assert (call.answered_at - call.started_at).total_seconds() == 5
    assert call.duration.total_seconds() == 42
    said = planned.get_transcript("conv_31fe")
    assert [(turn.speaker, turn.text) for turn in said.turns] == [
        (Speaker.AGENT, "Hello"),
        (Speaker.CALLER, "Hi"),
        (Speaker.TOOL, "look_up({})"),
        (Speaker.TOOL, "found"),
    ]
    for raw in (call.raw, said.raw):
        assert "canary" not in json.dumps(raw)
        assert "Ann" in json.dumps(raw)


@pytest.mark.parametrize(
    ("status", "result", "expected"),
    [
        ("initiated", None, CallStatus.QUEUED),
        ("in-progress", None, CallStatus.IN_PROGRESS),
        ("processing", "answered", CallStatus.COMPLETED),
        ("done", None, CallStatus.COMPLETED),
        ("done", "voicemail", CallStatus.COMPLETED),
        ("done", "busy", CallStatus.BUSY),
        ("done", "no_answer", CallStatus.NO_ANSWER),
        ("done", "failed", CallStatus.FAILED),
        ("failed", "busy", CallStatus.BUSY),
        ("failed", "no_answer", CallStatus.NO_ANSWER),
        ("failed", None, CallStatus.FAILED),
        ("paused", None, CallStatus.UNKNOWN),
    ],
)
def test_how_a_call_went(planned, vendor_server, status, result, expected):
    shown = body(DETAIL)
    shown["status"] = status
    shown["metadata"]["phone_call"]["call_result"] = result
    vendor_server.responses = {f"GET {CALLS}/conv_31fe": (200, shown)}

    call = planned.get_call("conv_31fe")

    assert call.status is expected
    assert (call.answered_at is not None) == (
        expected in {CallStatus.IN_PROGRESS, CallStatus.COMPLETED}
    )


def test_a_list_does_not_say_that_an_attempt_was_a_call(planned, vendor_server):
    rows = [{**body(SUMMARY), "conversation_id": f"c_{n}", "call_duration_secs": n} for n in (9, 0)]
    vendor_server.responses = {f"GET {CALLS}": (200, page("conversations", *rows))}

    assert [call.status for call in planned.list_calls()] == [
        CallStatus.COMPLETED,
        CallStatus.UNKNOWN,
    ]


def test_written_conversations_are_no_calls(planned, vendor_server):
    sources = ["twilio", "twilio_sms", "widget", "whatsapp", None]
    rows = [
        {
            **body(SUMMARY),
            "conversation_id": f"c_{source}",
            "conversation_initiation_source": source,
        }
        for source in sources
    ]
    vendor_server.responses = {f"GET {CALLS}": (200, page("conversations", *rows))}

    assert [call.id for call in planned.list_calls()] == ["c_twilio", "c_widget", "c_None"]


# --- Spoiled, one field at a time ----------------------------------------------------------------


@pytest.mark.parametrize("sample", [NUMBER, ASSIGNED, TRUNK], ids=["free", "assigned", "trunk"])
def test_a_number_is_read_listed_and_released_whatever_its_other_fields_are(
    planned, vendor_server, mutations, sample
):
    route = f"{NUMBERS}/phnum_0142"
    for what, odd in mutations(body(sample), required={"phone_number_id", "phone_number"}):
        vendor_server.responses = {
            f"GET {PAGES}": (200, page("phone_numbers", None, odd)),
            f"GET {route}": (200, odd),
            f"PATCH {route}": (200, odd),
            f"DELETE {route}": (200, b""),
        }
        found = [
            planned.get_number("phnum_0142"),
            planned.get_number(OURS),
            *planned.list_numbers(),
            planned.update_number("phnum_0142", label="Desk"),
            planned.release_number("phnum_0142"),
        ]
        assert {number.id for number in found} == {"phnum_0142"}, what
        assert "canary" not in " ".join(json.dumps(number.raw) for number in found), what
        freed = _unless(telephony.ConflictError, planned.unassign_number, "phnum_0142")
        assert freed is None or freed.assignment is None, what


def test_a_number_is_imported_whatever_the_other_fields_of_the_responses_are(
    planned, vendor_server, mutations
):
    for what, odd in mutations(body(ASSIGNED), required={"phone_number_id", "phone_number"}):
        vendor_server.responses = {
            f"GET {PAGES}": (200, page("phone_numbers")),
            f"POST {NUMBERS}": (200, body(IMPORT)),
            f"GET {NUMBERS}/phnum_0142": (200, odd),
        }
        made = planned.import_number(OURS, source=ACCOUNT, assign_to="agent_7f2c")
        assert made.id == "phnum_0142", what
        (notice,) = made.notices or ("",)
        assert ("not assigned" in notice) == (made.assignment != Agent("agent_7f2c")), what


def test_a_listing_goes_on_whatever_a_page_says_of_it(planned, vendor_server, mutations):
    sample = page("phone_numbers", None, "odd", body(NUMBER))
    required = {
        "phone_numbers", "phone_numbers.2.phone_number_id", "phone_numbers.2.phone_number",
        "has_more",
    }  # fmt: skip
    for what, odd in mutations(sample, required=required):
        vendor_server.responses = {f"GET {PAGES}": (200, odd)}
        if isinstance(odd["phone_numbers"][2], dict):
            assert planned.get_number(OURS).id == "phnum_0142", what


def test_what_follows_a_page_is_asked_for_only_where_it_is_promised(planned, vendor_server):
    for about, requests in (
        ({"has_more": False, "next_cursor": "c"}, 1),
        ({"has_more": False}, 1),
        ({"next_cursor": ""}, 1),
        ({}, 1),
    ):
        vendor_server.requests.clear()
        vendor_server.responses = {f"GET {PAGES}": (200, {"phone_numbers": [], **about})}
        assert list(planned.list_numbers()) == []
        assert len(vendor_server.requests) == requests, about


def test_a_page_that_leads_nowhere_or_repeats_itself_is_an_error(planned, vendor_server):
    for cursor, wrong in ((None, "no cursor"), ("c", "repeats")):
        again = {"phone_numbers": [body(NUMBER)], "has_more": True, "next_cursor": cursor}
        vendor_server.responses = {f"GET {PAGES}": (200, again)}
        with pytest.raises(telephony.InvalidResponseError, match=wrong):
            list(planned.list_numbers())


def test_a_call_is_read_listed_and_transcribed_whatever_its_other_fields_are(
    planned, vendor_server, mutations
):
    number = {f"GET {NUMBERS}/phnum_0142": (200, body(NUMBER))}
    for what, odd in mutations(body(DETAIL), required={"conversation_id"}):
        vendor_server.responses = {**number, f"GET {CALLS}/conv_31fe": (200, odd)}
        assert planned.get_call("conv_31fe").id == "conv_31fe", what
        assert planned.get_transcript("conv_31fe").call == "conv_31fe", what
        assert "canary" not in json.dumps(planned.get_call("conv_31fe").raw), what
    for what, odd in mutations(body(SUMMARY), required={"conversation_id"}):
        listed = page("conversations", None, odd)
        vendor_server.responses = {**number, f"GET {CALLS}": (200, listed)}
        found = [*planned.list_calls(), *planned.list_calls("phnum_0142")]
        assert {call.id for call in found} == {"conv_31fe"}, what


def test_a_call_is_placed_whatever_else_the_response_holds(planned, vendor_server, mutations):
    route = "POST /v1/convai/twilio/outbound-call"
    for what, odd in mutations(body(CALL), required={"conversation_id", "success"}):
        vendor_server.responses = {
            f"GET {NUMBERS}/phnum_0142": (200, body(ASSIGNED)), route: (200, odd),
        }  # fmt: skip
        assert planned.place_call("phnum_0142", THEIRS).id == "conv_31fe", what


def test_agents_are_listed_whatever_their_other_fields_are(planned, vendor_server, mutations):
    agent = {"agent_id": "agent_7f2c", "name": "Front desk", "tags": [], "archived": False}
    for what, odd in mutations(agent, required={"agent_id"}):
        vendor_server.responses = {f"GET {AGENTS}": (200, page("agents", None, odd))}
        assert list(planned.list_targets()) == [Agent("agent_7f2c")], what


def test_a_webhook_is_read_whatever_its_other_fields_are(planned, vendor_server, mutations):
    chosen = body(SETTINGS_SAMPLE)
    for what, odd in mutations(body(HOOK), required={"webhook_id", "webhook_url"}):
        vendor_server.responses = {
            f"GET {SETTINGS}": (200, chosen), f"GET {HOOKS}": (200, {"webhooks": [None, odd]}),
        }  # fmt: skip
        found = planned.get_webhook()
        assert (found.id, found.url) == ("wh_1", "https://example.com/calls"), what
        assert "canary" not in json.dumps(found.raw), what
    for what, odd in mutations(chosen, required={"webhooks", "webhooks.post_call_webhook_id"}):
        vendor_server.responses[f"GET {SETTINGS}"] = (200, odd)
        assert planned.get_webhook().id == "wh_1", what


def test_an_error_is_the_same_error_whatever_its_body_is(planned, vendor_server, mutations):
    wrong = '{"detail": [{"type": "missing", "loc": ["body", "label"], "msg": "Required"}]}'
    for sample in (MISSING, wrong, '{"detail": "Not here."}'):
        for what, odd in mutations(body(sample)):
            vendor_server.responses = {f"GET {NUMBERS}/n_1": (404, odd)}
            with pytest.raises(telephony.NotFoundError) as caught:
                planned.get_number("n_1")
            assert caught.value.status == 404, what


@pytest.mark.parametrize(
    ("status", "shown", "kind", "text"),
    [
        (401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}},
         telephony.AuthenticationError, "Invalid API key"),
        (401, {"detail": {"status": "quota_exceeded", "message": "Used up"}},
         telephony.QuotaExceededError, "Used up"),
        (401, {"detail": {"status": "missing_permissions", "message": "Not allowed"}},
         telephony.PermissionDeniedError, "Not allowed"),
        (400, {"detail": {"code": "invalid_provider_config", "message": "No", "request_id": "r"}},
         telephony.InvalidRequestError, "request r"),
        (422, {"detail": [{"type": "missing", "loc": ["body", "agent_id"], "msg": "Required",
                           "input": "canary"}]},
         telephony.InvalidRequestError, "agent_id: Required"),
        (422, {"detail": "Wrong."}, telephony.InvalidRequestError, "Wrong"),
        (403, {"message": "Blocked"}, telephony.PermissionDeniedError, "Blocked"),
        (404, b"<html>Gateway</html>", telephony.NotFoundError, "ElevenLabs refused"),
    ],
)  # fmt: skip
def test_every_form_of_an_error_is_read(planned, vendor_server, status, shown, kind, text):
    vendor_server.responses = {f"GET {NUMBERS}/n_1": (status, shown)}

    with pytest.raises(kind, match=text) as caught:
        planned.get_number("n_1")
    assert type(caught.value) is kind
    assert "canary" not in json.dumps(caught.value.raw)


def test_all_three_kinds_of_number_are_read_and_called_from_by_their_own_route(
    planned, vendor_server
):
    for kind, route in (
        ("twilio", "twilio"), ("sip_trunk", "sip-trunk"), ("exotel", "exotel"),
    ):  # fmt: skip
        shown = {**body(ASSIGNED), "provider": kind}
        placed = f"/v1/convai/{route}/outbound-call"
        vendor_server.responses = {
            f"GET {NUMBERS}/phnum_0142": (200, shown), f"POST {placed}": (200, body(CALL)),
        }  # fmt: skip
        assert planned.get_number("phnum_0142").carrier.kind == kind
        planned.place_call("phnum_0142", THEIRS)
        assert vendor_server.requests[-1].path == placed
    vendor_server.responses[f"GET {NUMBERS}/phnum_0142"] = (200, {**shown, "provider": "pigeon"})
    with pytest.raises(telephony.InvalidRequestError, match="pigeon"):
        planned.place_call("phnum_0142", THEIRS)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (None, "source"),
        (TwilioAccount("AC0f"), "auth token"),
        (TwilioAccount("AC0f", auth_token="t", api_key_sid="SK1"), "half"),
        (SipTrunk(allowed_addresses=("192.0.2.1",)), "address"),
        (SipTrunk("sip.example.com", pin="1234"), "pin"),
        (SipTrunk("sip.example.com", name="HQ"), "name"),
        (SipTrunk("sip.example.com", password="made-up"), "username"),
        (SipTrunk("sip.example.com", inbound_password="made-up"), "inbound_username"),
        (TwilioAccount("AC0f", "de1", auth_token="t"), "de1"),
    ],
)
def test_a_source_that_cannot_work_is_refused_before_any_request(
    planned, vendor_server, source, wrong
):
    with pytest.raises(telephony.InvalidRequestError, match=wrong) as caught:
        planned.import_number(OURS, source=source)
    assert caught.value.argument == "source"
    assert vendor_server.requests == []
