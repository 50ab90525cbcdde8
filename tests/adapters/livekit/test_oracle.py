"""LiveKit's own SDK against the sandbox, and our requests against those of the SDK.

On purpose ours differ from the SDK's in these ways:
- They are JSON, not protobuf: what a newer server adds is kept, and `options` can name it.
- Their tokens carry the one grant that is needed, without the right to publish in rooms that the
  SDK's always have, and last ten minutes instead of six hours.
- Listings are asked for page by page, in case a server caps its responses.
- Outbound trunks are looked up by two spellings of the number, which LiveKit compares by letter.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import jwt
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import Parse
from livekit import api
from livekit.protocol import agent_dispatch, models, room, sip

from telephony import SipTrunk

NUMBER, CALLEE = "+14155550123", "+14155550199"
MESSAGES = {
    **{
        name.removesuffix("Request"): getattr(sip, name)
        for name in dir(sip)
        if name.endswith("Request")
    },
    "CreateDispatch": agent_dispatch.CreateAgentDispatchRequest,
    "DeleteDispatch": agent_dispatch.DeleteAgentDispatchRequest,
    "ListDispatch": agent_dispatch.ListAgentDispatchRequest,
}


@pytest.fixture
def sdk(telephony_sandbox):
    """Run ``async def use(livekit)`` with the official client."""

    def run(use):
        settings = telephony_sandbox.settings("livekit")

        async def connected():
            client = api.LiveKitAPI(
                settings["base_url"], settings["api_key"], settings["api_secret"]
            )
            async with client as livekit:
                return await use(livekit)

        return asyncio.run(connected())

    return run


@pytest.fixture
def changes(telephony_sandbox):
    """Return the method, message and SIP grants of each request so far that changes something."""

    def found():
        requests = []
        for request in telephony_sandbox.requests("livekit"):
            method = request.path.rpartition("/")[2]
            if method.startswith(("List", "Get")):
                continue
            kind = MESSAGES[method]
            json = request.headers["content-type"] == "application/json"
            message = Parse(request.content, kind()) if json else kind.FromString(request.content)
            token = request.headers["authorization"].removeprefix("Bearer ")
            claims = jwt.decode(token, options={"verify_signature": False})
            admin = claims.get("video", {}).get("roomAdmin"), claims.get("video", {}).get("room")
            assert request.headers["x-livekit-request-id"]
            requests.append((request.path, message, claims.get("sip"), admin))
        return requests

    return found


def test_the_lifecycle_of_a_number_is_the_same_requests(
    provider, sdk, changes, sandbox, telephony_sandbox
):
    source = SipTrunk(
        "acme.pstn.example.com",
        username="acme",
        password="p4ss-of-acme",
        transport="tls",
        media_encryption="required",
        allowed_addresses=("192.0.2.0/24",),
        allowed_numbers=(CALLEE,),
        inbound_username="in",
        inbound_password="p4ss-inbound",
        pin="2580",
        destination_country="IE",
    )
    provider.import_number(NUMBER, source=source, label="Desk", assign_to="reception")
    provider.assign_number(NUMBER, "sales")
    provider.update_number(NUMBER, label="Front desk")
    provider.place_call(NUMBER, CALLEE, agent="sales", options={"room_name": "room-1"})
    provider.unassign_number(NUMBER)
    provider.release_number(NUMBER)
    ours = changes()
    telephony_sandbox.reset()

    async def use(livekit):
        encrypted = sip.SIPMediaConfig(encryption=sip.SIP_MEDIA_ENCRYPT_REQUIRE)
        inbound = await livekit.sip.create_inbound_trunk(
            sip.CreateSIPInboundTrunkRequest(
                trunk=sip.SIPInboundTrunkInfo(
                    name="Desk",
                    numbers=[NUMBER],
                    allowed_addresses=["192.0.2.0/24"],
                    allowed_numbers=[CALLEE],
                    auth_username="in",
                    auth_password="p4ss-inbound",
                    media=encrypted,
                )
            )
        )
        outbound = await livekit.sip.create_outbound_trunk(
            sip.CreateSIPOutboundTrunkRequest(
                trunk=sip.SIPOutboundTrunkInfo(
                    name="Desk",
                    numbers=[NUMBER],
                    address="acme.pstn.example.com",
                    auth_username="acme",
                    auth_password="p4ss-of-acme",
                    transport=sip.SIP_TRANSPORT_TLS,
                    destination_country="IE",
                    media=encrypted,
                )
            )
        )
        rule = await livekit.sip.create_dispatch_rule(
            sip.CreateSIPDispatchRuleRequest(
                dispatch_rule=sip.SIPDispatchRuleInfo(
                    name=NUMBER,
                    trunk_ids=[inbound.sip_trunk_id],
                    rule=sip.SIPDispatchRule(
                        dispatch_rule_individual=sip.SIPDispatchRuleIndividual(
                            room_prefix="call-", pin="2580"
                        )
                    ),
                    room_config=room.RoomConfiguration(
                        agents=[agent_dispatch.RoomAgentDispatch(agent_name="reception")]
                    ),
                )
            )
        )
        rule.room_config.agents[0].agent_name = "sales"
        await livekit.sip.update_dispatch_rule(rule.sip_dispatch_rule_id, rule)
        await livekit.sip.update_inbound_trunk_fields(inbound.sip_trunk_id, name="Front desk")
        await livekit.agent_dispatch.create_dispatch(
            agent_dispatch.CreateAgentDispatchRequest(agent_name="sales", room="room-1")
        )
        await livekit.sip.create_sip_participant(
            sip.CreateSIPParticipantRequest(
                sip_trunk_id=outbound.sip_trunk_id,
                sip_number=NUMBER,
                sip_call_to=CALLEE,
                room_name="room-1",
            )
        )
        await livekit.sip.delete_dispatch_rule(
            sip.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule.sip_dispatch_rule_id)
        )
        for trunk in (outbound, inbound):
            await livekit.sip.delete_trunk(
                sip.DeleteSIPTrunkRequest(sip_trunk_id=trunk.sip_trunk_id)
            )

    sdk(use)
    theirs = changes()
    assert len(ours) == len(theirs) == 10
    for our, their in zip(ours, theirs, strict=True):
        assert our == their


def test_taking_one_number_off_a_trunk_is_the_same_request(
    provider, sdk, changes, plant_trunk, telephony_sandbox
):
    plant_trunk("ST_shared", NUMBER, CALLEE)
    provider.release_number(NUMBER)
    ours = changes()
    telephony_sandbox.reset()
    plant_trunk("ST_shared", NUMBER, CALLEE)

    sdk(
        lambda livekit: livekit.sip.update_inbound_trunk_fields(
            "ST_shared", numbers=models.ListUpdate(remove=[NUMBER])
        )
    )

    assert changes() == ours


def test_the_sdk_reads_what_we_made(provider, sdk):
    provider.import_number(
        NUMBER, source=SipTrunk("acme.pstn.example.com"), label="Desk", assign_to="reception"
    )

    async def use(livekit):
        return (
            await livekit.sip.list_inbound_trunk(sip.ListSIPInboundTrunkRequest()),
            await livekit.sip.list_outbound_trunk(sip.ListSIPOutboundTrunkRequest()),
            await livekit.sip.list_dispatch_rule(sip.ListSIPDispatchRuleRequest()),
        )

    inbound, outbound, rules = sdk(use)
    assert [(t.name, list(t.numbers)) for t in inbound.items] == [("Desk", [NUMBER])]
    assert [t.address for t in outbound.items] == ["acme.pstn.example.com"]
    assert [a.agent_name for r in rules.items for a in r.room_config.agents] == ["reception"]


def test_we_read_what_the_sdk_made(provider, sdk):
    async def use(livekit):
        trunk = await livekit.sip.create_inbound_trunk(
            sip.CreateSIPInboundTrunkRequest(
                trunk=sip.SIPInboundTrunkInfo(
                    name="Desk", numbers=[NUMBER], ringing_timeout=Duration(seconds=30)
                )
            )
        )
        await livekit.sip.update_outbound_trunk(
            (await _outbound(livekit)).sip_trunk_id,
            sip.SIPOutboundTrunkInfo(numbers=[NUMBER], address="other.example.com"),
        )
        # The flat fields, which are deprecated but in many an example.
        await livekit.sip.create_dispatch_rule(
            sip.CreateSIPDispatchRuleRequest(
                rule=sip.SIPDispatchRule(
                    dispatch_rule_direct=sip.SIPDispatchRuleDirect(room_name="lobby")
                ),
                trunk_ids=[trunk.sip_trunk_id],
                attributes={"team": "desk"},
            )
        )

    sdk(use)

    number = provider.get_number(NUMBER)
    assert (number.label, number.assignment.name) == ("Desk", "lobby")
    assert number.raw["inbound_trunk"]["ringing_timeout"] == "30s"
    assert [t["address"] for t in number.raw["outbound_trunks"]] == ["other.example.com"]


async def _outbound(livekit):
    return await livekit.sip.create_outbound_trunk(
        sip.CreateSIPOutboundTrunkRequest(
            trunk=sip.SIPOutboundTrunkInfo(numbers=[NUMBER], address="acme.example.com")
        )
    )


def test_every_other_method_of_the_sdk_works(sdk, sandbox):
    async def use(livekit):
        outbound = await _outbound(livekit)
        changed = await livekit.sip.update_outbound_trunk_fields(
            outbound.sip_trunk_id, address="new.example.com", transport=sip.SIP_TRANSPORT_TCP
        )
        assert (changed.address, changed.transport) == ("new.example.com", sip.SIP_TRANSPORT_TCP)
        inbound = await livekit.sip.create_inbound_trunk(
            sip.CreateSIPInboundTrunkRequest(trunk=sip.SIPInboundTrunkInfo(numbers=[NUMBER]))
        )
        replaced = await livekit.sip.update_inbound_trunk(
            inbound.sip_trunk_id, sip.SIPInboundTrunkInfo(numbers=[CALLEE], name="New")
        )
        assert (replaced.sip_trunk_id, replaced.name) == (inbound.sip_trunk_id, "New")
        rule = await livekit.sip.create_dispatch_rule(
            sip.CreateSIPDispatchRuleRequest(
                dispatch_rule=sip.SIPDispatchRuleInfo(
                    rule=sip.SIPDispatchRule(
                        dispatch_rule_callee=sip.SIPDispatchRuleCallee(room_prefix="to-")
                    ),
                    attributes={"a": "1", "b": "2"},
                )
            )
        )
        updated = await livekit.sip.update_dispatch_rule_fields(
            rule.sip_dispatch_rule_id,
            trunk_ids=[inbound.sip_trunk_id],
            attributes={"a": "", "c": "3"},
        )
        assert list(updated.trunk_ids) == [inbound.sip_trunk_id]
        assert dict(updated.attributes) == {"b": "2", "c": "3"}
        called = await livekit.sip.create_sip_participant(
            sip.CreateSIPParticipantRequest(
                sip_trunk_id=outbound.sip_trunk_id, sip_call_to=CALLEE, room_name="room-1"
            )
        )
        await livekit.sip.transfer_sip_participant(
            sip.TransferSIPParticipantRequest(
                participant_identity=called.participant_identity,
                room_name="room-1",
                transfer_to="tel:+14155550188",
            )
        )
        sent = await livekit.agent_dispatch.create_dispatch(
            agent_dispatch.CreateAgentDispatchRequest(agent_name="sales", room="room-1")
        )
        assert [d.id for d in await livekit.agent_dispatch.list_dispatch("room-1")] == [sent.id]
        await livekit.agent_dispatch.delete_dispatch(sent.id, "room-1")

    sdk(use)
    assert sandbox.account.dispatches == {}


def test_the_sdk_reads_the_sandboxes_errors(sdk, sandbox):
    sandbox.account.next_sip_status = (486, "Busy Here")

    async def use(livekit):
        with pytest.raises(api.TwirpError) as missing:
            await livekit.sip.delete_dispatch_rule(
                sip.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id="SDR_none")
            )
        outbound = await _outbound(livekit)
        with pytest.raises(api.TwirpError) as broken:
            await livekit.sip.update_outbound_trunk_fields(
                outbound.sip_trunk_id, numbers=models.ListUpdate(remove=[NUMBER])
            )
        with pytest.raises(api.SipCallError) as busy:
            await livekit.sip.create_sip_participant(
                sip.CreateSIPParticipantRequest(
                    sip_trunk_id=outbound.sip_trunk_id,
                    sip_call_to=CALLEE,
                    room_name="room-1",
                    wait_until_answered=True,
                )
            )
        return missing.value, broken.value, busy.value

    missing, broken, busy = sdk(use)
    assert (missing.code, missing.status) == ("not_found", 404)
    assert (broken.code, broken.status) == ("unknown", 500)
    assert (busy.code, busy.sip_status_code) == ("resource_exhausted", 486)


def test_the_fields_that_options_may_name_are_those_of_the_messages():
    from telephony.adapters.livekit.twirp import NAMES

    fields = [
        field
        for message in (
            sip.CreateSIPParticipantRequest,
            sip.SIPDispatchRuleInfo,
            sip.SIPInboundTrunkInfo,
            sip.SIPOutboundTrunkInfo,
        )
        for field in message.DESCRIPTOR.fields
        if field.json_name != field.name
    ]
    assert fields
    # LiveKit Phone Numbers have no messages in Python.
    theirs = {"area_code", "country_code", "page_token", "phone_numbers"}
    assert {field.name for field in fields} == NAMES - theirs


def test_requests_do_not_wait_for_the_vendors_packages(telephony_sandbox):
    settings = telephony_sandbox.settings("livekit")
    code = f"""
import sys, telephony
with telephony.connect("livekit", **{settings!r}) as provider:
    number = provider.import_number("{NUMBER}", source=telephony.SipTrunk("sip.example.com"),
                                    assign_to="reception")
    provider.place_call(number, "{CALLEE}")
assert not {{"google.protobuf", "livekit", "aiohttp", "jwt"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
