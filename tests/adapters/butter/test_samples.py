"""Every sample that Butter AI's pages print: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import LinkedCarrier, SipTrunk, TwilioAccount

NUMBERS, LINKS = "/api/phone-numbers", "/api/integrations"

TWILIO_IMPORT = """
{"phone_number": "+15551234567", "provider": "twilio", "supports_inbound": true,
 "supports_outbound": true, "integration_id": "intg_a1b2c3d4e5f6"}
"""
SIP_IMPORT = """
{"phone_number": "+15559876543", "provider": "sip", "supports_inbound": true,
 "supports_outbound": true, "sip_trunk_name": "my-trunk", "sip_server_address": "sip.example.com",
 "sip_username": "user", "sip_password": "pass", "media_encryption": "require"}
"""
IMPORTED = """
{"success": true, "message": "Phone number imported successfully with twilio",
 "data": {"phone_number_id": "phon_a1b2c3d4e5f6", "phone_number": "+15551234567",
  "provider": "twilio", "status": "free", "supports_inbound": true, "supports_outbound": true,
  "integration_id": "intg_a1b2c3d4e5f6", "created_at": "2024-01-15T10:30:00Z",
  "updated_at": "2024-01-15T10:30:00Z"}}
"""
LINKED = """
{"success": true, "message": "Integration created successfully",
 "data": {"integration_id": "intg_0a9b8c7d6e5f", "client_id": "org_77ab19", "name": "EU Twilio",
  "provider": "twilio", "category": "telephony", "status": "active",
  "created_at": "2026-05-04T08:00:00Z", "updated_at": "2026-05-04T08:00:00Z"}}
"""
LIST = """
{"success": true, "data": [{"phone_number_id": "phon_1f2e3d4c5b6a", "phone_number": "+442079460123",
   "provider": "twilio", "status": "free", "supports_inbound": true, "supports_outbound": true,
   "assigned_agent_id": null, "created_at": "2026-05-04T08:02:11Z"}],
 "pagination": {"next_cursor": null, "has_more": false, "page_size": 1, "total_count": 1}}
"""
ASSIGNED = """
{"success": true, "message": "Phone number assigned successfully",
 "data": {"agent_id": "agent_aa11bb22cc33", "agent_name": "Reception",
  "assigned_phone_number_ids": ["phon_1f2e3d4c5b6a"], "updated_at": "2026-05-04T08:05:00Z"}}
"""
UNASSIGNED = """
{"success": true, "message": "Phone number unassigned successfully",
 "data": {"agent_id": "agent_aa11bb22cc33", "agent_name": "Reception",
  "assigned_phone_number_ids": [], "updated_at": "2026-05-04T09:00:00Z"}}
"""
CALL = """
{"success": true, "call_sid": "call_9d8c7b6a5f4e", "to": "+447700900456", "from": "+442079460123",
 "agent_id": "agent_aa11bb22cc33", "call_type": "twilio", "status": "initiated"}
"""
IN_USE = """
{"detail": "Integration is still used by: ['+442079460123']"}
"""

AGENT, NUMBER, CALLEE = "agent_aa11bb22cc33", "+442079460123", "+447700900456"
ASSIGN = f"POST /api/agents/{AGENT}/assign-phone-number"
UNASSIGN = f"POST /api/agents/{AGENT}/unassign-phone-number/phon_1f2e3d4c5b6a"
ACCOUNT = TwilioAccount("AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", auth_token="not-a-real-token")
TRUNK = SipTrunk(
    "sip.example.com",
    username="user",
    password="pass",
    media_encryption="required",
    name="my-trunk",
)


@pytest.fixture
def provider(vendor_server):
    settings = {
        "api_key": "bk_live_0000000000000000",
        "organization_id": "org_77ab19",
        "base_url": vendor_server.url,
        "requests_per_second": 10_000,
    }
    with telephony.connect("butter", **settings) as connected:
        yield connected


def body(response):
    return json.loads(response)


def listed(**changes):
    page = body(LIST)
    page["data"][0] |= changes
    return page


@pytest.mark.parametrize(
    ("source", "request_"),
    [(LinkedCarrier("intg_a1b2c3d4e5f6"), TWILIO_IMPORT), (TRUNK, SIP_IMPORT)],
    ids=["twilio", "sip"],
)
def test_the_import_is_sent_and_read_as_printed(provider, vendor_server, source, request_):
    vendor_server.responses = {f"POST {NUMBERS}": (201, body(IMPORTED))}

    number = provider.import_number(body(request_)["phone_number"], source=source)

    (sent,) = vendor_server.requests
    assert sent.json == body(request_)
    assert sent.headers["x-api-key"] == "bk_live_0000000000000000"
    assert sent.headers["x-organization-id"] == "org_77ab19"
    assert (number.id, number.number) == ("phon_a1b2c3d4e5f6", "+15551234567")
    assert (number.carrier.kind, number.carrier.id) == ("twilio", "intg_a1b2c3d4e5f6")
    assert number.created_at.isoformat() == "2024-01-15T10:30:00+00:00"
    assert (number.assignment, number.notices) == (None, ())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, telephony.InvalidRequestError),
        (403, telephony.PermissionDeniedError),
        (404, telephony.NotFoundError),
        (409, telephony.ConflictError),
    ],
)
def test_the_printed_refusals_of_an_import_have_names(provider, vendor_server, status, kind):
    vendor_server.responses = {f"POST {NUMBERS}": (status, {"detail": "No"})}

    with pytest.raises(kind, match="No"):
        provider.import_number(NUMBER, source=TRUNK)


def test_the_list_is_read_as_printed(provider, vendor_server):
    vendor_server.responses = {f"GET {NUMBERS}": (200, body(LIST))}

    (number,) = provider.list_numbers()

    assert (number.id, number.number) == ("phon_1f2e3d4c5b6a", NUMBER)
    assert number.status is telephony.NumberStatus.ACTIVE
    assert (number.carrier.kind, number.assignment) == ("twilio", None)


def test_assigning_and_unassigning_are_sent_and_read_as_printed(provider, vendor_server):
    vendor_server.responses = {f"GET {NUMBERS}": (200, body(LIST)), ASSIGN: (200, body(ASSIGNED))}
    assigned = provider.assign_number(NUMBER, AGENT)
    held = listed(status="assigned", assigned_agent_id=AGENT)
    vendor_server.responses = {f"GET {NUMBERS}": (200, held), UNASSIGN: (200, body(UNASSIGNED))}
    freed = provider.unassign_number(NUMBER)

    posts = [sent for sent in vendor_server.requests if sent.method == "POST"]
    assert [post.json for post in posts] == [{"phone_number_id": "phon_1f2e3d4c5b6a"}, None]
    assert assigned.assignment == telephony.Agent(AGENT, "Reception")
    assert (freed.assignment, freed.replaced.id) == (None, AGENT)


def test_links_are_sent_and_read_as_printed(provider, vendor_server):
    route = f"{LINKS}/intg_0a9b8c7d6e5f"
    vendor_server.responses = {
        f"POST {LINKS}": (201, body(LINKED)),
        f"PUT {route}": (200, body(LINKED)),
        f"DELETE {route}": (409, body(IN_USE)),
    }

    linked = provider.link_carrier(ACCOUNT, label="EU Twilio")
    rotated = provider.rotate_carrier(linked, ACCOUNT)
    with pytest.raises(telephony.ConflictError, match="still used by: 1 number"):
        provider.unlink_carrier(linked)

    credentials = {
        "provider": "twilio",
        "account_sid": "AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "auth_token": "not-a-real-token",
    }
    assert vendor_server.requests[0].json == {"name": "EU Twilio", "credentials": credentials}
    assert (linked.id, linked.label) == ("intg_0a9b8c7d6e5f", "EU Twilio")
    assert rotated.id == linked.id


def test_the_call_is_sent_and_read_as_printed(provider, vendor_server):
    vendor_server.responses = {
        f"GET {NUMBERS}": (200, body(LIST)),
        "POST /api/make-call": (200, body(CALL)),
    }

    call = provider.place_call(
        NUMBER, CALLEE, agent=AGENT, options={"prompt_variables": {"first_name": "Mina"}}
    )

    assert vendor_server.requests[-1].json == {
        "call_to": "+447700900456",
        "call_from": "+442079460123",
        "agent_id": "agent_aa11bb22cc33",
        "prompt_variables": {"first_name": "Mina"},
    }
    assert (call.id, call.sender, call.recipient) == ("call_9d8c7b6a5f4e", NUMBER, CALLEE)
    assert (call.agent, call.status) == (AGENT, telephony.CallStatus.QUEUED)


# --- Spoiled, one field at a time ----------------------------------------------------------------


def test_an_import_returns_its_number_whatever_else_the_response_holds(
    provider, vendor_server, mutations
):
    required = {"data", "data.phone_number_id", "data.phone_number"}
    for what, odd in mutations(body(IMPORTED), required=required):
        vendor_server.responses = {f"POST {NUMBERS}": (201, odd)}
        number = provider.import_number("+15551234567", source=TRUNK)
        assert number.id == "phon_a1b2c3d4e5f6", what


def test_numbers_are_listed_and_found_whatever_else_the_response_holds(
    provider, vendor_server, mutations
):
    sample = body(LIST)
    sample["data"] = [None, {**sample["data"][0], "phone_number_id": "phon_0"}, *sample["data"]]
    sample["data"][1]["phone_number"] = "+442079460199"
    required = {"data", "data.2.phone_number_id", "data.2.phone_number"}
    for what, odd in mutations(sample, required=required):
        vendor_server.responses = {f"GET {NUMBERS}": (200, odd)}
        assert provider.get_number(NUMBER).id == "phon_1f2e3d4c5b6a", what


def test_assignments_are_done_whatever_the_response_says_about_the_agent(
    provider, vendor_server, mutations
):
    held = listed(status="assigned", assigned_agent_id=AGENT)
    for what, odd in mutations(body(ASSIGNED), required={"data"}):
        vendor_server.responses = {f"GET {NUMBERS}": (200, body(LIST)), ASSIGN: (200, odd)}
        assert provider.assign_number(NUMBER, AGENT).assignment.id == AGENT, what
        vendor_server.responses = {f"GET {NUMBERS}": (200, held), UNASSIGN: (200, odd)}
        assert provider.unassign_number(NUMBER).assignment is None, what


def test_links_return_their_id_whatever_else_the_response_holds(provider, vendor_server, mutations):
    route = f"{LINKS}/intg_0a9b8c7d6e5f"
    for what, odd in mutations(body(LINKED), required={"data", "data.integration_id"}):
        vendor_server.responses = {f"POST {LINKS}": (201, odd)}
        assert provider.link_carrier(ACCOUNT).id == "intg_0a9b8c7d6e5f", what
    for what, odd in mutations(body(LINKED), required={"data", "data.integration_id"}):
        vendor_server.responses = {f"PUT {route}": (200, odd), f"DELETE {route}": (200, odd)}
        assert provider.rotate_carrier("intg_0a9b8c7d6e5f", ACCOUNT).kind, what
        assert provider.unlink_carrier("intg_0a9b8c7d6e5f").kind, what


def test_a_rotated_link_keeps_its_id_when_the_response_names_none(provider, vendor_server):
    vendor_server.responses = {
        f"PUT {LINKS}/intg_1": (200, {"success": True, "data": {"name": "x"}})
    }

    assert provider.rotate_carrier("intg_1", ACCOUNT).id == "intg_1"


def test_a_placed_call_returns_its_id_whatever_else_the_response_holds(
    provider, vendor_server, mutations
):
    for what, odd in mutations(body(CALL), required={"call_sid"}):
        vendor_server.responses = {
            f"GET {NUMBERS}": (200, body(LIST)),
            "POST /api/make-call": (200, odd),
        }
        call = provider.place_call(NUMBER, CALLEE, agent=AGENT)
        assert (call.id, call.agent is not None) == ("call_9d8c7b6a5f4e", True), what


@pytest.mark.parametrize("beside", ["data", "call"])
@pytest.mark.parametrize("odd", [None, {}, [], "", 0])
def test_an_empty_envelope_hides_no_call(provider, vendor_server, beside, odd):
    vendor_server.responses = {
        f"GET {NUMBERS}": (200, body(LIST)),
        "POST /api/make-call": (200, body(CALL) | {beside: odd}),
    }

    assert provider.place_call(NUMBER, CALLEE, agent=AGENT).id == "call_9d8c7b6a5f4e"


@pytest.mark.parametrize(
    ("response", "missing"),
    [
        ({"data": {"phone_number": NUMBER}}, "phone_number_id: missing"),
        ({"data": {"phone_number_id": "", "phone_number": NUMBER}}, "phone_number_id: missing"),
        ({"data": {"phone_number_id": "phon_1"}}, "phone_number: missing"),
        ({"data": None}, "usable phone_number"),
        ({"success": True}, "usable phone_number"),
    ],
)
def test_what_makes_a_response_unusable_is_named(provider, vendor_server, response, missing):
    vendor_server.responses = {f"POST {NUMBERS}": (201, response)}

    with pytest.raises(telephony.OutcomeUnknownError, match=missing):
        provider.import_number(NUMBER, source=TRUNK)


def test_a_row_without_an_id_is_left_out_and_logged(provider, vendor_server, caplog):
    page = body(LIST)
    page["data"].append({"phone_number": "+442079460199"})
    page["data"].append({"phone_number": "+442079460198", "id": "phon_2"})
    vendor_server.responses = {f"GET {NUMBERS}": (200, page)}

    assert [number.id for number in provider.list_numbers()] == ["phon_1f2e3d4c5b6a", "phon_2"]
    (record,) = caplog.records
    assert "1 of 3 rows left out: no usable phone_number_id: missing" in record.getMessage()


def test_a_secret_is_taken_out_however_its_key_is_written(provider, vendor_server):
    row = '{"phone_number_id": "p", "phone_number": "+442079460123", "p\\u0061ssword": "s3cret"}'
    content = f'{{"success": true, "data": [{row}]}}'.encode()
    vendor_server.responses = {f"GET {NUMBERS}": (200, content)}

    (number,) = provider.list_numbers()

    assert number.raw == {"phone_number_id": "p", "phone_number": "+442079460123"}


def test_dates_in_other_forms_are_read(provider, vendor_server):
    internet, epoch = "Mon, 15 Jan 2024 10:30:00 GMT", 1_705_314_600
    vendor_server.responses = {
        f"POST {NUMBERS}": (
            201,
            {
                "data": {
                    "phone_number_id": 17,
                    "phone_number": NUMBER,
                    "created_at": internet,
                    "updated_at": epoch,
                }
            },
        )
    }

    number = provider.import_number(NUMBER, source=TRUNK)

    assert number.id == "17"
    assert number.created_at == number.updated_at
    assert number.created_at.isoformat() == "2024-01-15T10:30:00+00:00"


def test_a_lost_import_is_found_though_the_list_shows_less(provider, vendor_server):
    """What the list leaves out or shows as null says nothing against it."""
    page = listed(supports_inbound=None, supports_outbound=None)
    vendor_server.responses = {f"POST {NUMBERS}": (502, {}), f"GET {NUMBERS}": (200, page)}

    assert provider.import_number(NUMBER, source=LinkedCarrier("intg_1")).id == "phon_1f2e3d4c5b6a"


def test_a_408_is_no_proof_that_nothing_was_done(provider, vendor_server):
    """A gateway gave up on a request that Butter AI finished."""
    vendor_server.responses = {
        f"GET {NUMBERS}": (200, body(LIST)),
        f"POST {NUMBERS}": (408, {}),
        f"POST {LINKS}": (408, {}),
        "POST /api/make-call": (408, {}),
    }

    imported = provider.import_number(NUMBER, source=LinkedCarrier("intg_1"))
    with pytest.raises(telephony.OutcomeUnknownError, match="dashboard"):
        provider.link_carrier(ACCOUNT)
    with pytest.raises(telephony.OutcomeUnknownError):
        provider.place_call(NUMBER, CALLEE, agent=AGENT)

    assert imported.id == "phon_1f2e3d4c5b6a"
    assert [sent.method for sent in vendor_server.requests].count("POST") == 3
