"""Every sample that Cartesia's pages print: exactly as printed, and with each field spoiled."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import Agent, CarrierOutcome, LinkedCarrier, TwilioAccount

NUMBERS, CARRIERS = "/agents/phone-numbers", "/agents/phone-numbers/providers"
# The reference (2026-03-01), the Twilio guide (2025-04-16) and the version of today.
VERSIONS = ("2025-04-16", "2026-03-01", "2026-08-14")

# The page of the import prints a Twilio account without its `type`.
IMPORT_REQUEST = """
{"label": "<string>", "number": "<string>", "provider": {"id": "<string>"},
 "agent_id": "<string>"}
"""
IMPORT = """
{"id": "<string>", "number": "<string>", "agent": {"id": "<string>", "name": "<string>"},
 "created_at": "2023-11-07T05:31:56Z", "updated_at": "2023-11-07T05:31:56Z",
 "provider": {"id": "<string>", "account_sid": "<string>", "api_key_sid": "<string>",
              "region": "us1"},
 "label": "<string>"}
"""
IMPORT_TYPED = """
{"id": "pn_9vRw30Qa", "label": "Dublin support", "number": "+35315550123", "agent": null,
 "created_at": "2026-09-02T09:20:00Z", "updated_at": "2026-09-02T09:20:00Z",
 "provider": {"type": "twilio", "id": "prov_91ab",
              "account_sid": "AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
              "api_key_sid": "SK1a****1a1a", "region": "ie1"}}
"""
PROVISION = """
{"id": "pn_4tKd81Zs", "label": "Clinic front desk", "number": "+16505550142",
 "agent": {"id": "agent_7Hq2LmX9", "name": "Front desk"},
 "created_at": "2026-09-02T09:14:03Z", "updated_at": "2026-09-02T09:14:03Z"}
"""
PROVISION_PAGE = """
{"id": "pn_abc123", "label": "Support line", "number": "+14155551234",
 "agent": {"id": "agent_abc123", "name": "Customer support"},
 "created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z"}
"""
LINK = """
{"type": "twilio", "id": "prov_91ab", "account_sid": "AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
 "api_key_sid": "SK1a****1a1a", "region": "ie1", "label": "EU lines"}
"""
LIST = """
{"data": [{"id": "pn_4tKd81Zs", "label": "Clinic front desk", "number": "+16505550142",
   "agent": {"id": "agent_7Hq2LmX9", "name": "Front desk"}, "created_at": "2026-09-02T09:14:03Z",
   "updated_at": "2026-09-02T09:14:03Z", "provider": {"type": "cartesia"}}], "has_more": false}
"""
CALL = """
{"calls": [{"number": "+353871234567", "agent_call_id": "ac_5PqT77"}]}
"""
FULL = """
{"error_code": "quota_exceeded", "title": "Phone number limit reached",
 "message": "Upgrade the plan or delete a number.",
 "request_id": "0b8c2f0e-7f55-4a0b-9a51-3d1d0a6f2c11"}
"""

ACCOUNT = TwilioAccount(
    "AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
    region="ie1",
    api_key_sid="SK1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
    api_key_secret="not-a-real-secret",
)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def provider(connect, version):
    return connect(version)


def body(response):
    return json.loads(response)


def test_the_import_of_the_reference_is_read_as_printed(provider, vendor_server, version):
    vendor_server.responses = {f"POST {NUMBERS}": (201, body(IMPORT))}

    number = provider.import_number(
        "+14155551234", source=LinkedCarrier("<string>"), label="<string>", assign_to="<string>"
    )

    (sent,) = vendor_server.requests
    assert sent.json == body(IMPORT_REQUEST) | {"number": "+14155551234"}
    assert sent.headers["cartesia-version"] == version
    assert (number.id, number.number, number.label) == ("<string>",) * 3
    assert number.assignment == Agent("<string>", "<string>")
    carrier = number.carrier
    assert (carrier.kind, carrier.id, carrier.region) == ("twilio", "<string>", "us1")
    assert carrier.account == "<string>"


def test_a_number_as_the_reference_prints_it_breaks_no_listing_and_no_look_up(
    provider, vendor_server
):
    rows = [body(IMPORT) | {"number": "+14155551234"}, body(IMPORT_TYPED)]
    vendor_server.responses = {f"GET {NUMBERS}": (200, {"data": rows, "has_more": False})}

    kinds = [number.carrier.kind for number in provider.list_numbers()]

    assert kinds == ["twilio", "twilio"]
    assert provider.get_number("+35315550123").id == "pn_9vRw30Qa"


@pytest.mark.parametrize(
    ("source", "outcome", "reversible"),
    [
        ({"provider": None}, CarrierOutcome.UNKNOWN, None),
        ({}, CarrierOutcome.UNKNOWN, None),
        ({"provider": {"id": "prov_1"}}, CarrierOutcome.UNKNOWN, None),
        ({"provider": {"type": "pigeon", "id": "prov_1"}}, CarrierOutcome.UNKNOWN, None),
        ({"provider": {"account_sid": "AC1"}}, CarrierOutcome.KEPT, True),
        ({"provider": {"type": "sip_trunk", "id": "prov_1"}}, CarrierOutcome.KEPT, True),
        ({"provider": {"type": "cartesia"}}, CarrierOutcome.RELEASED, False),
    ],
)
def test_only_a_provable_number_of_cartesia_is_gone_for_good(
    connect, vendor_server, source, outcome, reversible
):
    number = {"id": "pn_1", "number": "+14155551234", "agent": None, **source}
    route = f"{NUMBERS}/pn_1"
    vendor_server.responses = {f"GET {route}": (200, number), f"DELETE {route}": (204, b"")}

    released = connect().release_number("pn_1")

    assert (released.at_carrier, released.reversible) == (outcome, reversible)


@pytest.mark.parametrize("sample", [PROVISION, PROVISION_PAGE], ids=["sheet", "page"])
def test_the_purchase_is_read_as_printed(provider, vendor_server, sample):
    vendor_server.responses = {f"POST {NUMBERS}/provision": (201, body(sample))}
    agent = body(sample)["agent"]

    number = provider.provision_number(label=body(sample)["label"], assign_to=agent["id"])

    (sent,) = vendor_server.requests
    assert sent.json == {"label": body(sample)["label"], "agent_id": agent["id"]}
    assert (number.id, number.number) == (body(sample)["id"], body(sample)["number"])
    assert number.assignment == Agent(**agent)
    assert (number.carrier.kind, number.carrier.id) == ("cartesia", None)


def test_the_full_plan_is_read_as_printed(provider, vendor_server):
    vendor_server.responses = {f"POST {NUMBERS}/provision": (402, body(FULL))}

    with pytest.raises(telephony.QuotaExceededError, match="limit reached: Upgrade") as caught:
        provider.provision_number()

    assert caught.value.code == "quota_exceeded"
    assert caught.value.request_id == "0b8c2f0e-7f55-4a0b-9a51-3d1d0a6f2c11"


def test_the_link_is_sent_and_read_as_printed(provider, vendor_server):
    vendor_server.responses = {f"POST {CARRIERS}": (201, body(LINK))}

    linked = provider.link_carrier(ACCOUNT, label="EU lines")

    (sent,) = vendor_server.requests
    assert sent.json == {
        "type": "twilio",
        "account_sid": "AC0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "api_key_sid": "SK1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "api_key_secret": "not-a-real-secret",
        "region": "ie1",
        "label": "EU lines",
    }
    assert (linked.id, linked.region, linked.label) == ("prov_91ab", "ie1", "EU lines")


def test_the_import_and_the_list_are_read_as_printed(provider, vendor_server):
    vendor_server.responses = {
        f"POST {NUMBERS}": (201, body(IMPORT_TYPED)),
        f"GET {NUMBERS}": (200, body(LIST)),
    }

    number = provider.import_number(
        "+35315550123", source=LinkedCarrier("prov_91ab"), label="Dublin support"
    )
    (own,) = provider.list_numbers()

    assert vendor_server.requests[0].json == {
        "label": "Dublin support",
        "number": "+35315550123",
        "provider": {"id": "prov_91ab"},
    }
    assert (number.carrier.region, number.assignment) == ("ie1", None)
    assert (own.id, own.carrier.kind) == ("pn_4tKd81Zs", "cartesia")


def test_the_guide_is_followed_word_by_word(provider, vendor_server):
    """Its requests: link, import, assign, unassign, rotate."""
    number, linked = f"{NUMBERS}/YOUR_PHONE_NUMBER_ID", f"{CARRIERS}/YOUR_PROVIDER_ID"
    held = body(IMPORT) | {"id": "YOUR_PHONE_NUMBER_ID", "number": "+14155551234"}
    account = {"id": "YOUR_PROVIDER_ID", "account_sid": "YOUR_TWILIO_ACCOUNT_SID"}
    vendor_server.responses = {
        f"POST {CARRIERS}": (201, account | {"region": "us1"}),
        f"GET {linked}": (200, account | {"region": "us1"}),
        f"PATCH {linked}": (200, account | {"region": "us1"}),
        f"POST {NUMBERS}": (201, held | {"agent": None}),
        f"GET {number}": (200, held),
        f"PATCH {number}": (200, held),
    }
    key = {"api_key_sid": "YOUR_API_KEY_SID", "api_key_secret": "YOUR_API_KEY_SECRET"}
    new_key = {"api_key_sid": "NEW_API_KEY_SID", "api_key_secret": "NEW_API_KEY_SECRET"}

    provider.link_carrier(TwilioAccount("YOUR_TWILIO_ACCOUNT_SID", region="us1", **key))
    source = LinkedCarrier("YOUR_PROVIDER_ID")
    made = provider.import_number("+14155551234", source=source, label="Support Line")
    provider.assign_number(made, "YOUR_AGENT_ID")
    provider.unassign_number(made)
    provider.rotate_carrier(source.id, TwilioAccount("YOUR_TWILIO_ACCOUNT_SID", **new_key))

    changes = [sent.json for sent in vendor_server.requests if sent.method != "GET"]
    assert changes == [
        {
            "type": "twilio",
            "account_sid": "YOUR_TWILIO_ACCOUNT_SID",
            "api_key_sid": "YOUR_API_KEY_SID",
            "api_key_secret": "YOUR_API_KEY_SECRET",
            "region": "us1",
        },
        {
            "label": "Support Line",
            "number": "+14155551234",
            "provider": {"id": "YOUR_PROVIDER_ID"},
        },
        {"agent_id": "YOUR_AGENT_ID"},
        {"agent_id": None},
        {
            "type": "twilio",
            "api_key_sid": "NEW_API_KEY_SID",
            "api_key_secret": "NEW_API_KEY_SECRET",
            "region": "us1",
        },
    ]


def test_a_number_is_unassigned_and_deleted_as_printed(provider, vendor_server):
    route = f"{NUMBERS}/pn_9vRw30Qa"
    held = body(IMPORT_TYPED) | {"agent": {"id": "agent_7Hq2LmX9", "name": "Front desk"}}
    vendor_server.responses = {
        f"GET {route}": (200, held),
        f"PATCH {route}": (200, body(IMPORT_TYPED)),
        f"DELETE {route}": (204, b""),
    }

    released = provider.release_number("pn_9vRw30Qa", unassign=True)

    assert [sent.method for sent in vendor_server.requests] == ["GET", "PATCH", "DELETE"]
    assert vendor_server.requests[1].json == {"agent_id": None}
    assert released.at_carrier is CarrierOutcome.KEPT


def test_the_call_is_sent_and_read_as_printed(provider, vendor_server):
    vendor_server.responses = {
        f"GET {NUMBERS}/pn_9vRw30Qa": (200, body(IMPORT_TYPED)),
        "POST /agents/calls": (200, body(CALL)),
    }
    options = {
        "ringing_timeout_seconds": 30,
        "outbound_calls": [{"to_number": "+353871234567", "metadata": {"ticket": "T-88"}}],
    }

    call = provider.place_call(
        "pn_9vRw30Qa", "+353871234567", agent="agent_7Hq2LmX9", options=options
    )

    assert vendor_server.requests[-1].json == {
        "from_number_id": "pn_9vRw30Qa",
        "agent_id": "agent_7Hq2LmX9",
        "ringing_timeout_seconds": 30,
        "outbound_calls": [{"to_number": "+353871234567", "metadata": {"ticket": "T-88"}}],
    }
    assert (call.id, call.recipient) == ("ac_5PqT77", "+353871234567")


def test_the_outbound_guide_is_followed_word_by_word(provider, vendor_server):
    number = body(IMPORT_TYPED) | {"id": "ap_Q8PRh7lXyZsawXJmN2KcT5"}
    answer = {"calls": [{"number": "+14155559876", "agent_call_id": "call_3kF9mN2pQ8rT1vX6"}]}
    vendor_server.responses = {
        f"GET {NUMBERS}/ap_Q8PRh7lXyZsawXJmN2KcT5": (200, number),
        "POST /agents/calls": (200, answer),
    }

    call = provider.place_call(
        "ap_Q8PRh7lXyZsawXJmN2KcT5",
        "+14155559876",
        agent="agent_Fo7pKNBUwLZxrTd6jvhpaE",
        metadata={"customer_id": "cust_123"},
        timeout=30,
    )

    assert call.id == "call_3kF9mN2pQ8rT1vX6"
    assert vendor_server.requests[-1].json == {
        "from_number_id": "ap_Q8PRh7lXyZsawXJmN2KcT5",
        "agent_id": "agent_Fo7pKNBUwLZxrTd6jvhpaE",
        "ringing_timeout_seconds": 30,
        "outbound_calls": [{"to_number": "+14155559876", "metadata": {"customer_id": "cust_123"}}],
    }


# --- Spoiled, one field at a time ----------------------------------------------------------------


@pytest.mark.parametrize("sample", [IMPORT, IMPORT_TYPED], ids=["reference", "sheet"])
def test_a_number_is_imported_read_listed_and_changed_whatever_its_other_fields_are(
    connect, vendor_server, mutations, sample
):
    provider, route = connect(), f"{NUMBERS}/{body(sample)['id']}"
    for what, odd in mutations(body(sample), required={"id", "number"}):
        vendor_server.responses = {
            f"POST {NUMBERS}": (201, odd),
            f"GET {NUMBERS}": (200, {"data": [odd], "has_more": False}),
            f"GET {route}": (200, odd),
            f"PATCH {route}": (200, odd),
            f"DELETE {route}": (204, b""),
        }
        found = [
            provider.import_number("+35315550123", source=LinkedCarrier("prov_91ab")),
            provider.get_number(odd["id"]),
            *provider.list_numbers(),
            provider.assign_number(odd["id"], "agent_1"),
            provider.unassign_number(odd["id"]),
            provider.update_number(odd["id"], label="Desk", source=LinkedCarrier("prov_2")),
        ]
        assert {number.id for number in found} == {odd["id"]}, what
        assert provider.release_number(odd["id"], unassign=True).id == odd["id"], what


def test_a_listing_goes_on_whatever_a_page_says_of_it(connect, vendor_server, mutations):
    provider, sample = connect(), body(LIST)
    sample["data"] += [None, "odd", body(IMPORT_TYPED)]
    required = {"data", "data.3.id", "data.3.number"}
    for what, odd in mutations(sample, required=required):
        vendor_server.responses = {f"GET {NUMBERS}": (200, odd)}
        assert provider.get_number("+35315550123").id == "pn_9vRw30Qa", what


def test_a_purchase_returns_its_number_whatever_else_the_response_holds(
    connect, vendor_server, mutations
):
    provider = connect()
    for what, odd in mutations(body(PROVISION), required={"id", "number"}):
        vendor_server.responses = {f"POST {NUMBERS}/provision": (201, odd)}
        assert provider.provision_number().id == "pn_4tKd81Zs", what


def test_links_return_their_id_whatever_else_the_response_holds(connect, vendor_server, mutations):
    provider, route = connect(), f"{CARRIERS}/prov_91ab"
    for what, odd in mutations(body(LINK), required={"id", "account_sid"}):
        vendor_server.responses = {
            f"POST {CARRIERS}": (201, odd),
            f"GET {CARRIERS}": (200, [odd]),
            f"GET {route}": (200, odd),
            f"PATCH {route}": (200, odd),
            f"DELETE {route}": (204, b""),
        }
        found = [
            provider.link_carrier(ACCOUNT),
            provider.rotate_carrier("prov_91ab", ACCOUNT),
            *provider.list_carriers(),
            provider.unlink_carrier("prov_91ab"),
        ]
        assert {linked.id for linked in found} == {"prov_91ab"}, what


def test_a_placed_call_returns_its_id_whatever_else_the_response_holds(
    connect, vendor_server, mutations
):
    provider = connect()
    sample = body(CALL)
    sample["calls"][0]["error"] = None
    for what, odd in mutations(sample, required={"calls", "calls.0.agent_call_id"}):
        if odd["calls"][0].get("error"):
            continue  # that is an error
        vendor_server.responses = {
            f"GET {NUMBERS}/pn_9vRw30Qa": (200, body(IMPORT_TYPED)),
            "POST /agents/calls": (200, odd),
        }
        call = provider.place_call("pn_9vRw30Qa", "+353871234567", agent="agent_1")
        assert call.id == "ac_5PqT77", what


def test_an_error_is_the_same_error_whatever_its_body_is(connect, vendor_server, mutations):
    provider = connect()
    sample = body(FULL) | {"unreachable_numbers": ["+14155550123"]}
    for what, odd in mutations(sample):
        vendor_server.responses = {f"POST {NUMBERS}/provision": (402, odd)}
        with pytest.raises(telephony.QuotaExceededError) as caught:
            provider.provision_number()
        assert caught.value.status == 402, what


@pytest.mark.parametrize("placed", [[], [{}], [{"error": None}], None])
def test_a_call_that_is_neither_there_nor_refused_is_unknown(connect, vendor_server, placed):
    """To say that it was not placed would invite a second call."""
    vendor_server.responses = {
        f"GET {NUMBERS}/pn_9vRw30Qa": (200, body(IMPORT_TYPED)),
        "POST /agents/calls": (200, {"calls": placed}),
    }

    with pytest.raises(telephony.OutcomeUnknownError):
        connect().place_call("pn_9vRw30Qa", "+353871234567", agent="agent_1")


def test_an_unreadable_row_ends_neither_the_listing_nor_its_pages(connect, vendor_server, caplog):
    rows = [body(IMPORT_TYPED), {"id": "pn_odd", "number": None}]
    vendor_server.responses = {f"GET {NUMBERS}": (200, {"data": rows, "has_more": True})}

    found = connect().list_numbers()

    assert next(found).id == "pn_9vRw30Qa"
    with pytest.raises(telephony.InvalidResponseError, match="repeats"):
        next(found)
    assert "starting_after=pn_odd" in vendor_server.requests[-1].path
    assert "number" in caplog.text


def test_a_promise_of_more_with_an_empty_page_is_the_end(connect, vendor_server):
    vendor_server.responses = {f"GET {NUMBERS}": (200, {"data": [], "has_more": True})}

    assert list(connect().list_numbers()) == []
