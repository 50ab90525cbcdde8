"""The vendor's own SDK, unmodified, as the judge of the sandbox and of our requests."""

from __future__ import annotations

import asyncio
import json
import time

import elevenlabs
import httpx
import pytest
from elevenlabs import (
    ConvAiWebhooks,
    InboundSipTrunkConfigRequestModel,
    OutboundSipTrunkConfigRequestModel,
    SipTrunkCredentialsRequestModel,
)
from elevenlabs.conversational_ai.phone_numbers import (
    PhoneNumbersCreateRequestBody_SipTrunk,
    PhoneNumbersCreateRequestBody_Twilio,
)
from elevenlabs.core.api_error import ApiError
from pydantic import SecretStr
from telephony.adapters.elevenlabs.webhooks import sign

import telephony
from telephony import SipTrunk, TwilioAccount, webhooks
from telephony.idempotency import key_digest
from telephony.sandbox.calls import SPOKEN, sound

AGENT, OTHER_AGENT = "agent_reception", "agent_sales"
NUMBER, OTHER = "+14155550142", "+14155550188"
SID, KEY_SID = "AC" + "0f" * 16, "SK" + "1a" * 16
URL = "https://example.com/calls"
ONCE = {"max_retries": 0}
ACCOUNT = TwilioAccount(SID, auth_token="not-a-secret")
TRUNK = SipTrunk(
    "sip.example.com",
    username="out",
    password="made-up",
    transport="tls",
    media_encryption="required",
    allowed_addresses=("192.0.2.0/24",),
    allowed_numbers=("+14155550198",),
    inbound_username="in",
    inbound_password="made-up-too",
)
INBOUND = InboundSipTrunkConfigRequestModel(
    allowed_addresses=["192.0.2.0/24"],
    allowed_numbers=["+14155550198"],
    media_encryption="required",
    credentials=SipTrunkCredentialsRequestModel(username="in", password="made-up-too"),
)
OUTBOUND = OutboundSipTrunkConfigRequestModel(
    address="sip.example.com",
    transport="tls",
    media_encryption="required",
    credentials=SipTrunkCredentialsRequestModel(username="out", password="made-up"),
)


@pytest.fixture(params=["blocking", "asyncio"])
def sdk(request, telephony_sandbox):
    """``sdk(lambda client: …)`` does something with the vendor's SDK and returns the result."""
    settings = telephony_sandbox.settings("elevenlabs")
    del settings["webhook_secret"]

    async def asynchronous(work):
        async with httpx.AsyncClient() as http:
            result = work(elevenlabs.AsyncElevenLabs(**settings, httpx_client=http))
            if hasattr(result, "__aiter__"):
                return b"".join([part async for part in result])
            return await result

    def blocking(work):
        with httpx.Client() as http:
            result = work(elevenlabs.ElevenLabs(**settings, httpx_client=http))
            return b"".join(result) if hasattr(result, "__next__") else result

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(asynchronous(work))


def twilio(**more):
    return PhoneNumbersCreateRequestBody_Twilio(
        phone_number=NUMBER, label="Desk", **{"sid": SID, "token": "not-a-secret", **more}
    )


def test_the_sdk_runs_the_lifecycle_of_a_number(sdk, telephony_sandbox):
    made = sdk(lambda c: c.conversational_ai.phone_numbers.create(request=twilio()))
    id_ = made.phone_number_id
    found = sdk(lambda c: c.conversational_ai.phone_numbers.get(id_))
    assert (found.provider, found.phone_number, found.label) == ("twilio", NUMBER, "Desk")
    assert (found.assigned_agent, found.supports_outbound) == (None, True)
    page = sdk(lambda c: c.conversational_ai.phone_numbers.list_v_2(phone_number=NUMBER))
    assert ([n.phone_number_id for n in page.phone_numbers], page.has_more) == ([id_], False)
    assert len(sdk(lambda c: c.conversational_ai.phone_numbers.list())) == 1
    agents = sdk(lambda c: c.conversational_ai.agents.list())
    assert [agent.agent_id for agent in agents.agents] == [AGENT, OTHER_AGENT]
    changed = sdk(lambda c: c.conversational_ai.phone_numbers.update(id_, agent_id=AGENT))
    assert changed.assigned_agent.agent_name == "Reception"

    placed = sdk(
        lambda c: c.conversational_ai.twilio.outbound_call(
            agent_id=AGENT, agent_phone_number_id=id_, to_number=OTHER
        )
    )
    assert (placed.success, placed.call_sid[:2]) == (True, "CA")
    telephony_sandbox.advance("elevenlabs", 3600)
    call = sdk(lambda c: c.conversational_ai.conversations.get(placed.conversation_id))
    line = call.metadata.phone_call
    assert (call.status, line.call_result) == ("done", "answered")
    assert (line.type, line.agent_number, line.external_number) == ("twilio", NUMBER, OTHER)
    assert [said.message for said in call.transcript] == [text for _, _, text in SPOKEN]
    listed = sdk(lambda c: c.conversational_ai.conversations.list(phone_number_ids=[id_]))
    assert [c.conversation_id for c in listed.conversations] == [placed.conversation_id]
    audio = sdk(lambda c: c.conversational_ai.conversations.audio.get(placed.conversation_id))
    assert audio == sound()

    freed = sdk(lambda c: c.conversational_ai.phone_numbers.update(id_, agent_id=None))
    assert freed.assigned_agent is None
    sdk(lambda c: c.conversational_ai.phone_numbers.delete(id_))
    with pytest.raises(ApiError) as caught:
        sdk(lambda c: c.conversational_ai.phone_numbers.delete(id_, request_options=ONCE))
    assert caught.value.body["detail"]["status"] == "phone_number_not_found"


def test_the_sdk_sets_up_a_webhook(sdk):
    settings = elevenlabs.WebhookHmacSettings(name="Calls", webhook_url=URL)
    made = sdk(lambda c: c.webhooks.create(settings=settings))
    assert made.webhook_secret
    routed = sdk(
        lambda c: c.conversational_ai.settings.update(
            webhooks=ConvAiWebhooks(post_call_webhook_id=made.webhook_id, events=["transcript"])
        )
    )
    assert routed.webhooks.post_call_webhook_id == made.webhook_id
    assert sdk(lambda c: c.conversational_ai.settings.get()) == routed
    (held,) = sdk(lambda c: c.webhooks.list()).webhooks
    assert (held.webhook_url, held.auth_type) == (URL, "hmac")
    with pytest.raises(ApiError):
        sdk(lambda c: c.webhooks.delete(made.webhook_id, request_options=ONCE))


# --- The same requests ---------------------------------------------------------------------------


def _call(c, n, **more):
    return c.conversational_ai.twilio.outbound_call(
        agent_id=AGENT, agent_phone_number_id=n.id, to_number=OTHER, **more
    )


def _with(key, **variables):
    variables["telephony_key"] = key_digest(key)
    return {"conversation_initiation_client_data": {"dynamic_variables": variables}}


OPERATIONS = {
    "list": (
        lambda c, _: c.conversational_ai.phone_numbers.list_v_2(page_size=100),
        lambda p, _: list(p.list_numbers()),
    ),
    "list-some": (
        lambda c, _: c.conversational_ai.phone_numbers.list_v_2(page_size=3),
        lambda p, _: list(p.list_numbers(limit=3)),
    ),
    "find": (
        lambda c, _: c.conversational_ai.phone_numbers.list_v_2(page_size=100, phone_number=NUMBER),
        lambda p, _: p.get_number(NUMBER),
    ),
    "get": (
        lambda c, n: c.conversational_ai.phone_numbers.get(n.id),
        lambda p, n: p.get_number(n.id),
    ),
    "rename": (
        lambda c, n: c.conversational_ai.phone_numbers.update(n.id, label="New"),
        lambda p, n: p.update_number(n, label="New"),
    ),
    "assign": (
        lambda c, n: c.conversational_ai.phone_numbers.update(n.id, agent_id=OTHER_AGENT),
        lambda p, n: p.assign_number(n, OTHER_AGENT),
    ),
    "assign-a-branch": (
        lambda c, n: c.conversational_ai.phone_numbers.update(
            n.id, agent_id=OTHER_AGENT, branch_id="b_1", environment="staging"
        ),
        lambda p, n: p.assign_number(
            n, OTHER_AGENT, options={"branch_id": "b_1", "environment": "staging"}
        ),
    ),
    "unassign": (
        lambda c, n: c.conversational_ai.phone_numbers.update(n.id, agent_id=None),
        lambda p, n: p.unassign_number(n),
    ),
    "release": (
        lambda c, n: c.conversational_ai.phone_numbers.delete(n.id),
        lambda p, n: p.release_number(n),
    ),
    "agents": (
        lambda c, _: c.conversational_ai.agents.list(page_size=100),
        lambda p, _: list(p.list_targets()),
    ),
    "call": (
        lambda c, n: _call(c, n, **_with("ticket-88", name="Ann")),
        lambda p, n: p.place_call(n, OTHER, metadata={"name": "Ann"}, idempotency_key="ticket-88"),
    ),
    "call-with-options": (
        lambda c, n: _call(
            c,
            n,
            call_recording_enabled=True,
            telephony_call_config={"ringing_timeout_secs": 17},
            **_with("ticket-88"),
        ),
        lambda p, n: p.place_call(
            n,
            OTHER,
            timeout=17,
            idempotency_key="ticket-88",
            options={"call_recording_enabled": True},
        ),
    ),
    "calls": (
        lambda c, n: c.conversational_ai.conversations.list(page_size=100, phone_number_ids=[n.id]),
        lambda p, n: list(p.list_calls(n)),
    ),
    "some-calls": (
        lambda c, _: c.conversational_ai.conversations.list(page_size=2),
        lambda p, _: list(p.list_calls(limit=2)),
    ),
    "set-the-webhook": (
        lambda c, _: c.conversational_ai.settings.update(
            webhooks=ConvAiWebhooks(
                post_call_webhook_id="w", events=["transcript", "call_initiation_failure"]
            ),
            request_options=ONCE,
        ),
        lambda p, _: p.set_webhook(URL, options={"post_call_webhook_id": "w"}),
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_requests_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    """The last request of each: what we read before it, on purpose, the SDK leaves to its user."""
    theirs, ours = OPERATIONS[operation]

    def last_change(work):
        # As new, so that ids are the same both times.
        telephony_sandbox.reset()
        provider = telephony_connect("elevenlabs")
        number = provider.import_number(NUMBER, source=ACCOUNT, label="Desk", assign_to=AGENT)
        try:
            work(provider, number)
        except (telephony.ProviderError, ApiError):
            assert operation == "set-the-webhook"  # which is to name one that is not there
        sent = telephony_sandbox.requests("elevenlabs")
        if operation == "set-the-webhook":
            sent = [request for request in sent if request.path.endswith("/settings")]
            sent = [request for request in sent if request.method == "PATCH"]
        return shape(sent[-1])

    assert last_change(ours) == last_change(lambda _, n: sdk(lambda c: theirs(c, n)))


IMPORTS = {
    "twilio": (twilio(), {"source": ACCOUNT}),
    "twilio-to-an-agent": (twilio(agent_id=AGENT), {"source": ACCOUNT, "assign_to": AGENT}),
    "twilio-without-texts": (
        twilio(enable_sms=False),
        {"source": ACCOUNT, "options": {"enable_sms": False}},
    ),
    "twilio-by-key": (
        twilio(sid=KEY_SID, token="of-the-key", account_auth_token="not-a-secret"),
        {
            "source": TwilioAccount(
                SID, api_key_sid=KEY_SID, api_key_secret="of-the-key", auth_token="not-a-secret"
            )
        },
    ),
    "twilio-in-ireland": (
        twilio(
            region_config={"region_id": "ie1", "token": "not-a-secret", "edge_location": "dublin"}
        ),
        {"source": TwilioAccount(SID, "ie1", auth_token="not-a-secret")},
    ),
    "sip": (
        PhoneNumbersCreateRequestBody_SipTrunk(
            phone_number=NUMBER,
            label="Desk",
            inbound_trunk_config=INBOUND,
            outbound_trunk_config=OUTBOUND,
        ),
        {"source": TRUNK},
    ),
    "sip-outbound": (
        PhoneNumbersCreateRequestBody_SipTrunk(
            phone_number=NUMBER, label="Desk", outbound_trunk_config=OUTBOUND
        ),
        {"source": TRUNK, "inbound": False},
    ),
    "sip-inbound": (
        PhoneNumbersCreateRequestBody_SipTrunk(
            phone_number=NUMBER,
            label="Desk",
            inbound_trunk_config=InboundSipTrunkConfigRequestModel(),
        ),
        {"source": SipTrunk(), "outbound": False},
    ),
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_our_imports_are_the_sdks(sdk, telephony_connect, telephony_sandbox, kind):
    theirs, ours = IMPORTS[kind]
    telephony_connect("elevenlabs").import_number(NUMBER, label="Desk", **ours)
    sdk(lambda c: c.conversational_ai.phone_numbers.create(request=theirs))
    mine, its = (r for r in telephony_sandbox.requests("elevenlabs") if r.method == "POST")
    assert shape(mine) == shape(its)


def test_our_calls_from_a_trunk_and_its_changes_are_the_sdks(
    sdk, telephony_connect, telephony_sandbox
):
    provider = telephony_connect("elevenlabs")
    number = provider.import_number(NUMBER, source=TRUNK, assign_to=AGENT)

    provider.place_call(number, OTHER, idempotency_key="ticket-88")
    mine = telephony_sandbox.requests("elevenlabs")[-1]
    sdk(
        lambda c: c.conversational_ai.sip_trunk.outbound_call(
            agent_id=AGENT,
            agent_phone_number_id=number.id,
            to_number=OTHER,
            **_with("ticket-88"),
        )
    )
    assert shape(mine) == shape(telephony_sandbox.requests("elevenlabs")[-1])

    provider.update_number(number, source=TRUNK)
    mine = telephony_sandbox.requests("elevenlabs")[-1]
    sdk(
        lambda c: c.conversational_ai.phone_numbers.update(
            number.id, inbound_trunk_config=INBOUND, outbound_trunk_config=OUTBOUND
        )
    )
    assert shape(mine) == shape(telephony_sandbox.requests("elevenlabs")[-1])


def test_our_webhooks_are_made_and_enabled_as_the_sdks(sdk, telephony_connect, telephony_sandbox):
    provider = telephony_connect("elevenlabs")
    made = provider.set_webhook(URL)
    registry = [r for r in telephony_sandbox.requests("elevenlabs") if r.method == "POST"]
    name = registry[0].json()["settings"]["name"]
    settings = elevenlabs.WebhookHmacSettings(name=name, webhook_url=URL)
    sdk(lambda c: c.webhooks.create(settings=settings))
    assert shape(registry[0]) == shape(telephony_sandbox.requests("elevenlabs")[-1])

    telephony_sandbox.vendors["elevenlabs"].account.webhooks[made.id]["is_disabled"] = True
    provider.set_webhook(URL)
    mine = telephony_sandbox.requests("elevenlabs")[-1]
    sdk(lambda c: c.webhooks.update(made.id, is_disabled=False, name=name))
    assert shape(mine) == shape(telephony_sandbox.requests("elevenlabs")[-1])


OF_ONE_CALL = {
    "get": (
        lambda c, call: c.conversational_ai.conversations.get(call),
        lambda p, call: p.get_call(call),
    ),
    "transcript": (
        lambda c, call: c.conversational_ai.conversations.get(call),
        lambda p, call: p.get_transcript(call),
    ),
    "recording": (
        lambda c, call: c.conversational_ai.conversations.audio.get(call),
        lambda p, call: p.get_recording(call),
    ),
}


@pytest.mark.parametrize("operation", OF_ONE_CALL)
def test_our_requests_for_a_call_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    theirs, ours = OF_ONE_CALL[operation]
    provider = telephony_connect("elevenlabs")
    number = provider.import_number(NUMBER, source=ACCOUNT, assign_to=AGENT)
    call = provider.place_call(number, OTHER)
    telephony_sandbox.advance("elevenlabs", 3600)
    ours(provider, call.id)
    mine = telephony_sandbox.requests("elevenlabs")[-1]
    sdk(lambda c: theirs(c, call.id))
    assert shape(mine) == shape(telephony_sandbox.requests("elevenlabs")[-1])


# --- Where the SDK is wrong ----------------------------------------------------------------------


def test_a_call_is_requested_once_where_the_sdk_requests_three(planned, vendor_server):
    """The SDK sends a POST again after a status of 500, behind which there may be a call."""
    number = {"phone_number_id": "p_1", "phone_number": NUMBER, "provider": "twilio"}
    route = "/v1/convai/twilio/outbound-call"
    vendor_server.responses = {
        "GET /v1/convai/phone-numbers/p_1": (200, number),
        "GET /v1/convai/conversations": (200, {"conversations": []}),
        f"POST {route}": (500, {}),
    }

    with pytest.raises(telephony.OutcomeUnknownError):
        planned.place_call("p_1", OTHER, agent=AGENT)
    assert [sent.path for sent in vendor_server.requests].count(route) == 1

    with httpx.Client() as http:
        client = elevenlabs.ElevenLabs(api_key="k", base_url=vendor_server.url, httpx_client=http)
        with pytest.raises(ApiError):
            client.conversational_ai.twilio.outbound_call(
                agent_id=AGENT, agent_phone_number_id="p_1", to_number=OTHER
            )
    assert [sent.path for sent in vendor_server.requests].count(route) == 1 + 3


def test_a_deletion_that_fails_without_a_body_is_a_failure(planned, vendor_server):
    """The SDK takes any response without a body to a deletion for a success."""
    number = {"phone_number_id": "p_1", "phone_number": NUMBER}
    route = "/v1/convai/phone-numbers/p_1"
    vendor_server.responses = {f"GET {route}": (200, number), f"DELETE {route}": (403, b"")}

    with httpx.Client() as http:
        client = elevenlabs.ElevenLabs(api_key="k", base_url=vendor_server.url, httpx_client=http)
        assert client.conversational_ai.phone_numbers.delete("p_1", request_options=ONCE) is None
    with pytest.raises(telephony.PermissionDeniedError):
        planned.release_number("p_1")


def test_what_the_sdk_verifies_we_verify_and_what_it_lets_pass_we_refuse():
    """The SDK takes any signature of the future for fresh."""
    secret, body = "wsec_1", json.dumps({"type": "post_call_transcription"})
    client = elevenlabs.ElevenLabs(api_key="k")
    now = int(time.time())
    with telephony.connect("elevenlabs", api_key="k", webhook_secret=secret) as provider:
        for at, fresh in ((now, True), (now - 1700, True), (now + 3600, False)):
            header = f"t={at},v0={sign(body.encode(), str(at), SecretStr(secret))}"
            assert client.webhooks.construct_event(body, header, secret)
            parsing = {
                "method": "POST",
                "url": URL,
                "headers": {"ElevenLabs-Signature": header},
                "body": body.encode(),
            }
            if fresh:
                assert webhooks.parse(provider, **parsing)
            else:
                with pytest.raises(telephony.SignatureError, match="ahead"):
                    webhooks.parse(provider, **parsing)


def shape(request):
    body = request.json() if request.content else None
    headers = request.headers
    return request.method, request.path, sorted(request.query), body, headers["xi-api-key"]
