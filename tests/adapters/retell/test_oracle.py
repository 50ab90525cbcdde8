"""The vendor's own SDK, unmodified, as the judge of the sandbox and of our requests.

It checks every response of the sandbox strictly: what its models do not allow fails.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import retell

import telephony
from telephony import Agent, SipTrunk, Split, Webhook
from telephony.idempotency import key_digest
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550142", "+14155550188"
DESK, SALES, TEXTS = "agent_reception", "agent_sales", "agent_texts"
HOOK = "https://example.com/webhooks/retell"
TRUNK = SipTrunk("example.pstn.twilio.com", username="out", password="sandbox-password")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
ONE = [{"agent_id": DESK, "weight": 1}]


@pytest.fixture(params=["blocking", "asyncio"])
def sdk(request, telephony_sandbox):
    """``sdk(lambda client: …)`` does something with the vendor's SDK and returns the result."""
    given = {
        **telephony_sandbox.settings("retell"),
        "max_retries": 0,
        "_strict_response_validation": True,
    }

    async def asynchronous(work):
        async with retell.AsyncRetell(**given) as client:
            return await work(client)

    def blocking(work):
        with retell.Retell(**given) as client:
            return work(client)

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(asynchronous(work))


def test_the_sdk_runs_the_lifecycle_of_a_number(sdk):
    bought = sdk(lambda c: c.phone_number.create(area_code=312, nickname="Desk"))
    assert (bought.phone_number[:5], bought.phone_number_type) == ("+1312", "retell-twilio")
    assert sdk(lambda c: c.phone_number.retrieve(bought.phone_number)) == bought
    imported = sdk(
        lambda c: c.phone_number.import_(
            phone_number=NUMBER,
            termination_uri="example.pstn.twilio.com",
            sip_trunk_auth_username="out",
            sip_trunk_auth_password="sandbox-password",
            inbound_agents=[{"agent_id": DESK, "weight": 0.5}, {"agent_id": SALES, "weight": 0.5}],
        )
    )
    assert (imported.phone_number_type, imported.sip_outbound_trunk_config.auth_username) == (
        "custom", "out",
    )  # fmt: skip
    page = sdk(lambda c: c.phone_number.list(limit=1))
    assert ([n.phone_number for n in page.items], page.has_more) == ([NUMBER], True)
    rest = sdk(lambda c: c.phone_number.list(limit=1, pagination_key=page.pagination_key))
    assert ([n.phone_number for n in rest.items], rest.has_more) == ([bought.phone_number], False)
    changed = sdk(
        lambda c: c.phone_number.update(
            NUMBER, inbound_agents=None, nickname="HQ", auth_password="other"
        )
    )
    assert (changed.inbound_agents, changed.nickname) == (None, "HQ")
    with pytest.raises(retell.BadRequestError):
        sdk(lambda c: c.phone_number.update(NUMBER, inbound_agents=[{**ONE[0], "weight": 0.5}]))
    sdk(lambda c: c.phone_number.delete(NUMBER))
    with pytest.raises(retell.UnprocessableEntityError):
        sdk(lambda c: c.phone_number.retrieve(NUMBER))


def test_the_sdk_runs_the_life_of_a_call(sdk, telephony_sandbox):
    sdk(lambda c: c.phone_number.create(outbound_agents=ONE))
    (number,) = sdk(lambda c: c.phone_number.list()).items
    own = number.phone_number

    def place(key):
        return sdk(
            lambda c: c.call.create_phone_call(
                from_number=own, to_number=OTHER, idempotency_key=key, metadata={"ticket": "88"}
            )
        )

    placed = place("a")
    assert (placed.call_status, placed.start_timestamp) == ("registered", None)
    assert place("a").call_id == placed.call_id
    telephony_sandbox.advance("retell", 3600)
    assert place("a").call_id != placed.call_id
    ended = sdk(lambda c: c.call.retrieve(placed.call_id))
    assert (ended.call_status, ended.disconnection_reason) == ("ended", "user_hangup")
    assert (ended.duration_ms, len(ended.transcript_object)) == (30_000, 3)
    other = place("b")
    sdk(lambda c: c.call.stop(other.call_id))
    stopped = sdk(lambda c: c.call.retrieve(other.call_id))
    assert (stopped.call_status, stopped.disconnection_reason) == (
        "not_connected", "manual_stopped",
    )  # fmt: skip
    page = sdk(lambda c: c.call.list(limit=2))
    assert (len(page.items), page.has_more) == (2, True)
    rest = sdk(lambda c: c.call.list(limit=2, pagination_key=page.pagination_key))
    assert ([c.call_id for c in rest.items], rest.has_more) == ([placed.call_id], False)
    with pytest.raises(retell.UnprocessableEntityError):
        sdk(lambda c: c.call.retrieve("call_0"))


def test_the_sdk_reads_agents_and_chats(sdk, telephony_sandbox):
    assert [a.agent_id for a in sdk(lambda c: c.agent.list()).items] == [DESK, SALES, TEXTS]
    assert sdk(lambda c: c.agent.retrieve(DESK)).agent_name == "Reception"
    assert sdk(lambda c: c.chat_agent.retrieve(TEXTS)).agent_name == "Texts"
    assert sdk(lambda c: c.agent.update(DESK, webhook_url=HOOK)).webhook_url == HOOK
    bought = sdk(lambda c: c.phone_number.create())
    telephony_sandbox.receive_message(
        "retell", bought.phone_number, sender=OTHER, body="Is five okay?"
    )
    (listed,) = sdk(lambda c: c.chat.list()).items
    assert (listed.chat_type, listed.message_with_tool_calls) == ("sms_chat", None)
    (text,) = sdk(lambda c: c.chat.retrieve(listed.chat_id)).message_with_tool_calls
    assert (text.role, text.content) == ("user", "Is five okay?")


def _filter(**criteria):
    return {"call_type": {"type": "enum", "op": "in", "value": ["phone_call"]}, **criteria}


def _own(number):
    return {"type": "string", "op": "eq", "value": number}


# The last request of each: what is read before it, on purpose, the SDK leaves to its user.
OPERATIONS = {
    "list": (
        lambda c: c.phone_number.list(limit=100),
        lambda p: list(p.list_numbers()),
    ),
    "list-some": (
        lambda c: c.phone_number.list(limit=3),
        lambda p: list(p.list_numbers(limit=3)),
    ),
    "get": (lambda c: c.phone_number.retrieve(NUMBER), lambda p: p.get_number(NUMBER)),
    "buy": (
        lambda c: c.phone_number.create(country_code="US"),
        lambda p: p.provision_number(),
    ),
    "buy-what": (
        lambda c: c.phone_number.create(
            country_code="US", area_code=312, nickname="Desk", inbound_agents=ONE,
            outbound_agents=ONE,
        ),
        lambda p: p.provision_number(area_code="312", label="Desk", assign_to=DESK),
    ),
    "buy-which": (
        lambda c: c.phone_number.create(
            country_code="CA", phone_number="+14165550199", inbound_webhook_url=HOOK
        ),
        lambda p: p.provision_number(number="+14165550199", country="CA", assign_to=HOOK),
    ),
    "buy-with-a-key": (
        lambda c: c.phone_number.create(
            country_code="US", nickname=f"Desk [key:{key_digest('order-17')}]", toll_free=True
        ),
        lambda p: p.provision_number(
            label="Desk", idempotency_key="order-17", options={"toll_free": True}
        ),
    ),
    "import": (
        lambda c: c.phone_number.import_(
            phone_number="+14155550143", termination_uri="sip.example.com:5061", transport="TLS",
            sip_trunk_auth_username="out", sip_trunk_auth_password="made-up", nickname="HQ",
            inbound_agents=ONE, outbound_agents=ONE,
        ),
        lambda p: p.import_number(
            "+14155550143",
            source=SipTrunk(
                "sip.example.com:5061", username="out", password="made-up", transport="tls"
            ),
            label="HQ",
            assign_to=DESK,
        ),
    ),
    "label": (
        lambda c: c.phone_number.update(NUMBER, nickname="HQ"),
        lambda p: p.update_number(NUMBER, label="HQ"),
    ),
    "rotate": (
        lambda c: c.phone_number.update(
            NUMBER, termination_uri="sip.example.com", auth_username="new", auth_password="other"
        ),
        lambda p: p.update_number(
            NUMBER, source=SipTrunk("sip.example.com", username="new", password="other")
        ),
    ),
    "assign": (
        lambda c: c.phone_number.update(NUMBER, inbound_agents=ONE, outbound_agents=ONE),
        lambda p: p.assign_number(NUMBER, DESK),
    ),
    "assign-to-urls": (
        lambda c: c.phone_number.update(
            NUMBER, inbound_webhook_url=HOOK, inbound_sms_webhook_url=f"{HOOK}/sms"
        ),
        lambda p: p.assign_number(NUMBER, Webhook(HOOK, f"{HOOK}/sms")),
    ),
    "assign-both": (
        lambda c: c.phone_number.update(
            NUMBER,
            inbound_agents=ONE,
            outbound_agents=ONE,
            inbound_sms_agents=[{"agent_id": TEXTS, "weight": 1}],
            outbound_sms_agents=[{"agent_id": TEXTS, "weight": 1}],
        ),
        lambda p: p.assign_number(NUMBER, Split(Agent(DESK), Agent(TEXTS))),
    ),
    "unassign": (
        lambda c: c.phone_number.update(NUMBER, inbound_agents=None, outbound_agents=None),
        lambda p: p.unassign_number(p.assign_number(NUMBER, DESK)),
    ),
    "release": (
        lambda c: c.phone_number.delete(NUMBER),
        lambda p: p.release_number(NUMBER),
    ),
    "call": (
        lambda c: c.call.create_phone_call(
            from_number=NUMBER, to_number=OTHER, override_agent_id=DESK,
            metadata={"ticket": "88"}, idempotency_key=key_digest("ticket-88"),
            agent_override={"agent": {"ring_duration_ms": 17000}},
        ),
        lambda p: p.place_call(
            NUMBER, OTHER, agent=DESK, metadata={"ticket": "88"}, idempotency_key="ticket-88",
            timeout=17,
        ),
    ),
    "all-calls": (
        lambda c: c.call.list(filter_criteria=_filter(), limit=100),
        lambda p: list(p.list_calls()),
    ),
    "a-numbers-calls": (
        lambda c: c.call.list(filter_criteria=_filter(to_number=_own(NUMBER)), limit=5),
        lambda p: list(p.list_calls(NUMBER, limit=5)),
    ),
    "calls-since": (
        lambda c: c.call.list(
            filter_criteria=_filter(
                start_timestamp={"type": "number", "op": "ge", "value": NOON_MS}
            ),
            limit=100,
        ),
        lambda p: list(p.list_calls(after=NOON)),
    ),
    "targets": (lambda c: c.agent.list(limit=100), lambda p: list(p.list_targets())),
    "texts": (
        lambda c: c.chat.list(
            filter_criteria={
                "chat_type": {"type": "enum", "op": "in", "value": ["sms_chat"]},
                "agent_number": _own(NUMBER),
            },
            limit=100,
        ),
        lambda p: list(p.list_messages(NUMBER)),
    ),
    "webhook": (
        lambda c: c.agent.retrieve(DESK),
        lambda p: p.get_webhook(Agent(DESK)),
    ),
    "set-webhook": (
        lambda c: c.agent.update(DESK, webhook_url=HOOK, webhook_timeout_ms=5000),
        lambda p: p.set_webhook(HOOK, of=Agent(DESK), options={"webhook_timeout_ms": 5000}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_requests_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    theirs, ours = OPERATIONS[operation]

    def last_request(work):
        telephony_sandbox.reset()
        provider = telephony_connect("retell")
        provider.import_number(NUMBER, source=TRUNK)
        work(provider)
        return shape(telephony_sandbox.requests("retell")[-1])

    assert last_request(ours) == last_request(lambda _: sdk(theirs))


def test_of_a_call_that_is_read_ended_or_heard_the_request_is_the_sdks(
    sdk, telephony_connect, telephony_sandbox
):
    provider = telephony_connect("retell")
    provider.import_number(NUMBER, source=TRUNK)
    first, second = (provider.place_call(NUMBER, OTHER, agent=DESK) for _ in range(2))
    start = len(telephony_sandbox.requests("retell"))
    sdk(lambda c: c.call.retrieve(first.id))
    sdk(lambda c: c.call.stop(first.id))
    provider.get_call(second)
    provider.end_call(second)

    sent = [shape(each) for each in telephony_sandbox.requests("retell")[start:]]
    theirs = [(m, p.replace(first.id, second.id), *rest) for m, p, *rest in map(list, sent[:2])]
    # Before it ends a call, ours reads whether it has ended; and after that, how.
    assert [tuple(one) for one in theirs] == [sent[2], sent[4]]
    assert sent[2] == sent[3] == sent[5]


DIFFERENCES = {
    "ours always sends a key, with which Retell dials once, and tries again; theirs gives up": (
        lambda c: c.call.create_phone_call(
            from_number=NUMBER, to_number=OTHER, override_agent_id=DESK
        ),
        lambda p: p.place_call(NUMBER, OTHER, agent=DESK),
        {"idempotency_key"},
    ),
    "ours adds a millisecond to the end, as the vendor cuts times to it, and cuts exactly": (
        lambda c: c.call.list(
            filter_criteria=_filter(
                start_timestamp={"type": "number", "op": "le", "value": NOON_MS}
            ),
            limit=100,
        ),
        lambda p: list(p.list_calls(before=NOON)),
        {"filter_criteria"},
    ),
}


@pytest.mark.parametrize("reason", DIFFERENCES)
def test_where_our_requests_differ_it_is_on_purpose(
    sdk, telephony_connect, telephony_sandbox, reason
):
    theirs, ours, differing = DIFFERENCES[reason]
    provider = telephony_connect("retell")
    provider.import_number(NUMBER, source=TRUNK)
    ours(provider)
    sdk(theirs)
    mine, other = (each.json() for each in telephony_sandbox.requests("retell")[-2:])
    assert {k for k in mine | other if mine.get(k) != other.get(k)} == differing


def test_a_lost_purchase_is_bought_again_by_the_sdk_and_not_by_us(
    telephony_connect, telephony_sandbox
):
    """By default the SDK repeats an unsafe request after a lost response: two are bought."""
    settings = telephony_sandbox.settings("retell")
    telephony_sandbox.fail(Fault(kind="lost"))
    with retell.Retell(**settings) as client:
        client.phone_number.create()
    assert len(telephony_sandbox.ledger("retell", "purchase")) == 2

    telephony_sandbox.reset()
    telephony_sandbox.fail(Fault(kind="lost"))
    with pytest.raises(telephony.OutcomeUnknownError):
        telephony_connect("retell").provision_number()
    assert len(telephony_sandbox.ledger("retell", "purchase")) == 1


def shape(request):
    body = request.json() if request.content else None
    headers = request.headers
    return request.method, request.path, sorted(request.query), body, headers["authorization"]
