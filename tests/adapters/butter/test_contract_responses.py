"""The sandbox's responses against Butter AI's documented bodies written out as JSON Schema.

Where the documentation leaves a shape open, the comment says so.
"""

from __future__ import annotations

import httpx
import pytest

from ..contract import E164, MOMENT, closed, conforms, null_or, route_of

AGENT = "agent_aa11bb22cc33"
NUMBER, CALLEE = "+442079460123", "+447700900456"

TEXT = {"type": "string", "minLength": 1}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
NUMBER_ID = {"type": "string", "pattern": "^phon_[a-f0-9]{12,}$"}
AGENT_ID = {"type": "string", "pattern": "^agent_[a-f0-9]{12,}$"}
INTEGRATION_ID = {"type": "string", "pattern": "^intg_[a-f0-9]{12}$"}
# The vendor's own samples break the rule of hexadecimal digits here.
CALL_ID = {"type": "string", "pattern": "^call_"}
ANYTHING: dict[str, object] = {}
DIRECTIONS = {"supports_inbound": FLAG, "supports_outbound": FLAG}
NAME = {"type": "string", "minLength": 1, "maxLength": 100}


def done(data):
    """Return the envelope of an action."""
    return closed({"success": {"const": True}, "message": TEXT, "data": data})


def list_of(item, **pagination):
    page = {"next_cursor": null_or(TEXT), "has_more": FLAG, "page_size": COUNT, **pagination}
    return closed(
        {
            "success": {"const": True},
            "data": {"type": "array", "items": item},
            "pagination": closed(page),
        }
    )


def named(enum):
    return {"enum": enum.split()}


SHARED = {
    "phone_number_id": NUMBER_ID,
    "phone_number": E164,
    "provider": named("twilio sip"),
    "status": named("free assigned"),
    **DIRECTIONS,
    "created_at": MOMENT,
}
LISTED = closed({**SHARED, "assigned_agent_id": null_or(AGENT_ID)})
IMPORTED = {
    # For a SIP import it is not documented; the same shape without `integration_id` is ours.
    **closed({**SHARED, "updated_at": MOMENT}, {"integration_id": INTEGRATION_ID}),
    "if": {"properties": {"provider": {"const": "twilio"}}},
    "then": {"required": ["integration_id"]},
}
AGENT_FRAGMENT = closed(
    {
        "agent_id": AGENT_ID,
        "agent_name": TEXT,
        "assigned_phone_number_ids": {"type": "array", "items": NUMBER_ID},
        "updated_at": MOMENT,
    }
)
INTEGRATION = closed(
    {
        "integration_id": INTEGRATION_ID,
        "client_id": {"type": "string", "pattern": "^org_"},
        "name": NAME,
        "provider": {"const": "twilio"},
        "category": {"const": "telephony"},
        "status": {"const": "active"},
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
)
CALL_STATUS = named(
    "queued initiated ringing in-progress in_progress completed busy no-answer failed canceled"
)
PLACED = closed(
    {
        "success": {"const": True},
        "call_sid": CALL_ID,
        "to": E164,
        "from": E164,
        "agent_id": AGENT_ID,
        "call_type": named("twilio sip"),
        "status": CALL_STATUS,
    }
)
CALL_SUMMARY_FIELDS = {
    "call_sid": CALL_ID,
    "to_number": E164,
    "from_number": E164,
    "agent_id": AGENT_ID,
    "agent_name": TEXT,
    "client_id": TEXT,
    "call_type": named("inbound outbound preview"),
    "status": CALL_STATUS,
    "recording_enabled": FLAG,
    "total_cost": {"type": "number"},
    "duration_seconds": {"type": "number"},
    "turn_count": COUNT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "start_time": null_or(MOMENT),
    "end_time": null_or(MOMENT),
    "end_reason": null_or(TEXT),
    "billing_status": TEXT,
}
AMOUNT = {"type": "number", "minimum": 0}
EVENT = closed({"type": TEXT, "text": TEXT, "relative_time": AMOUNT, "metadata": ANYTHING})
TURN = closed(
    {
        "turn_number": COUNT,
        "relative_start_time": AMOUNT,
        "relative_end_time": AMOUNT,
        "duration_seconds": AMOUNT,
        "events": {"type": "array", "items": EVENT},
    }
)
# Counts; in recordings they are masked, as all that is called a token.
TOKENS = closed(dict.fromkeys(("total_tokens", "input_tokens", "output_tokens"), ANYTHING))
CALL_DETAIL = closed(
    {
        **CALL_SUMMARY_FIELDS,
        "trace_id": ANYTHING,
        "agent_config": {"type": "object"},
        "transport": named("twilio sip webrtc"),
        "recording_url": null_or({"type": "string", "pattern": "^s3://"}),
        "cost_breakdown": {"type": "object"},
        "usage": closed({"llm": TOKENS}),
        "summary": closed(
            {
                "end_reason": null_or(TEXT),
                "interruptions": COUNT,
                "avg_turn_duration": AMOUNT,
                "total_tokens": ANYTHING,
                "total_characters": COUNT,
            }
        ),
        "errors": closed(
            {"error_count": COUNT, "has_fatal_errors": FLAG, "errors": {"type": "array"}}
        ),
        "turns": {"type": "array", "items": TURN},
        # Which words there are for a speaker is not documented.
        "transcript": {"type": "array", "items": closed({"speaker": TEXT, "text": TEXT})},
    }
)
ACTIVE_AGENT = closed(
    {
        "agent_id": AGENT_ID,
        "agent_name": TEXT,
        "total_calls": COUNT,
        "total_cost_credits": AMOUNT,
        "avg_duration_seconds": AMOUNT,
    }
)
# One sample of an error is printed, in FastAPI's style; the rest of that style is assumed.
PROBLEM = closed({"loc": {"type": "array"}, "msg": TEXT, "type": TEXT})
ERROR = closed({"detail": {"anyOf": [TEXT, {"type": "array", "items": PROBLEM}]}})
RESPONSES = {
    "GET /api/phone-numbers": list_of(LISTED, total_count=COUNT),
    "POST /api/phone-numbers": done(IMPORTED),
    "POST /api/agents/{}/assign-phone-number": done(AGENT_FRAGMENT),
    "POST /api/agents/{}/unassign-phone-number/{}": done(AGENT_FRAGMENT),
    "POST /api/integrations": done(INTEGRATION),
    "PUT /api/integrations/{}": done(INTEGRATION),
    "DELETE /api/integrations/{}": done(INTEGRATION),
    "POST /api/make-call": PLACED,
    "GET /api/calls": list_of(closed(CALL_SUMMARY_FIELDS)),
    "GET /api/calls/{}": closed({"success": {"const": True}, "data": CALL_DETAIL}),
    # Not JSON, but a sound file.
    "GET /api/calls/{}/recording/download": None,
    "GET /api/analytics/agents": closed(
        {
            "success": {"const": True},
            "data": closed(
                {"period": ANYTHING, "agents": {"type": "array", "items": ACTIVE_AGENT}}
            ),
        }
    ),
}


@pytest.fixture
def send(telephony_sandbox):
    """Another client than ours, sending what the documentation shows; checks what comes back."""
    settings = telephony_sandbox.settings("butter")
    headers = {
        "X-API-Key": settings["api_key"],
        "X-Organization-Id": settings["organization_id"],
    }
    with httpx.Client(base_url=settings["base_url"], headers=headers) as client:

        def exchange(method, path, body=None):
            response = client.request(method, path, json=body)
            if not response.is_success:
                conforms(response.json(), ERROR)
                return response
            conforms(response.json(), RESPONSES[route_of(RESPONSES, method, path.split("?")[0])])
            return response

        yield exchange


def test_the_sandbox_responds_to_the_documented_examples_as_documented(send, telephony_sandbox):
    twilio = {
        "provider": "twilio",
        "account_sid": "AC" + "0f" * 16,
        "auth_token": "not-a-real-token",
    }
    linked = send("POST", "/api/integrations", {"name": "EU Twilio", "credentials": twilio})
    integration = linked.json()["data"]["integration_id"]
    send("PUT", f"/api/integrations/{integration}", {"name": "Lines", "credentials": twilio})
    imported = send(
        "POST",
        "/api/phone-numbers",
        {
            "phone_number": "+442079460123",
            "provider": "twilio",
            "supports_inbound": True,
            "supports_outbound": True,
            "integration_id": integration,
        },
    ).json()
    assert imported["message"] == "Phone number imported successfully with twilio"
    number = imported["data"]["phone_number_id"]
    sip = {
        "phone_number": "+14085550177",
        "provider": "sip",
        "supports_inbound": True,
        "supports_outbound": True,
        "sip_trunk_name": "hq-trunk",
        "sip_server_address": "sip.carrier.example",
        "sip_username": "hq",
        "sip_password": "not-a-real-secret",
        "media_encryption": "require",
    }
    send("POST", "/api/phone-numbers", sip)
    free = send("GET", "/api/phone-numbers?status=free").json()
    assert free["pagination"] == {
        "next_cursor": None,
        "has_more": False,
        "page_size": 2,
        "total_count": 2,
    }
    given = send("POST", f"/api/agents/{AGENT}/assign-phone-number", {"phone_number_id": number})
    assert given.json()["data"]["assigned_phone_number_ids"] == [number]
    held = send("GET", "/api/phone-numbers?status=assigned").json()["data"]
    assert [(n["phone_number_id"], n["assigned_agent_id"]) for n in held] == [(number, AGENT)]
    call = {"call_to": CALLEE, "call_from": NUMBER, "agent_id": AGENT}
    placed = send("POST", "/api/make-call", {**call, "prompt_variables": {"first_name": "Mina"}})
    send("POST", "/api/make-call", call)
    sid = placed.json()["call_sid"]
    assert send("GET", f"/api/calls/{sid}").json()["data"]["transcript"] == []
    telephony_sandbox.advance("butter", 3600)
    ended = send("GET", f"/api/calls/{sid}").json()["data"]
    assert (ended["status"], len(ended["transcript"])) == ("completed", 3)
    agents = send("GET", "/api/analytics/agents?limit=50").json()["data"]["agents"]
    assert [(agent["agent_id"], agent["total_calls"]) for agent in agents] == [(AGENT, 2)]
    first = send("GET", "/api/calls?limit=1").json()["pagination"]
    assert first["has_more"]
    last = send("GET", f"/api/calls?limit=1&cursor={first['next_cursor']}").json()
    assert last["data"][0]["call_sid"] == sid
    assert send("DELETE", f"/api/integrations/{integration}").json() == {
        "detail": "Integration is still used by: ['+442079460123']"
    }
    freed = send("POST", f"/api/agents/{AGENT}/unassign-phone-number/{number}").json()
    assert freed["data"]["assigned_phone_number_ids"] == []
    spare = send("POST", "/api/integrations", {"name": "Spare", "credentials": twilio}).json()
    send("DELETE", f"/api/integrations/{spare['data']['integration_id']}")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/phone-numbers", {"provider": "sip"}, 400),
        ("POST", "/api/phone-numbers", {"phone_number": NUMBER, "provider": "smoke"}, 400),
        ("POST", "/api/phone-numbers", {"phone_number": NUMBER, "provider": "twilio"}, 400),
        (
            "POST",
            "/api/phone-numbers",
            {"phone_number": NUMBER, "provider": "sip", "supports_outbound": True},
            400,
        ),
        (
            "POST",
            "/api/phone-numbers",
            {"phone_number": NUMBER, "provider": "sip", "inbound_pin": "123"},
            422,
        ),
        (
            "POST",
            "/api/phone-numbers",
            {"phone_number": NUMBER, "provider": "twilio", "integration_id": "intg_0"},
            404,
        ),
        ("POST", f"/api/agents/{AGENT}/assign-phone-number", {"phone_number_id": "phon_0"}, 404),
        ("POST", f"/api/agents/{AGENT}/assign-phone-number", {}, 422),
        ("POST", "/api/agents/agent_0/assign-phone-number", {"phone_number_id": "phon_0"}, 404),
        ("POST", f"/api/agents/{AGENT}/unassign-phone-number/phon_0", None, 400),
        ("POST", "/api/agents/agent_0/unassign-phone-number/phon_0", None, 404),
        ("POST", "/api/integrations", {"name": ""}, 422),
        ("PUT", "/api/integrations/intg_0", {}, 404),
        ("DELETE", "/api/integrations/intg_0", None, 404),
        ("GET", "/api/phone-numbers?status=lost", None, 422),
        ("GET", "/api/phone-numbers?cursor=x", None, 422),
        ("GET", "/api/calls?limit=101", None, 422),
        ("GET", "/api/calls/call_0", None, 404),
        ("GET", "/api/calls/call_0/recording/download", None, 404),
        ("GET", "/api/analytics/agents?limit=51", None, 422),
    ],
)
def test_the_sandbox_refuses_as_documented(send, method, path, body, status):
    assert send(method, path, body).status_code == status
