"""Numbers, targets and imports at Vapi; the conformance suite has the common behaviour."""

from __future__ import annotations

import json
import logging

import pytest
from telephony.adapters.vapi.sandbox import vendor

import telephony
from telephony import Agent, LinkedCarrier, TwilioAccount, VonageAccount, Webhook
from telephony.sandbox import Fault

NUMBER = "+14155550123"
TOKEN = TwilioAccount("AC" + "0f" * 16, auth_token="canary-token")
KEY = TwilioAccount("AC" + "0f" * 16, api_key_sid="SK1", api_key_secret="canary-secret")
SQUAD, WORKFLOW = f"squad:{vendor.SQUAD}", f"workflow:{vendor.WORKFLOW}"


@pytest.fixture
def imported(provider):
    return provider.import_number(NUMBER, source=TOKEN, label="Desk")


# --- Bought --------------------------------------------------------------------------------------


def test_a_bought_number_has_its_number_once_it_is_activated(provider):
    bought = provider.provision_number(area_code="312", label="Desk")

    assert (bought.number, bought.status) == ("", telephony.NumberStatus.PENDING)
    assert "activating" in bought.notices[0]
    active = provider.get_number(bought)
    assert (active.number[:5], active.status, active.notices) == (
        "+1312", telephony.NumberStatus.ACTIVE, (),
    )  # fmt: skip
    released = provider.release_number(bought)
    assert released.at_carrier is telephony.CarrierOutcome.RELEASED
    assert released.reversible is False


@pytest.mark.parametrize("criteria", [{"country": "CA"}, {"number": NUMBER}])
def test_criteria_that_vapi_has_no_field_for_are_refused(provider, telephony_sandbox, criteria):
    with pytest.raises(telephony.UnsupportedOperationError, match="its own choice"):
        provider.provision_number(**criteria)

    assert telephony_sandbox.requests("vapi") == []


def test_a_purchase_with_a_key_is_found_again(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    bought = provider.provision_number(label="Desk", idempotency_key="order-17")
    again = provider.provision_number(label="Desk", idempotency_key="order-17")

    assert (bought.id, bought.label) == (again.id, "Desk")
    assert len(telephony_sandbox.ledger("vapi", "purchase")) == 1
    assert provider.update_number(bought, label="Front").label == "Front"
    assert provider.provision_number(idempotency_key="order-17").id == bought.id


def test_a_purchase_without_a_key_stays_unknown(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError, match="idempotency_key"):
        provider.provision_number(label="Desk")

    assert len(telephony_sandbox.ledger("vapi", "purchase")) == 1


@pytest.mark.parametrize(("key", "room"), [(None, 40), ("order-17", 21)])
def test_a_label_that_does_not_fit_is_refused_and_one_that_does_is_kept(
    provider, telephony_sandbox, key, room
):
    with pytest.raises(telephony.InvalidRequestError, match=f"longer than {room}") as caught:
        provider.provision_number(label="x" * (room + 1), idempotency_key=key)
    assert caught.value.argument == "label"

    assert provider.provision_number(label="x" * room, idempotency_key=key).label == "x" * room


# --- Imported ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (TOKEN, {"twilioAuthToken": "canary-token"}),
        (KEY, {"twilioApiKey": "SK1", "twilioApiSecret": "canary-secret"}),
    ],
)
def test_a_number_of_twilios_is_imported_with_the_accounts_own_credentials(
    provider, telephony_sandbox, source, sent
):
    number = provider.import_number(NUMBER, source=source, options={"smsEnabled": False})

    assert telephony_sandbox.requests("vapi")[-1].json() == {
        "provider": "twilio",
        "number": NUMBER,
        "twilioAccountSid": source.account_sid,
        "smsEnabled": False,
        **sent,
    }
    assert (number.carrier.kind, number.carrier.account) == ("twilio", source.account_sid)
    assert number.notices == ()


def test_that_texts_are_answered_too_is_said(imported):
    assert "smsEnabled" in imported.notices[0]


@pytest.mark.parametrize("source", [TOKEN, KEY])
def test_credentials_that_come_back_are_shown_nowhere(
    provider, telephony_sandbox, account, caplog, source
):
    caplog.set_level(logging.DEBUG)
    made = provider.import_number(NUMBER, source=source)
    server = {"url": "https://example.com/", "headers": {"X-Own": "canary-header"}}
    account.numbers[made.id]["server"] = server
    body = json.dumps({"message": "no", "twilioAuthToken": "canary-echo"})
    telephony_sandbox.fail(Fault(kind="status", method="PATCH", status=400, body=body))

    found = [made, provider.get_number(made), provider.get_number(NUMBER), *provider.list_numbers()]
    with pytest.raises(telephony.InvalidRequestError) as refused:
        provider.update_number(made, label="Desk")
    found += [provider.update_number(made, label="Desk"), provider.release_number(made)]

    shown = [f"{one!r} {one.raw} {one.model_dump_json()}" for one in found]
    shown += [f"{vars(refused.value)} {refused.value}", caplog.text]
    assert "canary" in json.dumps(telephony_sandbox.requests("vapi")[1].json())
    assert [text for text in shown if "canary" in text] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (TwilioAccount("AC1"), "credentials"),
        (TwilioAccount("AC1", api_key_sid="SK1"), "credentials"),
        (TwilioAccount("AC1", "ie1", auth_token="t"), "US region"),
        (None, "No carrier accounts are linked"),
    ],
)
def test_a_source_that_is_not_enough_is_refused(provider, telephony_sandbox, source, said):
    with pytest.raises(telephony.InvalidRequestError, match=said) as caught:
        provider.import_number(NUMBER, source=source)

    assert caught.value.argument == "source"
    assert telephony_sandbox.ledger("vapi") == []


def test_the_kind_of_a_linked_account_is_read_and_one_is_enough(provider, telephony_sandbox):
    linked = provider.link_carrier(VonageAccount("a1b2c3d4", "s"))

    number = provider.import_number(NUMBER)

    assert telephony_sandbox.requests("vapi")[-1].json() == {
        "provider": "vonage",
        "number": NUMBER,
        "credentialId": linked.id,
    }
    assert (number.carrier.id, number.carrier.kind) == (linked.id, "vonage")
    provider.link_carrier(VonageAccount("b1b2c3d4", "s"))
    with pytest.raises(telephony.InvalidRequestError, match="2 carrier accounts"):
        provider.import_number("+14155550124")


def test_no_number_comes_from_the_credentials_of_anything_else(provider, account):
    account.credentials["openai"] = {**account.stamps(), "id": "openai", "provider": "openai"}
    account.credentials["twilio"] = {**account.stamps(), "id": "twilio", "provider": "twilio"}

    with pytest.raises(telephony.NotFoundError, match="not of a carrier"):
        provider.import_number(NUMBER, source=LinkedCarrier("openai"))
    with pytest.raises(telephony.InvalidRequestError, match="TwilioAccount"):
        provider.import_number(NUMBER, source=LinkedCarrier("twilio"))


def test_a_second_import_is_a_conflict_whatever_vapi_would_say(provider, imported):
    for other in ({}, {"label": "Other"}):
        with pytest.raises(telephony.ConflictError, match=r"assign_number\(\)"):
            provider.import_number(NUMBER, source=TOKEN, **other)


@pytest.mark.parametrize("answered", [None, vendor.SALES, SQUAD, WORKFLOW])
def test_an_import_whose_response_is_lost_is_found(provider, telephony_sandbox, answered):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    number = provider.import_number(NUMBER, source=TOKEN, label="Desk", assign_to=answered)

    assert (number.assignment and number.assignment.id) == answered
    assert len(telephony_sandbox.ledger("vapi", "import")) == 1


def test_a_number_that_somebody_else_imported_meanwhile_is_not_taken_for_ours(
    planned, vendor_server
):
    theirs = {"id": "n_1", "provider": "twilio", "number": NUMBER, "twilioAccountSid": "AC2"}
    pages = iter([[], [theirs]])

    def page(_):
        return 200, {"results": next(pages), "metadata": {"hasNextPage": False}}

    vendor_server.responses = {"POST /phone-number": (502, {}), "GET /v2/phone-number": page}

    with pytest.raises(telephony.OutcomeUnknownError):
        planned.import_number(NUMBER, source=TOKEN)


# --- Assigned ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (Agent(vendor.RECEPTION), "assistantId"),
        (Agent(SQUAD), "squadId"),
        (Agent(WORKFLOW), "workflowId"),
    ],
)
def test_only_one_of_the_agents_is_left(provider, telephony_sandbox, imported, target, field):
    others = dict.fromkeys({"assistantId", "squadId", "workflowId"} - {field})

    assigned = provider.assign_number(imported, target)

    assert telephony_sandbox.requests("vapi")[-1].json() == {
        "provider": "twilio", field: target.id.rpartition(":")[2], **others,
    }  # fmt: skip
    assert assigned.assignment == target
    assert provider.get_number(imported).assignment == target


def test_a_server_url_is_a_target_and_keeps_what_else_the_server_has(provider, account, imported):
    server = {"url": "https://old.example/", "timeoutSeconds": 9, "headers": {"X-Own": "secret"}}
    account.numbers[imported.id]["server"] = server
    provider.assign_number(imported, vendor.RECEPTION)

    moved = provider.assign_number(imported, "https://new.example/")

    assert moved.assignment == Webhook("https://new.example/")
    assert moved.replaced == Agent(vendor.RECEPTION)
    assert account.numbers[imported.id]["server"] == {**server, "url": "https://new.example/"}
    freed = provider.unassign_number(imported)
    assert (freed.assignment, freed.replaced) == (None, moved.assignment)
    assert "server" not in account.numbers[imported.id]


def test_nobody_answers_an_unassigned_number_and_a_lost_webhook_is_named(provider, imported):
    provider.assign_number(imported, vendor.RECEPTION)
    provider.set_webhook("https://example.com/", of=NUMBER)

    freed = provider.unassign_number(imported)

    assert (freed.assignment, freed.replaced) == (None, Agent(vendor.RECEPTION))
    assert "set_webhook()" in freed.notices[0]
    assert provider.get_webhook(NUMBER) is None


def test_a_change_that_vapi_accepts_and_does_not_make_is_an_error(planned, vendor_server):
    number = {"id": "n_1", "provider": "twilio", "number": NUMBER, "assistantId": "a_1"}
    vendor_server.responses = {
        "GET /phone-number/n_1": (200, number), "PATCH /phone-number/n_1": (200, number),
    }  # fmt: skip

    with pytest.raises(telephony.ConflictError, match="still answered") as caught:
        planned.unassign_number("n_1")

    assert caught.value.retry_safe


@pytest.mark.parametrize("target", [Webhook(), Webhook("https://a.example/", "https://b.example/")])
def test_a_number_has_one_url(provider, imported, target):
    with pytest.raises(telephony.InvalidRequestError, match="one server URL"):
        provider.assign_number(imported, target)


def test_targets_have_names_and_the_nearest_is_named(provider, imported):
    assert [(target.id, target.name) for target in provider.list_targets()] == [
        (vendor.SALES, "Sales"),
        (vendor.RECEPTION, "Reception"),
        (f"squad:{vendor.SQUAD}", "Front office"),
    ]
    with pytest.raises(telephony.NotFoundError, match=vendor.SALES):
        provider.assign_number(imported, vendor.SALES[:-1] + "9")


def test_a_refused_assignment_to_an_agent_that_exists_keeps_its_reason(
    provider, telephony_sandbox, imported
):
    body = '{"message": ["not today"], "error": "Bad Request", "statusCode": 400}'
    telephony_sandbox.fail(Fault(kind="status", method="PATCH", status=400, body=body))

    with pytest.raises(telephony.InvalidRequestError, match="not today"):
        provider.assign_number(imported, vendor.SALES)


# --- Changed and released ------------------------------------------------------------------------


def test_the_credentials_of_a_number_are_replaced(provider, telephony_sandbox, account, imported):
    updated = provider.update_number(imported, source=KEY)

    assert telephony_sandbox.requests("vapi")[-1].json() == {
        "provider": "twilio",
        "twilioAccountSid": KEY.account_sid,
        "twilioApiKey": "SK1",
        "twilioApiSecret": "canary-secret",
    }
    assert updated.label == "Desk"
    linked = provider.link_carrier(VonageAccount("a1b2c3d4", "s"))
    with pytest.raises(telephony.InvalidRequestError, match="another kind") as caught:
        provider.update_number(imported, source=linked)
    assert caught.value.argument == "source"


def test_a_number_moves_to_another_linked_account_of_its_kind(provider):
    first, second = (provider.link_carrier(VonageAccount(key, "s")) for key in ("a1", "b2"))
    number = provider.import_number(NUMBER, source=first)

    assert provider.update_number(number, source=second).carrier.id == second.id


def test_a_number_of_a_carrier_is_kept_there(provider, imported):
    provider.assign_number(imported, vendor.RECEPTION)

    released = provider.release_number(imported)

    assert released.at_carrier is telephony.CarrierOutcome.KEPT
    assert released.reversible
    assert "URLs at the carrier" in released.notices[0]


def test_a_release_whose_response_is_lost_is_done(provider, telephony_sandbox, imported):
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    assert provider.release_number(imported).id == imported.id
    assert list(provider.list_numbers()) == []


# --- Read ----------------------------------------------------------------------------------------


def test_an_id_that_vapi_calls_malformed_is_not_found(planned, vendor_server):
    body = {"message": "Validation failed (uuid is expected)", "statusCode": 400}
    vendor_server.responses = {"GET /phone-number/nonsense": (400, body)}

    with pytest.raises(telephony.NotFoundError, match="uuid is expected"):
        planned.get_number("nonsense")


def test_a_number_is_found_by_all_of_it_though_the_search_finds_parts(provider):
    for number in ("+14155550123", "+14155550124"):
        provider.import_number(number, source=TOKEN, label="+14155550199 and +14155550")

    assert provider.get_number("+14155550124").number == "+14155550124"
    with pytest.raises(telephony.NotFoundError):
        provider.get_number("+14155550199")


def test_a_sip_address_is_a_number_without_a_telephone_number(provider):
    made = provider.provision_number(options={"sipUri": "sip:desk@sip.vapi.ai"})

    assert provider.get_number(made.id).number == "sip:desk@sip.vapi.ai"


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://api.vapi.ai"),
        ({"region": "us"}, "https://api.vapi.ai"),
        ({"region": "eu"}, "https://api.eu.vapi.ai"),
        ({"region": "eu", "base_url": "https://proxy.example"}, "https://proxy.example"),
    ],
)
def test_the_region_chooses_the_host_unless_one_is_named(settings, url):
    with telephony.connect("vapi", api_key="k", **settings) as provider:
        assert provider.adapter.base_url == url


def test_a_found_file_may_choose_the_hosts_of_both_regions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "telephony.toml"
    for url, allowed in (("https://api.eu.vapi.ai", True), ("https://api.vapi.example", False)):
        file.write_text(f'[providers.desk]\nadapter = "vapi"\nbase_url = "{url}"\n')
        if allowed:
            telephony.config.resolve("desk", {"api_key": "k"})
        else:
            with pytest.raises(telephony.ConfigurationError):
                telephony.config.resolve("desk", {"api_key": "k"})
