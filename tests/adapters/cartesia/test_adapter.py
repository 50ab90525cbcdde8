"""Behaviour specific to Cartesia; the conformance suite has the common behaviour."""

from __future__ import annotations

import pytest

import telephony
from telephony import LinkedCarrier, SipTrunk, TwilioAccount
from telephony.sandbox import Fault

AGENT, OTHER = "agent_reception", "agent_sales"
KEYS = {"api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s3cret-of-twilio"}
ACCOUNT = TwilioAccount("AC" + "0f" * 16, **KEYS)


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


@pytest.fixture
def imported(provider):
    provider.link_carrier(ACCOUNT, label="EU lines")
    return provider.import_number("+14155550123", label="Desk")


def test_an_import_without_its_assignment_is_found_and_assigned(provider, telephony_sandbox):
    """400 although the number was imported: only the assignment had failed."""
    provider.link_carrier(ACCOUNT)
    telephony_sandbox.vendors["cartesia"].account.fail_next_assignment = True

    number = provider.import_number("+14155550123", assign_to=AGENT)

    assert number.assignment.id == AGENT
    assert len(telephony_sandbox.ledger("cartesia", "import")) == 1


@pytest.mark.parametrize("agent", [None, AGENT])
def test_an_import_whose_response_is_lost_is_found_as_it_is(provider, telephony_sandbox, agent):
    provider.link_carrier(ACCOUNT)
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    number = provider.import_number("+14155550123", assign_to=agent)

    assert (number.assignment and number.assignment.id) == agent
    assert telephony_sandbox.requests("cartesia")[-1].method == "GET"


def test_an_import_that_cannot_be_assigned_says_that_it_is_imported(provider, telephony_sandbox):
    provider.link_carrier(ACCOUNT)
    telephony_sandbox.vendors["cartesia"].account.fail_next_assignment = True
    telephony_sandbox.fail(Fault(kind="status", method="PATCH", status=400))

    with pytest.raises(telephony.InvalidRequestError, match="IS imported") as caught:
        provider.import_number("+14155550123", assign_to=AGENT)

    assert not caught.value.retry_safe
    assert provider.get_number("+14155550123").assignment is None


def test_a_refused_import_that_cannot_be_read_back_has_an_unknown_outcome(
    provider, telephony_sandbox
):
    provider.link_carrier(ACCOUNT)
    telephony_sandbox.vendors["cartesia"].account.fail_next_assignment = True
    telephony_sandbox.fail(Fault(kind="status", method="GET", times=None))
    source = TwilioAccount(ACCOUNT.account_sid)

    with pytest.raises(telephony.OutcomeUnknownError, match="all the same") as caught:
        provider.import_number("+14155550123", source=source, assign_to=AGENT)

    assert (caught.value.status, caught.value.retry_safe) == (400, False)
    assert len(telephony_sandbox.ledger("cartesia", "import")) == 1


@pytest.mark.parametrize("direction", [{"inbound": False}, {"outbound": False}])
def test_a_number_works_both_ways_or_is_not_imported(provider, telephony_sandbox, direction):
    with pytest.raises(telephony.UnsupportedOperationError, match="one direction"):
        provider.import_number("+14155550123", **direction)

    assert telephony_sandbox.requests("cartesia") == []


@pytest.mark.parametrize("kind", ["lost", "status"])
@pytest.mark.parametrize(
    "other", [{"label": "Lobby"}, {"assign_to": None}, {"assign_to": OTHER}, {"source": "other"}]
)
def test_a_number_that_was_there_before_is_not_taken_for_the_failed_import(
    provider, telephony_sandbox, other, kind
):
    """Cartesia refused it, whether or not that was heard: what is there is something else."""
    first = provider.link_carrier(ACCOUNT)
    second = provider.link_carrier(SipTrunk("sip.example.com", username="u", password="p4ssword-1"))
    asked = {"label": "Desk", "assign_to": AGENT, "source": LinkedCarrier(first.id)}
    before = provider.import_number("+14155550123", **asked)
    telephony_sandbox.fail(Fault(kind=kind, method="POST", status=400))
    if "source" in other:
        other = {"source": LinkedCarrier(second.id)}

    with pytest.raises((telephony.OutcomeUnknownError, telephony.InvalidRequestError)):
        provider.import_number("+14155550123", **{**asked, **other})

    assert provider.get_number("+14155550123").raw == before.raw


def test_options_of_an_import_count_when_it_is_read_back(provider, telephony_sandbox):
    provider.link_carrier(ACCOUNT)
    telephony_sandbox.vendors["cartesia"].account.fail_next_assignment = True

    number = provider.import_number(
        "+14155550123", options={"agent_id": AGENT, "label": "Front desk"}
    )

    assert (number.assignment.id, number.label) == (AGENT, "Front desk")


def test_the_agent_that_another_one_replaces_is_named(provider, imported):
    first, moved, again = (provider.assign_number(imported, to) for to in (AGENT, OTHER, OTHER))

    assert (first.replaced, moved.replaced.id, again.replaced) == (None, AGENT, None)


def test_an_assigned_number_is_released_only_with_unassign(provider, imported, telephony_sandbox):
    provider.assign_number(imported, AGENT)

    with pytest.raises(telephony.ConflictError, match="unassign=True"):
        provider.release_number(imported)
    released = provider.release_number(imported, unassign=True)

    assert released.at_carrier is telephony.CarrierOutcome.KEPT
    assert released.reversible
    assert len(telephony_sandbox.ledger("cartesia", "release")) == 1


def test_a_release_whose_response_is_lost_is_done(provider, imported, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    released = provider.release_number(imported, options={"keep": True})

    assert released.number == imported.number
    assert telephony_sandbox.requests("cartesia")[-1].json() == {"keep": True}
    with pytest.raises(telephony.NotFoundError):
        provider.get_number(imported)


def test_a_number_that_another_client_just_released_is_not_found(
    provider, imported, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=404))

    with pytest.raises(telephony.NotFoundError):
        provider.release_number(imported)


def test_a_release_that_fails_midway_says_so(provider, imported, telephony_sandbox):
    provider.assign_number(imported, AGENT)
    for half_done in (True, False):
        telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=400))
        with pytest.raises(telephony.InvalidRequestError) as caught:
            provider.release_number(imported, unassign=True)
        assert ("was taken from its agent" in caught.value.hint) is half_done


def test_a_release_whose_response_is_lost_is_not_said_to_have_failed(
    telephony_connect, telephony_sandbox, imported
):
    provider = telephony_connect("cartesia", retries=0)
    provider.assign_number(imported, AGENT)
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.release_number(imported, unassign=True)

    assert "not released" not in str(caught.value)
    assert list(provider.list_numbers()) == []


def test_release_of_cartesias_own_number_is_final(provider):
    bought = provider.provision_number()

    released = provider.release_number(bought)

    assert released.at_carrier is telephony.CarrierOutcome.RELEASED
    assert released.reversible is False


def test_old_plain_text_errors_are_read(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=404, body="Not found: No such agent"))

    with pytest.raises(telephony.NotFoundError, match="Not found: No such agent") as caught:
        provider.get_number("pn_1")

    assert caught.value.status == 404


def test_the_version_header_is_a_setting(telephony_connect, telephony_sandbox):
    list(telephony_connect("cartesia").list_numbers())
    list(telephony_connect("cartesia", version="2026-08-14").list_numbers())

    sent = [r.headers["cartesia-version"] for r in telephony_sandbox.requests("cartesia")]
    assert sent == ["2026-03-01", "2026-08-14"]


@pytest.mark.parametrize(
    "criteria", [{"area_code": "415"}, {"country": "CA"}, {"number": "+14155550123"}]
)
def test_criteria_that_cartesia_would_ignore_are_refused(provider, telephony_sandbox, criteria):
    with pytest.raises(telephony.UnsupportedOperationError, match="its own choice"):
        provider.provision_number(**criteria)

    assert telephony_sandbox.requests("cartesia") == []


def test_one_linked_carrier_is_the_default_source_and_two_are_not(provider):
    first = provider.link_carrier(ACCOUNT)
    assert provider.import_number("+14155550101").carrier.id == first.id

    provider.link_carrier(SipTrunk("sip.example.com", username="u", password="p4ssword-1"))
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.import_number("+14155550102")
    assert caught.value.argument == "source"
    assert provider.import_number("+14155550102", source=LinkedCarrier(first.id))
    assert provider.import_number("+14155550103", source=TwilioAccount(ACCOUNT.account_sid))


def test_a_number_the_carrier_does_not_hold_is_refused(provider):
    provider.link_carrier(ACCOUNT)

    with pytest.raises(telephony.InvalidRequestError, match="does not hold"):
        provider.import_number("+14155550000")


def test_linking_twice_points_to_rotation(provider):
    linked = provider.link_carrier(ACCOUNT)

    with pytest.raises(telephony.ConflictError, match="rotate_carrier"):
        provider.link_carrier(ACCOUNT)

    rotated = provider.rotate_carrier(
        linked,
        TwilioAccount(
            ACCOUNT.account_sid, api_key_sid="SK" + "2b" * 16, api_key_secret="n3w-secret"
        ),
    )
    assert rotated.raw["api_key_sid"] == "SK2b****2b2b"


@pytest.mark.parametrize(("region", "stored"), [(None, "us1"), ("au1", "au1")])
def test_a_link_whose_response_is_lost_is_found_by_account_and_region(
    provider, telephony_sandbox, region, stored
):
    provider.link_carrier(TwilioAccount(ACCOUNT.account_sid, region="ie1", **KEYS))
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    account = TwilioAccount(ACCOUNT.account_sid, region=region, **KEYS)
    linked = provider.link_carrier(account, label="Lines")

    assert (linked.account, linked.region) == (ACCOUNT.account_sid, stored)
    assert linked.label == "Lines"
    assert [found.region for found in provider.list_carriers()] == ["ie1", stored]


@pytest.mark.parametrize("account", [ACCOUNT, SipTrunk("sip.example.com")], ids=["twilio", "sip"])
def test_a_link_that_is_not_to_be_found_stays_unknown(provider, telephony_sandbox, account):
    provider.link_carrier(TwilioAccount(ACCOUNT.account_sid, region="ie1", **KEYS))
    telephony_sandbox.fail(Fault(kind="reset", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.link_carrier(account)

    assert not caught.value.retry_safe


def test_a_linked_carrier_cannot_become_another_account(provider):
    linked = provider.link_carrier(ACCOUNT)

    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.rotate_carrier(linked, TwilioAccount("AC" + "1e" * 16, **KEYS))

    assert caught.value.argument == "credentials"


def test_numbers_that_new_credentials_cannot_reach_are_counted_not_named(
    provider, telephony_sandbox
):
    linked = provider.link_carrier(ACCOUNT)
    body = '{"title": "Bad key", "message": "No access", "unreachable_numbers": ["+14155550123"]}'
    telephony_sandbox.fail(Fault(kind="status", method="PATCH", status=400, body=body))

    with pytest.raises(
        telephony.InvalidRequestError, match="1 numbers cannot be reached"
    ) as caught:
        provider.rotate_carrier(linked, ACCOUNT)

    assert "+14155550123" not in f"{caught.value} {caught.value.raw}"


def test_unlinking_while_numbers_depend_on_it_is_a_conflict(provider, imported):
    (linked,) = provider.list_carriers()

    with pytest.raises(telephony.ConflictError, match="Release the numbers"):
        provider.unlink_carrier(linked)

    provider.release_number(imported)
    assert provider.unlink_carrier(linked).id == linked.id
    assert list(provider.list_carriers()) == []


def test_unlinking_is_done_after_a_lost_response_and_not_found_at_once(provider, telephony_sandbox):
    linked = provider.link_carrier(ACCOUNT)
    telephony_sandbox.fail(Fault(kind="status", method="DELETE", status=404))
    with pytest.raises(telephony.NotFoundError):
        provider.unlink_carrier(linked)

    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))
    assert provider.unlink_carrier(linked, options={"force": True}).id == linked.id
    assert telephony_sandbox.requests("cartesia")[-1].json() == {"force": True}
    assert list(provider.list_carriers()) == []


def test_importing_again_says_how_to_go_on(provider, imported):
    """A process was killed between the import and its assignment; the next run repeats both."""
    with pytest.raises(telephony.ConflictError, match=r"assign_number\(\)"):
        provider.import_number(imported.number, assign_to=AGENT)


def test_a_trunk_without_a_label_is_called_by_its_address(provider):
    trunk = SipTrunk("sip.example.com", username="u", password="p4ssword-1")
    assert provider.link_carrier(trunk).label == "sip.example.com"


def test_sip_trunks_link_both_sides_and_show_no_password(provider):
    trunk = SipTrunk(
        "sip.example.com",
        username="out",
        password="0utbound-pass",
        transport="tls",
        media_encryption="required",
        allowed_addresses=("192.0.2.0/24",),
        inbound_username="in",
        inbound_password="inb0und-pass",
        destination_country="IE",
    )

    linked = provider.link_carrier(trunk, label="HQ")

    assert (linked.kind, linked.label) == ("sip_trunk", "HQ")
    assert linked.raw["outbound"] == {
        "address": "sip.example.com",
        "transport": "tls",
        "media_encryption": "required",
        "auth_username": "out",
        "destination_country": "IE",
    }
    assert "-pass" not in repr(linked.raw)
    assert "-pass" not in repr(trunk)


def test_an_agent_is_needed_to_call_and_taken_from_the_number(provider, imported):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(imported, "+14155550199")
    assert caught.value.argument == "agent"

    provider.assign_number(imported, AGENT)
    assert provider.place_call(imported, "+14155550199").agent == AGENT
    assert provider.place_call(imported, "+14155550199", agent=OTHER).agent == OTHER


def test_a_call_that_fails_on_its_own_is_an_error(provider, imported, telephony_sandbox):
    refused = {"calls": [{"number": "+14155550199", "error": {"code": "blocked"}}]}
    telephony_sandbox.vendors["cartesia"].state.respond(refused, to="/agents/calls")

    with pytest.raises(telephony.InvalidRequestError, match="did not place") as caught:
        provider.place_call(imported, "+14155550199", agent=AGENT)

    assert caught.value.raw == {"code": "blocked"}


def test_a_key_finds_the_number_of_an_earlier_purchase(provider, telephony_sandbox):
    provider.provision_number(label="Desk", idempotency_key="order-16")
    first = provider.provision_number(label="Desk", idempotency_key="order-17")
    renamed = provider.update_number(first, label="Front desk")
    again = provider.provision_number(label="Desk", idempotency_key="order-17")

    assert (first.label, renamed.label) == ("Desk", "Front desk")
    assert again.id == first.id
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 2


@pytest.mark.parametrize(
    "calls",
    [
        [{"to_number": "+14155550198"}],
        [{"to_number": "+14155550199"}, {"to_number": "+14155550198"}],
        [{"to_number": "+14155550199"}, {"to_number": "+14155550199"}],
        [],
        ["+14155550199"],
        None,
    ],
)
def test_options_make_one_call_no_other_and_no_more(provider, imported, telephony_sandbox, calls):
    """Only one call is returned: the caller would never learn of the others."""
    with pytest.raises(telephony.InvalidRequestError, match="once for each") as caught:
        provider.place_call(
            imported, "+14155550199", agent=AGENT, options={"outbound_calls": calls}
        )

    assert caught.value.argument == "options"
    assert telephony_sandbox.ledger("cartesia", "call") == []


def test_options_add_to_the_call(provider, imported, telephony_sandbox):
    options = {"outbound_calls": [{"metadata": {"ticket": "T-88"}}]}
    provider.place_call(imported, "+14155550199", agent=AGENT, options=options)

    sent = telephony_sandbox.requests("cartesia")[-1].json()["outbound_calls"]
    assert sent == [{"to_number": "+14155550199", "metadata": {"ticket": "T-88"}}]


def test_a_408_is_no_proof_that_nothing_was_done(vendor_server):
    """A gateway gave up on a request that Cartesia finished."""
    held = {"id": "pn_1", "number": "+14155550123", "label": "Desk", "agent": None}
    vendor_server.responses = {
        "POST /agents/phone-numbers": (408, {}),
        "GET /agents/phone-numbers": (200, {"data": [held]}),
        "POST /agents/phone-numbers/provision": (408, {}),
        "POST /agents/calls": (408, {}),
    }
    settings = {"api_key": "sk_car_1", "base_url": vendor_server.url}
    with telephony.connect("cartesia", **settings) as provider:
        source = LinkedCarrier("prov_1")
        imported = provider.import_number("+14155550123", source=source, label="Desk")
        with pytest.raises(telephony.OutcomeUnknownError, match="pn_1"):
            provider.provision_number(label="Desk")
        with pytest.raises(telephony.OutcomeUnknownError):
            provider.place_call("+14155550123", "+14155550199", agent=AGENT)

    assert imported.id == "pn_1"
    assert [sent.method for sent in vendor_server.requests].count("POST") == 3


def test_the_full_plan_is_a_quota_error(provider, telephony_sandbox):
    body = '{"error_code": "quota_exceeded", "title": "Phone number limit reached"}'
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=402, body=body))

    with pytest.raises(telephony.QuotaExceededError) as caught:
        provider.provision_number()

    assert caught.value.code == "quota_exceeded"


@pytest.mark.parametrize(
    "trunk",
    [
        SipTrunk("sip.example.com", password="p4ssword-1"),
        SipTrunk("sip.example.com", username="u"),
        SipTrunk(username="u", password="p4ssword-1"),
        SipTrunk(transport="tls", allowed_addresses=("192.0.2.1",)),
        SipTrunk("sip.example.com", transport="udp"),
        SipTrunk("sip.example.com", inbound_username="u"),
        SipTrunk("sip.example.com", pin="1234"),
        SipTrunk(),
    ],
)
def test_what_a_sip_trunk_cannot_say_to_cartesia_is_refused(provider, telephony_sandbox, trunk):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.link_carrier(trunk)
    assert caught.value.argument == "account"
    assert telephony_sandbox.requests("cartesia") == []


def test_rotation_of_a_trunk_changes_only_what_it_names(provider):
    trunk = SipTrunk(
        "sip.example.com", username="u", password="p4ssword-1", allowed_addresses=("192.0.2.1",)
    )
    linked = provider.link_carrier(trunk)

    changed = provider.rotate_carrier(linked, SipTrunk(username="u2", password="p4ssword-2"))

    assert changed.raw["outbound"]["auth_username"] == "u2"
    assert changed.raw["outbound"]["address"] == "sip.example.com"
    assert changed.raw["inbound"] == linked.raw["inbound"]
    with pytest.raises(telephony.InvalidRequestError, match="fixed"):
        provider.rotate_carrier(linked, SipTrunk("sip.elsewhere.example"))
