"""Our requests, against Butter AI's documented bodies written out as JSON Schema.

There is no official SDK and no published OpenAPI document to compare with. The schemas are strict:
a field that the documentation does not name fails.
"""

from __future__ import annotations

from telephony import LinkedCarrier, SipTrunk, TwilioAccount

from ..contract import E164, closed, conforms, route_of

AGENT, OTHER = "agent_aa11bb22cc33", "agent_dd44ee55ff66"
NUMBER, CALLEE = "+442079460123", "+447700900456"
ACCOUNT = TwilioAccount("AC" + "0f" * 16, auth_token="t0ken-of-twilio")

TEXT = {"type": "string", "minLength": 1}
FLAG = {"type": "boolean"}
NUMBER_ID = {"type": "string", "pattern": "^phon_[a-f0-9]{12,}$"}
AGENT_ID = {"type": "string", "pattern": "^agent_[a-f0-9]{12,}$"}
INTEGRATION_ID = {"type": "string", "pattern": "^intg_[a-f0-9]{12}$"}


def named(enum):
    return {"enum": enum.split()}


DIRECTIONS = {"supports_inbound": FLAG, "supports_outbound": FLAG}
CREDENTIALS = closed(
    {
        "provider": {"const": "twilio"},
        "account_sid": {"type": "string", "pattern": "^AC[0-9a-f]{32}$"},
        "auth_token": TEXT,
    }
)
NAME = {"type": "string", "minLength": 1, "maxLength": 100}
IMPORT_TWILIO = closed(
    {
        "phone_number": E164,
        "provider": {"const": "twilio"},
        "integration_id": INTEGRATION_ID,
        # Optional at the vendor, where both are false by default, so ours to send always.
        **DIRECTIONS,
    }
)
IMPORT_SIP = {
    **closed(
        {"phone_number": E164, "provider": {"const": "sip"}, **DIRECTIONS},
        {
            "sip_trunk_name": TEXT,
            "sip_username": TEXT,
            "sip_password": TEXT,
            "sip_server_address": TEXT,
            "inbound_room_name": TEXT,
            "inbound_pin": {"type": "string", "minLength": 4, "maxLength": 10},
            "media_encryption": named("disable allow require"),
        },
    ),
    "if": {"properties": {"supports_outbound": {"const": True}}},
    "then": {"required": ["sip_server_address"]},
}
CALL = closed(
    {"call_to": E164, "call_from": E164, "agent_id": AGENT_ID},
    {"prompt_variables": {"type": "object"}},
)

# What each route takes; None: nothing.
BODIES = {
    "GET /api/phone-numbers": None,
    "POST /api/phone-numbers": {"oneOf": [IMPORT_TWILIO, IMPORT_SIP]},
    "POST /api/agents/{}/assign-phone-number": closed({"phone_number_id": NUMBER_ID}),
    "POST /api/agents/{}/unassign-phone-number/{}": None,
    "POST /api/integrations": closed({"name": NAME, "credentials": CREDENTIALS}),
    "PUT /api/integrations/{}": closed({}, {"name": NAME, "credentials": CREDENTIALS}),
    "DELETE /api/integrations/{}": None,
    "POST /api/make-call": CALL,
    "GET /api/calls": None,
    "GET /api/calls/{}": None,
    "GET /api/calls/{}/recording/download": None,
    "GET /api/analytics/agents": None,
}
# The parameters of paging are not documented for numbers; `cursor` follows the calls' page.
QUERIES = {
    "GET /api/phone-numbers": {"status", "cursor"},
    "GET /api/calls": {"limit", "cursor"},
    "GET /api/analytics/agents": {"limit"},
}


def everything(provider, advance):
    """Every operation that reaches the vendor, with every argument that has a field."""
    linked = provider.link_carrier(ACCOUNT, label="EU lines")
    unnamed = provider.link_carrier(ACCOUNT)
    provider.rotate_carrier(linked, ACCOUNT)
    provider.import_number(NUMBER, source=LinkedCarrier(linked.id), assign_to=AGENT)
    provider.import_number("+442079460124", source=SipTrunk(), outbound=False)
    full = SipTrunk(
        "sip.carrier.example",
        username="hq",
        password="p4ss-of-trunk",
        media_encryption="required",
        pin="4711",
    )
    provider.import_number(
        "+442079460125",
        source=full,
        inbound=False,
        options={"sip_trunk_name": "hq-trunk", "inbound_room_name": "hall"},
    )
    assert len(list(provider.list_numbers())) == 3
    provider.get_number(NUMBER)
    provider.assign_number(NUMBER, OTHER)
    call = provider.place_call(NUMBER, CALLEE)
    provider.place_call(NUMBER, CALLEE, agent=AGENT, options={"prompt_variables": {"name": "Mina"}})
    advance(3600)
    assert len(list(provider.list_calls(NUMBER, after=provider.get_call(call).started_at))) == 2
    assert len(list(provider.list_calls(limit=1))) == 1
    provider.get_call(call)
    provider.get_transcript(call)
    provider.get_recording(call)
    assert {target.id for target in provider.list_targets()} == {AGENT, OTHER}
    provider.unassign_number(NUMBER)
    provider.unlink_carrier(unnamed)


def test_every_request_is_a_documented_one(telephony_connect, telephony_sandbox):
    telephony_sandbox.vendors["butter"].account.page_size = 2
    everything(telephony_connect("butter"), telephony_sandbox.vendors["butter"].advance)

    used = set()
    for request in telephony_sandbox.requests("butter"):
        name = route_of(BODIES, request.method, request.path.removeprefix("/butter"))
        used.add(name)
        assert {key for key, _ in request.query} <= QUERIES.get(name, set())
        if BODIES[name] is None:
            assert request.content == b""
        else:
            assert request.headers["content-type"] == "application/json"
            conforms(request.json(), BODIES[name])
    assert used == set(BODIES)
