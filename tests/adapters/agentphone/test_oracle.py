"""The vendor's own SDK, unmodified, as the judge of the sandbox and of our requests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import agentphone
import pytest

from telephony.idempotency import key_digest
from telephony.sandbox.calls import RINGS, SPOKEN, sound

DESK = "agt_front_desk"
OTHER = "+17735550188"
HOOK = "https://example.com/webhooks/agentphone"
PICTURE = "https://example.com/menu.jpg"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["blocking", "asyncio"])
def sdk(request, telephony_sandbox):
    """``sdk(lambda client: …)`` does something with the vendor's SDK and returns the result."""
    settings = telephony_sandbox.settings("agentphone")
    del settings["webhook_secret"]

    async def asynchronous(work):
        async with agentphone.AsyncAgentPhone(**settings) as client:
            return await work(client)

    def blocking(work):
        with agentphone.AgentPhone(**settings) as client:
            return work(client)

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(asynchronous(work))


def test_the_sdk_runs_the_lifecycle_of_a_number(sdk, telephony_sandbox):
    bought = sdk(lambda c: c.numbers.buy(area_code="312", agent_id=DESK, external_id="crm-17"))
    assert (bought.phone_number[:5], bought.agent_id) == ("+1312", DESK)
    assert (bought.status, bought.external_id) == ("active", "crm-17")
    assert sdk(lambda c: c.numbers.get(bought.id)) == bought
    assert sdk(lambda c: c.numbers.list()).data == [bought]
    assert sdk(lambda c: c.numbers.update(bought.id, external_id="x")).external_id == "x"

    free = sdk(lambda c: c.numbers.available(area_code="312", limit=2))
    assert [(n.area_code, n.city) for n in free] == [("312", "Chicago")] * 2

    telephony_sandbox.receive_message(
        "agentphone", bought.phone_number, sender=OTHER, body="Ready?"
    )
    sent = sdk(lambda c: c.messages.send(number_id=bought.id, to_number=OTHER, body="At five"))
    texts = sdk(lambda c: c.numbers.get_messages(bought.id))
    assert [(m.body, m.direction) for m in texts.data] == [
        ("At five", "outbound"),
        ("Ready?", "inbound"),
    ]
    assert (texts.data[0].id, texts.has_more) == (sent["id"], False)
    assert (texts.data[1].from_number, texts.data[1].to_number) == (OTHER, bought.phone_number)
    (talk,) = sdk(lambda c: c.conversations.list()).data
    assert (talk.participant, talk.message_count) == (OTHER, 2)
    assert len(sdk(lambda c: c.conversations.get(talk.id)).messages) == 2

    call = sdk(lambda c: c.calls.make(agent_id=DESK, to_number=OTHER, from_number_id=bought.id))
    assert (call.status, call.direction) == ("in-progress", "outbound")
    telephony_sandbox.advance("agentphone", RINGS + 10)
    sdk(lambda c: c.calls.end(call.id))
    ended = sdk(lambda c: c.calls.get(call.id))
    assert (ended.status, ended.duration_seconds) == ("completed", RINGS + 10)
    assert (ended.recording_available, ended.last_transcript_snippet) == (True, SPOKEN[2][2])
    assert [(said.transcript, said.response) for said in ended.transcripts] == [
        ("", SPOKEN[0][2]),
        (SPOKEN[1][2], SPOKEN[2][2]),
    ]
    said = sdk(lambda c: c.calls.get_transcript(call.id))["transcript"]
    assert [turn["content"] for turn in said] == [text for _, _, text in SPOKEN]
    recorded = sdk(lambda c: c.calls.get_recording(call.id))
    assert (recorded.content, recorded.content_type) == (sound(), "audio/wav")
    assert [c.id for c in sdk(lambda c: c.calls.list(status="completed")).data] == [call.id]

    sdk(lambda c: c.agents.detach_number(DESK, bought.id))
    agent = sdk(lambda c: c.agents.create(name="Night shift"))
    sdk(lambda c: c.agents.attach_number(agent.id, bought.id))
    assert sdk(lambda c: c.agents.get(agent.id)).numbers[0].id == bought.id
    assert sdk(lambda c: c.agents.list()).total == 3
    sdk(lambda c: c.agents.delete(agent.id))
    assert sdk(lambda c: c.numbers.get(bought.id)).agent_id is None

    hook = sdk(lambda c: c.webhooks.set(HOOK))
    assert sdk(lambda c: c.webhooks.get()) == hook
    sdk(lambda c: c.webhooks.delete())
    assert sdk(lambda c: c.webhooks.get()) is None

    assert sdk(lambda c: c.numbers.release(bought.id))["status"] == "released"
    assert sdk(lambda c: c.numbers.list()).data == []
    with pytest.raises(agentphone.NotFoundError):
        sdk(lambda c: c.numbers.get("num_nobodys"))


OPERATIONS = {
    "list": (
        False,
        lambda c, _: c.numbers.list(limit=100, offset=0),
        lambda p, _: list(p.list_numbers()),
    ),
    "list-some": (
        False,
        lambda c, _: c.numbers.list(limit=3, offset=0),
        lambda p, _: list(p.list_numbers(limit=3)),
    ),
    "get": (False, lambda c, n: c.numbers.get(n.id), lambda p, n: p.get_number(n.id)),
    "search": (
        False,
        lambda c, _: c.numbers.available(area_code="312", country="CA", limit=7),
        lambda p, _: p.search_numbers(area_code="312", country="CA", limit=7),
    ),
    "buy": (
        False,
        lambda c, _: c.numbers.buy("CA", "416", DESK, external_id=key_digest("order-17")),
        lambda p, _: p.provision_number(
            country="CA", area_code="416", assign_to=DESK, idempotency_key="order-17"
        ),
    ),
    "buy-with-a-key": (
        False,
        lambda c, _: c.numbers.buy(external_id=key_digest("order-17")),
        lambda p, _: p.provision_number(idempotency_key="order-17"),
    ),
    "buy-with-options": (
        False,
        lambda c, _: c.numbers.buy(
            type="imessage", external_id="crm-17", expires_at="2027-01-01T00:00:00Z"
        ),
        lambda p, _: p.provision_number(
            options={
                "type": "imessage",
                "externalId": "crm-17",
                "expiresAt": "2027-01-01T00:00:00Z",
            }
        ),
    ),
    "messages": (
        False,
        lambda c, n: c.numbers.get_messages(n.id, limit=200),
        lambda p, n: list(p.list_messages(n)),
    ),
    "some-messages": (
        False,
        lambda c, n: c.numbers.get_messages(n.id, limit=5),
        lambda p, n: list(p.list_messages(n, limit=5)),
    ),
    "send": (
        False,
        lambda c, n: c.messages.send(number_id=n.id, to_number=OTHER, body="At five"),
        lambda p, n: p.send_message(n, OTHER, "At five"),
    ),
    "send-a-picture": (
        False,
        lambda c, n: c.messages.send(
            number_id=n.id, to_number=OTHER, body="Menu", media_urls=[PICTURE]
        ),
        lambda p, n: p.send_message(n, OTHER, "Menu", media=[PICTURE]),
    ),
    "call": (
        True,
        lambda c, n: c.calls.make(agent_id=DESK, to_number=OTHER, from_number_id=n.id),
        lambda p, n: p.place_call(n, OTHER),
    ),
    "call-with-options": (
        True,
        lambda c, n: c.calls.make(
            agent_id=DESK, to_number=OTHER, from_number_id=n.id, system_prompt="Be brief."
        ),
        lambda p, n: p.place_call(n, OTHER, agent=DESK, options={"systemPrompt": "Be brief."}),
    ),
    "list-calls": (
        True,
        lambda c, _: c.calls.list(limit=100),
        lambda p, _: list(p.list_calls()),
    ),
    "list-some-calls": (
        True,
        lambda c, _: c.calls.list(limit=3),
        lambda p, _: list(p.list_calls(limit=3)),
    ),
    "agents": (
        False,
        lambda c, _: c.agents.list(limit=100),
        lambda p, _: list(p.list_targets()),
    ),
    "attach": (
        False,
        lambda c, n: c.agents.attach_number(DESK, n.id),
        lambda p, n: p.assign_number(n, DESK),
    ),
    "detach": (
        True,
        lambda c, n: c.agents.detach_number(DESK, n.id),
        lambda p, n: p.unassign_number(n),
    ),
    "webhook": (False, lambda c, _: c.webhooks.get(), lambda p, _: p.get_webhook()),
    "set-the-webhook": (
        False,
        lambda c, _: c.webhooks.set(HOOK, timeout=60),
        lambda p, _: p.set_webhook(HOOK, options={"timeout": 60}),
    ),
    "set-an-agents-webhook": (
        False,
        lambda c, _: c.agents.set_webhook(DESK, HOOK),
        lambda p, _: p.set_webhook(HOOK, of=DESK),
    ),
    "release": (
        True,
        lambda c, n: c.numbers.release(n.id),
        lambda p, n: p.release_number(n),
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_requests_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    """The last request of each: what we read before it, on purpose, the SDK leaves to its user."""
    assigned, theirs, ours = OPERATIONS[operation]

    def last_request(work):
        # As new, so that ids are the same both times.
        telephony_sandbox.reset()
        provider = telephony_connect("agentphone")
        number = provider.provision_number(assign_to=DESK if assigned else None)
        work(provider, number)
        return shape(telephony_sandbox.requests("agentphone")[-1])

    assert last_request(ours) == last_request(lambda _, n: sdk(lambda c: theirs(c, n)))


OF_ONE_CALL = {
    "get": (lambda c, call: c.calls.get(call), lambda p, call: p.get_call(call)),
    "end": (lambda c, call: c.calls.end(call), lambda p, call: p.end_call(call)),
    "transcript": (
        lambda c, call: c.calls.get_transcript(call),
        lambda p, call: p.get_transcript(call),
    ),
    "recording": (
        lambda c, call: c.calls.get_recording(call),
        lambda p, call: p.get_recording(call),
    ),
}


@pytest.mark.parametrize("operation", OF_ONE_CALL)
def test_our_requests_for_a_call_are_the_sdks(sdk, telephony_connect, telephony_sandbox, operation):
    theirs, ours = OF_ONE_CALL[operation]

    def last_request(work):
        telephony_sandbox.reset()
        provider = telephony_connect("agentphone")
        call = provider.place_call(provider.provision_number(assign_to=DESK), OTHER)
        telephony_sandbox.advance("agentphone", RINGS if operation == "end" else 3600)
        work(provider, call.id)
        return shape(telephony_sandbox.requests("agentphone")[-1])

    assert last_request(ours) == last_request(lambda _, call: sdk(lambda c: theirs(c, call)))


DIFFERENCES = {
    "`before` is a second later, as the vendor may read it less exactly; we cut exactly": (
        {"before": NOON},
        {"limit": "200", "before": "2026-05-01T12:00:01Z"},
    ),
    "`after` is not sent, as it may turn the order round; we stop by ourselves": (
        {"after": NOON},
        {"limit": "200"},
    ),
}


@pytest.mark.parametrize("reason", DIFFERENCES)
def test_where_our_requests_differ_it_is_on_purpose(
    sdk, telephony_connect, telephony_sandbox, reason
):
    bounds, ours = DIFFERENCES[reason]
    provider = telephony_connect("agentphone")
    number = provider.provision_number()
    written = {name: moment.isoformat() for name, moment in bounds.items()}

    list(provider.list_messages(number, **bounds))
    sdk(lambda c: c.numbers.get_messages(number.id, limit=200, **written))

    *_, mine, theirs = telephony_sandbox.requests("agentphone")
    assert dict(mine.query) == ours
    assert dict(theirs.query) == {"limit": "200", **written}
    assert (mine.method, mine.path) == (theirs.method, theirs.path)


def shape(request):
    body = request.json() if request.content else None
    headers = request.headers
    return request.method, request.path, sorted(request.query), body, headers["authorization"]
