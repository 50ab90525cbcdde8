"""What is ElevenLabs's own: imports that are read back, routes, calls found by their mark."""

from __future__ import annotations

from datetime import timedelta

import pytest
from telephony.adapters.elevenlabs import ElevenLabsSettings

import telephony
from telephony import CallStatus, CarrierOutcome, Direction, SipTrunk, TwilioAccount
from telephony.sandbox import Fault
from telephony.sandbox.calls import SPOKEN

NUMBERS, PAGES = "/v1/convai/phone-numbers", "/v1/convai/v2/phone-numbers"
CALLS = "/v1/convai/conversations"
OURS, THEIRS = "+14155550142", "+14155550188"
AGENT, OTHER = "agent_reception", "agent_sales"
TRUNK = SipTrunk("sip.example.com", username="out", password="made-up")


@pytest.fixture
def imported(provider, sandbox_source):
    """Return a number that an agent answers."""
    return provider.import_number(OURS, source=sandbox_source, assign_to=AGENT)


def ledger(telephony_sandbox, kind):
    return [entry.id for entry in telephony_sandbox.ledger("elevenlabs", kind)]


# --- Numbers -------------------------------------------------------------------------------------


def test_an_import_whose_response_is_lost_is_found(provider, telephony_sandbox, sandbox_source):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))
    made = provider.import_number(OURS, source=sandbox_source, label="Desk", assign_to=AGENT)

    assert ledger(telephony_sandbox, "import") == [made.id]
    assert (made.label, made.assignment.id) == ("Desk", AGENT)


def test_a_lost_import_that_shows_something_else_stays_unknown(
    provider, account, telephony_sandbox, sandbox_source
):
    """The vendor may have made it, or somebody else, at the same moment."""
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))
    account.caller_ids.add(OURS)  # which take no agent
    with pytest.raises(telephony.OutcomeUnknownError):
        provider.import_number(OURS, source=sandbox_source, assign_to=AGENT)


def test_a_number_is_not_imported_twice(provider, imported, telephony_sandbox, sandbox_source):
    with pytest.raises(telephony.ConflictError, match="imported already"):
        provider.import_number(OURS, source=sandbox_source)
    assert ledger(telephony_sandbox, "import") == [imported.id]


def test_an_import_that_cannot_be_read_back_is_said_to_be_done(
    provider, telephony_sandbox, sandbox_source
):
    telephony_sandbox.fail(Fault(kind="status", method="GET", path="phnum_", times=None))
    with pytest.raises(telephony.OutcomeUnknownError, match="IS imported, as phnum_") as caught:
        provider.import_number(OURS, source=sandbox_source)
    assert not caught.value.retry_safe
    assert len(ledger(telephony_sandbox, "import")) == 1


def test_a_caller_id_is_imported_and_cannot_be_assigned(provider, account, sandbox_source):
    account.caller_ids.add(OURS)
    made = provider.import_number(OURS, source=sandbox_source, assign_to=AGENT)

    assert made.assignment is None
    assert "not assigned" in made.notices[0]
    with pytest.raises(telephony.InvalidRequestError, match="caller id"):
        provider.assign_number(made, AGENT)


def test_that_texts_are_answered_too_is_said(provider, sandbox_source):
    (notice,) = provider.import_number(OURS, source=sandbox_source).notices
    assert "enable_sms" in notice
    provider.release_number(OURS)

    kept = provider.import_number(OURS, source=sandbox_source, options={"enable_sms": False})

    assert kept.notices == ()


def test_a_twilio_number_is_not_imported_for_one_direction(
    provider, telephony_sandbox, sandbox_source
):
    for only in ({"inbound": False}, {"outbound": False}):
        with pytest.raises(telephony.UnsupportedOperationError, match="one direction"):
            provider.import_number(OURS, source=sandbox_source, **only)
    assert telephony_sandbox.requests("elevenlabs") == []


def test_a_trunk_is_imported_for_one_direction_and_changed(provider):
    made = provider.import_number(OURS, source=TRUNK, inbound=False)
    assert (made.raw["supports_inbound"], made.raw["supports_outbound"]) == (False, True)

    changed = provider.update_number(made, source=SipTrunk(allowed_addresses=("192.0.2.1",)))
    assert changed.raw["inbound_trunk"]["allowed_addresses"] == ["192.0.2.1"]
    assert changed.raw["outbound_trunk"]["address"] == "sip.example.com"
    with pytest.raises(telephony.UnsupportedOperationError):
        provider.update_number(made, source=TwilioAccount("AC0f", auth_token="t"))


def test_a_number_of_twilios_does_not_become_a_trunks(provider, imported, telephony_sandbox):
    before = len(telephony_sandbox.requests("elevenlabs"))
    with pytest.raises(telephony.InvalidRequestError, match="twilio cannot move") as caught:
        provider.update_number(imported.id, source=TRUNK)
    assert caught.value.argument == "source"
    assert len(telephony_sandbox.requests("elevenlabs")) == before + 1


def test_an_agent_that_there_is_not_is_named_with_the_nearest(provider, imported):
    with pytest.raises(telephony.NotFoundError, match=AGENT) as caught:
        provider.assign_number(imported, "agent_receptions")
    assert caught.value.argument == "to"
    assert provider.get_number(imported).assignment.id == AGENT


def test_a_change_that_is_accepted_and_not_made_is_a_conflict(planned, vendor_server):
    shown = {
        "phone_number_id": "p_1", "phone_number": OURS, "provider": "twilio",
        "assigned_agent": {"agent_id": AGENT},
    }  # fmt: skip
    route = f"{NUMBERS}/p_1"
    vendor_server.responses = {f"GET {route}": (200, shown), f"PATCH {route}": (200, shown)}

    with pytest.raises(telephony.ConflictError, match="still answered"):
        planned.unassign_number("p_1")
    assert vendor_server.requests[-1].json == {"agent_id": None}
    with pytest.raises(telephony.ConflictError, match="still answered"):
        planned.assign_number("p_1", OTHER)


def test_a_release_only_detaches(provider, imported, sandbox_source):
    released = provider.release_number(imported)
    assert (released.at_carrier, released.reversible) == (CarrierOutcome.KEPT, True)
    assert provider.import_number(OURS, source=sandbox_source).id != imported.id


# --- Calls ---------------------------------------------------------------------------------------


def test_a_success_that_says_it_is_none_is_an_error(provider, imported, account, telephony_sandbox):
    account.refused.append("Carrier says no.")
    with pytest.raises(telephony.InvalidRequestError, match="Carrier says no"):
        provider.place_call(imported, THEIRS)
    assert ledger(telephony_sandbox, "call") == []


def test_a_lost_call_is_found_by_its_mark_among_others(provider, imported, telephony_sandbox):
    for _ in range(2):
        provider.place_call(imported, THEIRS)
    telephony_sandbox.fail(Fault(kind="lost", path="outbound-call"))
    found = provider.place_call(imported, THEIRS, metadata={"name": "Ann"})

    assert found.id == ledger(telephony_sandbox, "call")[-1]
    assert (found.sender, found.recipient) == (OURS, THEIRS)
    variables = found.raw["conversation_initiation_client_data"]["dynamic_variables"]
    assert variables["name"] == "Ann"


def test_a_lost_call_that_was_not_placed_stays_unknown(provider, imported, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=500, path="outbound-call"))
    with pytest.raises(telephony.OutcomeUnknownError, match="list_calls"):
        provider.place_call(imported, THEIRS)
    assert ledger(telephony_sandbox, "call") == []


def test_a_call_that_another_one_marked_is_not_taken_for_ours(planned, vendor_server):
    """Even if the vendor ignored the filter."""
    number = {"phone_number_id": "p_1", "phone_number": OURS, "provider": "twilio"}
    other = {"dynamic_variables": {"telephony_key": "another"}}
    vendor_server.responses = {
        f"GET {NUMBERS}/p_1": (200, number),
        f"GET {CALLS}": (200, {"conversations": [{"conversation_id": "c_1"}]}),
        f"GET {CALLS}/c_1": (
            200,
            {"conversation_id": "c_1", "conversation_initiation_client_data": other},
        ),
        "POST /v1/convai/twilio/outbound-call": (200, b"<html>"),
    }
    with pytest.raises(telephony.OutcomeUnknownError):
        planned.place_call("p_1", THEIRS, agent=AGENT)


def test_what_a_call_starts_with_is_kept_beside_ours(provider, imported, telephony_sandbox):
    provider.place_call(
        imported,
        THEIRS,
        metadata={"name": "Ann"},
        timeout=16.2,
        options={
            "conversation_initiation_client_data": {
                "user_id": "u_1", "dynamic_variables": {"city": "Oslo"},
            }
        },
    )  # fmt: skip
    sent = telephony_sandbox.requests("elevenlabs")[-1].json()
    data = sent["conversation_initiation_client_data"]
    assert data["user_id"] == "u_1"
    assert set(data["dynamic_variables"]) == {"city", "name", "telephony_key"}
    assert sent["telephony_call_config"] == {"ringing_timeout_secs": 17}


def test_a_call_needs_an_agent(provider, imported, telephony_sandbox):
    provider.unassign_number(imported)
    with pytest.raises(telephony.InvalidRequestError, match="no agent") as caught:
        provider.place_call(OURS, THEIRS)
    assert caught.value.argument == "agent"
    assert provider.place_call(OURS, THEIRS, agent=OTHER).agent == OTHER


def test_calls_are_listed_by_pages_with_what_is_known(provider, imported, telephony_sandbox):
    other = provider.import_number("+14155550143", source=TRUNK, assign_to=OTHER)
    theirs = telephony_sandbox.receive_call("elevenlabs", other.number, sender=THEIRS)
    placed = [provider.place_call(imported, THEIRS).id for _ in range(103)]
    telephony_sandbox.advance("elevenlabs", 3600)

    found = list(provider.list_calls(imported))
    assert [call.id for call in found] == placed[::-1]
    assert {(call.number, call.sender, call.recipient) for call in found} == {(OURS, OURS, None)}
    assert {(call.status, call.direction) for call in found} == {
        (CallStatus.COMPLETED, Direction.OUTBOUND)
    }
    (received,) = provider.list_calls(other)
    assert (received.id, received.recipient, received.sender) == (theirs, other.number, None)
    assert len({call.id for call in provider.list_calls()}) == 104
    assert {call.number for call in provider.list_calls()} == {None}


def test_the_bounds_of_a_listing_are_exact_although_the_vendors_are_not_known(
    provider, imported, telephony_sandbox
):
    placed = []
    for _ in range(3):
        placed.append(provider.place_call(imported, THEIRS))
        telephony_sandbox.advance("elevenlabs", 60)
    first, second, third = (provider.get_call(call) for call in placed)

    def listed(**bounds):
        return [call.id for call in provider.list_calls(imported, **bounds)]

    assert listed(after=second.started_at) == [third.id, second.id]
    assert listed(before=second.started_at) == [first.id]
    moment = second.started_at + timedelta(microseconds=1)
    assert listed(after=moment) == [third.id]
    assert listed(before=moment) == [second.id, first.id]


def test_turns_have_their_times(provider, imported, telephony_sandbox):
    call = provider.place_call(imported, THEIRS)
    assert provider.get_transcript(call).turns == ()
    telephony_sandbox.advance("elevenlabs", 3600)
    said, began = provider.get_transcript(call), provider.get_call(call).started_at
    assert [(turn.at - began).total_seconds() for turn in said.turns] == [
        5 + after for after, _, _ in SPOKEN
    ]


# --- Settings ------------------------------------------------------------------------------------


def test_a_region_is_a_host_and_base_url_overrides_it():
    def api(**given):
        return ElevenLabsSettings(api_key="k", **given).api

    assert api() == "https://api.elevenlabs.io"
    assert api(region="us") == "https://api.us.elevenlabs.io"
    assert api(region="eu") == "https://api.eu.residency.elevenlabs.io"
    assert api(region="in", base_url="https://example.com") == "https://example.com"
    with pytest.raises(telephony.ConfigurationError, match="region"):
        telephony.connect("elevenlabs", api_key="k", region="mars")


def test_the_key_is_read_from_the_vendors_own_variable(monkeypatch):
    monkeypatch.setenv("ELEVENLABS_API_KEY", "key-of-tests")
    with telephony.connect("elevenlabs") as provider:
        assert provider.adapter.headers == {"xi-api-key": "key-of-tests"}
        assert "key-of-tests" not in repr(provider)
