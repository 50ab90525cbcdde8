"""Behaviour specific to Butter AI; the conformance suite has the common behaviour."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import Capability, SipTrunk
from telephony.sandbox import Fault

AGENT, OTHER = "agent_aa11bb22cc33", "agent_dd44ee55ff66"
NUMBER, CALLEE = "+442079460123", "+447700900456"
TRUNK = SipTrunk("sip.carrier.example", username="hq", password="p4ss-of-trunk")

LIST = "GET .*/api/phone-numbers$"
CALL = "/make-call$"


@pytest.mark.usefixtures("imported")
def test_the_key_and_the_organization_go_with_every_request(provider, telephony_sandbox):
    provider.assign_number(NUMBER, AGENT)

    for request in telephony_sandbox.requests("butter"):
        assert request.headers["x-api-key"] == "bk_live_sandbox"
        assert request.headers["x-organization-id"] == "org_sandbox"
        assert "authorization" not in request.headers


def test_another_organizations_key_is_refused(telephony_connect):
    provider = telephony_connect("butter", organization_id="org_other")

    with pytest.raises(telephony.PermissionDeniedError, match="another organization"):
        list(provider.list_numbers())


def test_the_settings_are_read_from_the_vendors_environment_names(monkeypatch):
    monkeypatch.setenv("BUTTER_API_KEY", "bk_live_1")
    monkeypatch.setenv("BUTTER_ORGANIZATION_ID", "org_1")

    with telephony.connect("butter") as provider:
        assert provider.adapter.base_url == "https://api.getbutter.ai"
        assert provider.adapter.headers == {"X-API-Key": "bk_live_1", "X-Organization-Id": "org_1"}
        assert "bk_live_1" not in repr(provider)


def test_the_organization_is_needed():
    with pytest.raises(telephony.ConfigurationError, match="BUTTER_ORGANIZATION_ID"):
        telephony.connect("butter", api_key="bk_live_1")


@pytest.mark.parametrize(
    ("capability", "call", "instead"),
    [
        (Capability.SEARCH_NUMBERS, lambda p: p.search_numbers(), "import_number"),
        (Capability.PROVISION_NUMBER, lambda p: p.provision_number(), "import_number"),
        (Capability.UPDATE_NUMBER, lambda p: p.update_number(NUMBER, label="x"), "no label"),
        (Capability.RELEASE_NUMBER, lambda p: p.release_number(NUMBER), "dashboard"),
        (Capability.LIST_MESSAGES, lambda p: list(p.list_messages(NUMBER)), "carrier"),
        (Capability.SEND_MESSAGE, lambda p: p.send_message(NUMBER, CALLEE, "Hi"), "carrier"),
        (Capability.LIST_CARRIERS, lambda p: list(p.list_carriers()), "link_carrier"),
    ],
)
def test_what_butter_does_not_document_is_refused_with_a_way_out(
    provider, telephony_sandbox, capability, call, instead
):
    assert not provider.supports(capability)
    with pytest.raises(telephony.UnsupportedOperationError, match=instead):
        call(provider)

    assert telephony_sandbox.requests("butter") == []


def test_a_label_has_no_place(provider, telephony_sandbox):
    with pytest.raises(telephony.UnsupportedOperationError, match="with a label"):
        provider.import_number(NUMBER, source=TRUNK, label="Desk")

    assert telephony_sandbox.requests("butter") == []


def test_a_number_says_what_butter_says(imported, provider):
    listed = provider.get_number(NUMBER)

    assert listed.id == imported.id
    assert listed.status is telephony.NumberStatus.ACTIVE
    assert listed.channels == {telephony.Channel.VOICE}
    assert (listed.label, listed.country, listed.assignment) == (None, None, None)
    assert listed.carrier.kind == "twilio"
    assert listed.created_at == imported.created_at
    # Only the response to the import shows these.
    assert imported.carrier.id.startswith("intg_")
    assert imported.updated_at is not None
    assert (listed.carrier.id, listed.updated_at) == (None, None)


@pytest.mark.usefixtures("imported")
def test_the_cursor_goes_out_only_when_more_was_promised(provider, vendor, telephony_sandbox):
    for last in range(1, 5):
        provider.import_number(f"+44207946012{last + 3}", source=TRUNK)
    vendor.account.page_size = 2
    before = len(telephony_sandbox.requests("butter"))

    assert len({n.id for n in provider.list_numbers()}) == 5

    queries = [dict(r.query) for r in telephony_sandbox.requests("butter")[before:]]
    assert queries[0] == {}
    assert [set(query) for query in queries[1:]] == [{"cursor"}, {"cursor"}]


def page_of(number_id, cursor, *, more=True):
    data = [{"phone_number_id": number_id, "phone_number": NUMBER, "provider": "sip"}]
    shown = data if number_id else []
    return {"data": shown, "pagination": {"has_more": more, "next_cursor": cursor}}


@pytest.mark.parametrize(
    ("following", "said"), [("c1", "repeats"), (None, "no cursor"), ("", "no cursor")]
)
def test_a_cursor_that_leads_nowhere_is_an_error_and_not_a_loop(provider, vendor, following, said):
    vendor.state.respond(page_of("phon_1", "c1"), page_of("phon_2", following), to=LIST)
    found = provider.list_numbers()

    assert next(found).id == "phon_1"
    with pytest.raises(telephony.InvalidResponseError, match=said):
        list(found)


def test_an_empty_page_with_a_cursor_is_followed(provider, vendor):
    vendor.state.respond(
        page_of("phon_1", "c1"),
        page_of(None, "c2"),
        page_of(None, "c3", more=None),
        page_of("phon_2", "c4", more=False),
        to=LIST,
    )

    assert [number.id for number in provider.list_numbers()] == ["phon_1", "phon_2"]


def test_empty_pages_in_a_circle_come_to_an_end(provider, vendor):
    vendor.state.respond(*[page_of(None, cursor) for cursor in "abcdefabcdefabcdef"], to=LIST)

    with pytest.raises(telephony.InvalidResponseError, match="repeats"):
        list(provider.list_numbers())


def test_a_vendor_that_ignores_the_cursor_is_detected(provider, vendor):
    data = [{"phone_number_id": "phon_1", "phone_number": NUMBER}]
    pages = [{"data": data, "pagination": {"has_more": True, "next_cursor": c}} for c in "abc"]
    vendor.state.respond(*pages, to=LIST)

    with pytest.raises(telephony.InvalidResponseError, match="repeats"):
        list(provider.list_numbers())


def test_a_number_of_an_older_version_or_with_unknown_values_is_read(provider, vendor):
    vendor.state.respond(
        {
            "success": True,
            "phone_numbers": [
                {"id": "phon_1", "phone_number": NUMBER, "provider": "sip", "status": "free"},
                {
                    "phone_number_id": "phon_2",
                    "phone_number": CALLEE,
                    "provider": "carrier-pigeon",
                    "status": "on-hold",
                    "feathers": {"colour": "grey"},
                },
            ],
        },
        to=LIST,
    )

    first, second = provider.list_numbers()

    assert (first.id, first.carrier.kind) == ("phon_1", "sip_trunk")
    assert second.status is telephony.NumberStatus.UNKNOWN
    assert second.raw["status"] == "on-hold"
    assert second.carrier.kind == "carrier-pigeon"


def test_an_error_with_a_status_of_success_is_an_error(provider, vendor):
    vendor.state.respond({"success": False, "message": "Organization is suspended"}, to=LIST)

    with pytest.raises(telephony.InvalidRequestError, match="suspended") as caught:
        list(provider.list_numbers())

    assert caught.value.status == 200


def test_a_call_is_placed_by_numbers_and_not_by_ids(provider, imported, sent):
    call = provider.place_call(
        imported.id, CALLEE, agent=AGENT, options={"prompt_variables": {"first_name": "Mina"}}
    )

    assert sent("POST", "/make-call") == [
        {
            "call_to": CALLEE,
            "call_from": NUMBER,
            "agent_id": AGENT,
            "prompt_variables": {"first_name": "Mina"},
        }
    ]
    assert (call.number, call.sender, call.recipient) == (NUMBER, NUMBER, CALLEE)
    assert (call.agent, call.status) == (AGENT, telephony.CallStatus.QUEUED)
    assert call.raw["call_type"] == "twilio"


def test_an_agent_is_needed_to_call_and_taken_from_the_number(provider, imported):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(imported, CALLEE)
    assert caught.value.argument == "agent"

    provider.assign_number(imported, AGENT)
    assert provider.place_call(imported, CALLEE).agent == AGENT
    assert provider.place_call(imported, CALLEE, agent=OTHER).agent == OTHER


def test_a_call_from_a_number_that_places_none_says_why(provider, linked):
    source = telephony.LinkedCarrier(linked.id)
    number = provider.import_number(NUMBER, source=source, outbound=False)

    with pytest.raises(telephony.InvalidRequestError, match="outbound=True"):
        provider.place_call(number, CALLEE, agent=AGENT)


def test_a_call_by_url_is_not_offered(provider, imported):
    with pytest.raises(telephony.UnsupportedOperationError, match="agent"):
        provider.place_call(imported, CALLEE, url="https://example.com/voice")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("in-progress", "in_progress"),
        ("in_progress", "in_progress"),
        ("no-answer", "no_answer"),
        ("no_answer", "no_answer"),
        ("initiated", "queued"),
        ("calling", "queued"),
        ("ringing", "ringing"),
        ("teleported", "unknown"),
    ],
)
def test_call_statuses_are_read_in_either_spelling(provider, vendor, imported, word, status):
    response = {"success": True, "call_sid": "call_1", "to": CALLEE, "status": word}
    vendor.state.respond(response, to=CALL)

    call = provider.place_call(imported, CALLEE, agent=AGENT)

    assert (call.status, call.raw["status"]) == (status, word)


@pytest.mark.parametrize("key", ["data", "call"])
def test_a_call_in_an_envelope_is_read_as_well(provider, vendor, imported, key):
    vendor.state.respond({"success": True, key: {"call_sid": "call_1"}}, to=CALL)

    assert provider.place_call(imported, CALLEE, agent=AGENT).id == "call_1"


def test_a_call_that_the_vendor_did_not_place_is_an_error(provider, vendor, imported):
    vendor.state.respond({"success": False, "error": "No minutes left"}, to=CALL)

    with pytest.raises(telephony.InvalidRequestError, match="No minutes left"):
        provider.place_call(imported, CALLEE, agent=AGENT)


@pytest.mark.parametrize("kind", ["lost", "cut", "html"])
def test_a_call_is_never_dialled_again(provider, imported, telephony_sandbox, kind):
    telephony_sandbox.fail(Fault(kind=kind, path="/make-call"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.place_call(imported, CALLEE, agent=AGENT)

    assert not caught.value.retry_safe
    assert len(telephony_sandbox.ledger("butter", "call")) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"detail": "Agent is busy"}, "Agent is busy"),
        (
            {
                "detail": [
                    {"loc": ["body", "name"], "msg": "Field required", "type": "missing"},
                    {"loc": ["body", "credentials"], "msg": "Wrong", "input": {"auth_token": "x"}},
                ]
            },
            "body.name: Field required; body.credentials: Wrong",
        ),
        ({"success": False, "message": "Not now"}, "Not now"),
        ({"error": "Out of order"}, "Out of order"),
        ({"error": {"message": "Out of order"}}, "Out of order"),
        ("Teapot", "Teapot"),
        ("<html>Teapot</html>", "refused the request"),
        ([1, 2], "refused the request"),
        ("Taken: +442079460123, +442079460124", "Taken: 2 numbers"),
        ({"detail": "Number +442079460123 is taken"}, "Number <number> is taken"),
    ],
)
def test_errors_are_read_in_every_shape(provider, telephony_sandbox, body, shown):
    text = body if isinstance(body, str) else json.dumps(body)
    telephony_sandbox.fail(Fault(kind="status", status=422, body=text))

    with pytest.raises(telephony.InvalidRequestError) as caught:
        list(provider.list_numbers())

    assert shown in str(caught.value)
    assert "auth_token" not in f"{caught.value} {caught.value.raw}"
