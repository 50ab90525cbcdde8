"""LiveKit's responses through the public API, complete and spoiled, and its printed requests.

The sandbox takes the requests. `samples/responses.json`: of trunks and rules as livekit-server
1.13.5 sent them, of LiveKit Phone Numbers as its protobuf definitions say. `samples/requests.json`:
as docs.livekit.io prints them.
"""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path

import httpx
import pytest
from livekit.api import AccessToken, SIPGrants
from livekit.protocol.sip import SIPOutboundTrunkInfo

import telephony
from telephony import Agent, SipTrunk

from .conftest import KEY, SECRET

SAMPLES = Path(__file__).parent / "samples"
RESPONSES = json.loads((SAMPLES / "responses.json").read_text())
REQUESTS = json.loads((SAMPLES / "requests.json").read_text())
TRUNK, NUMBER, DIALS, BOUGHT = "ST_inbound00001", "+15105550100", "+15105550101", "+14155552671"
CARRIER = SipTrunk("sip.telnyx.com", username="u", password="p4ss-word")
MISSING = object()
SPOILED = (None, "", 0, [], {}, "other", MISSING)


def places(value, here=()):
    """Where each field of a response is."""
    for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*here, key)
        if isinstance(inside, dict | list):
            yield from places(inside, (*here, key))


def spoiled(response):
    """Return the response with one field changed, every field in every way."""
    for place in places(response):
        for value in SPOILED:
            changed = copy.deepcopy(response)
            inside = changed
            for key in place[:-1]:
                inside = inside[key]
            if value is MISSING:
                del inside[place[-1]]
            else:
                inside[place[-1]] = copy.deepcopy(value)
            yield place, value, changed


@pytest.fixture
def cloud(telephony_connect):
    return telephony_connect("livekit", retries=0)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "telephony")


# --- Reads ---------------------------------------------------------------------------------------

LISTED = [
    ("ListSIPInboundTrunk", NUMBER, {("items", 0, "sip_trunk_id"), ("items", 0, "numbers")}),
    ("ListSIPOutboundTrunk", DIALS, {("items", 0, "sip_trunk_id"), ("items", 0, "numbers")}),
    ("ListPhoneNumbers", BOUGHT, {("items", 0, "id"), ("items", 0, "e164_format")}),
]


@pytest.mark.parametrize(("method", "number", "needed"), LISTED)
def test_one_odd_field_is_not_the_end_of_a_listing(cloud, sandbox, method, number, needed):
    sandbox.state.respond(RESPONSES[method], to=method)
    assert number in {one.number for one in cloud.list_numbers()}

    for place, value, response in spoiled(RESPONSES[method]):
        if place == ("items",) and not isinstance(value, list | None):
            continue
        if place[0] == "items" and len(place) > 1:
            row = copy.deepcopy(RESPONSES[method]["items"][0])
            other = json.loads(json.dumps(row).replace(row_id(row), row_id(row)[:-1] + "2"))
            response["items"].append(other)
        sandbox.state.respond(response, to=method)
        found = {one.number for one in cloud.list_numbers()}
        # The other row is there, whatever is wrong with the first.
        expected = place != ("items",) and (len(place) < 2 or place[:2] == ("items", 0))
        assert (number in found) is (expected or place[0] != "items"), (place, value)


def row_id(row):
    return row.get("sip_trunk_id") or row["id"]


@pytest.mark.parametrize(("method", "number", "needed"), LISTED)
def test_what_is_not_needed_is_not_missed(cloud, sandbox, method, number, needed):
    for place, value, response in spoiled(RESPONSES[method]):
        if place[0] != "items" or len(place) < 3 or place[:3] in needed:
            continue
        sandbox.state.respond(response, to=method)
        assert number in {one.number for one in cloud.list_numbers()}, (place, value)


def test_a_number_is_read_whatever_its_rule_looks_like(cloud, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    sandbox.state.respond(RESPONSES["ListSIPDispatchRule"], to="ListSIPDispatchRule")
    assert cloud.get_number(NUMBER).assignment == Agent("inbound-agent")

    for place, value, response in spoiled(RESPONSES["ListSIPDispatchRule"]):
        if len(place) == 1 and not isinstance(value, list | None):
            continue
        sandbox.state.respond(response, to="ListSIPDispatchRule")
        assert cloud.get_number(NUMBER).number == NUMBER, (place, value)


def test_a_bought_number_is_found_whatever_it_says(cloud, sandbox):
    for place, value, response in spoiled(RESPONSES["GetPhoneNumber"]):
        if place in {("phone_number",), ("phone_number", "id")}:
            continue
        sandbox.state.respond(response, to="GetPhoneNumber")
        found = cloud.get_number(BOUGHT)
        assert (found.id, found.number) == ("PN_number00001", BOUGHT), (place, value)


def test_odd_numbers_for_sale_do_not_hide_the_others(cloud, sandbox):
    for place, value, response in spoiled(RESPONSES["SearchPhoneNumbers"]):
        if place[:2] == ("items", 0):
            response["items"].append({**RESPONSES["SearchPhoneNumbers"]["items"][0]})
        elif place == ("items",):
            continue
        sandbox.state.respond(response, to="SearchPhoneNumbers")
        assert BOUGHT in {one.number for one in cloud.search_numbers(limit=2)}, (place, value)


# --- Changes -------------------------------------------------------------------------------------


def label(provider, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    return provider.update_number(NUMBER, label="New").id == TRUNK


def take_in(provider, sandbox, plant_trunk):
    return provider.import_number(NUMBER).id == TRUNK


def take_out(provider, sandbox, plant_trunk):
    made = provider.import_number(DIALS, source=CARRIER, inbound=False)
    return made.id == "ST_outbound0001"


def assign(provider, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    return provider.assign_number(NUMBER, "inbound-agent").id == TRUNK


def reassign(provider, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    sandbox.state.respond(RESPONSES["ListSIPDispatchRule"], to="ListSIPDispatchRule")
    return provider.assign_number(NUMBER, "sales").id == TRUNK


def unassign(provider, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    sandbox.state.respond(RESPONSES["ListSIPDispatchRule"], to="ListSIPDispatchRule")
    return provider.unassign_number(NUMBER).id == TRUNK


def release(provider, sandbox, plant_trunk):
    plant_trunk(TRUNK, NUMBER)
    return provider.release_number(NUMBER).id == TRUNK


def call(provider, sandbox, plant_trunk):
    trunk = SIPOutboundTrunkInfo(sip_trunk_id="ST_1", numbers=[DIALS], address="sip.telnyx.com")
    sandbox.account.outbound["ST_1"] = trunk
    return bool(provider.place_call(DIALS, "+15105550199", agent="inbound-agent").id)


def buy(provider, sandbox, plant_trunk):
    return provider.provision_number(number=BOUGHT).id == "PN_number00001"


def point(provider, sandbox, plant_trunk):
    sandbox.state.respond(RESPONSES["GetPhoneNumber"], to="GetPhoneNumber")
    return provider.assign_number(BOUGHT, "inbound-agent").id == "PN_number00001"


CHANGED = [
    ("UpdateSIPInboundTrunk", label, {("sip_trunk_id",)}),
    ("CreateSIPInboundTrunk", take_in, {("sip_trunk_id",)}),
    ("CreateSIPOutboundTrunk", take_out, {("sip_trunk_id",)}),
    ("CreateSIPDispatchRule", assign, {("sip_dispatch_rule_id",)}),
    ("UpdateSIPDispatchRule", reassign, {("sip_dispatch_rule_id",)}),
    ("DeleteSIPDispatchRule", unassign, set()),
    ("DeleteSIPTrunk", release, set()),
    ("CreateSIPParticipant", call, {("sip_call_id",)}),
    ("CreateDispatch", call, {("id",)}),
    (
        "PurchasePhoneNumber",
        buy,
        {("phone_numbers",), ("phone_numbers", 0), ("phone_numbers", 0, "id")},
    ),
    ("UpdatePhoneNumber", point, set()),
]


@pytest.mark.parametrize(("method", "change", "needed"), CHANGED)
def test_a_change_returns_its_id_whatever_else_the_response_holds(
    cloud, sandbox, plant_trunk, method, change, needed
):
    def begin(response):
        for table in (sandbox.account.inbound, sandbox.account.outbound, sandbox.account.rules):
            table.clear()
        sandbox.state.respond(response, to=method)

    begin(RESPONSES[method])
    assert change(cloud, sandbox, plant_trunk)

    for place, value, response in spoiled(RESPONSES[method]):
        begin(response)
        if place in needed:
            # An id of another type is one still; without any, it may have been done.
            if value in (None, "") or value is MISSING:
                with pytest.raises(telephony.OutcomeUnknownError):
                    change(cloud, sandbox, plant_trunk)
            continue
        assert change(cloud, sandbox, plant_trunk), (place, value)


# --- What the documents print --------------------------------------------------------------------

PRINTED = [(method, body) for method, bodies in REQUESTS.items() for body in bodies]


@pytest.mark.parametrize(("method", "body"), PRINTED)
def test_printed_requests_are_taken_and_what_they_make_is_read(
    cloud, sandbox, telephony_sandbox, method, body
):
    trunk = SIPOutboundTrunkInfo(sip_trunk_id="ST_1", numbers=[DIALS], address="sip.telnyx.com")
    sandbox.account.outbound["ST_1"] = trunk
    text = json.dumps(body).replace("<your-trunk-id>", "ST_1")
    grants = SIPGrants(admin=True, call=True)
    token = AccessToken(KEY, SECRET).with_sip_grants(grants).to_jwt()

    response = httpx.post(
        f"{telephony_sandbox.base_url('livekit')}/twirp/livekit.{method}",
        content=text,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )

    assert response.status_code == 200, response.text
    numbers = {one.number for one in cloud.list_numbers()}
    assert set(body.get("trunk", {}).get("numbers", [])) <= numbers
