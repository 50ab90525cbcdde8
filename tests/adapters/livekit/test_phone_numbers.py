"""LiveKit Phone Numbers, as on LiveKit Cloud."""

from __future__ import annotations

import sys

import pytest

import telephony
from telephony import Agent, Room
from telephony.sandbox import Fault

FOR_SALE = "+14155550150"


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("livekit")


@pytest.fixture
def bought(provider):
    return provider.provision_number(number=FOR_SALE)


def purchases(telephony_sandbox):
    return [entry.number for entry in telephony_sandbox.ledger("livekit", "purchase")]


def test_numbers_are_found_by_area_and_bought(provider, telephony_sandbox):
    offers = provider.search_numbers(area_code="628", limit=3)

    assert [offer.number[:5] for offer in offers] == ["+1628"] * 3
    assert (offers[0].country, offers[0].region, offers[0].kind) == ("US", "CA", "local")
    assert offers[0].channels == {telephony.Channel.VOICE}
    number = provider.provision_number(number=offers[1].number)
    assert (number.number, number.status) == (offers[1].number, telephony.NumberStatus.OFFLINE)
    assert number.carrier.kind == "livekit"
    assert purchases(telephony_sandbox) == [offers[1].number]


def test_a_search_reads_as_many_pages_as_it_takes(provider, sent):
    assert len(provider.search_numbers(limit=1000)) == 30
    assert len(provider.search_numbers(limit=7)) == 7
    assert provider.search_numbers(country="DE") == []


def test_any_number_of_an_area_is_bought_as_an_exact_one(provider, sent):
    assert provider.provision_number(area_code="628").number.startswith("+1628")
    assert sent() == ["SearchPhoneNumbers", "PurchasePhoneNumber"]


def test_an_area_that_is_sold_out_is_reported(provider, telephony_sandbox):
    with pytest.raises(telephony.NotFoundError, match="another area code"):
        provider.provision_number(country="DE")

    assert purchases(telephony_sandbox) == []


def test_a_number_bought_with_its_agent_is_answered_at_once(provider, sandbox):
    number = provider.provision_number(number=FOR_SALE, assign_to="reception")

    (rule,) = sandbox.account.rules.values()
    assert list(rule.numbers) == [FOR_SALE]
    assert (number.assignment, number.status) == (Agent("reception"), "active")
    assert provider.get_number(FOR_SALE) == number


def test_a_rule_for_a_number_that_was_not_to_be_had_is_taken_back(provider, sandbox):
    with pytest.raises(telephony.NotFoundError, match="not available"):
        provider.provision_number(number="+14155559999", assign_to="reception")

    assert not sandbox.account.rules


@pytest.mark.parametrize("agent", ["reception", "sales"])
def test_buying_a_number_again_leaves_it_with_its_agent(provider, sandbox, agent):
    provider.provision_number(number=FOR_SALE, assign_to="reception")
    rules = dict(sandbox.account.rules)

    with pytest.raises((telephony.ConflictError, telephony.NotFoundError)):
        provider.provision_number(number=FOR_SALE, assign_to=agent)

    assert dict(sandbox.account.rules) == rules
    assert provider.get_number(FOR_SALE).assignment == Agent("reception")


def test_a_server_without_phone_numbers_keeps_no_rule_of_a_purchase(
    provider, sandbox, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="status", path="PurchasePhoneNumber", status=404))

    with pytest.raises(telephony.UnsupportedOperationError):
        provider.provision_number(number=FOR_SALE, assign_to="reception")

    assert not sandbox.account.rules


def test_a_number_that_another_client_bought_meanwhile_is_not_taken_for_ours(
    telephony_connect, telephony_sandbox, provider
):
    """Our request is lost; their purchase of the same number is not."""

    def another_client(event):
        if event.path.endswith("PurchasePhoneNumber") and not purchases(telephony_sandbox):
            provider.provision_number(number=FOR_SALE)

    ours = telephony_connect("livekit", on_request=another_client)
    telephony_sandbox.fail(Fault(kind="status", path="PurchasePhoneNumber", status=500, skip=1))

    with pytest.raises(telephony.OutcomeUnknownError):
        ours.provision_number(number=FOR_SALE, assign_to="reception")

    assert provider.get_number(FOR_SALE).assignment is None


def test_a_purchase_whose_response_is_lost_is_found(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", path="PurchasePhoneNumber"))

    number = provider.provision_number(number=FOR_SALE, assign_to="reception")

    assert number.assignment == Agent("reception")
    assert purchases(telephony_sandbox) == [FOR_SALE]


def test_a_key_needs_a_number_which_is_bought_once(provider, telephony_sandbox, sent):
    with pytest.raises(telephony.UnsupportedOperationError, match="without number"):
        provider.provision_number(area_code="415", idempotency_key="order-17")
    assert sent() == []

    first = provider.provision_number(number=FOR_SALE, idempotency_key="order-17")
    assert provider.provision_number(number=FOR_SALE, idempotency_key="order-17") == first
    assert purchases(telephony_sandbox) == [FOR_SALE]


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("contains", lambda p: p.search_numbers(contains="555")),
        ("label", lambda p: p.provision_number(number=FOR_SALE, label="Desk")),
    ],
)
def test_unsupported_arguments_are_refused_before_any_request(provider, sent, wanted, asked):
    with pytest.raises(telephony.UnsupportedOperationError, match=wanted):
        asked(provider)

    assert sent() == []


def test_bought_and_imported_numbers_are_one_list(provider, bought):
    imported = provider.import_number("+14155550123")

    assert [n.id for n in provider.list_numbers()] == [imported.id, bought.id]
    assert provider.get_number(bought.id) == provider.get_number(FOR_SALE) == bought


def test_many_bought_numbers_come_once_each(provider, sandbox):
    made = set()
    for area in ("415", "628", "650"):
        made |= {
            provider.provision_number(number=offer.number).number
            for offer in provider.search_numbers(area_code=area, limit=30)
        }

    listed = [number.number for number in provider.list_numbers()]
    assert len(listed) == len(made) == 90
    assert set(listed) == made


def test_assigning_gives_the_number_a_rule_of_its_own(provider, bought, sandbox):
    first = provider.assign_number(bought, "reception")
    assert first.status is telephony.NumberStatus.ACTIVE
    moved = provider.assign_number(bought, Room("lobby"))
    back = provider.assign_number(bought, moved.replaced)

    assert (first.replaced, moved.replaced, back.replaced) == (
        None,
        Agent("reception"),
        Room("lobby"),
    )
    assert provider.get_number(bought).assignment == Agent("reception")
    assert len(sandbox.account.rules) == 1
    freed = provider.unassign_number(bought)
    assert (freed.replaced, freed.status) == (Agent("reception"), "offline")
    assert provider.get_number(bought).status is freed.status
    assert not sandbox.account.rules


def test_a_rule_that_others_share_is_left_alone(provider, bought, sandbox, plant_rule):
    plant_rule("team")
    (number,) = sandbox.account.numbers.values()
    number["sip_dispatch_rule_ids"] = ["SDR_team"]

    with pytest.raises(telephony.ConflictError, match="SDR_team"):
        provider.unassign_number(bought)
    assert provider.assign_number(bought, "reception").replaced == Agent("team")
    assert provider.get_number(bought).assignment == Agent("reception")
    assert "SDR_team" in sandbox.account.rules


def test_an_assignment_that_is_refused_leaves_no_rule_behind(
    provider, bought, sandbox, telephony_sandbox
):
    refused = '{"code": "invalid_argument", "msg": "no"}'
    telephony_sandbox.fail(Fault(kind="status", path="UpdatePhoneNumber", status=400, body=refused))

    with pytest.raises(telephony.InvalidRequestError):
        provider.assign_number(bought, "reception")

    assert not sandbox.account.rules


def test_an_assignment_that_may_have_happened_can_be_made_again(
    provider, bought, sandbox, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="status", path="UpdatePhoneNumber", status=500))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.assign_number(bought, "reception")

    assert caught.value.retry_safe
    assert provider.assign_number(bought, "reception").assignment == Agent("reception")
    assert len(sandbox.account.rules) == 1


def test_release_is_for_good(provider, bought, sandbox):
    provider.assign_number(bought, "reception")

    released = provider.release_number(bought)

    assert released.at_carrier is telephony.CarrierOutcome.RELEASED
    assert released.reversible is None
    assert list(provider.list_numbers()) == []
    assert not sandbox.account.rules
    with pytest.raises(telephony.NotFoundError):
        provider.get_number(FOR_SALE)


def test_a_bought_number_has_a_name_where_livekit_has_names(provider, bought):
    assert provider.update_number(bought, label="Desk").label == "Desk"
    assert provider.get_number(bought).label == "Desk"
    assert provider.assign_number(bought, "sales").label == "Desk"
    assert provider.unassign_number(bought).label == "Desk"


def test_a_livekit_without_names_does_not_pretend_to_have_set_one(provider, bought, sandbox):
    said = {key: value for key, value in bought.raw["phone_number"].items() if key != "name"}
    sandbox.state.respond({"phone_number": said}, to="UpdatePhoneNumber")

    with pytest.raises(telephony.UnsupportedOperationError, match="no names"):
        provider.update_number(bought, label="Desk")


@pytest.mark.parametrize(
    ("status", "inbound", "expected"),
    [
        ("ACTIVE", "ACTIVE", "active"),
        ("ACTIVE", "DETACHED", "offline"),
        ("ACTIVE", "UNAVAILABLE", "offline"),
        ("ACTIVE", "UNSPECIFIED", "active"),
        ("OFFLINE", None, "offline"),
        ("PENDING", "ACTIVE", "pending"),
    ],
)
def test_whether_a_number_takes_calls_is_read_in_the_newer_words(
    provider, sandbox, status, inbound, expected
):
    entry = {"id": "PN_1", "e164_format": FOR_SALE, "status": f"PHONE_NUMBER_STATUS_{status}"}
    if inbound is not None:
        entry["inbound_status"] = f"PHONE_NUMBER_IN_STATUS_{inbound}"
    sandbox.state.respond({"phone_number": entry}, to="GetPhoneNumber")

    assert provider.get_number("PN_1").status == expected


def test_a_bought_number_places_no_calls(provider, bought):
    with pytest.raises(telephony.UnsupportedOperationError, match="only take calls"):
        provider.place_call(bought, "+14155550199", agent="reception")


def test_an_own_server_does_not_have_them_and_says_so(provider, sandbox):
    sandbox.has_phone_numbers = False

    for operation in (provider.search_numbers, lambda: list(provider.list_numbers())):
        with pytest.raises(telephony.UnsupportedOperationError, match="`phone_numbers` to false"):
            operation()


def test_unknown_values_and_fields_are_ignored(provider, sandbox):
    entry = {"id": "PN_1", "e164_format": FOR_SALE, "status": 17, "number_type": 9, "new": 1}
    sandbox.state.respond({"phone_number": entry}, to="GetPhoneNumber")

    number = provider.get_number("PN_1")

    assert number.status is telephony.NumberStatus.UNKNOWN
    assert number.raw["phone_number"] == entry


def test_an_empty_page_with_a_next_one_is_not_the_end(provider, bought, sandbox):
    empty = {"items": [], "next_page_token": {"token": "0"}}
    sandbox.state.respond(empty, to="ListPhoneNumbers")
    assert [number.id for number in provider.list_numbers()] == [bought.id]

    sandbox.state.respond(empty, to="SearchPhoneNumbers")
    assert provider.search_numbers(limit=3)


def test_a_listing_that_goes_in_circles_ends(provider, bought, sandbox):
    circle = {"items": [], "next_page_token": {"token": "0"}}
    sandbox.state.respond(*[circle] * 1000, to="(List|Search)PhoneNumbers")

    with pytest.raises(telephony.InvalidResponseError, match="promises more pages"):
        list(provider.list_numbers())
    with pytest.raises(telephony.InvalidResponseError, match="promises more pages"):
        provider.search_numbers()


@pytest.mark.parametrize("kind", ["bought", "imported"])
def test_without_the_packages_that_read_rules_nothing_changes(provider, monkeypatch, kind):
    get = {"bought": provider.provision_number, "imported": provider.import_number}[kind]
    number = get(number=FOR_SALE, assign_to="reception")
    monkeypatch.setitem(sys.modules, "livekit.protocol.sip", None)

    with pytest.raises(telephony.ConfigurationError, match=r"telephony\[livekit\]"):
        provider.unassign_number(number)
    with pytest.raises(telephony.ConfigurationError, match=r"telephony\[livekit\]"):
        provider.assign_number(number, Room("lobby"))

    assert provider.get_number(number).assignment == Agent("reception")
