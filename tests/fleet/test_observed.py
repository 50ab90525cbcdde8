"""What profiles hold, read from the sandbox, and where calls really go."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

import telephony
from telephony import Capability
from telephony.fleet.declared.model import Declared, Row
from telephony.fleet.declared.policy import Policy
from telephony.fleet.observed.joined import Drift, places
from telephony.fleet.observed.reading import NOTHING_KNOWN, offer, snapshot, snapshot_async
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.model import Agent, Ingress, LinkedCarrier, TwilioAccount, Webhook
from telephony.sandbox import Fault

NUMBER = "+14155550123"
POLICY = Policy.model_validate(
    {
        "owners": {"carrier": {}},
        "answerers": {"support": {"via": "self"}, "rooms": {"via": {"trunk": "TK1"}}},
    }
)


@pytest.fixture
def fleet(telephony_sandbox):
    """Connect a carrier and who answers its numbers; one number is answered."""
    names = {"carrier": "twilio", "support": "cartesia"}
    providers = {
        profile: telephony.connect(
            profile, adapter=adapter, backoff=0, **telephony_sandbox.settings(adapter)
        )
        for profile, adapter in names.items()
    }
    twilio = telephony_sandbox.settings("twilio")
    providers["carrier"].provision_number(number=NUMBER, label="Desk", idempotency_key="order-1")
    linked = providers["support"].link_carrier(
        TwilioAccount(
            twilio["account_sid"],
            api_key_sid=twilio["api_key_sid"],
            api_key_secret=twilio["api_key_secret"],
        )
    )
    providers["support"].import_number(
        NUMBER, source=LinkedCarrier(linked.id), assign_to=Agent("agent_reception")
    )
    yield providers
    for provider in providers.values():
        provider.close()


def test_an_offer_is_what_a_provider_can_do(fleet):
    carrier, support = offer(fleet["carrier"]), offer(fleet["support"])
    assert Capability.RELEASE_NUMBER in carrier.capabilities
    assert "provision_number" in carrier.capabilities
    assert carrier.account.startswith("AC")
    assert support.ingress["twilio"] is Ingress.SELF_WIRED
    assert support.instead[Capability.SEND_MESSAGE]
    assert support.targets == {"agent"}
    assert support.target("x") == Agent("x")


def test_a_snapshot_is_what_every_profile_holds(fleet, telephony_sandbox):
    counted = {}
    found = snapshot(fleet, report=counted.__setitem__)

    assert counted == {"carrier": 1, "support": 1}
    carrier, support = found.holdings
    assert (carrier.number, carrier.label) == (NUMBER, "Desk")
    assert carrier.mark is not None
    assert support.assignment == "agent:agent_reception"
    assert support.carrier == offer(fleet["carrier"]).account


def test_it_is_the_same_with_asyncio(fleet, telephony_sandbox):
    async def read():
        async with (
            telephony.connect_async(
                "carrier", adapter="twilio", **telephony_sandbox.settings("twilio")
            ) as carrier,
            telephony.connect_async(
                "support", adapter="cartesia", **telephony_sandbox.settings("cartesia")
            ) as support,
        ):
            return await snapshot_async({"carrier": carrier, "support": support})

    assert asyncio.run(read()) == snapshot(fleet)


def test_a_profile_that_cannot_be_read_is_named_and_believed_in_nothing(fleet, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=500, path="/cartesia/", times=None))
    found = snapshot(fleet)
    assert {one.profile for one in found.holdings} == {"carrier"}
    assert "HTTP 500" in found.unreadable["support"]


def test_a_call_is_followed_from_its_owner(fleet):
    (place,) = places(Declared(POLICY), snapshot(fleet))
    assert place.path == "carrier > support > agent:agent_reception"
    assert place.drift == ()


def test_who_points_a_number_elsewhere_is_found(fleet, telephony_sandbox):
    before = snapshot(fleet)
    wired = {NUMBER: before.holdings[0].assignment}
    fleet["carrier"].assign_number(NUMBER, Webhook("https://example.com/voice"))

    (place,) = places(Declared(POLICY), snapshot(fleet, before=replace(NOTHING_KNOWN, wired=wired)))

    assert telephony_sandbox.answerer(NUMBER).vendor == "twilio"
    assert place.path == "carrier > webhook:https://example.com/voice"
    assert Drift.POINTS_ELSEWHERE in place.drift


def _held(profile, assignment="-", label=None):
    return Holding(
        profile=profile, id=f"{profile}-1", number=NUMBER, assignment=assignment, label=label
    )


@pytest.mark.parametrize(
    ("holdings", "drift"),
    [
        ([_held("carrier")], {Drift.NOBODY}),
        ([_held("support", "agent:a")], {Drift.UNOWNED}),
        (
            [_held("carrier", "trunk:TK1"), _held("rooms", "agent:a"), _held("support", "agent:b")],
            {Drift.ANSWERED_TWICE},
        ),
        ([_held("carrier", "trunk:TK1"), _held("rooms")], {Drift.NOBODY}),
        (
            [_held("carrier", "trunk:TK1"), _held("rooms", "agent:a"), _held("support")],
            {Drift.STALE_IMPORT},
        ),
        ([_held("carrier", "trunk:TK2"), _held("rooms", "agent:a")], {Drift.POINTS_ELSEWHERE}),
        ([_held("carrier"), _held("rooms", "agent:a")], {Drift.NOBODY, Drift.POINTS_ELSEWHERE}),
        ([_held("carrier", "webhook:https://a.example", label="Old")], {Drift.LABEL}),
    ],
)
def test_every_disagreement_has_a_name(holdings, drift):
    declared = Declared(POLICY, (Row(NUMBER, "carrier", "New" if "Old" in str(holdings) else ""),))
    (place,) = places(declared, Snapshot(holdings=tuple(holdings), unreadable={}, previous={}))
    assert set(place.drift) == drift
