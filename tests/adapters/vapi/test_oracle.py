"""The vendor's own SDK, unmodified, as the judge of the sandbox and of our requests.

It needs an older pydantic-core from 1.9.1 on, so this is the last one that runs beside us. Its
models take anything: it judges what is sent well, and what is received hardly.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from telephony.adapters.vapi.sandbox.vendor import RECEPTION, SALES, SQUAD, WORKFLOW
from vapi import AsyncVapi, Vapi
from vapi.core.api_error import ApiError
from vapi.environment import VapiEnvironment
from vapi.types.assistant_overrides import AssistantOverrides
from vapi.types.create_customer_dto import CreateCustomerDto
from vapi.types.server import Server

import telephony
from telephony import Agent, TwilioAccount, VonageAccount, Webhook
from telephony.idempotency import key_digest

NUMBER, OTHER = "+14155550123", "+14155550199"
SID = "AC" + "0f" * 16
TOKEN = TwilioAccount(SID, auth_token="sandbox-token")
KEY = TwilioAccount(SID, api_key_sid="SK1", api_key_secret="sandbox-secret")
HOOK = "https://example.com/webhooks/vapi"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ONCE = {"max_retries": 0}


@pytest.fixture(params=["blocking", "asyncio"])
def sdk(request, telephony_sandbox):
    """``sdk(lambda client: …)`` does something with the vendor's SDK and returns the result."""
    settings = telephony_sandbox.settings("vapi")
    given = {"token": settings["api_key"], "base_url": settings["base_url"]}

    async def asynchronous(work):
        async with httpx.AsyncClient() as client:
            return await work(AsyncVapi(**given, httpx_client=client))

    def blocking(work):
        with httpx.Client() as client:
            return work(Vapi(**given, httpx_client=client))

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(asynchronous(work))


def test_the_sdk_runs_the_lifecycle_of_a_number_and_a_call(sdk, telephony_sandbox):
    made = sdk(lambda c: c.phone_numbers.create(request=_twilio(assistantId=RECEPTION)))
    assert (made.number, made.assistant_id, made.status) == (NUMBER, RECEPTION, "active")
    assert made.twilio_auth_token == "sandbox-token"  # which we take out
    assert sdk(lambda c: c.phone_numbers.get(made.id)).id == made.id
    assert [one.id for one in sdk(lambda c: c.phone_numbers.list())] == [made.id]
    found = sdk(lambda c: c.phone_numbers.phone_number_controller_find_all_paginated(search=NUMBER))
    assert ([one.id for one in found.results], found.metadata.total_items) == ([made.id], 1)

    call = sdk(
        lambda c: c.calls.create(
            assistant_id=RECEPTION,
            phone_number_id=made.id,
            customer=CreateCustomerDto(number=OTHER),
        )
    )
    assert (call.status, call.customer.number) == ("queued", OTHER)
    telephony_sandbox.advance("vapi", 3600)
    ended = sdk(lambda c: c.calls.get(call.id))
    assert (ended.status, ended.ended_reason) == ("ended", "customer-ended-call")
    assert [said.role for said in ended.artifact.messages] == ["system", "bot", "user", "bot"]
    assert [one.id for one in sdk(lambda c: c.calls.list(phone_number_id=made.id))] == [call.id]

    assert {one.name for one in sdk(lambda c: c.assistants.list())} == {"Reception", "Sales"}
    assert [one.id for one in sdk(lambda c: c.squads.list())] == [SQUAD]
    assert sdk(lambda c: c.phone_numbers.delete(made.id)).id == made.id
    with pytest.raises(ApiError) as missing:
        sdk(lambda c: c.phone_numbers.get(made.id, request_options=ONCE))
    assert missing.value.status_code == 404


def _twilio(**fields):
    own = {"provider": "twilio", "number": NUMBER, "twilioAccountSid": SID}
    return {**own, "twilioAuthToken": "sandbox-token", **fields}


def _answered_by(**field):
    others = dict.fromkeys(("assistantId", "squadId", "workflowId"))
    return {"provider": "twilio", **others, **field}


# With which agent the number is there, the SDK's way, and ours.
OPERATIONS = {
    "list": (
        None,
        lambda c, _: c.phone_numbers.phone_number_controller_find_all_paginated(
            sort_order="ASC", limit=100, page=1
        ),
        lambda p, _: list(p.list_numbers()),
    ),
    "list-some": (
        None,
        lambda c, _: c.phone_numbers.phone_number_controller_find_all_paginated(
            sort_order="ASC", limit=3, page=1
        ),
        lambda p, _: list(p.list_numbers(limit=3)),
    ),
    "find": (
        None,
        lambda c, _: c.phone_numbers.phone_number_controller_find_all_paginated(
            search=NUMBER, sort_order="ASC", limit=100, page=1
        ),
        lambda p, _: p.get_number(NUMBER),
    ),
    "get": (None, lambda c, n: c.phone_numbers.get(n.id), lambda p, n: p.get_number(n.id)),
    "buy": (
        None,
        lambda c, _: c.phone_numbers.create(
            request={"provider": "vapi", "numberDesiredAreaCode": "312", "name": "Desk"}
        ),
        lambda p, _: p.provision_number(area_code="312", label="Desk"),
    ),
    "buy-with-a-key": (
        None,
        lambda c, _: c.phone_numbers.create(
            request={
                "provider": "vapi",
                "assistantId": SALES,
                "name": f"[key:{key_digest('order-17')}]",
            }
        ),
        lambda p, _: p.provision_number(assign_to=SALES, idempotency_key="order-17"),
    ),
    "import-by-key": (
        None,
        lambda c, _: c.phone_numbers.create(
            request={
                "provider": "twilio", "number": "+14155550142", "twilioAccountSid": SID,
                "twilioApiKey": "SK1", "twilioApiSecret": "sandbox-secret", "smsEnabled": False,
                "squadId": SQUAD, "name": "Desk",
            }
        ),
        lambda p, _: p.import_number(
            "+14155550142", source=KEY, label="Desk", assign_to=f"squad:{SQUAD}",
            options={"smsEnabled": False},
        ),
    ),
    "rename": (
        None,
        lambda c, n: c.phone_numbers.update(n.id, request={"provider": "twilio", "name": "Front"}),
        lambda p, n: p.update_number(n, label="Front"),
    ),
    "rotate": (
        None,
        lambda c, n: c.phone_numbers.update(
            n.id,
            request={
                "provider": "twilio", "twilioAccountSid": SID, "twilioApiKey": "SK1",
                "twilioApiSecret": "sandbox-secret",
            },
        ),
        lambda p, n: p.update_number(n, source=KEY),
    ),
    "assign-an-assistant": (
        RECEPTION,
        lambda c, n: c.phone_numbers.update(n.id, request=_answered_by(assistantId=SALES)),
        lambda p, n: p.assign_number(n, SALES),
    ),
    "assign-a-workflow": (
        RECEPTION,
        lambda c, n: c.phone_numbers.update(n.id, request=_answered_by(workflowId=WORKFLOW)),
        lambda p, n: p.assign_number(n, Agent(f"workflow:{WORKFLOW}")),
    ),
    "assign-a-url": (
        RECEPTION,
        lambda c, n: c.phone_numbers.update(n.id, request=_answered_by(server={"url": HOOK})),
        lambda p, n: p.assign_number(n, Webhook(HOOK)),
    ),
    "unassign": (
        RECEPTION,
        lambda c, n: c.phone_numbers.update(n.id, request=_answered_by()),
        lambda p, n: p.unassign_number(n),
    ),
    "release": (
        None,
        lambda c, n: c.phone_numbers.delete(n.id),
        lambda p, n: p.release_number(n),
    ),
    "call": (
        RECEPTION,
        lambda c, n: c.calls.create(
            assistant_id=RECEPTION,
            phone_number_id=n.id,
            customer=CreateCustomerDto(number=OTHER),
            name=f"[key:{key_digest('ticket-88')}]",
            assistant_overrides=AssistantOverrides(metadata={"ticket": "88"}),
        ),
        lambda p, n: p.place_call(
            n, OTHER, idempotency_key="ticket-88", metadata={"ticket": "88"}
        ),
    ),
    "call-sip": (
        None,
        lambda c, n: c.calls.create(
            squad_id=SQUAD,
            phone_number_id=n.id,
            customer=CreateCustomerDto(sip_uri="sip:ann@example.com"),
            name=f"Reminder [key:{key_digest('ticket-88')}]",
        ),
        lambda p, n: p.place_call(
            n, "sip:ann@example.com", agent=f"squad:{SQUAD}", idempotency_key="ticket-88",
            options={"name": "Reminder"},
        ),
    ),
    "list-calls": (
        None,
        lambda c, n: c.calls.list(
            phone_number_id=n.id, created_at_ge=NOON, created_at_lt=NOON.replace(hour=13), limit=100
        ),
        lambda p, n: list(p.list_calls(n, after=NOON, before=NOON.replace(hour=13))),
    ),
    "list-some-calls": (
        None,
        lambda c, _: c.calls.list(limit=7),
        lambda p, _: list(p.list_calls(limit=7)),
    ),
    "squads": (
        None,
        lambda c, _: c.squads.list(limit=100),
        lambda p, _: list(p.list_targets()),
    ),
    "set-the-webhook-of-a-number": (
        None,
        lambda c, n: c.phone_numbers.update(
            n.id, request={"provider": "twilio", "server": {"url": HOOK}}
        ),
        lambda p, n: p.set_webhook(HOOK, of=n),
    ),
    "set-the-webhook-of-an-assistant": (
        None,
        lambda c, _: c.assistants.update(SALES, server=Server(url=HOOK)),
        lambda p, _: p.set_webhook(HOOK, of=Agent(SALES)),
    ),
    "get-the-webhook-of-an-assistant": (
        None,
        lambda c, _: c.assistants.get(SALES),
        lambda p, _: p.get_webhook(Agent(SALES)),
    ),
}  # fmt: skip


def shape(request):
    """Return a request as it was meant: method, path, query and body."""
    query = sorted((key, _moment(value)) for key, value in request.query)
    return request.method, request.path, query, request.json() if request.content else None


def _moment(value):
    try:
        return datetime.fromisoformat(value).timestamp() if "T" in value else value
    except ValueError:
        return value


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_requests_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    """The last request of each: what we read before it, on purpose, the SDK leaves to its user."""
    agent, theirs, ours = OPERATIONS[operation]

    def last_request(work):
        # As new, so that ids are the same both times.
        telephony_sandbox.reset()
        provider = telephony_connect("vapi")
        work(provider, provider.import_number(NUMBER, source=TOKEN, assign_to=agent))
        return shape(telephony_sandbox.requests("vapi")[-1])

    wanted = last_request(lambda _, n: sdk(lambda c: theirs(c, n)))
    found = last_request(ours)
    if operation == "list-calls":
        found = _without_the_tick(found)
    assert found == wanted


def _without_the_tick(request):
    """Return the listing as the SDK sends it: ours reaches a millisecond further.

    Vapi cuts times to milliseconds, so a call just before a finer bound would be left out. What is
    too late is left out here.
    """
    method, path, query, body = request
    return method, path, [(k, v - 0.001 if k == "createdAtLt" else v) for k, v in query], body


def test_a_number_of_a_linked_account_is_imported_as_the_sdk_does(
    sdk, telephony_connect, telephony_sandbox
):
    def last_request(work):
        telephony_sandbox.reset()
        provider = telephony_connect("vapi")
        work(provider, provider.link_carrier(VonageAccount("a1b2c3d4", "s")).id)
        return shape(telephony_sandbox.requests("vapi")[-1])

    theirs = last_request(
        lambda _, linked: sdk(
            lambda c: c.phone_numbers.create(
                request={"provider": "vonage", "number": NUMBER, "credentialId": linked}
            )
        )
    )
    assert theirs == last_request(lambda p, _: p.import_number(NUMBER))


# --- Where the SDK is wrong ----------------------------------------------------------------------


def test_the_sdk_knows_no_host_of_the_eu():
    assert [each.value for each in VapiEnvironment] == ["https://api.vapi.ai"]
    with telephony.connect("vapi", api_key="k", region="eu") as provider:
        assert provider.adapter.base_url == "https://api.eu.vapi.ai"
