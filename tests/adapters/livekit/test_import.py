"""Importing a number to LiveKit, and releasing it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from livekit.protocol.sip import SIPInboundTrunkInfo, SIPOutboundTrunkInfo

import telephony
from telephony import Agent, SipTrunk
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550124"
CARRIER = SipTrunk("acme.pstn.example.com", username="acme", password="p4ss-of-acme")


def left(sandbox):
    """Return the ids of everything that is there."""
    return [*sandbox.account.rules, *sandbox.account.inbound, *sandbox.account.outbound]


def test_an_import_makes_both_trunks_and_the_rule_of_its_agent(provider, sandbox):
    number = provider.import_number(
        NUMBER,
        source=SipTrunk(
            "acme.pstn.example.com",
            username="acme",
            password="p4ss-of-acme",
            transport="tls",
            media_encryption="required",
            allowed_addresses=("192.0.2.0/24",),
            allowed_numbers=("+14155550199",),
            inbound_username="in",
            inbound_password="p4ss-inbound",
            pin="2580",
            destination_country="IE",
        ),
        label="Desk",
        assign_to="reception",
    )

    (inbound,) = sandbox.account.inbound.values()
    (outbound,) = sandbox.account.outbound.values()
    (rule,) = sandbox.account.rules.values()
    assert (number.id, number.label, number.notices) == (inbound.sip_trunk_id, "Desk", ())
    assert number.assignment == Agent("reception")
    assert (inbound.auth_username, inbound.auth_password) == ("in", "p4ss-inbound")
    assert list(inbound.allowed_addresses) == ["192.0.2.0/24"]
    assert list(inbound.allowed_numbers) == ["+14155550199"]
    assert (outbound.address, outbound.auth_password) == ("acme.pstn.example.com", "p4ss-of-acme")
    assert (outbound.transport, outbound.destination_country) == (3, "IE")
    assert inbound.media.encryption == outbound.media.encryption == 2
    assert list(rule.trunk_ids) == [inbound.sip_trunk_id]
    assert rule.rule.dispatch_rule_individual.pin == "2580"


def test_without_the_carriers_address_a_number_only_takes_calls_and_says_so(provider, sandbox):
    number = provider.import_number(NUMBER)

    assert "inbound=False" in number.notices[0]
    assert not sandbox.account.outbound
    added = provider.import_number(NUMBER, source=CARRIER, inbound=False)
    assert (added.id, added.notices) == (number.id, ())
    assert len(sandbox.account.outbound) == 1


@pytest.mark.parametrize("source", [None, CARRIER, SipTrunk(username="u", password="p4ss-word")])
def test_what_was_not_asked_for_is_neither_made_nor_missed(provider, sandbox, source):
    assert provider.import_number(NUMBER, source=source, outbound=False).notices == ()
    assert not sandbox.account.outbound


def test_a_rule_without_a_pin_requires_none(provider, sandbox):
    provider.import_number(NUMBER, assign_to="reception")

    (rule,) = sandbox.account.rules.values()
    assert rule.rule.dispatch_rule_individual.pin == ""


@pytest.mark.parametrize("direction", [{"outbound": False}, {"inbound": False}, {}])
def test_a_number_is_imported_once_for_each_direction(provider, telephony_sandbox, sent, direction):
    provider.import_number(NUMBER, source=CARRIER)
    before = len(sent())

    with pytest.raises(telephony.ConflictError, match="imported already"):
        provider.import_number(NUMBER, source=CARRIER, **direction)

    assert len(telephony_sandbox.ledger("livekit", "import")) == 1
    assert all(method.startswith("List") for method in sent()[before:])


def test_a_direction_is_added_to_what_the_number_has(provider):
    placing = provider.import_number(NUMBER, source=CARRIER, inbound=False)
    taking = provider.import_number(NUMBER, assign_to="reception")
    assert placing.assignment is None
    assert taking.assignment == Agent("reception")

    provider.import_number(OTHER, assign_to="reception")
    both = provider.import_number(OTHER, source=CARRIER, inbound=False)
    assert both.assignment == Agent("reception")


@pytest.mark.parametrize(
    ("direction", "named"), [({}, (["Mine"], [""])), ({"inbound": False}, ([], ["Mine"]))]
)
def test_options_are_for_the_trunk_that_the_number_gets_its_id_from(
    provider, sandbox, direction, named
):
    provider.import_number(NUMBER, source=CARRIER, options={"metadata": "Mine"}, **direction)

    trunks = sandbox.account.inbound, sandbox.account.outbound
    assert tuple([trunk.metadata for trunk in each.values()] for each in trunks) == named


def test_a_trunk_for_all_numbers_does_not_hold_this_one(provider, plant_trunk):
    plant_trunk("ST_any", auth_username="u")

    assert provider.import_number(NUMBER).number == NUMBER
    assert [number.number for number in provider.list_numbers()] == [NUMBER]


def test_another_spelling_is_the_same_number(provider, sandbox, plant_trunk):
    plant_trunk("ST_theirs", "1 (415) 555-0123")

    assert provider.get_number(NUMBER).id == "ST_theirs"
    with pytest.raises(telephony.ConflictError, match="ST_theirs"):
        provider.import_number(NUMBER)
    provider.release_number(NUMBER)
    assert not sandbox.account.inbound


def test_losing_the_race_for_a_number_is_a_conflict_that_names_no_numbers(
    provider, telephony_sandbox
):
    message = (
        'Conflicting inbound SIP Trunks: "<new>" and "ST_1", using the same number(s) '
        f'["{NUMBER}" "{OTHER}"] without AllowedNumbers set'
    )
    body = json.dumps({"code": "invalid_argument", "msg": message})
    telephony_sandbox.fail(Fault(kind="status", path="CreateSIPInbound", status=400, body=body))

    with pytest.raises(telephony.ConflictError, match=r"ST_1.* has this number") as caught:
        provider.import_number(NUMBER)

    assert OTHER not in f"{caught.value} {caught.value.raw}"


def test_an_import_that_is_refused_midway_is_undone(provider, sandbox, telephony_sandbox):
    fault = Fault(kind="status", path="CreateSIPDispatchRule", status=400, body='{"code": "x"}')
    telephony_sandbox.fail(fault)

    with pytest.raises(telephony.InvalidRequestError, match="Nothing was imported"):
        provider.import_number(NUMBER, source=CARRIER, assign_to="reception")

    assert left(sandbox) == []


def test_what_cannot_be_undone_is_named(provider, sandbox, telephony_sandbox):
    body = '{"code": "x", "msg": "No such country", "meta": {"at": "here"}}'
    refused = {"kind": "status", "status": 400}
    telephony_sandbox.fail(Fault(path="CreateSIPOutbound", body=body, **refused))
    telephony_sandbox.fail(Fault(path="DeleteSIPTrunk", body='{"code": "y"}', **refused))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.import_number(NUMBER, source=CARRIER)

    assert caught.value.retry_safe is False
    (left,) = sandbox.account.inbound
    assert f"delete trunk {left}" in caught.value.hint
    assert (caught.value.message, caught.value.code) == ("No such country", "x")
    assert (caught.value.status, caught.value.attempts) == (400, 1)
    assert caught.value.raw["meta"] == {"at": "here"}


def test_an_import_that_may_have_happened_in_part_says_what_is_certain(
    provider, sandbox, telephony_sandbox
):
    telephony_sandbox.fail(Fault(kind="status", path="CreateSIPOutbound", status=500))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.import_number(NUMBER, source=CARRIER)

    (made,) = sandbox.account.inbound
    assert f"trunk {made}" in caught.value.hint


def test_an_import_of_which_nothing_is_certain_claims_nothing(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", path="CreateSIPInbound", status=500))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.import_number(NUMBER, source=CARRIER)

    assert "certain" not in caught.value.hint


@pytest.mark.parametrize("method", ["CreateSIPInboundTrunk", "CreateSIPOutboundTrunk"])
def test_a_trunk_that_another_client_made_meanwhile_is_not_taken_for_ours(
    telephony_connect, telephony_sandbox, sandbox, method
):
    """Our request is lost; then a rule for their trunk would answer their calls."""

    def another_client(event):
        if event.path.endswith("CreateSIPInboundTrunk") and "Inbound" in method:
            theirs = SIPInboundTrunkInfo(sip_trunk_id="ST_theirs", numbers=[NUMBER], name="Theirs")
            sandbox.account.inbound["ST_theirs"] = theirs
        if event.path.endswith("CreateSIPOutboundTrunk"):
            theirs = SIPOutboundTrunkInfo(
                sip_trunk_id="ST_theirs", numbers=[NUMBER], address="sip.example.net"
            )
            sandbox.account.outbound["ST_theirs"] = theirs

    provider = telephony_connect("livekit", phone_numbers=False, on_request=another_client)
    telephony_sandbox.fail(Fault(kind="status", path=method, status=500))
    telephony_sandbox.fail(Fault(kind="status", path="CreateSIPDispatchRule", status=400))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.import_number(NUMBER, source=CARRIER, assign_to="reception")

    assert "ST_theirs" in left(sandbox)
    assert not sandbox.account.rules


@pytest.mark.parametrize(
    ("argument", "asked"),
    [
        ("source", {"source": SipTrunk(username="u", password="p4ss-word")}),
        ("source", {"source": SipTrunk(transport="tls")}),
        ("source", {"source": SipTrunk(pin="1234")}),
        ("source", {"inbound": False}),
        ("source", {"source": SipTrunk(allowed_addresses=("sip://192.0.2.1",))}),
        ("assign_to", {"source": CARRIER, "inbound": False, "assign_to": "reception"}),
    ],
)
def test_what_would_be_ignored_is_refused_before_any_request(provider, sent, argument, asked):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.import_number(NUMBER, **asked)

    assert caught.value.argument == argument
    assert sent() == []


def test_release_takes_everything_away_and_the_carrier_keeps_the_number(provider, sandbox):
    provider.import_number(NUMBER, source=CARRIER, assign_to="reception")

    released = provider.release_number(NUMBER)

    assert released.at_carrier is telephony.CarrierOutcome.KEPT
    assert released.reversible
    assert left(sandbox) == []
    assert provider.import_number(NUMBER, source=CARRIER).number == NUMBER


def test_a_trunk_with_other_numbers_outlives_the_release_of_one(
    provider, sandbox, plant_trunk, plant_rule
):
    plant_trunk("ST_shared", NUMBER, OTHER)
    plant_rule("team", trunk_ids=["ST_shared"])
    provider.assign_number(NUMBER, "reception")

    provider.release_number(NUMBER)

    assert [number.id for number in provider.list_numbers()] == ["ST_shared"]
    assert list(sandbox.account.rules) == ["SDR_team"]


def test_the_last_number_takes_its_trunk_along(provider, sandbox, plant_trunk):
    """Without numbers, a trunk with a password would take calls to any number."""
    plant_trunk("ST_1", NUMBER, auth_username="u", auth_password="p4ss-word")

    provider.release_number(NUMBER)

    assert not sandbox.account.inbound


def test_a_release_that_failed_midway_can_be_retried(provider, sandbox, telephony_sandbox):
    number = provider.import_number(NUMBER, source=CARRIER, assign_to="reception")
    telephony_sandbox.fail(
        Fault(kind="status", path="DeleteSIPTrunk", skip=1, status=400, body='{"code": "x"}')
    )

    with pytest.raises(telephony.InvalidRequestError, match="release it again"):
        provider.release_number(number)
    provider.release_number(number)

    assert left(sandbox) == []


def test_a_rule_whose_deletion_lost_its_response_is_gone(provider, sandbox, telephony_sandbox):
    provider.import_number(NUMBER, assign_to="reception")
    telephony_sandbox.fail(Fault(kind="lost", path="DeleteSIPDispatchRule"))

    assert provider.unassign_number(NUMBER).replaced == Agent("reception")
    assert not sandbox.account.rules


@pytest.mark.parametrize("code", ["deadline_exceeded", "canceled"])
@pytest.mark.parametrize("made", [True, False])
def test_a_server_that_gave_up_waiting_may_have_made_the_trunk(
    provider, sandbox, telephony_sandbox, monkeypatch, code, made
):
    from telephony.adapters.livekit.sandbox import trunks, vendor
    from telephony.adapters.livekit.sandbox.refusals import refusal

    served = vendor._SIP["CreateSIPInboundTrunk"]

    def too_late(account, request):
        if made:
            trunks.create_inbound(account, request)
        raise refusal(code, "context deadline exceeded")

    monkeypatch.setitem(
        vendor._SIP, "CreateSIPInboundTrunk", dataclasses.replace(served, run=too_late)
    )
    if made:
        number = provider.import_number(NUMBER)
        assert list(sandbox.account.inbound) == [number.id]
    else:
        with pytest.raises(telephony.OutcomeUnknownError):
            provider.import_number(NUMBER)


@pytest.mark.parametrize(
    "address", ["sip.example.com", "192.0.2.0/33", "192.0.2.1:5060", "[2001:db8::1]", "*"]
)
def test_only_addresses_protect_a_trunk(provider, sent, address):
    """A host name is compared with the From header, which the caller writes."""
    source = SipTrunk(allowed_addresses=("192.0.2.0/24", address))

    with pytest.raises(telephony.InvalidRequestError, match="allowed_addresses") as caught:
        provider.import_number(NUMBER, source=source)

    assert (caught.value.argument, sent()) == ("source", [])


@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32"])
def test_addresses_and_networks_are_taken(provider, sandbox, address):
    number = provider.import_number(NUMBER, source=SipTrunk(allowed_addresses=(address,)))

    assert list(sandbox.account.inbound[number.id].allowed_addresses) == [address]
