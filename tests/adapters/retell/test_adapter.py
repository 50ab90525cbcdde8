"""Numbers: bought, imported, and answered by agents or URLs."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import Agent, CarrierOutcome, Channel, SipTrunk, Split, Webhook
from telephony.sandbox import Fault

from .conftest import TRUNK

DESK, SALES, TEXTS = Agent("agent_reception"), Agent("agent_sales"), Agent("agent_texts")
HOOK, SMS_HOOK = "https://example.com/calls", "https://example.com/texts"
WEIGHTED = [{"agent_id": DESK.id, "weight": 0.4}, {"agent_id": SALES.id, "weight": 0.6}]
FREE = "+14155550177"


def lost(path, **fields):
    return Fault(kind="lost", path=path, **fields)


# --- Bought --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"country": "GB"}, "US or CA"),
        ({"country": "CA", "area_code": "416"}, "in the US only"),
        ({"area_code": "41"}, "three digits"),
        ({"assign_to": Webhook(sms_url=SMS_HOOK)}, "assign_number"),
        ({"assign_to": Split(DESK, TEXTS)}, "assign_number"),
    ],
)
def test_what_cannot_be_bought_is_refused_before_any_request(
    provider, telephony_sandbox, wanted, said
):
    with pytest.raises(telephony.TelephonyError, match=said):
        provider.provision_number(**wanted)
    assert telephony_sandbox.requests("retell") == []


def test_a_key_finds_its_number_again_and_stays_when_the_label_changes(provider, telephony_sandbox):
    bought = provider.provision_number(label="Desk", idempotency_key="order-17")
    assert bought.label == "Desk"
    assert provider.update_number(bought, label="Front desk").label == "Front desk"
    assert provider.provision_number(idempotency_key="order-17").number == bought.number
    assert len(telephony_sandbox.ledger("retell", "purchase")) == 1


@pytest.mark.parametrize("kind", ["lost", "cut", "html", "empty"])
def test_a_lost_purchase_is_found_by_its_key_or_its_number(provider, telephony_sandbox, kind):
    wants = {"idempotency_key": "order-17"}, {"number": FREE}
    for nth, wanted in enumerate(wants, 1):
        telephony_sandbox.fail(Fault(kind=kind, path="create-phone-number"))
        bought = provider.provision_number(**wanted)
        assert provider.get_number(bought).number == bought.number
        assert len(telephony_sandbox.ledger("retell", "purchase")) == nth


def test_without_a_key_a_lost_purchase_stays_unknown(provider, telephony_sandbox):
    telephony_sandbox.fail(lost("create-phone-number"))
    with pytest.raises(telephony.OutcomeUnknownError, match="idempotency_key") as caught:
        provider.provision_number(area_code="312")
    assert not caught.value.retry_safe


def test_a_number_that_is_held_is_not_bought_again(provider, telephony_sandbox):
    provider.provision_number(number=FREE)
    with pytest.raises(telephony.ConflictError):
        provider.provision_number(number=FREE)
    assert len(telephony_sandbox.ledger("retell", "purchase")) == 1


# --- Imported ------------------------------------------------------------------------------------


def test_an_import_says_what_is_left_to_do_at_the_carrier(provider, telephony_sandbox, account):
    made = provider.import_number(FREE, source=TRUNK, label="HQ", assign_to=DESK)
    assert (made.label, made.assignment, made.carrier.kind) == ("HQ", DESK, "sip_trunk")
    assert "sip:sip.retellai.com;transport=tcp" in made.notices[0]
    assert "sandbox-password" not in str(made.raw)
    assert account.numbers[FREE]["sip_outbound_trunk_config"]["auth_password"]
    released = provider.release_number(made)
    assert (released.at_carrier, released.reversible) == (CarrierOutcome.KEPT, True)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "SipTrunk"),
        (SipTrunk(username="out"), "address"),
        (SipTrunk("sip.example.com", pin="1234", name="HQ"), "no `pin` and no `name`"),
        (SipTrunk("sip.example.com", allowed_addresses=("192.0.2.1",)), "allowed_addresses"),
    ],
)
def test_what_a_trunk_cannot_be_is_refused_before_any_request(
    provider, telephony_sandbox, source, said
):
    with pytest.raises(telephony.InvalidRequestError, match=said) as caught:
        provider.import_number(FREE, source=source)
    assert caught.value.argument == "source"
    assert telephony_sandbox.requests("retell") == []


def test_a_lost_import_is_found_if_it_is_ours(provider, telephony_sandbox, account):
    telephony_sandbox.fail(lost("import-phone-number"))
    made = provider.import_number(FREE, source=TRUNK, label="HQ")
    assert (made.label, len(telephony_sandbox.ledger("retell", "import"))) == ("HQ", 1)
    assert made.notices


def test_a_number_that_another_imported_meanwhile_is_not_taken_for_ours(planned, vendor_server):
    theirs = {
        "phone_number": FREE,
        "phone_number_type": "custom",
        "sip_outbound_trunk_config": {"termination_uri": "elsewhere.example.com"},
    }
    route = f"GET /get-phone-number/{FREE}"
    missing = {"status": "error", "message": "Cannot find requested asset under given api key."}
    vendor_server.responses = {
        route: [(422, missing), (200, theirs)],
        "POST /import-phone-number": (500, {"status": "error", "message": "Oops"}),
    }
    answers = iter(vendor_server.responses[route])
    vendor_server.responses[route] = lambda _: next(answers)
    with pytest.raises(telephony.OutcomeUnknownError):
        planned.import_number(FREE, source=TRUNK)


def test_the_login_of_a_trunk_is_rotated_by_its_number(provider, number, account):
    new = SipTrunk("sip.example.com", username="new", password="other", transport="tls")
    assert provider.update_number(number, source=new).label is None
    assert account.numbers[number.number]["sip_outbound_trunk_config"] == {
        "termination_uri": "sip.example.com",
        "auth_username": "new",
        "auth_password": "other",
        "transport": "TLS",
    }
    bought = provider.provision_number()
    with pytest.raises(telephony.InvalidRequestError, match="Retell's own"):
        provider.update_number(bought, source=new)


# --- Who answers ---------------------------------------------------------------------------------


def test_calls_and_texts_are_answered_apart(provider, number):
    both = provider.assign_number(number, Split(DESK, TEXTS))
    assert both.assignment == Split(DESK, TEXTS)
    assert both.channels == {Channel.VOICE, Channel.SMS}
    calls = provider.assign_number(number, SALES)
    assert (calls.assignment, calls.replaced) == (Split(SALES, TEXTS), both.assignment)
    urls = provider.assign_number(number, Webhook(HOOK, SMS_HOOK))
    assert (urls.assignment, urls.replaced) == (Webhook(HOOK, SMS_HOOK), calls.assignment)
    mixed = provider.assign_number(number, Split(DESK, Webhook(sms_url=SMS_HOOK)))
    assert mixed.assignment == Split(DESK, Webhook(sms_url=SMS_HOOK))
    freed = provider.unassign_number(number)
    assert (freed.assignment, freed.replaced) == (None, mixed.assignment)
    assert provider.unassign_number(number).replaced is None


def test_a_url_leaves_the_agent_to_stand_in_and_goes_when_an_agent_is_chosen(
    provider, number, account
):
    provider.assign_number(number, DESK)
    asked = provider.assign_number(number, HOOK)
    assert (asked.assignment, asked.replaced, asked.notices) == (Webhook(HOOK), DESK, ())
    assert account.numbers[number.number]["inbound_agents"] == [{"agent_id": DESK.id, "weight": 1}]
    again = provider.assign_number(number, asked.replaced)
    assert (again.assignment, again.replaced) == (DESK, Webhook(HOOK))
    assert "inbound_webhook_url" not in account.numbers[number.number]


def test_of_several_agents_the_heaviest_is_shown_and_a_notice_brings_all_back(
    provider, number, account
):
    held = account.numbers[number.number]
    provider.assign_number(
        number, DESK, options={"inbound_agents": WEIGHTED, "outbound_agents": WEIGHTED}
    )
    assert provider.get_number(number).assignment == SALES
    before = {name: held[name] for name in ("inbound_agents", "outbound_agents")}
    moved = provider.assign_number(number, DESK)
    (notice,) = moved.notices
    options = json.loads(notice.partition("`options`: ")[2])
    assert options == before
    provider.assign_number(number, moved.replaced, options=options)
    assert {name: held[name] for name in before} == before


def test_a_version_of_an_agent_is_not_lost_silently(provider, number):
    fixed = [{"agent_id": DESK.id, "weight": 1, "agent_version": 3}]
    provider.assign_number(number, DESK, options={"inbound_agents": fixed})
    (notice,) = provider.assign_number(number, SALES).notices
    assert '"agent_version":3' in notice


def test_a_number_that_only_calls_is_freed_too(provider, number, account):
    one = [{"agent_id": DESK.id, "weight": 1}]
    provider.assign_number(number, DESK, options={"inbound_agents": None, "outbound_agents": one})
    assert provider.get_number(number).assignment is None
    provider.unassign_number(number)
    assert "outbound_agents" not in account.numbers[number.number]


@pytest.mark.parametrize("to", [Agent("agent_receptoin"), Split(DESK, Agent("agent_text"))])
def test_an_agent_that_there_is_not_is_named_with_the_nearest(provider, number, to):
    with pytest.raises(telephony.NotFoundError, match="no such agent") as caught:
        provider.assign_number(number, to)
    assert caught.value.status == 422
    if isinstance(to, Agent):
        assert "agent_reception" in str(caught.value)


@pytest.mark.parametrize(
    "to",
    [
        Webhook(),
        Webhook("ftp://example.com"),
        Split(DESK, TEXTS, overruled=Webhook(HOOK)),
        Split(Webhook(HOOK, SMS_HOOK), None),
        Split(None, Webhook(HOOK)),
    ],
)
def test_what_cannot_answer_is_refused_before_any_change(provider, number, telephony_sandbox, to):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.assign_number(number, to)
    assert caught.value.argument == "to"
    assert telephony_sandbox.requests("retell")[-1].method == "GET"


def test_targets_have_names(provider):
    assert [(target.id, target.name) for target in provider.list_targets()] == [
        ("agent_reception", "Reception"),
        ("agent_sales", "Sales"),
        ("agent_texts", "Texts"),
    ]
