"""Every sample that Vapi's pages print: as printed, and with each field spoiled."""

from __future__ import annotations

import contextlib
import json

import pytest

import telephony
from telephony import Agent, CarrierOutcome, LinkedCarrier, NumberStatus, TwilioAccount, Webhook

NUMBERS, PAGES = "/phone-number", "/v2/phone-number"

PROVISION_REQUEST = """
{"provider": "vapi", "numberDesiredAreaCode": "312", "name": "Front desk"}
"""
PROVISION = """
{"id": "3f0c2a6e-0000-4000-8000-000000000142", "orgId": "9a1b", "provider": "vapi",
 "name": "Front desk", "numberDesiredAreaCode": "312", "status": "activating",
 "createdAt": "2026-09-02T09:14:03.000Z", "updatedAt": "2026-09-02T09:14:03.000Z"}
"""
IMPORT_REQUEST = """
{"provider": "twilio", "number": "+13125550150", "twilioAccountSid": "AC0f",
 "twilioApiKey": "SK1a", "twilioApiSecret": "not-a-secret", "smsEnabled": false}
"""
IMPORT = """
{"id": "n-150", "orgId": "9a1b", "provider": "twilio", "number": "+13125550150",
 "twilioAccountSid": "AC0f", "status": "active", "name": "Desk", "squadId": null,
 "assistantId": "7c1e", "workflowId": null, "smsEnabled": false,
 "twilioAuthToken": "canary-token", "twilioApiKey": "SK1a", "twilioApiSecret": "canary-secret",
 "server": {"url": "https://example.com/", "timeoutSeconds": 20, "headers": {"X-Own": "canary"}},
 "createdAt": "2026-09-02T09:14:03.000Z", "updatedAt": "2026-09-02T09:14:03.000Z"}
"""
PAGE = """
{"results": [], "metadata": {"itemsPerPage": 100, "totalItems": 1, "currentPage": 1,
                             "totalPages": 1, "hasNextPage": false}}
"""
CALL_REQUEST = """
{"assistantId": "7c1e", "phoneNumberId": "n-150", "customer": {"number": "+13125550188"}}
"""
CALL = """
{"id": "019d", "type": "outboundPhoneCall", "status": "queued", "phoneNumberId": "n-150",
 "customer": {"number": "+13125550188"}, "createdAt": "2026-09-02T09:14:03.000Z",
 "monitor": {"listenUrl": "wss://example.com/listen", "controlUrl": "https://example.com/control"},
 "subscriptionLimits": {"concurrencyBlocked": false, "concurrencyLimit": 10,
                        "remainingConcurrentCalls": 9}}
"""
ENDED = """
{"id": "019d", "type": "inboundPhoneCall", "status": "ended", "phoneNumberId": "n-150",
 "endedReason": "customer-ended-call", "endedMessage": "", "assistantId": "7c1e",
 "customer": {"number": "+13125550188", "sipUri": "sip:a@example.com", "name": "Ann"},
 "createdAt": "2026-09-02T09:14:03.000Z", "startedAt": "2026-09-02T09:14:08.000Z",
 "endedAt": "2026-09-02T09:14:38.000Z", "phoneCallProvider": "twilio", "cost": 0.05,
 "artifact": {"transcript": "AI: Hello", "messages": [{"role": "bot", "message": "Hello",
   "time": 1788340448000, "secondsFromStart": 1.2}], "recordingUrl": "https://example.com/1.wav"},
 "phoneNumber": {"number": "+13125550150", "twilioAuthToken": "canary-token"}}
"""
CREDENTIAL = """
{"id": "cred_1", "orgId": "9a1b", "provider": "byo-sip-trunk", "name": "HQ",
 "gateways": [{"ip": "192.0.2.1", "port": 5060, "netmask": 32, "inboundEnabled": true}],
 "outboundAuthenticationPlan": {"authUsername": "u", "authPassword": "canary-password"},
 "createdAt": "2026-09-02T09:14:03.000Z", "updatedAt": "2026-09-02T09:14:03.000Z"}
"""
MISSING = '{"message": "Not here.", "error": "Not Found", "statusCode": 404}'
ACCOUNT = TwilioAccount("AC0f", api_key_sid="SK1a", api_key_secret="not-a-secret")
NONE = {"results": [], "metadata": {"hasNextPage": False}}


def body(response):
    return json.loads(response)


def _unless(error, operation, id_):
    """Return the result, or None after this error, which the other fields may mean."""
    with contextlib.suppress(error):
        return operation(id_)


def page(*rows):
    return {**body(PAGE), "results": list(rows)}


# --- As printed ----------------------------------------------------------------------------------


def test_a_number_is_bought_as_printed(planned, vendor_server):
    vendor_server.responses = {f"POST {NUMBERS}": (201, body(PROVISION))}

    number = planned.provision_number(area_code="312", label="Front desk")

    assert vendor_server.requests[-1].json == body(PROVISION_REQUEST)
    assert (number.id, number.number, number.label) == (body(PROVISION)["id"], "", "Front desk")
    assert number.status is NumberStatus.PENDING


def test_a_number_is_imported_as_printed(planned, vendor_server):
    vendor_server.responses = {
        f"GET {PAGES}": (200, NONE), f"POST {NUMBERS}": (201, body(IMPORT)),
    }  # fmt: skip

    number = planned.import_number("+13125550150", source=ACCOUNT, options={"smsEnabled": False})

    assert vendor_server.requests[-1].json == body(IMPORT_REQUEST)
    assert (number.assignment, number.carrier.account) == (Agent("7c1e"), "AC0f")
    assert number.created_at.isoformat() == "2026-09-02T09:14:03+00:00"


def test_a_number_is_found_and_assigned_as_printed(planned, vendor_server):
    vendor_server.responses = {
        f"GET {PAGES}": (200, page(body(IMPORT))),
        f"PATCH {NUMBERS}/n-150": (200, body(IMPORT)),
    }

    planned.assign_number("+13125550150", "7c1e")

    search, change = vendor_server.requests
    assert "search=%2B13125550150" in search.path
    assert change.json == {
        "provider": "twilio", "assistantId": "7c1e", "squadId": None, "workflowId": None,
    }  # fmt: skip


def test_a_call_is_placed_as_printed(planned, vendor_server):
    vendor_server.responses = {
        f"GET {NUMBERS}/n-150": (200, body(IMPORT)), "POST /call": (201, body(CALL)),
    }  # fmt: skip

    call = planned.place_call("n-150", "+13125550188", agent="7c1e")

    sent = vendor_server.requests[-1].json
    assert sent.pop("name").startswith("[key:")  # by which it is found after a lost response
    assert sent == body(CALL_REQUEST)
    assert (call.id, call.number, call.recipient) == ("019d", "+13125550150", "+13125550188")


def test_an_unknown_number_is_refused_as_printed(planned, vendor_server):
    vendor_server.responses = {f"GET {NUMBERS}/unknown": (404, body(MISSING))}

    with pytest.raises(telephony.NotFoundError, match="Not here"):
        planned.get_number("unknown")


def test_every_reason_of_a_refusal_is_shown(planned, vendor_server):
    reasons = {"message": ["name must be shorter", "limit must be lower"], "statusCode": 400}
    vendor_server.responses = {f"GET {PAGES}": (400, reasons)}

    with pytest.raises(telephony.InvalidRequestError, match="shorter; limit"):
        list(planned.list_numbers())


@pytest.mark.parametrize(
    ("number", "outcome", "kind"),
    [
        ({"provider": "vapi", "sipUri": "sip:a@sip.vapi.ai"}, CarrierOutcome.RELEASED, "vapi"),
        ({"provider": "twilio", "number": "+1312"}, CarrierOutcome.KEPT, "twilio"),
        ({"provider": "vonage", "credentialId": "c"}, CarrierOutcome.KEPT, "vonage"),
        ({"provider": "telnyx", "credentialId": "c"}, CarrierOutcome.KEPT, "telnyx"),
        ({"provider": "byo-phone-number", "credentialId": "c"}, CarrierOutcome.KEPT, "sip_trunk"),
        ({"provider": "pigeon"}, CarrierOutcome.UNKNOWN, "pigeon"),
        ({}, CarrierOutcome.UNKNOWN, None),
    ],
)
def test_all_five_kinds_of_number_are_read_and_released(
    planned, vendor_server, number, outcome, kind
):
    shown = {"id": "n_1", **number}
    vendor_server.responses = {
        f"GET {NUMBERS}/n_1": (200, shown), f"DELETE {NUMBERS}/n_1": (200, shown),
    }  # fmt: skip

    found = planned.get_number("n_1")

    assert (found.carrier and found.carrier.kind) == kind
    assert planned.release_number("n_1").at_carrier is outcome


def test_nothing_that_may_be_a_secret_is_kept_at_any_depth(planned, vendor_server):
    hidden = {
        "apiKey": "canary", "twilioApiKey": "canary", "secretAccessKey": "canary",
        "authPassword": "canary", "webhookSecret": "canary", "serverUrlSecret": "canary",
        "token": "canary", "bearer_token": "canary", "headers": {"X-Own": "canary"},
    }  # fmt: skip
    kept = {"maxTokens": 5, "keypad": 1, "monkey": "a", "name": "Token of thanks"}
    config = {"model": {**hidden, **kept}, "credentials": [hidden, [hidden]]}
    vendor_server.responses = {"GET /call/c_1": (200, {"id": "c_1", "assistant": config})}

    raw = planned.get_call("c_1").raw

    assert raw == {"id": "c_1", "assistant": {"model": kept, "credentials": [{}, [{}]]}}


# --- Spoiled, one field at a time ----------------------------------------------------------------


@pytest.mark.parametrize("sample", [PROVISION, IMPORT], ids=["own", "twilio"])
def test_a_number_is_read_listed_bought_and_released_whatever_its_other_fields_are(
    planned, vendor_server, mutations, sample
):
    route = f"{NUMBERS}/{body(sample)['id']}"
    for what, odd in mutations(body(sample), required={"id"}):
        vendor_server.responses = {
            f"POST {NUMBERS}": (201, odd),
            f"GET {PAGES}": (200, page(odd)),
            f"GET {route}": (200, odd),
            f"PATCH {route}": (200, odd),
            f"DELETE {route}": (200, odd),
        }
        found = [
            planned.provision_number(),
            planned.get_number(odd["id"]),
            *planned.list_numbers(),
            planned.update_number(odd["id"], label="Desk"),
            planned.release_number(odd["id"]),
        ]
        assert {number.id for number in found} == {odd["id"]}, what
        assert "canary" not in " ".join(json.dumps(number.raw) for number in found), what
        freed = _unless(telephony.ConflictError, planned.unassign_number, odd["id"])
        assert freed is None or freed.assignment is None, what


def test_a_listing_goes_on_whatever_a_page_says_of_it(planned, vendor_server, mutations):
    sample = page(None, "odd", body(IMPORT))
    sample["results"].append({**body(IMPORT), "id": "n-151", "number": "+13125550151"})
    required = {"results", "results.3.id", "results.3.number", "metadata.hasNextPage"}
    for what, odd in mutations(sample, required=required):
        vendor_server.responses = {f"GET {PAGES}": (200, odd)}
        assert planned.get_number("+13125550151").id == "n-151", what


def test_what_follows_a_page_is_asked_for_only_where_it_is_promised(planned, vendor_server):
    first, second = body(IMPORT), {**body(IMPORT), "id": "n-151"}
    for about, ids in (
        ({"hasNextPage": True}, ["n-150", "n-151"]),
        ({"hasNextPage": True, "totalPages": 2}, ["n-150", "n-151"]),
        ({"totalPages": 2}, ["n-150", "n-151"]),
        ({"hasNextPage": True, "totalPages": 1}, ["n-150"]),
        ({"hasNextPage": False, "totalPages": 2}, ["n-150"]),
        ({}, ["n-150"]),
        (None, ["n-150"]),
    ):

        def answered(query, about=about):
            nth = int(query.rpartition("page=")[2])
            rows = {1: [first], 2: [second]}.get(nth, [])
            return 200, {"results": rows, "metadata": about}

        vendor_server.responses = {f"GET {PAGES}": answered}
        assert [number.id for number in planned.list_numbers()] == ids, about


def test_a_page_that_repeats_itself_is_an_error(planned, vendor_server):
    again = {"results": [body(IMPORT)], "metadata": {"hasNextPage": True}}
    vendor_server.responses = {f"GET {PAGES}": (200, again)}

    with pytest.raises(telephony.InvalidResponseError, match="repeats"):
        list(planned.list_numbers())


def test_a_call_is_read_listed_and_transcribed_whatever_its_other_fields_are(
    planned, vendor_server, mutations
):
    number = body(IMPORT)
    for sample in (CALL, ENDED):
        for what, odd in mutations(body(sample), required={"id"}):
            vendor_server.responses = {
                f"GET {NUMBERS}/n-150": (200, number),
                f"GET {PAGES}": (200, page(number)),
                "GET /call/019d": (200, odd),
                "GET /call": (200, [None, odd]),
                "POST /call": (201, odd),
            }
            found = [
                planned.get_call("019d"),
                *planned.list_calls(),
                *planned.list_calls("n-150"),
                planned.place_call("n-150", "+13125550188", agent="7c1e"),
            ]
            assert {call.id for call in found} == {"019d"}, what
            assert "canary" not in " ".join(json.dumps(call.raw) for call in found), what
            said = _unless(telephony.NotFoundError, planned.get_transcript, "019d")
            assert said is None or said.call == "019d", what


def test_credentials_return_their_id_whatever_else_the_response_holds(
    planned, vendor_server, mutations
):
    trunk = telephony.SipTrunk("192.0.2.1", name="HQ")
    for what, odd in mutations(body(CREDENTIAL), required={"id", "provider"}):
        vendor_server.responses = {
            f"GET {PAGES}": (200, NONE),
            "POST /credential": (201, odd),
            "GET /credential": (200, [None, odd, {"id": "o", "provider": "openai"}]),
            "GET /credential/cred_1": (200, odd),
            "PATCH /credential/cred_1": (200, odd),
            "DELETE /credential/cred_1": (200, odd),
        }
        found = [
            planned.link_carrier(trunk),
            planned.rotate_carrier("cred_1", trunk),
            *planned.list_carriers(),
            planned.unlink_carrier("cred_1"),
        ]
        assert {linked.id for linked in found} == {"cred_1"}, what
        assert "canary" not in " ".join(json.dumps(linked.raw) for linked in found), what


def test_an_error_is_the_same_error_whatever_its_body_is(planned, vendor_server, mutations):
    for what, odd in mutations(body(MISSING)):
        vendor_server.responses = {f"GET {NUMBERS}/n_1": (404, odd)}
        with pytest.raises(telephony.NotFoundError) as caught:
            planned.get_number("n_1")
        assert caught.value.status == 404, what
    vendor_server.responses = {f"GET {NUMBERS}/n_1": (404, b"<html>Cloudflare</html>")}
    with pytest.raises(telephony.NotFoundError, match="Vapi refused"):
        planned.get_number("n_1")


def test_a_webhook_is_read_whatever_its_other_fields_are(planned, vendor_server, mutations):
    for what, odd in mutations(body(IMPORT), required={"id", "number", "server.url", "server"}):
        vendor_server.responses = {
            f"GET {PAGES}": (200, page(odd)),
            f"GET {NUMBERS}/n-150": (200, odd),
        }
        found = planned.get_webhook("+13125550150")
        assert (found.url, found.id) == ("https://example.com/", "n-150"), what
        assert "canary" not in json.dumps(found.raw), what


def test_a_linked_number_is_imported_by_the_kind_of_its_account(planned, vendor_server):
    for kind, number in (
        ("vonage", "vonage"), ("telnyx", "telnyx"), ("byo-sip-trunk", "byo-phone-number"),
    ):  # fmt: skip
        made = {"id": "n_1", "provider": number, "number": "+13125550150", "credentialId": "c_1"}
        vendor_server.responses = {
            "GET /credential/c_1": (200, {"id": "c_1", "provider": kind}),
            f"GET {PAGES}": (200, NONE),
            f"POST {NUMBERS}": (201, made),
        }
        source = LinkedCarrier("c_1")
        to = Webhook("https://example.com/")
        found = planned.import_number("+13125550150", source=source, assign_to=to)
        assert found.carrier.id == "c_1"
        assert ["voice profile" in said for said in found.notices] == [True] * (kind == "telnyx")
        assert vendor_server.requests[-1].json == {
            "provider": number,
            "credentialId": "c_1",
            "number": "+13125550150",
            "server": {"url": "https://example.com/"},
        }
