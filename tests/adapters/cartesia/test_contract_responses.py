"""The sandbox's responses against Cartesia's published schema (version 2026-03-01).

Written out from the OpenAPI document of docs.cartesia.ai. Cartesia may add fields to its responses
within a version; the sandbox must not need to.
"""

from __future__ import annotations

import httpx
import pytest

from ..contract import E164, MOMENT, closed, conforms, null_or, route_of

AGENT = "agent_reception"
SECRETS = {"api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s3cret-of-twilio"}
SID = "AC" + "0f" * 16

TEXT = {"type": "string"}
SOME_TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
REGION = {"enum": ["us1", "ie1", "au1"]}
MEDIA_ENCRYPTION = {"enum": ["disabled", "allowed", "required"]}
TRANSPORT = {"enum": ["tcp", "tls"]}
COUNTRY = {"type": "string", "pattern": "^[A-Z]{2}$"}


TWILIO = closed(
    {
        "type": {"const": "twilio"},
        "id": SOME_TEXT,
        "account_sid": TEXT,
        # Partly masked.
        "api_key_sid": {"type": "string", "pattern": r"\*"},
        "region": REGION,
    },
    {"label": SOME_TEXT},
)
SIP = closed(
    {"type": {"const": "sip_trunk"}, "id": SOME_TEXT},
    {
        "label": SOME_TEXT,
        "inbound": closed(
            {
                "allowed_addresses": TEXTS,
                "allowed_numbers": TEXTS,
                "auth_username": TEXT,
                "media_encryption": MEDIA_ENCRYPTION,
            }
        ),
        "outbound": closed(
            {
                "address": TEXT,
                "transport": TRANSPORT,
                "media_encryption": MEDIA_ENCRYPTION,
                "auth_username": TEXT,
            },
            {"destination_country": {"anyOf": [COUNTRY, {"const": ""}]}},
        ),
    },
)
# Inside a number a trunk shows neither side.
SIP_OF_NUMBER = closed({"type": {"const": "sip_trunk"}, "id": SOME_TEXT}, {"label": SOME_TEXT})
OWN = closed({"type": {"const": "cartesia"}})
CARRIER = {"oneOf": [TWILIO, SIP]}
NUMBER_FIELDS = {
    "id": SOME_TEXT,
    "number": E164,
    "agent": null_or(closed({"id": TEXT, "name": TEXT})),
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
NUMBER = closed(
    {**NUMBER_FIELDS, "provider": {"oneOf": [TWILIO, SIP_OF_NUMBER, OWN]}},
    {"label": null_or(TEXT)},
)
BOUGHT = closed(NUMBER_FIELDS, {"label": null_or(TEXT)})
PAGE = closed({"data": {"type": "array", "items": NUMBER}, "has_more": {"type": "boolean"}})
CALLS = closed(
    {
        "calls": {
            "type": "array",
            "items": closed(
                {"number": E164}, {"agent_call_id": SOME_TEXT, "error": {"type": "object"}}
            ),
        }
    }
)
SECONDS = {"type": "number"}
TOOL_CALL = closed(
    {"name": TEXT, "arguments": {"type": "object"}}, {"id": TEXT, "result": null_or(TEXT)}
)
TURN = closed(
    {"role": {"enum": ["user", "assistant", "system"]}},
    {
        "text": null_or(TEXT),
        "start_timestamp": SECONDS,
        "end_timestamp": SECONDS,
        "tool_calls": null_or({"type": "array", "items": TOOL_CALL}),
    },
)
LINE = closed(
    {"to": TEXT, "from": TEXT},
    {
        "call_sid": TEXT,
        "direction": TEXT,
        "parameters": {"type": "object"},
        "headers": {"type": "object"},
        "connection_type": TEXT,
    },
)
END_REASON = {
    "enum": [
        "agent_hangup",
        "client_hangup",
        "api_cancelled",
        "max_duration",
        "inactivity",
        "client_disconnected",
        "dial_busy",
        "dial_failed",
        "dial_no_answer",
        "error",
    ]
}
ONE_CALL = closed(
    {
        "id": SOME_TEXT,
        "agent_id": SOME_TEXT,
        "status": {"enum": ["created", "started", "completed", "failed"]},
    },
    {
        "agent_name": null_or(TEXT),
        "start_time": null_or(MOMENT),
        "end_time": null_or(MOMENT),
        "redacted_at": null_or(MOMENT),
        "transcript": null_or({"type": "array", "items": TURN}),
        "telephony_params": null_or(LINE),
        "telephony_account_type": {"enum": ["cartesia", "twilio", "sip_trunk"]},
        "summary": null_or(TEXT),
        "error_message": null_or(TEXT),
        "end_reason": null_or(END_REASON),
        "metadata": null_or({"type": "object"}),
    },
)
MORE = {"has_more": {"type": "boolean"}}
CALL_PAGE = closed(
    {"data": {"type": "array", "items": ONE_CALL}, **MORE}, {"next_page": null_or(TEXT)}
)
SUMMARY = {
    "id": SOME_TEXT,
    "name": TEXT,
    "description": null_or(TEXT),
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
AGENT_PAGE = closed(
    {"data": {"type": "array", "items": closed(SUMMARY, {"version_id": TEXT})}, **MORE},
    {"next_page": null_or(TEXT)},
)
# With further fields, which the vendor's SDK checks.
AGENTS = closed({"summaries": {"type": "array", "items": {"required": [*SUMMARY]}}})
ERROR = closed(
    {"error_code": null_or(TEXT), "title": TEXT, "message": TEXT, "request_id": UUID},
    {"doc_url": TEXT},
)
# The status and the body of each response; None: it is empty.
RESPONSES = {
    "GET /agents/phone-numbers": (200, PAGE),
    "POST /agents/phone-numbers": (201, NUMBER),
    "POST /agents/phone-numbers/provision": (201, BOUGHT),
    "GET /agents/phone-numbers/providers": (200, {"type": "array", "items": CARRIER}),
    "POST /agents/phone-numbers/providers": (201, CARRIER),
    "GET /agents/phone-numbers/providers/{}": (200, CARRIER),
    "PATCH /agents/phone-numbers/providers/{}": (200, CARRIER),
    "DELETE /agents/phone-numbers/providers/{}": (204, None),
    "GET /agents/phone-numbers/{}": (200, NUMBER),
    "PATCH /agents/phone-numbers/{}": (200, NUMBER),
    "DELETE /agents/phone-numbers/{}": (204, None),
    "POST /agents/calls": (200, CALLS),
    "GET /agents/calls": (200, CALL_PAGE),
    "GET /agents/calls/{}": (200, ONE_CALL),
    "POST /agents/calls/{}/cancel": (200, closed({"cancelled": {"const": True}})),
    # A sound, which no schema describes.
    "GET /agents/calls/{}/audio": (200, {}),
    "GET /agents": (200, AGENTS),
    "GET /v1/agents": (200, AGENT_PAGE),
}


@pytest.fixture
def send(telephony_sandbox):
    """Another client than ours, sending what the documentation shows; checks what comes back."""
    settings = telephony_sandbox.settings("cartesia")
    headers = {
        "Authorization": f"Bearer {settings['api_key']}",
        "Cartesia-Version": "2026-03-01",
    }
    with httpx.Client(base_url=settings["base_url"], headers=headers) as client:

        def exchange(method, path, body=None, **headers):
            response = client.request(method, path, json=body, headers=headers)
            status, schema = RESPONSES[route_of(RESPONSES, method, path.partition("?")[0])]
            if not response.is_success:
                conforms(response.json(), ERROR)
                return response
            assert response.status_code == status
            if schema is None:
                assert response.content == b""
            elif response.headers["content-type"] == "audio/wav":
                assert response.content.startswith(b"RIFF")
            else:
                conforms(response.json(), schema)
            return response

        yield exchange


NUMBERS, CARRIERS = "/agents/phone-numbers", "/agents/phone-numbers/providers"


def test_the_sandbox_serves_carriers_as_documented(send):
    twilio = {"type": "twilio", "account_sid": SID, **SECRETS, "region": "ie1", "label": "EU lines"}
    linked = send("POST", CARRIERS, twilio).json()
    plain = {"type": "twilio", "account_sid": SID, **SECRETS}
    assert send("POST", CARRIERS, plain).json()["region"] == "us1"
    outbound = {"address": "sip.example.com", "transport": "tls"}
    trunk = {"type": "sip_trunk", "label": "HQ", "outbound": outbound}
    made = send("POST", CARRIERS, trunk).json()
    assert made["outbound"]["media_encryption"] == "disabled"
    inbound = {"credentials": {"username": "in", "password": "1n-pass"}}
    open_trunk = {"type": "sip_trunk", "label": "In", "inbound": inbound}
    assert send("POST", CARRIERS, open_trunk).json()["inbound"]["media_encryption"] == "allowed"
    assert len(send("GET", CARRIERS).json()) == 4
    assert len(send("GET", f"{CARRIERS}?type=twilio&account_sid={SID}").json()) == 2
    assert send("GET", f"{CARRIERS}/{linked['id']}").json() == linked
    send("PATCH", f"{CARRIERS}/{linked['id']}", {"type": "twilio", **SECRETS})
    send("PATCH", f"{CARRIERS}/{made['id']}", {"type": "sip_trunk", "label": "Main"})
    send("DELETE", f"{CARRIERS}/{linked['id']}")


def test_the_sandbox_serves_numbers_as_documented(send):
    twilio = {"type": "twilio", "account_sid": SID, **SECRETS}
    linked = send("POST", CARRIERS, twilio).json()["id"]
    inbound = {"allowed_addresses": ["192.0.2.1"]}
    trunk = {"type": "sip_trunk", "label": "HQ", "inbound": inbound}
    hq = send("POST", CARRIERS, trunk).json()["id"]
    desk = {"label": "Desk", "number": "+35315550123", "provider": {"id": linked}}
    desk_id = send("POST", NUMBERS, desk).json()["id"]
    by_account = {"type": "twilio", "account_sid": SID, "region": "us1"}
    send("POST", NUMBERS, {**desk, "number": "+35315550124", "provider": by_account})
    send("POST", NUMBERS, {**desk, "number": "+35315550125", "provider": {"id": hq}})
    bought = send("POST", f"{NUMBERS}/provision", {"label": "Own", "agent_id": AGENT}).json()
    assert bought["agent"]["id"] == AGENT
    first = send("GET", f"{NUMBERS}?limit=3").json()
    assert first["has_more"]
    after = first["data"][-1]["id"]
    rest = send("GET", f"{NUMBERS}?limit=3&starting_after={after}").json()
    assert ([n["id"] for n in rest["data"]], rest["has_more"]) == ([bought["id"]], False)
    (own,) = send("GET", f"{NUMBERS}?type=cartesia").json()["data"]
    assert own["provider"] == {"type": "cartesia"}
    send("GET", f"{NUMBERS}/{bought['id']}")
    changes = {"label": "Front desk", "agent_id": AGENT}
    assert send("PATCH", f"{NUMBERS}/{desk_id}", changes).json()["agent"]["id"] == AGENT
    call = {"agent_id": AGENT, "outbound_calls": [{"to_number": "+353871234567"}]}
    send("POST", "/agents/calls", {"from_number_id": desk_id, **call})
    assert send("PATCH", f"{NUMBERS}/{desk_id}", {"agent_id": None}).json()["agent"] is None
    send("DELETE", f"{NUMBERS}/{desk_id}")


def test_the_sandbox_serves_calls_as_documented(send, telephony_sandbox):
    calls = "/agents/calls"
    own = send("POST", f"{NUMBERS}/provision", {"label": "Own", "agent_id": AGENT}).json()["id"]
    wanted = {"to_number": "+353871234567", "metadata": {"ticket": {"id": 88}}}
    both = {"from_number_id": own, "agent_id": AGENT, "outbound_calls": [wanted, wanted]}
    first, second = (c["agent_call_id"] for c in send("POST", calls, both).json()["calls"])
    assert send("GET", f"{calls}/{first}").json()["metadata"] == wanted["metadata"]
    assert send("POST", f"{calls}/{first}/cancel").status_code == 400
    telephony_sandbox.advance("cartesia", 8)
    assert send("GET", f"{calls}/{first}").json()["status"] == "started"
    send("POST", f"{calls}/{first}/cancel")
    assert send("GET", f"{calls}/{first}").json()["end_reason"] == "api_cancelled"
    assert send("POST", f"{calls}/{first}/cancel").status_code == 400
    assert send("GET", f"{calls}/{second}/audio").status_code == 404
    telephony_sandbox.advance("cartesia", 3600)
    send("GET", f"{calls}/{second}/audio")
    page = send("GET", f"{calls}?agent_id={AGENT}&limit=1").json()
    assert ([one["id"] for one in page["data"]], page["has_more"]) == ([second], True)
    assert "transcript" not in page["data"][0]
    rest = f"{calls}?agent_id={AGENT}&starting_after={second}&expand=transcript"
    (older,) = send("GET", rest).json()["data"]
    assert (older["id"], len(older["transcript"])) == (first, 1)
    since = f"start_time_gte={page['data'][0]['start_time']}"
    assert len(send("GET", f"{calls}?agent_id={AGENT}&{since}").json()["data"]) == 1


def test_the_sandbox_serves_agents_as_documented(send):
    assert len(send("GET", "/agents").json()["summaries"]) == 2
    now = {"Cartesia-Version": "2026-08-14"}
    page = send("GET", "/v1/agents?limit=1", **now).json()
    assert page["has_more"]
    after = page["data"][0]["id"]
    assert not send("GET", f"/v1/agents?limit=1&starting_after={after}", **now).json()["has_more"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", NUMBERS, {"label": "x", "number": "+14155550101"}, 400),
        ("POST", NUMBERS, {"label": "x", "number": "+14155550101", "provider": {"id": "p"}}, 404),
        ("POST", f"{NUMBERS}/provision", {}, 400),
        ("POST", f"{NUMBERS}/provision", {"label": "x", "agent_id": "nobody"}, 404),
        ("GET", f"{NUMBERS}?limit=101", None, 400),
        ("GET", f"{NUMBERS}/pn_0", None, 404),
        ("PATCH", f"{NUMBERS}/pn_0", {"label": "x"}, 404),
        ("DELETE", f"{NUMBERS}/pn_0", None, 404),
        ("POST", CARRIERS, {"type": "sip_trunk", "label": "x"}, 400),
        ("POST", CARRIERS, {"type": "twilio", "account_sid": SID}, 400),
        ("GET", f"{CARRIERS}/prov_0", None, 404),
        ("PATCH", f"{CARRIERS}/prov_0", {"type": "twilio"}, 404),
        ("DELETE", f"{CARRIERS}/prov_0", None, 404),
        ("POST", "/agents/calls", {"from_number_id": "pn_0", "agent_id": AGENT}, 400),
        ("GET", "/agents/calls", None, 400),
        ("GET", "/agents/calls?agent_id=agent_0", None, 404),
        ("GET", f"/agents/calls?agent_id={AGENT}&limit=0", None, 400),
        ("GET", "/agents/calls/ac_0", None, 404),
        ("GET", "/agents/calls/ac_0/audio", None, 404),
        ("POST", "/agents/calls/ac_0/cancel", None, 404),
    ],
)
def test_the_sandbox_refuses_as_documented(send, method, path, body, status):
    assert send(method, path, body).status_code == status


def test_the_sandbox_refuses_what_is_in_use(send):
    twilio = {"type": "twilio", "account_sid": SID, **SECRETS}
    linked = send("POST", CARRIERS, twilio).json()["id"]
    desk = {"label": "Desk", "number": "+35315550123", "provider": {"id": linked}}
    number = send("POST", NUMBERS, {**desk, "agent_id": AGENT}).json()["id"]

    assert send("POST", CARRIERS, twilio).status_code == 409
    assert send("POST", NUMBERS, desk).status_code == 409
    assert send("DELETE", f"{CARRIERS}/{linked}").status_code == 409
    assert send("DELETE", f"{NUMBERS}/{number}").status_code == 400


def test_a_changed_trunk_keeps_what_the_change_leaves_out(send):
    login = {"username": "in", "password": "1n-pass"}
    inbound = {"credentials": login, "allowed_addresses": ["192.0.2.1"]}
    outbound = {"address": "sip.example.com", "transport": "tls"}
    trunk = {"type": "sip_trunk", "label": "HQ", "inbound": inbound, "outbound": outbound}
    made = send("POST", CARRIERS, trunk).json()

    change = {"type": "sip_trunk", "inbound": {"credentials": {"username": "in2"}}}
    changed = send("PATCH", f"{CARRIERS}/{made['id']}", change).json()

    assert changed["outbound"] == made["outbound"]
    assert changed["inbound"] == {**made["inbound"], "auth_username": "in2"}
